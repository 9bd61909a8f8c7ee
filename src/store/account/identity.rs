//! Users, their linked identities, and the accounts of which they are members.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::dialect::on_dialect;
use crate::person::nhs_number;
use crate::schema::{account_users, identities, users};
use crate::tx::Tx;
use base::date_time::to_millis;
use base::error::Error;
use domain::person::NhsNumber;

impl Tx<'_> {
    /// The user of an identity: this subject of this issuer.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_user_by_identity(&mut self, issuer: &str, subject: &str) -> Result<Option<Uuid>, Error> {
        let found = identities::table.find((issuer, subject)).select(identities::user_id);
        let user: Option<String> = found.first(self.db).optional()?;
        user.map(|user| Uuid::parse_str(&user).map_err(Error::fault)).transpose()
    }

    /// Stores a new user.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn insert_user(&mut self, user: Uuid, now: DateTime<Utc>) -> Result<(), Error> {
        let now = to_millis(now);
        let row = (users::id.eq(user.to_string()), users::created_at.eq(now), users::updated_at.eq(now));
        diesel::insert_into(users::table).values(row).execute(self.db)?;
        Ok(())
    }

    /// Removes a user without identities or other data.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn remove_new_user(&mut self, user: Uuid) -> Result<(), Error> {
        diesel::delete(users::table.find(user.to_string())).execute(self.db)?;
        Ok(())
    }

    /// Links an identity to a user. Returns whether it is new: an identity belongs to one user, the first,
    /// also for two concurrent first log-ins.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn link_identity(
        &mut self,
        user: Uuid,
        issuer: &str,
        subject: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let row = (
            identities::issuer.eq(issuer),
            identities::subject.eq(subject),
            identities::user_id.eq(user.to_string()),
            identities::linked_at.eq(to_millis(now)),
        );
        let inserted = on_dialect!(self.db, c => {
            diesel::insert_into(identities::table).values(row).on_conflict_do_nothing().execute(c)
        })?;
        if inserted > 0 {
            self.touch_user(user, now)?;
        }
        Ok(inserted > 0)
    }

    /// The identities of a user, as issuer and subject, the oldest first.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_identities(&mut self, user: Uuid) -> Result<Vec<(String, String)>, Error> {
        let found = identities::table
            .filter(identities::user_id.eq(user.to_string()))
            .order((identities::linked_at, identities::issuer, identities::subject))
            .select((identities::issuer, identities::subject));
        Ok(found.load(self.db)?)
    }

    /// Makes a user a member of the account of an NHS number. Returns whether they were not one yet.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn join_account(&mut self, number: NhsNumber, user: Uuid, now: DateTime<Utc>) -> Result<bool, Error> {
        let row = (
            account_users::nhs_number.eq(number.as_str()),
            account_users::user_id.eq(user.to_string()),
            account_users::since.eq(to_millis(now)),
        );
        let inserted = on_dialect!(self.db, c => {
            diesel::insert_into(account_users::table).values(row).on_conflict_do_nothing().execute(c)
        })?;
        if inserted > 0 {
            self.touch_user(user, now)?;
        }
        Ok(inserted > 0)
    }

    /// The accounts of which a user is a member, by their NHS numbers.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_accounts(&mut self, user: Uuid) -> Result<Vec<NhsNumber>, Error> {
        let found = account_users::table
            .filter(account_users::user_id.eq(user.to_string()))
            .order((account_users::since, account_users::nhs_number))
            .select(account_users::nhs_number);
        let numbers: Vec<String> = found.load(self.db)?;
        numbers.iter().map(|number| nhs_number(number)).collect()
    }

    fn touch_user(&mut self, user: Uuid, now: DateTime<Utc>) -> Result<(), Error> {
        let row = users::table.find(user.to_string());
        diesel::update(row).set(users::updated_at.eq(to_millis(now))).execute(self.db)?;
        Ok(())
    }
}
