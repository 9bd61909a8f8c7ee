//! Adds the months of the audit record to come (PostgreSQL), and refreshes the statistics of the query planner, table by table.

use crate::job::run::{Halt, JobRun};
use base::error::ErrorKind;
use store::ANALYZED_TABLES;

pub(super) fn run(run: &mut JobRun<'_>) -> Result<(), Halt> {
    if let Err(error) = run.store.add_audit_months() {
        // There are some months ahead: the next run is soon enough.
        run.skipped += 1;
        tracing::error!(
            job = run.name,
            cause = error.cause(),
            "the months of the audit record cannot be added"
        );
    }
    for table in ANALYZED_TABLES {
        // Renews the lease, and lets other writers in.
        run.commit(|_tx| Ok(()))?;
        match run.store.refresh_statistics(table) {
            Ok(is_refreshed) => run.done += i64::from(is_refreshed),
            Err(error) if error.kind() != ErrorKind::Busy => {
                run.skipped += 1;
                tracing::error!(
                    job = run.name,
                    table,
                    cause = error.cause(),
                    "the statistics of a table cannot be refreshed"
                );
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
