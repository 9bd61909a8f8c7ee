//! Writing audit records: one statement for a batch of them, prepared once for each connection.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Nullable, Text, Untyped};
use diesel::sqlite::Sqlite;

use crate::audit::record::AuditRecord;
use crate::db::Db;
use crate::sql::Sql;
use base::error::Error;

/// How many records one statement writes on PostgreSQL, as one JSON array.
pub(super) const ARRAY: usize = 1000;
/// How many it writes on SQLite, where taking JSON apart costs more than the writing.
const ROWS: usize = 64;

/// The columns of a record, in the order in which they are written.
macro_rules! columns {
    () => {
        "id, chain, sequence, previous_hash, hash, recorded_at, act, outcome, refusal, caller_kind, caller_id, \
         organisation, app, grant_id, request_id, subject, subject_version, query, patient, proxy"
    };
}

const ON_POSTGRES: &str = concat!(
    "INSERT INTO audit_records (",
    columns!(),
    ") SELECT ",
    columns!(),
    " FROM json_populate_recordset(NULL::audit_records, ?::json)"
);
/// The same behind the head of a chain, which is moved from where it was. Nothing is added where it was moved by another.
pub(super) const MOVE_AND_ADD: &str = concat!(
    "WITH moved AS (UPDATE audit_chains SET sequence = ?, hash = ? WHERE chain = ? AND sequence = ? AND hash = ? \
     RETURNING 1) INSERT INTO audit_records (",
    columns!(),
    ") SELECT ",
    columns!(),
    " FROM moved, json_populate_recordset(NULL::audit_records, ?::json)"
);
/// Should it fail, the whole transaction is undone: it need not remember how to undo this statement alone.
const ON_SQLITE: &str =
    concat!("INSERT OR FAIL INTO audit_records (", columns!(), ") SELECT * FROM (VALUES ");
/// How many columns a record has.
const COLUMNS: usize = 20;

/// Writes these records.
pub(super) fn insert(db: &mut Db, records: &[AuditRecord]) -> Result<(), Error> {
    match db {
        Db::Postgres(connection) => {
            for records in records.chunks(ARRAY) {
                let records = serde_json::to_string(records).map_err(Error::fault)?;
                Sql::fixed(ON_POSTGRES).text(records).execute(connection)?;
            }
        }
        Db::Sqlite(connection) => {
            for records in records.chunks(ROWS) {
                Insert(records).execute(connection)?;
            }
        }
    }
    Ok(())
}

/// The statement of SQLite. It has a place for the next power of two of rows, so that few such statements are kept; the places
/// that are left are empty, and passed over.
struct Insert<'r>(&'r [AuditRecord]);

impl QueryId for Insert<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Insert<'_> {
    type SqlType = Untyped;
}

impl RunQueryDsl<SqliteConnection> for Insert<'_> {}

impl QueryFragment<Sqlite> for Insert<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(ON_SQLITE);
        for at in 0..self.0.len().next_power_of_two() {
            out.push_sql(if at == 0 { "(" } else { ", (" });
            match self.0.get(at) {
                Some(record) => walk_row(record, out.reborrow())?,
                None => walk_nothing(out.reborrow())?,
            }
            out.push_sql(")");
        }
        out.push_sql(") WHERE column1 IS NOT NULL");
        Ok(())
    }
}

fn walk_row<'b>(record: &'b AuditRecord, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
    macro_rules! bind {
        ($kind:ty: $($value:expr),+) => {$(
            out.push_bind_param::<$kind, _>($value)?;
            out.push_sql(", ");
        )+};
    }
    bind!(Text: record.id.as_str());
    bind!(BigInt: &record.chain, &record.sequence);
    bind!(Text: record.previous_hash.as_str(), record.hash.as_str());
    bind!(BigInt: &record.recorded_at);
    bind!(Text: record.act.as_str(), record.outcome.as_str());
    bind!(Nullable<Text>: &record.refusal);
    bind!(Text: record.caller_kind.as_str());
    bind!(Nullable<Text>: &record.caller_id, &record.organisation, &record.app, &record.grant_id, &record.request_id);
    bind!(Nullable<Text>: &record.subject);
    bind!(Nullable<BigInt>: &record.subject_version);
    bind!(Nullable<Text>: &record.query, &record.patient);
    out.push_bind_param::<Nullable<Text>, _>(&record.proxy)
}

fn walk_nothing(mut out: AstPass<'_, '_, Sqlite>) -> QueryResult<()> {
    for at in 0..COLUMNS {
        if at > 0 {
            out.push_sql(", ");
        }
        out.push_bind_param::<Nullable<Text>, Option<String>>(&None)?;
    }
    Ok(())
}
