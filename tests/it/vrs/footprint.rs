//! The rows that a request writes: roles, versions, records of changes, events and access requests.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::{PgConnection, SqliteConnection};
use store::DatabaseUrl;

use crate::support::{TestApp, sql};

/// How many rows there are, or how many came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, QueryableByName)]
pub struct Rows {
    #[diesel(sql_type = BigInt)]
    pub roles: i64,
    #[diesel(sql_type = BigInt)]
    pub versions: i64,
    #[diesel(sql_type = BigInt)]
    pub acts: i64,
    #[diesel(sql_type = BigInt)]
    pub events: i64,
    #[diesel(sql_type = BigInt)]
    pub requests: i64,
}

impl Rows {
    /// A new role with its record and its event.
    pub const CREATED: Self = Self { roles: 1, versions: 1, acts: 1, events: 1, requests: 0 };
    /// A new version with its record and its event.
    pub const CHANGED: Self = Self { roles: 0, versions: 1, acts: 1, events: 1, requests: 0 };
    /// An access request with its record and its event.
    pub const SUBMITTED: Self = Self { roles: 0, versions: 0, acts: 1, events: 1, requests: 1 };
}

enum Watch {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Watches a database from beside the server.
pub struct Footprint {
    connection: Watch,
    before: Rows,
}

const COUNT: &str = "SELECT (SELECT COUNT(*) FROM roles) AS roles, \
     (SELECT COUNT(*) FROM role_versions) AS versions, (SELECT COUNT(*) FROM audit_records WHERE subject_version IS NOT NULL) AS acts, \
     (SELECT COUNT(*) FROM outbox) AS events, (SELECT COUNT(*) FROM access_requests) AS requests";

impl Footprint {
    pub fn of(app: &TestApp) -> Self {
        let connection = match app.store.url() {
            DatabaseUrl::Sqlite(path) => {
                let path = path.to_str().expect("the path is text");
                Watch::Sqlite(sql::sqlite(path))
            }
            DatabaseUrl::Postgres(url) => Watch::Postgres(sql::postgres(url)),
        };
        let mut footprint = Self { connection, before: Rows::default() };
        footprint.before = footprint.count();
        footprint
    }

    fn count(&mut self) -> Rows {
        let query = diesel::sql_query(COUNT);
        let rows = match &mut self.connection {
            Watch::Sqlite(connection) => query.get_result(connection),
            Watch::Postgres(connection) => query.get_result(connection),
        };
        rows.expect("rows can be counted")
    }

    /// What came since the last time.
    pub fn grown(&mut self) -> Rows {
        let (before, now) = (self.before, self.count());
        self.before = now;
        Rows {
            roles: now.roles - before.roles,
            versions: now.versions - before.versions,
            acts: now.acts - before.acts,
            events: now.events - before.events,
            requests: now.requests - before.requests,
        }
    }

    /// Nothing was written since the last time.
    #[track_caller]
    pub fn check_untouched(&mut self, row: &str) {
        assert_eq!(self.grown(), Rows::default(), "{row}: something was written");
    }
}
