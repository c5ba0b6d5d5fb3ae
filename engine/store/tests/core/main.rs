//! What the store promises about people, projects, sessions, tokens and the audit chain, checked alike on SQLite and
//! PostgreSQL.
//!
//! PostgreSQL: set `TRAINYARD_TEST_POSTGRES` to the address of a server on which databases may be made.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod accounts;
mod audit;
#[path = "../shared/databases.rs"]
mod databases;
mod inbox;

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
    accounts:
        names_differ_in_more_than_case,
        people_page_and_sort,
        epochs_rise_with_every_reason_to_sign_in_again,
        roles_are_given_changed_and_taken,
        projects_are_found_by_slug_and_listed_by_workspace,
        sessions_expire_and_are_stored_under_a_hash,
        tokens_are_found_by_hash,
        a_newer_database_is_refused_and_an_old_one_updated_once,
        transactions_leave_all_or_nothing;
    audit:
        fifty_writers_make_one_chain,
        every_kind_of_tampering_is_found,
        an_undone_change_leaves_no_event,
        events_are_listed_newest_first_and_by_project;
    inbox:
        messages_reach_those_they_are_for,
        an_undone_change_sends_nothing,
        muted_kinds_do_not_come,
        reading_is_each_persons_own,
        what_was_read_goes_after_a_time,
        a_message_to_500_people_is_written_in_one_go;
}
