"""The 42 faults that must do no harm, each with the tests that show it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[1]

# fault: its tests, each as module::test.
SHOWN = {
    1: "browser/test_faults::test_page_draws_every_point_when_server_is_slower_than_interval",
    2: "browser/test_faults::test_page_shows_offline_and_fills_gap_after_server_restart "
    "browser/test_faults::test_page_shows_offline_and_recovers_after_invalid_response "
    "browser/test_faults::test_page_aborts_request_after_timeout",
    3: "e2e/test_process_faults::test_3_killed_collector_is_restarted",
    4: "e2e/test_process_faults::test_suspended_collector_leaves_gap_and_continues "
    "browser/test_faults::test_page_shows_no_data_and_gap_when_feeder_stops",
    5: "e2e/test_process_faults::test_5_two_collectors_write_one_row_per_tick",
    6: "e2e/test_process_faults::test_6_children_exit_with_their_killed_parent "
    "e2e/test_process_faults::test_7_requests_in_flight_finish_after_two_stop_signals "
    "e2e/test_process_faults::test_6_killed_web_server_leaves_no_orphan_and_restarts",
    7: "e2e/test_process_faults::test_7_requests_in_flight_finish_after_two_stop_signals "
    "e2e/test_process_faults::test_7_collector_stores_last_tick_on_stop_signal",
    8: "sources/system/test_container::test_cgroup_v2_reports_share_of_half_a_core "
    "sources/system/test_container::"
    "test_cgroup_v2_uses_smallest_limit_of_all_ancestors "
    "sources/system/test_cgroup_v1::test_cgroup_v1_reports_cpu_and_memory_share "
    "sources/system/test_container::test_container_drops_only_metrics_of_unreadable_files",
    9: "sources/system/test_cpu_shares::test_9_cpu_first_reading_is_real "
    "sources/system/test_cpu_shares::test_9_cpu_shares_are_correct_when_50_threads_call_psutil",
    10: "config/test_redis_url::test_10_collector_and_web_process_exit_without_shared_disk",
    11: "e2e/test_disk_faults::test_11_full_disk_stops_no_tick_and_loses_no_data",
    12: "e2e/test_disk_faults::test_12_read_only_store_does_not_flood_log_and_recovers",
    13: "e2e/test_disk_faults::test_13_deleted_store_folder_is_recreated",
    14: "e2e/test_disk_faults::test_14_corrupt_store_is_quarantined_with_notice",
    15: "stores/disk/test_disk_store::test_15_store_keeps_acknowledged_ticks_after_kill_during_append",
    16: "stores/disk/test_disk_store::test_16_reader_gets_consistent_window_during_writes",
    17: "e2e/test_disk_faults::test_17_locked_store_delays_no_tick_and_no_request",
    18: "e2e/test_disk_faults::test_18_store_cleared_from_outside_resets_page "
    "browser/test_faults::test_page_redraws_after_store_is_cleared",
    19: "e2e/test_redis_outage::test_19_redis_outage_shows_notice_and_leaves_no_gap "
    "e2e/test_redis_outage::test_19_flushed_redis_resets_page "
    "e2e/test_redis_outage::test_19_evicted_keys_do_not_stop_collection "
    "stores/redis/test_failover::test_19_failover_to_replica_neither_loses_nor_repeats_ticks "
    "stores/redis/test_writer::test_19_ticks_wait_while_redis_is_out_of_memory",
    20: "e2e/test_sources::test_20_to_22_hanging_and_failing_sources_affect_only_themselves",
    21: "collector/test_sampler::test_21_sampler_keeps_other_sources_when_one_fails "
    "sources/test_function_return_values::test_21_function_value_becomes_reported_gap_when_not_a_number",
    22: "sources/test_polling::test_background_source_times_out_with_one_thread_when_stuck",
    23: "collector/test_clock::test_deadlines_skip_time_of_suspend",
    24: "collector/test_clock::test_deadlines_keep_order_and_slow_down_after_short_step_back "
    "collector/test_service::test_sampler_drops_no_tick_when_clock_jumps",
    25: "sources/system/test_cpu_shares::test_25_cpu_shares_stay_in_range_when_counters_go_back "
    "sources/test_source_contract::test_source_has_no_negative_or_spike_when_counters_reset",
    26: "browser/test_time_handling::test_tab_hidden_for_ten_minutes_catches_up_with_one_request",
    27: "browser/test_time_handling::test_page_works_with_viewer_clock_a_day_off",
    28: "e2e/test_many_viewers::test_28_hundred_viewers_get_responses_and_leak_no_resources",
    29: "browser/test_user_interaction::test_slider_drag_ends_at_last_value",
    30: "stores/test_archive::test_frame_extremes_equal_those_of_ticks",
    31: "stores/test_archive_restarts::test_archive_counts_ticks_once_after_restart_during_compaction",
    32: "sources/test_source_contract::test_source_follows_added_and_removed_cores_and_devices",
    33: "sources/test_platform_failures::test_psutil_source_loses_only_metrics_of_failing_call",
    34: "sources/external/test_prometheus_limits::test_34_prometheus_rejects_hostile_response_at_limit",
    35: "web/test_command_line::test_35_invalid_settings_are_all_reported_before_start",
    36: "web/test_command_line::test_36_port_in_use_prints_one_line_error",
    37: "sources/external/test_prometheus_address::"
    "test_37_prometheus_error_gives_pip_command_without_package",
    38: "stores/test_archive_restarts::test_store_of_older_version_without_levels_is_migrated",
    39: "stores/disk/test_disk_store::test_39_write_ahead_log_stays_bounded_when_reader_is_stopped",
    40: "collector/test_service::test_sampler_keeps_store_bounded_after_one_day "
    "browser/test_render_cost::test_thousand_draws_leak_no_memory",
    41: "web/test_command_line::test_41_unwritable_folder_falls_back_to_memory_with_notice",
    42: "integrations/test_flask_mount::test_responses_of_application_are_unchanged "
    "integrations/test_flask_mount::test_hooks_of_application_run_for_mounted_pages "
    "integrations/test_flask_mount::test_config_and_routes_of_application_are_unchanged",
}


@cache
def functions_of(module: str) -> set[str]:
    tree = ast.parse((HERE / f"{module}.py").read_text("utf-8"))
    return {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}


@pytest.mark.parametrize("fault", range(1, 43))
def test_fault_catalogue_lists_existing_tests(fault: int) -> None:
    for test in SHOWN[fault].split():
        module, _, name = test.partition("::")
        assert name in functions_of(module)
