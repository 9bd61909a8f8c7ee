//! The months of the audit record on PostgreSQL: `audit_records` is partitioned by the time in a record's id (UUIDv7, RFC 9562),
//! one partition a month.
//!
//! The indexes that an access adds to are those of its month: they stay small, whatever the years before hold, and an old month
//! can be moved to another disk. A partition for rows of no month (a clock far ahead) is the last resort: an insertion never
//! fails for want of a month. The key is the id, because the primary key of a partitioned table contains the partition key.
//! `(chain, sequence)` is unique in each month; across months the lock on the head of the chain makes it so.
//!
//! SQLite has no partitions. A table of each month, with a view over them, would not write less: the cost of an access is a page
//! of each index with keys in no order, which a month has as well (`docs/performance.md`).

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use uuid::Uuid;

use crate::audit::guard::guard_month;
use crate::db::Db;
use crate::tx::Tx;
use base::date_time::from_millis;
use base::error::Error;
use base::ids::time_of;

/// The advisory lock of whichever process adds months. The number is our own.
const MONTHS: i64 = 0x0061_7564_6974_6d6f;
/// How many months ahead there are partitions.
const AHEAD: u32 = 3;
/// The partition of rows of no month.
const OTHER: &str = "audit_records_of_no_month";

const STATE: &str = "SELECT (SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass('audit_records')) AS is_partitioned, \
    CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS now";

/// The plain table as it was made by its migration, and what it is called as a partition.
const INDEXES: &str = "SELECT indexname::TEXT AS name, indexdef AS definition FROM pg_indexes \
    WHERE schemaname = current_schema() AND tablename = 'audit_records' \
    AND indexname NOT IN (SELECT conname FROM pg_constraint WHERE conrelid = to_regclass('audit_records')) ORDER BY 1";

#[derive(QueryableByName)]
struct StateRow {
    #[diesel(sql_type = Nullable<Bool>)]
    is_partitioned: Option<bool>,
    #[diesel(sql_type = BigInt)]
    now: i64,
}

#[derive(QueryableByName)]
struct IndexRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    definition: String,
}

#[derive(QueryableByName)]
struct LastRow {
    #[diesel(sql_type = Nullable<Text>)]
    id: Option<String>,
}

#[derive(QueryableByName)]
struct ThereRow {
    #[diesel(sql_type = Bool)]
    is_there: bool,
}

/// Months of the audit record that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub struct MissingMonths {
    /// The table is not partitioned: it has an id that is no UUIDv7.
    #[diesel(sql_type = Bool)]
    pub is_whole: bool,
    /// There are records in the partition of no month.
    #[diesel(sql_type = Bool)]
    pub has_others: bool,
}

/// A month of the calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Month {
    year: i32,
    /// From 1.
    month: u32,
}

impl Month {
    fn of(time: DateTime<Utc>) -> Self {
        Self { year: time.year(), month: time.month() }
    }

    const fn next(self) -> Self {
        if self.month == 12 {
            Self { year: self.year + 1, month: 1 }
        } else {
            Self { year: self.year, month: self.month + 1 }
        }
    }

    fn partition(self) -> String {
        format!("audit_records_{:04}_{:02}", self.year, self.month)
    }

    /// The least id of the month: ids are compared as texts, and those of version 7 begin with the time.
    fn first_id(self) -> String {
        let start = NaiveDate::from_ymd_opt(self.year, self.month, 1).unwrap_or_default();
        let millis = start.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis();
        let millis = u128::try_from(millis).unwrap_or_default();
        Uuid::from_u128(millis << 80).to_string()
    }
}

impl Tx<'_> {
    /// What is wrong with the months of the audit record: `None` on SQLite.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_missing_months(&mut self) -> Result<Option<MissingMonths>, Error> {
        let Db::Postgres(connection) = self.db else { return Ok(None) };
        let is_partitioned = connection_state(connection)?.is_partitioned == Some(true);
        if !is_partitioned {
            return Ok(Some(MissingMonths { is_whole: true, has_others: false }));
        }
        let others = format!("SELECT FALSE AS is_whole, EXISTS (SELECT 1 FROM {OTHER}) AS has_others");
        Ok(Some(diesel::sql_query(others).get_result(connection)?))
    }
}

fn connection_state(connection: &mut PgConnection) -> Result<StateRow, Error> {
    Ok(diesel::sql_query(STATE).get_result(connection)?)
}

/// Adds months, in one transaction: a process that is killed leaves the table as it was.
pub(crate) fn add_months(db: &mut Db) -> Result<(), Error> {
    let Db::Postgres(connection) = db else { return Ok(()) };
    connection.transaction(|connection| {
        let begin = format!("SET LOCAL lock_timeout = '10s'; SELECT pg_advisory_xact_lock({MONTHS});");
        connection.batch_execute(&begin)?;
        let state = connection_state(connection)?;
        let now = Month::of(from_millis(state.now));
        let Some(is_partitioned) = state.is_partitioned else { return Ok(()) };
        if !is_partitioned && !divide(connection, now)? {
            return Ok(());
        }
        let mut month = now;
        for _ in 0..=AHEAD {
            add_month(connection, month)?;
            month = month.next();
        }
        Ok(())
    })
}

/// Makes the plain table the partition of everything up to the end of this month, or of the month of its last record.
/// False where that cannot be told.
fn divide(connection: &mut PgConnection, now: Month) -> Result<bool, Error> {
    connection.batch_execute("LOCK TABLE audit_records IN ACCESS EXCLUSIVE MODE")?;
    let last: LastRow =
        diesel::sql_query("SELECT MAX(id) AS id FROM audit_records").get_result(connection)?;
    let last = match last.id {
        None => now,
        Some(id) => match Uuid::parse_str(&id).ok().and_then(|id| time_of(&id)) {
            Some(time) => Month::of(time).max(now),
            None => return Ok(false),
        },
    };
    let (partition, end) = (last.partition(), last.next().first_id());
    let indexes: Vec<IndexRow> = diesel::sql_query(INDEXES).load(connection)?;
    let rename = |index: &IndexRow| {
        format!(
            "ALTER INDEX {} RENAME TO {};",
            index.name,
            index.name.replacen("audit_records", &partition, 1)
        )
    };
    let sql = [
        format!(
            "ALTER TABLE audit_records RENAME TO {partition};
             ALTER TABLE {partition} RENAME CONSTRAINT audit_records_pkey TO {partition}_pkey;
             ALTER TABLE {partition} RENAME CONSTRAINT audit_records_chain_sequence_key TO {partition}_chain_sequence_key;"
        ),
        indexes.iter().map(rename).collect(),
        format!(
            "CREATE TABLE audit_records (LIKE {partition} INCLUDING DEFAULTS INCLUDING CONSTRAINTS, \
             CONSTRAINT audit_records_pkey PRIMARY KEY (id)) PARTITION BY RANGE (id);"
        ),
        indexes.iter().flat_map(|index| [index.definition.as_str(), ";"]).collect(),
        format!("ALTER TABLE audit_records ATTACH PARTITION {partition} FOR VALUES FROM (MINVALUE) TO ('{end}');"),
    ]
    .concat();
    connection.batch_execute(&sql)?;
    guard_month(connection, "audit_records")?;
    add(connection, OTHER, "DEFAULT")?;
    Ok(true)
}

/// Adds one month, unless it is there or an earlier partition has it.
fn add_month(connection: &mut PgConnection, month: Month) -> Result<(), Error> {
    let (first, end) = (month.first_id(), month.next().first_id());
    // The partition of the table before it was divided may reach into later months.
    let is_covered = format!(
        "SELECT to_regclass('{}') IS NOT NULL OR EXISTS (SELECT 1 FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
         WHERE i.inhparent = 'audit_records'::regclass AND pg_get_expr(c.relpartbound, c.oid) LIKE '%MINVALUE%' \
         AND substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \\(''([0-9a-f-]+)''\\)') > '{first}') AS is_there",
        month.partition()
    );
    let covered: ThereRow = diesel::sql_query(is_covered).get_result(connection)?;
    if covered.is_there {
        return Ok(());
    }
    add(connection, &month.partition(), &format!("FOR VALUES FROM ('{first}') TO ('{end}')"))
}

/// Adds a partition, with what each has of its own: its places are unique, and its records are guarded.
fn add(connection: &mut PgConnection, name: &str, bounds: &str) -> Result<(), Error> {
    // A table that is attached locks less than one that is made as a partition.
    connection.batch_execute(&format!(
        "CREATE TABLE {name} (LIKE audit_records INCLUDING DEFAULTS INCLUDING CONSTRAINTS);\n\
         ALTER TABLE {name} ADD CONSTRAINT {name}_chain_sequence_key UNIQUE (chain, sequence);\n\
         ALTER TABLE audit_records ATTACH PARTITION {name} {bounds};\n"
    ))?;
    guard_month(connection, name)
}

#[cfg(test)]
mod tests {
    use super::Month;

    #[test]
    fn the_ids_of_a_month_lie_between_its_first_and_the_next_months_first() {
        let december = Month { year: 2026, month: 12 };
        let id = |time: &str| base::ids::new_uuid(time.parse().unwrap()).to_string();
        assert!(id("2026-11-30T23:59:59.999Z") < december.first_id());
        assert!(id("2026-12-01T00:00:00Z") > december.first_id());
        assert!(id("2026-12-31T23:59:59.999Z") < december.next().first_id());
        assert_eq!(december.next(), Month { year: 2027, month: 1 });
        assert_eq!(december.partition(), "audit_records_2026_12");
    }
}
