"""The 42 faults that are promised to do no harm, each with the test that shows it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[1]

# fault: the files of its tests, and a test in each.
SHOWN = {
    1: "browser/test_faults::test_a_server_slower_than_the_interval_still_draws_every_point",
    2: "browser/test_faults::test_a_stopped_server_is_told_and_its_hole_is_filled "
    "browser/test_faults::test_no_answer_of_use_is_told_and_then_made_up_for "
    "browser/test_faults::test_an_answer_that_never_comes_is_given_up",
    3: "e2e/test_process_faults::test_3_a_killed_collector_is_started_again",
    4: "e2e/test_process_faults::test_a_stopped_collector_leaves_a_gap_and_goes_on "
    "browser/test_faults::test_a_stopped_feeder_is_told_and_leaves_a_hole",
    5: "e2e/test_process_faults::test_5_two_collectors_write_one_row_a_tick",
    6: "e2e/test_process_faults::test_6_the_parents_end_is_everyones "
    "e2e/test_process_faults::test_6_a_killed_web_server_leaves_no_orphan_and_comes_back",
    7: "e2e/test_process_faults::test_7_told_to_stop_twice_it_ends_what_is_in_flight "
    "e2e/test_process_faults::test_7_a_collector_alone_stores_its_last_tick",
    8: "sources/system/test_container::test_v2_tells_the_share_of_half_a_core "
    "sources/system/test_container::"
    "test_v2_nested_takes_the_smallest_of_all_ancestors_and_what_counts_against_it "
    "sources/system/test_cgroup_v1::test_v1_tells_the_same "
    "sources/system/test_container::test_unreadable_files_cost_their_own_lines",
    9: "sources/system/test_cpu_shares::test_9_the_first_reading_is_real "
    "sources/system/test_cpu_shares::test_9_fifty_threads_that_ask_psutil_change_nothing",
    10: "config/test_redis_url::test_10_a_worker_with_a_disk_of_its_own_is_refused",
    11: "e2e/test_disk_faults::test_11_a_full_disk_stops_nothing_and_loses_nothing",
    12: "e2e/test_disk_faults::test_12_a_store_turned_read_only_does_not_spin_and_recovers",
    13: "e2e/test_disk_faults::test_13_a_deleted_folder_is_made_again",
    14: "e2e/test_disk_faults::test_14_a_damaged_store_is_set_aside_and_said",
    15: "stores/disk/test_disk_store::test_15_a_kill_in_mid_append_loses_nothing_acknowledged",
    16: "stores/disk/test_disk_store::test_16_every_reading_beside_a_writer_is_one_consistent_window",
    17: "e2e/test_disk_faults::test_17_a_locked_store_keeps_nobody_waiting",
    18: "e2e/test_disk_faults::test_18_a_store_cleared_from_outside_resets_the_page "
    "browser/test_faults::test_a_cleared_store_is_drawn_anew",
    19: "e2e/test_redis_outage::test_19_it_answers_meanwhile_says_so_and_heals_without_a_hole "
    "e2e/test_redis_outage::test_19_flushed_the_page_begins_anew "
    "e2e/test_redis_outage::test_19_evicted_it_goes_on "
    "stores/redis/test_failover::test_19_failed_over_to_a_replica_nothing_is_lost_or_doubled "
    "stores/redis/test_writer::test_19_out_of_memory_ticks_wait_until_it_has_room",
    20: "e2e/test_sources::test_20_to_22_one_that_hangs_and_one_that_fails_cost_only_themselves",
    21: "collector/test_sampler::test_21_a_source_that_fails_leaves_the_others "
    "sources/test_function_return_values::test_21_what_is_no_number_is_a_gap_and_said",
    22: "sources/test_polling::test_a_source_that_never_returns_is_given_up_with_one_stuck_thread",
    23: "collector/test_clock::test_a_suspend_is_left_out",
    24: "collector/test_clock::test_a_clock_set_back_keeps_the_order_and_does_not_freeze "
    "collector/test_service::test_no_tick_is_dropped_when_the_clock_jumps",
    25: "sources/system/test_cpu_shares::test_25_counters_that_step_back_are_never_shown "
    "sources/test_source_contract::test_counters_that_step_back_are_never_negative_nor_a_spike",
    26: "browser/test_time_handling::test_a_tab_hidden_for_ten_minutes_catches_up_with_one_question",
    27: "browser/test_time_handling::test_a_clock_a_day_off_changes_nothing",
    28: "e2e/test_many_viewers::test_28_a_hundred_viewers_are_all_answered_and_leave_nothing",
    29: "browser/test_user_interaction::test_a_wildly_dragged_slider_ends_at_its_last_value",
    30: "stores/test_archive::test_the_extremes_of_a_frame_are_those_of_its_ticks",
    31: "stores/test_archive_restarts::test_a_restart_at_any_point_of_a_roll_up_counts_nothing_twice",
    32: "sources/test_source_contract::test_cores_and_devices_come_and_go",
    33: "sources/test_platform_failures::test_a_psutil_call_that_fails_costs_its_own_metrics",
    34: "sources/external/test_prometheus_limits::"
    "test_34_what_means_ill_is_refused_at_the_limit_in_one_sentence",
    35: "web/test_command_line::test_35_bad_settings_are_told_at_once",
    36: "web/test_command_line::test_36_a_port_in_use_is_one_sentence",
    37: "sources/external/test_prometheus_address::"
    "test_37_without_the_package_one_sentence_with_the_pip_line",
    38: "stores/test_archive_restarts::test_a_store_without_levels_is_taken_over_whole",
    39: "stores/disk/test_disk_store::test_39_a_stopped_reader_does_not_let_the_log_grow",
    40: "collector/test_service::test_a_day_of_ticks_leaves_nothing_behind "
    "browser/test_render_cost::test_a_thousand_draws_leave_nothing_behind",
    41: "web/test_command_line::test_41_an_unwritable_folder_means_memory_and_is_said",
    42: "integrations/test_flask_mount::test_what_is_the_hosts_is_answered_as_before "
    "integrations/test_flask_mount::test_hooks_of_the_host_see_our_requests_as_any_other "
    "integrations/test_flask_mount::test_config_routes_and_environment_are_as_they_were",
}


@cache
def functions_of(module: str) -> set[str]:
    tree = ast.parse((HERE / f"{module}.py").read_text("utf-8"))
    return {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}


@pytest.mark.parametrize("fault", range(1, 43))
def test_each_fault_has_its_test(fault: int) -> None:
    for test in SHOWN[fault].split():
        module, _, name = test.partition("::")
        assert name in functions_of(module)
