//! Users as the FHIR R4 API shows them (Person): each with their account and their relationships.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::person::{both_are_current, nhs_number};
use crate::schema::{account_users, relationships, users};
use crate::tx::Tx;
use base::date_time::from_millis;
use base::error::Error;
use domain::person::NhsNumber;

/// A user of the account platform.
#[derive(Clone, Debug)]
pub struct AccountUser {
    /// Their id.
    pub id: String,
    /// When the user was last changed.
    pub updated_at: DateTime<Utc>,
    /// The accounts of which they are a member.
    pub accounts: Vec<NhsNumber>,
    /// The relationships, by id, in which they are the proxy.
    pub relationships: Vec<String>,
}

impl Tx<'_> {
    /// These users, in no particular order; unknown ids are left out. Three statements.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_account_users(&mut self, ids: &[String]) -> Result<Vec<AccountUser>, Error> {
        let found: Vec<(String, i64)> = users::table
            .filter(users::id.eq_any(ids))
            .select((users::id, users::updated_at))
            .load(self.db)?;
        let accounts: Vec<(String, String)> = account_users::table
            .filter(account_users::user_id.eq_any(ids))
            .order(account_users::nhs_number)
            .select((account_users::user_id, account_users::nhs_number))
            .load(self.db)?;
        let numbers: Vec<&str> = accounts.iter().map(|(_, number)| number.as_str()).collect();
        let related: Vec<(String, String)> = relationships::table
            .filter(both_are_current!(relationships))
            .filter(relationships::proxy.eq_any(numbers))
            .filter(relationships::active.eq(true))
            .order(relationships::id)
            .select((relationships::proxy, relationships::id))
            .load(self.db)?;
        let user = |(id, updated_at): (String, i64)| {
            let numbers: Vec<&String> =
                accounts.iter().filter(|(user, _)| *user == id).map(|(_, number)| number).collect();
            let relationships = related.iter().filter(|(proxy, _)| numbers.contains(&proxy));
            Ok(AccountUser {
                updated_at: from_millis(updated_at),
                accounts: numbers.iter().map(|number| nhs_number(number)).collect::<Result<_, _>>()?,
                relationships: relationships.map(|(_, id)| id.clone()).collect(),
                id,
            })
        };
        found.into_iter().map(user).collect()
    }
}
