//! Roles in large batches, in few statements.

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use uuid::Uuid;

use crate::db::Db;
use crate::dialect::on_dialect;
use crate::person::{both_are_current, nhs_number};
use crate::role::RoleRow;
use crate::schema::{people, role_versions, roles};
use crate::tx::Tx;
use base::error::Error;
use domain::person::{NhsNumber, Person, Standing};
use domain::proxy::{OdsCode, Role, Versioned};

/// The rows of one statement, within the databases' limit of bound values.
const BATCH: usize = 250;

/// Settings of a connection that writes much: 128 MB of pages in memory instead of 8, and a journal of 64 MB
/// before it is merged into the file instead of 16, so that pages that change repeatedly are written less
/// often. Durability settings are not changed.
const SQLITE_SETTINGS: &str = "PRAGMA cache_size = -131072; PRAGMA wal_autocheckpoint = 16384;";

impl Tx<'_> {
    /// Prepares the connection for many writes. The settings stay for as long as the connection lives.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn expect_much(&mut self) -> Result<(), Error> {
        if let Db::Sqlite(connection) = self.db {
            connection.batch_execute(SQLITE_SETTINGS)?;
        }
        Ok(())
    }

    /// The roles of these proxies, as they are stored, visible or not, in no particular order.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_roles_of_proxies(&mut self, proxies: &[NhsNumber]) -> Result<Vec<Versioned<Role>>, Error> {
        let proxies: Vec<&str> = proxies.iter().map(NhsNumber::as_str).collect();
        let rows: Vec<RoleRow> = roles::table.filter(roles::proxy.eq_any(proxies)).load(self.db)?;
        rows.into_iter().map(RoleRow::into_role).collect()
    }

    /// Inserts new roles, each in this version, which is the first of its history.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`](base::error::ErrorKind) where there is a role for one of the pairs, or with one of the
    /// ids.
    pub fn insert_roles(&mut self, new: &[Versioned<Role>]) -> Result<(), Error> {
        for new in new.chunks(BATCH) {
            let rows: Vec<RoleRow> = new.iter().map(RoleRow::from_role).collect();
            on_dialect!(self.db, c => diesel::insert_into(roles::table).values(&rows).execute(c))?;
            let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
            let copy = roles::table.filter(roles::id.eq_any(ids)).insert_into(role_versions::table);
            on_dialect!(self.db, c => copy.execute(c))?;
        }
        Ok(())
    }

    /// Roles whose people may both appear in an answer, in the order of their ids, after `after`: those of
    /// this grantor, or all.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_roles_after(
        &mut self,
        after: Option<Uuid>,
        grantor: Option<&OdsCode>,
        limit: i64,
    ) -> Result<Vec<Versioned<Role>>, Error> {
        let visible = roles::table.filter(both_are_current!(roles));
        let mut page = visible.order(roles::id).limit(limit).into_boxed();
        if let Some(after) = after {
            page = page.filter(roles::id.gt(after.to_string()));
        }
        if let Some(grantor) = grantor {
            page = page.filter(roles::grantor.eq(grantor.as_str().to_owned()));
        }
        let rows: Vec<RoleRow> = page.load(self.db)?;
        rows.into_iter().map(RoleRow::into_role).collect()
    }

    /// People who may appear in an answer, in the order of their numbers, after `after`.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_people_after(&mut self, after: Option<NhsNumber>, limit: i64) -> Result<Vec<Person>, Error> {
        let numbers: Vec<String> = people::table
            .filter(people::standing.eq(Standing::Current.as_str()))
            .filter(people::nhs_number.gt(after.as_ref().map_or("", NhsNumber::as_str)))
            .order(people::nhs_number)
            .limit(limit)
            .select(people::nhs_number)
            .load(self.db)?;
        let numbers: Vec<NhsNumber> =
            numbers.iter().map(|number| nhs_number(number)).collect::<Result<_, _>>()?;
        self.list_current_people(&numbers)
    }
}
