//! Due roles, found in batches by an index, each after the last row of the batch before. Statuses are
//! literals in these statements, before the columns that the index orders by.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::dialect::on_dialect;
use crate::person::both_are_current;
use crate::schema::{people, role_milestones, role_reminders, role_uses, roles};
use crate::search::Table;
use crate::tx::Tx;
use base::date_time::to_millis;
use base::error::Error;
use domain::person::NhsNumber;
use domain::proxy::{ReasonCode, Role, Status, Versioned};

/// A row that may be due, and its position in the order of the search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueRow {
    /// The sort value, which precedes the id.
    pub order: i64,
    /// The row.
    pub id: String,
}

impl DueRow {
    /// Before every row.
    pub const FIRST: Self = Self { order: i64::MIN, id: String::new() };
}

/// Rows after the last one of the batch before.
macro_rules! after_cursor {
    ($query:expr, $column:expr, $after:expr, $limit:expr) => {{
        let later = $column.gt($after.order);
        let same = $column.eq($after.order).and(roles::id.gt(&$after.id));
        $query
            .filter(later.or(same).assume_not_null())
            .order(($column, roles::id))
            .limit($limit)
            .select(($column.assume_not_null(), roles::id))
    }};
}

fn due_rows(rows: Vec<(i64, String)>) -> Vec<DueRow> {
    rows.into_iter().map(|(order, id)| DueRow { order, id }).collect()
}

impl Tx<'_> {
    /// Active roles whose end has passed.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_lapsed_roles(
        &mut self,
        now: DateTime<Utc>,
        after: &DueRow,
        limit: i64,
    ) -> Result<Vec<DueRow>, Error> {
        let lapsed = roles::table
            .filter(roles::status.eq(Status::Active.as_str()))
            .filter(roles::end_at.lt(to_millis(now)));
        let rows = after_cursor!(lapsed, roles::end_at, after, limit).load(self.db)?;
        Ok(due_rows(rows))
    }

    /// Roles whose end is after `from` and not after `to`, without a reminder for this number of days: below
    /// 0 those that are still active, else those that the service itself has ended.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_roles_to_remind(
        &mut self,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        days: i32,
        after: &DueRow,
        limit: i64,
    ) -> Result<Vec<DueRow>, Error> {
        let status = if days < 0 { Status::Active } else { Status::Inactive };
        let is_reminded = role_reminders::table
            .filter(role_reminders::role_id.eq(roles::id))
            .filter(role_reminders::end_at.eq(roles::end_at.assume_not_null()))
            .filter(role_reminders::days.eq(days));
        let ending = roles::table
            .filter(roles::status.eq(status.as_str()))
            .filter(roles::end_at.gt(to_millis(from)))
            .filter(roles::end_at.le(to_millis(to)))
            .filter(both_are_current!(roles))
            .filter(diesel::dsl::not(diesel::dsl::exists(is_reminded)));
        let ended = ReasonCode::RoleDeactivatedEndDateReached.code();
        let rows = if days < 0 {
            after_cursor!(ending, roles::end_at, after, limit).load(self.db)?
        } else {
            after_cursor!(ending.filter(roles::reason_code.eq(ended)), roles::end_at, after, limit)
                .load(self.db)?
        };
        Ok(due_rows(rows))
    }

    /// Records that a role's people are reminded of its end; returns false where they were already.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn insert_reminder(
        &mut self,
        role: Uuid,
        end: DateTime<Utc>,
        days: i32,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let row = (
            role_reminders::role_id.eq(role.to_string()),
            role_reminders::end_at.eq(to_millis(end)),
            role_reminders::days.eq(days),
            role_reminders::reminded_at.eq(to_millis(now)),
        );
        let inserted = on_dialect!(self.db, c => {
            diesel::insert_into(role_reminders::table).values(row).on_conflict_do_nothing().execute(c)
        })?;
        Ok(inserted == 1)
    }

    /// Active roles whose last change and last use are before a time.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_unused_roles(
        &mut self,
        since: DateTime<Utc>,
        after: &DueRow,
        limit: i64,
    ) -> Result<Vec<DueRow>, Error> {
        let is_used = role_uses::table
            .filter(role_uses::role_id.eq(roles::id))
            .filter(role_uses::used_at.ge(to_millis(since)));
        let unused = roles::table
            .filter(roles::status.eq(Status::Active.as_str()))
            .filter(roles::updated_at.lt(to_millis(since)))
            .filter(diesel::dsl::not(diesel::dsl::exists(is_used)));
        let later = roles::updated_at.gt(after.order);
        let same = roles::updated_at.eq(after.order).and(roles::id.gt(&after.id));
        let rows = unused
            .filter(later.or(same))
            .order((roles::updated_at, roles::id))
            .limit(limit)
            .select((roles::updated_at, roles::id))
            .load(self.db)?;
        Ok(due_rows(rows))
    }

    /// People who have died and still have an active role, by number.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_dead_with_active_roles(&mut self, after: &DueRow, limit: i64) -> Result<Vec<DueRow>, Error> {
        let active = || roles::table.filter(roles::status.eq(Status::Active.as_str()));
        let as_patient = diesel::dsl::exists(active().filter(roles::patient.eq(people::nhs_number)));
        let as_proxy = diesel::dsl::exists(active().filter(roles::proxy.eq(people::nhs_number)));
        let numbers: Vec<String> = people::table
            .filter(people::died_at.is_not_null())
            .filter(people::nhs_number.gt(&after.id))
            .filter(as_patient.or(as_proxy))
            .order(people::nhs_number)
            .limit(limit)
            .select(people::nhs_number)
            .load(self.db)?;
        Ok(numbers.into_iter().map(|id| DueRow { order: 0, id }).collect())
    }

    /// When a role was last used.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_role_use(&mut self, role: Uuid) -> Result<Option<DateTime<Utc>>, Error> {
        let used: Option<i64> =
            role_uses::table.find(role.to_string()).select(role_uses::used_at).first(self.db).optional()?;
        Ok(used.map(base::date_time::from_millis))
    }

    /// Records the use of a role, at most once a day. A use that is recorded already costs one look-up by
    /// key.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn use_role(&mut self, role: Uuid, now: DateTime<Utc>) -> Result<(), Error> {
        let day = chrono::TimeDelta::days(1);
        match self.find_role_use(role)? {
            Some(used) if used + day > now => return Ok(()),
            Some(_) => {
                let row = role_uses::table.find(role.to_string());
                diesel::update(row).set(role_uses::used_at.eq(to_millis(now))).execute(self.db)?;
            }
            None => {
                let row = (role_uses::role_id.eq(role.to_string()), role_uses::used_at.eq(to_millis(now)));
                on_dialect!(self.db, c => {
                    diesel::insert_into(role_uses::table).values(row).on_conflict_do_nothing().execute(c)
                })?;
            }
        }
        Ok(())
    }

    /// People whose date of birth (or month, or year) ends after `from` and not after `to`, and who are the
    /// patient of an active role that has not passed this birthday.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_born(
        &mut self,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        age: i32,
        after: &DueRow,
        limit: i64,
    ) -> Result<Vec<DueRow>, Error> {
        let is_through = role_milestones::table
            .filter(role_milestones::role_id.eq(roles::id))
            .filter(role_milestones::age.eq(age));
        let theirs = roles::table
            .filter(roles::patient.eq(people::nhs_number))
            .filter(roles::status.eq(Status::Active.as_str()))
            .filter(diesel::dsl::not(diesel::dsl::exists(is_through)));
        let later = people::birth_to.gt(after.order);
        let same = people::birth_to.eq(after.order).and(people::nhs_number.gt(&after.id));
        let rows = people::table
            .filter(people::birth_to.gt(to_millis(from)))
            .filter(people::birth_to.le(to_millis(to)))
            .filter(later.or(same).assume_not_null())
            .filter(diesel::dsl::exists(theirs))
            .order((people::birth_to, people::nhs_number))
            .limit(limit)
            .select((people::birth_to.assume_not_null(), people::nhs_number))
            .load(self.db)?;
        Ok(due_rows(rows))
    }

    /// Records that a role has passed a birthday of its patient; returns false where it had already.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn insert_milestone(&mut self, role: Uuid, age: i32, now: DateTime<Utc>) -> Result<bool, Error> {
        let row = (
            role_milestones::role_id.eq(role.to_string()),
            role_milestones::age.eq(age),
            role_milestones::reached_at.eq(to_millis(now)),
        );
        let inserted = on_dialect!(self.db, c => {
            diesel::insert_into(role_milestones::table).values(row).on_conflict_do_nothing().execute(c)
        })?;
        Ok(inserted == 1)
    }

    /// A role as it is stored, whether or not its people may appear, locked until this transaction ends.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_stored_role(&mut self, id: &str) -> Result<Option<Versioned<Role>>, Error> {
        self.lock_row(Table::Roles, id)?;
        Ok(self.list_roles_by_id(&[id.to_owned()])?.pop())
    }

    /// Locks every role of these two people until this transaction ends, in the order of the ids
    /// ([`Tx::lock_rows`]): for a transaction that changes the roles of both.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn lock_roles_of(&mut self, one: NhsNumber, other: NhsNumber) -> Result<(), Error> {
        if self.locks_rows() {
            let mut ids = self.list_role_ids_of(one)?;
            ids.extend(self.list_role_ids_of(other)?);
            self.lock_rows(&ids.into_iter().map(|id| (Table::Roles, id)).collect())?;
        }
        Ok(())
    }

    /// The ids of every role of a person, as proxy or as patient, hidden ones included, in order.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_role_ids_of(&mut self, number: NhsNumber) -> Result<Vec<String>, Error> {
        let named = roles::proxy.eq(number.to_string()).or(roles::patient.eq(number.to_string()));
        Ok(roles::table.filter(named).order(roles::id).select(roles::id).load(self.db)?)
    }

    /// The role of a pair, hidden or not, locked.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_stored_role_of_pair(
        &mut self,
        proxy: NhsNumber,
        patient: NhsNumber,
    ) -> Result<Option<Versioned<Role>>, Error> {
        let pair = roles::table
            .filter(roles::proxy.eq(proxy.to_string()))
            .filter(roles::patient.eq(patient.to_string()));
        let id: Option<String> = pair.select(roles::id).first(self.db).optional()?;
        id.map_or(Ok(None), |id| self.find_stored_role(&id))
    }

    /// Whether both people of a role may appear in an answer.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn is_visible(&mut self, role: &Role) -> Result<bool, Error> {
        Ok(self.list_current_practices(&[role.proxy, role.patient])?.len() == 2)
    }
}
