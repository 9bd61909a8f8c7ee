//! The jobs find due rows by an index, whatever the number of rows. The statements are copied here as Diesel
//! writes them, or as the store has them: when those change, these must.

use rstest::rstest;

use crate::store::query_plans::{assert_reads_no_whole_table, filled};
use crate::support::{Backend, TestDatabase};

const LAPSED: &str = "SELECT end_at, id FROM roles WHERE status = 'active' AND end_at < 1795348800000 \
    AND (end_at > 0 OR end_at = 0 AND id > 'x') ORDER BY end_at, id LIMIT 100";
const REMIND: &str = "SELECT end_at, id FROM roles WHERE status = 'active' AND end_at > 1795348800000 \
    AND end_at <= 1795348900000 AND EXISTS (SELECT * FROM people WHERE nhs_number = roles.proxy AND standing = 'current') \
    AND NOT EXISTS (SELECT * FROM role_reminders WHERE role_id = roles.id AND role_reminders.end_at = roles.end_at \
    AND days = -7) ORDER BY end_at, id LIMIT 100";
const UNUSED: &str = "SELECT updated_at, id FROM roles WHERE status = 'active' AND updated_at < 1795348800000 \
    AND NOT EXISTS (SELECT * FROM role_uses WHERE role_id = roles.id AND used_at >= 1795348800000) \
    AND (updated_at > 0 OR updated_at = 0 AND id > 'x') ORDER BY updated_at, id LIMIT 100";
const BORN: &str = "SELECT birth_to, nhs_number FROM people WHERE birth_to > 1000 AND birth_to <= 2000 \
    AND EXISTS (SELECT * FROM roles WHERE patient = people.nhs_number AND status = 'active') \
    ORDER BY birth_to, nhs_number LIMIT 100";
const OF_PERSON: &str =
    "SELECT id FROM roles WHERE proxy = '9990000100' OR patient = '9990000100' ORDER BY id";

#[rstest]
fn due_rows_use_an_index(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let database = filled(backend);
    assert_due_is_found(&database);
}

/// What is due is found by an index.
pub(super) fn assert_due_is_found(database: &TestDatabase) {
    for (table, statement) in
        [("roles", LAPSED), ("roles", REMIND), ("roles", UNUSED), ("people", BORN), ("roles", OF_PERSON)]
    {
        assert_reads_no_whole_table(database, table, statement);
    }
}

/// So few rows are there that PostgreSQL would rightly read them all.
#[test]
fn expired_rows_use_an_index() {
    let database = filled(Backend::Sqlite);
    for (table, by) in [
        ("codes", "expires_at"),
        ("refresh_tokens", "expires_at"),
        ("seen_once", "expires_at"),
        ("log_ins", "expires_at"),
        ("pushed_requests", "expires_at"),
        ("grants", "expires_at"),
        ("role_reminders", "end_at"),
        ("inbound_events", "received_at"),
    ] {
        let statement = format!("SELECT * FROM {table} WHERE {by} < 1000 ORDER BY {by} LIMIT 100");
        assert_reads_no_whole_table(&database, table, &statement);
    }
    let due =
        "SELECT * FROM messages WHERE state = 'waiting' AND due_at <= 1000 ORDER BY due_at, id LIMIT 100";
    assert_reads_no_whole_table(&database, "messages", due);
    let child = "SELECT 1 FROM grants WHERE parent_id = 'x'";
    assert_reads_no_whole_table(&database, "grants", child);
    for of_grant in ["codes", "refresh_tokens", "binding_tokens"] {
        let statement = format!("SELECT 1 FROM {of_grant} WHERE grant_id = 'x'");
        assert_reads_no_whole_table(&database, of_grant, &statement);
    }
}
