//! What the store promises about data sets, runs, jobs and models, checked alike on SQLite and PostgreSQL.
//!
//! PostgreSQL: set `TRAINYARD_TEST_POSTGRES` to the address of a server on which databases may be made.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod checks;
#[path = "../shared/databases.rs"]
mod databases;
mod datasets;
mod experiments;
mod labels;
mod pipelines;
mod queue;
mod registry;
mod runs;
mod speed;
mod support;

/// Makes a test of each function, once on each database.
macro_rules! contract {
    ($($module:ident: $($name:ident),+;)+) => {
        mod sqlite {
            $($(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                crate::databases::on_sqlite(crate::$module::$name).await;
            })+)+
        }
        mod postgres {
            $($(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                crate::databases::on_postgres(stringify!($name), crate::$module::$name).await;
            })+)+
        }
    };
}

contract! {
    checks:
        a_contract_decides_which_version_is_current;
    datasets:
        versions_are_numbered_and_content_is_unique,
        lists_page_sort_and_search,
        uploads_belong_to_their_project;
    experiments:
        runs_are_filtered_and_sorted_by_any_value,
        rows_have_the_values_asked_for_and_no_others,
        runs_from_before_get_their_values_at_the_next_start,
        pins_and_baselines_are_each_persons_own,
        views_are_kept_by_name_and_shared,
        a_run_without_curves_ends_as_well;
    labels:
        a_review_is_held_by_one_worker,
        findings_are_paged_filtered_and_decided;
    runs:
        a_run_and_its_result_come_back_whole,
        runs_page_filter_and_sort,
        metrics_are_overwritten_by_step_and_read_as_news,
        logs_are_tailed_and_searched;
    queue:
        no_two_workers_get_the_same_job,
        late_writers_are_refused,
        dead_workers_jobs_are_tried_again_and_then_fail,
        cancelling_reaches_jobs_in_every_state,
        paused_jobs_are_left_alone_until_they_are_resumed,
        a_job_handed_back_keeps_its_place,
        a_restarted_worker_gives_up_its_own_jobs_only,
        waiting_jobs_know_their_place_and_time,
        workers_are_listed_with_their_load;
    pipelines:
        links_lead_both_ways_and_are_noted_once,
        old_logs_go_and_their_runs_stay,
        who_started_a_run_is_told_that_it_failed;
    registry:
        the_first_version_is_champion_and_the_alias_moves,
        models_are_listed_with_their_newest_version,
        predictions_are_counted_by_version;
}
