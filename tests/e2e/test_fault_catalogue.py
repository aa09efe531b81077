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
    8: "sources/system/test_container::test_cgroup_v2_reports_share_of_half_a_core "
    "sources/system/test_container::test_cgroup_v2_uses_smallest_limit_of_all_ancestors "
    "sources/system/test_cgroup_v1::test_cgroup_v1_reports_cpu_and_memory_share "
    "sources/system/test_container::test_container_drops_only_metrics_of_unreadable_files",
    9: "sources/system/test_cpu_shares::test_9_cpu_first_reading_is_real "
    "sources/system/test_cpu_shares::test_9_cpu_shares_are_correct_when_50_threads_call_psutil",
    10: "config/test_redis_url::test_10_collector_and_web_process_exit_without_shared_disk",
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
    21: "collector/test_sampler::test_21_sampler_keeps_other_sources_when_one_fails "
    "sources/test_function_return_values::test_21_function_value_becomes_reported_gap_when_not_a_number",
    22: "sources/test_polling::test_background_source_times_out_with_one_thread_when_stuck",
    23: "collector/test_clock::test_deadlines_skip_time_of_suspend",
    24: "collector/test_clock::test_deadlines_keep_order_and_rate_when_clock_is_set_back "
    "collector/test_service::test_sampler_drops_no_tick_when_clock_jumps",
    25: "sources/system/test_cpu_shares::test_25_cpu_shares_stay_in_range_when_counters_go_back "
    "sources/test_source_contract::test_source_has_no_negative_or_spike_when_counters_reset",
    26: "browser/test_time_handling::test_a_tab_hidden_for_ten_minutes_catches_up_with_one_question",
    27: "browser/test_time_handling::test_a_clock_a_day_off_changes_nothing",
    28: "e2e/test_many_viewers::test_28_a_hundred_viewers_are_all_answered_and_leave_nothing",
    29: "browser/test_user_interaction::test_a_wildly_dragged_slider_ends_at_its_last_value",
    30: "stores/test_archive::test_the_extremes_of_a_frame_are_those_of_its_ticks",
    31: "stores/test_archive_restarts::test_a_restart_at_any_point_of_a_roll_up_counts_nothing_twice",
    32: "sources/test_source_contract::test_source_follows_added_and_removed_cores_and_devices",
    33: "sources/test_platform_failures::test_psutil_source_loses_only_metrics_of_failing_call",
    34: "sources/external/test_prometheus_limits::test_34_prometheus_rejects_hostile_response_at_limit",
    35: "web/test_command_line::test_35_bad_settings_are_told_at_once",
    36: "web/test_command_line::test_36_a_port_in_use_is_one_sentence",
    37: "sources/external/test_prometheus_address::"
    "test_37_prometheus_error_gives_pip_command_without_package",
    38: "stores/test_archive_restarts::test_a_store_without_levels_is_taken_over_whole",
    39: "stores/disk/test_disk_store::test_39_a_stopped_reader_does_not_let_the_log_grow",
    40: "collector/test_service::test_sampler_keeps_store_bounded_after_one_day "
    "browser/test_render_cost::test_a_thousand_draws_leave_nothing_behind",
    41: "web/test_command_line::test_41_an_unwritable_folder_means_memory_and_is_said",
    42: "integrations/test_flask_mount::test_what_is_the_hosts_is_answered_as_before "
    "integrations/test_flask_mount::test_hooks_of_the_host_see_nothing_of_ours "
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
