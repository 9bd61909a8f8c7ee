//! Revocation: of a grant, every grant exchanged from it, and their codes and tokens. No other code revokes.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Text;
use uuid::Uuid;

use crate::db::Db;
use crate::dialect::on_dialect;
use crate::schema::grants;
use crate::sql::Sql;
use crate::tx::Tx;
use base::date_time::to_millis;
use base::error::Error;

/// The ids of a grant and of its descendants. Those of a user's own grant include the acting grants of its
/// app without a recorded parent: the person approved them directly, or an older program exchanged them.
macro_rules! tree {
    ($statement:literal) => {
        concat!(
            "WITH RECURSIVE tree (id) AS (SELECT id FROM grants WHERE id = ? ",
            "UNION SELECT acting.id FROM grants own JOIN grants acting ",
            "ON acting.user_id = own.user_id AND acting.app = own.app ",
            "WHERE own.id = ? AND own.role_id IS NULL AND acting.role_id IS NOT NULL AND acting.parent_id IS NULL ",
            "UNION SELECT child.id FROM tree JOIN grants child ON child.parent_id = tree.id) ",
            $statement
        )
    };
}

/// Revokes every grant of the tree that is not revoked yet.
const REVOKE: &str =
    tree!("UPDATE grants SET revoked_at = ? WHERE revoked_at IS NULL AND id IN (SELECT id FROM tree)");

/// The unused codes and tokens of the grants of the tree.
const SPEND: [&str; 2] = [
    tree!("UPDATE codes SET used_at = ? WHERE used_at IS NULL AND grant_id IN (SELECT id FROM tree)"),
    tree!(
        "UPDATE refresh_tokens SET used_at = ? WHERE used_at IS NULL AND grant_id IN (SELECT id FROM tree)"
    ),
];
const UNBIND: &str = tree!("DELETE FROM binding_tokens WHERE grant_id IN (SELECT id FROM tree)");

/// The subscriptions of the grants of the tree.
const SUBSCRIPTIONS: &str = tree!(
    "SELECT id FROM subscriptions WHERE grant_id IN (SELECT id FROM tree) \
     AND is_deleted = FALSE AND status IN ('requested', 'active')"
);

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = Text)]
    id: String,
}

impl Tx<'_> {
    /// Revokes a grant and every grant that was exchanged from it, with their codes, refresh tokens and
    /// binding tokens; their subscriptions become due, so that delivery ends them at once. Returns whether
    /// any grant was revoked that was not before.
    ///
    /// A concurrent exchange cannot leave a child behind: it locks its parent's row ([`Tx::lock_grant`]), so
    /// either it finds the parent revoked, or a further pass finds its child.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn revoke_grant(&mut self, id: Uuid, now: DateTime<Utc>) -> Result<bool, Error> {
        self.lock_grant(id)?;
        let mut has_revoked = false;
        while self.in_tree(REVOKE, id, Some(now))? > 0 {
            has_revoked = true;
        }
        if !has_revoked {
            return Ok(false);
        }
        for spend in SPEND {
            self.in_tree(spend, id, Some(now))?;
        }
        self.in_tree(UNBIND, id, None)?;
        let tree = Sql::fixed(SUBSCRIPTIONS).text(id.to_string()).text(id.to_string());
        let rows: Vec<IdRow> = on_dialect!(self.db, c => tree.load(c))?;
        let subscriptions = rows.iter().map(|row| Uuid::parse_str(&row.id)).collect::<Result<Vec<_>, _>>();
        let subscriptions = subscriptions.map_err(Error::fault)?;
        if !subscriptions.is_empty() {
            self.make_due(&subscriptions, now)?;
            self.has_published = true;
        }
        Ok(true)
    }

    fn in_tree(
        &mut self,
        statement: &'static str,
        id: Uuid,
        at: Option<DateTime<Utc>>,
    ) -> Result<usize, Error> {
        let mut statement = Sql::fixed(statement).text(id.to_string()).text(id.to_string());
        if let Some(at) = at {
            statement = statement.number(to_millis(at));
        }
        Ok(on_dialect!(self.db, c => statement.execute(c))?)
    }

    /// Locks a grant against revocation until this transaction ends: for the transaction that creates a child
    /// of it.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn lock_grant(&mut self, id: Uuid) -> Result<(), Error> {
        if let Db::Postgres(connection) = self.db {
            let lock = Sql::fixed("SELECT FROM grants WHERE id = ? FOR UPDATE").text(id.to_string());
            lock.execute(connection)?;
        }
        Ok(())
    }

    /// The grants of a user that are not revoked, of one app or of all, each with its app; parents before
    /// children.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_grants_of_user(
        &mut self,
        user: Uuid,
        app: Option<&str>,
    ) -> Result<Vec<(Uuid, String)>, Error> {
        let mut found = grants::table
            .filter(grants::user_id.eq(user.to_string()))
            .filter(grants::revoked_at.is_null())
            .select((grants::id, grants::app, grants::parent_id))
            .into_boxed();
        if let Some(app) = app {
            found = found.filter(grants::app.eq(app.to_owned()));
        }
        let mut rows: Vec<(String, String, Option<String>)> = found.order(grants::id).load(self.db)?;
        rows.sort_by_key(|(_, _, parent)| parent.is_some());
        rows.into_iter().map(|(id, app, _)| Ok((Uuid::parse_str(&id).map_err(Error::fault)?, app))).collect()
    }
}
