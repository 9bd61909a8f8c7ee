//! Users, their identities, and the accounts in which they may act.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::date_time::to_millis;
use crate::error::Error;
use crate::person::NhsNumber;
use crate::store::Tx;
use crate::store::schema::{account_users, identities, users};

impl Tx<'_> {
    /// The user with this identity.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn find_user_of_identity(&mut self, issuer: &str, subject: &str) -> Result<Option<Uuid>, Error> {
        let found = identities::table.find((issuer, subject)).select(identities::user_id);
        let user: Option<String> = found.first(self.db).optional()?;
        user.map(|user| Uuid::parse_str(&user).map_err(Error::fault)).transpose()
    }

    /// Writes a new user with their first identity.
    ///
    /// # Errors
    ///
    /// [`Kind::Conflict`](crate::error::Kind) when somebody has the identity.
    pub fn insert_user(
        &mut self,
        user: Uuid,
        issuer: &str,
        subject: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let at = to_millis(now);
        let row = (users::id.eq(user.to_string()), users::created_at.eq(at), users::updated_at.eq(at));
        diesel::insert_into(users::table).values(row).execute(self.db)?;
        let row = (
            identities::issuer.eq(issuer),
            identities::subject.eq(subject),
            identities::user_id.eq(user.to_string()),
            identities::linked_at.eq(at),
        );
        diesel::insert_into(identities::table).values(row).execute(self.db)?;
        Ok(())
    }

    /// Lets a user act within the account of this NHS number, unless they may already.
    ///
    /// # Errors
    ///
    /// When the database refuses.
    pub fn insert_account_user_if_new(
        &mut self,
        number: NhsNumber,
        user: Uuid,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let key = (number.to_string(), user.to_string());
        let known: i64 = account_users::table.find(key.clone()).count().get_result(self.db)?;
        if known == 0 {
            let row = (
                account_users::nhs_number.eq(key.0),
                account_users::user_id.eq(key.1),
                account_users::since.eq(to_millis(now)),
            );
            diesel::insert_into(account_users::table).values(row).execute(self.db)?;
        }
        Ok(())
    }
}
