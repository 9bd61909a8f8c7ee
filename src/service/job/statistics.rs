//! The statistics of the query planner are refreshed, table by table.

use crate::job::run::{Halt, Run};
use base::error::Kind;
use store::ANALYZED_TABLES;

pub(super) fn run(run: &mut Run<'_>) -> Result<(), Halt> {
    for table in ANALYZED_TABLES {
        // The lease is renewed, and others have their turn.
        run.commit(|_tx| Ok(()))?;
        match run.store.refresh_statistics(table) {
            Ok(is_refreshed) => run.done += i64::from(is_refreshed),
            Err(error) if error.kind() != Kind::Busy => {
                run.skipped += 1;
                tracing::error!(
                    job = run.name,
                    table,
                    cause = error.cause(),
                    "the statistics of a table cannot be refreshed, and stay as they are"
                );
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
