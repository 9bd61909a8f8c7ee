//! Dynamically registered apps, and pushed authorization requests.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::error::corrupt;
use crate::schema::{apps, pushed_requests};
use crate::tx::Tx;
use base::date_time::to_millis;
use base::error::Error;
use base::token::{from_hex, to_hex};
use domain::account::{
    AccessMode, ClientAuthentication, GrantType, IntrospectionSubject, Registration, Scopes,
};

#[derive(Queryable, Insertable)]
#[diesel(table_name = apps)]
struct AppRow {
    client_id: String,
    name: String,
    mode: String,
    secret_sha256: Option<String>,
    jwks: Option<String>,
    jwks_uri: Option<String>,
    redirect_uris: String,
    grant_types: String,
    scope: String,
    is_dpop_bound: bool,
    created_at: i64,
    logout_uris: Option<String>,
}

impl AppRow {
    fn from_registration(app: &Registration, now: DateTime<Utc>) -> Result<Self, Error> {
        let (mut secret_sha256, mut jwks, mut jwks_uri) = (None, None, None);
        match &app.authentication {
            ClientAuthentication::None => {}
            ClientAuthentication::Secret { sha256 } => secret_sha256 = Some(to_hex(sha256)),
            ClientAuthentication::PrivateKeyJwt { jwks: keys } => {
                jwks = Some(serde_json::to_string(keys).map_err(Error::fault)?);
            }
            ClientAuthentication::PrivateKeyJwtAt { jwks_uri: url } => jwks_uri = Some(url.clone()),
        }
        let grant_types: Vec<&str> = app.grant_types.iter().copied().map(GrantType::as_str).collect();
        Ok(Self {
            client_id: app.client_id.clone(),
            name: app.name.clone(),
            mode: app.mode.as_str().to_owned(),
            secret_sha256,
            jwks,
            jwks_uri,
            redirect_uris: app.redirect_uris.join("\n"),
            grant_types: grant_types.join(" "),
            scope: app.scopes.to_string(),
            is_dpop_bound: app.is_dpop_bound,
            created_at: to_millis(now),
            logout_uris: (!app.logout_uris.is_empty()).then(|| app.logout_uris.join("\n")),
        })
    }

    fn into_registration(self) -> Result<Registration, Error> {
        let authentication = match (self.secret_sha256, self.jwks, self.jwks_uri) {
            (None, None, None) => ClientAuthentication::None,
            (Some(hex), None, None) => {
                ClientAuthentication::Secret { sha256: from_hex(&hex).ok_or_else(|| corrupt("digest"))? }
            }
            (None, Some(keys), None) => ClientAuthentication::PrivateKeyJwt {
                jwks: serde_json::from_str(&keys).map_err(Error::fault)?,
            },
            (None, None, Some(jwks_uri)) => ClientAuthentication::PrivateKeyJwtAt { jwks_uri },
            _ => return Err(corrupt("way to prove an app")),
        };
        let grant_types = self.grant_types.split_ascii_whitespace().map(GrantType::parse);
        Ok(Registration {
            client_id: self.client_id,
            name: self.name,
            mode: AccessMode::parse(&self.mode).ok_or_else(|| corrupt("mode"))?,
            authentication,
            redirect_uris: self.redirect_uris.lines().map(str::to_owned).collect(),
            grant_types: grant_types.collect::<Option<_>>().ok_or_else(|| corrupt("grant type"))?,
            scopes: Scopes::of_token(&self.scope),
            may_introspect: false,
            introspection_subject: IntrospectionSubject::Account,
            exchange_audiences: Vec::new(),
            logout_uris: self.logout_uris.iter().flat_map(|uris| uris.lines()).map(str::to_owned).collect(),
            is_dpop_bound: self.is_dpop_bound,
        })
    }
}

impl Tx<'_> {
    /// Stores a dynamically registered app.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`](base::error::ErrorKind) where its id is taken.
    pub fn insert_app(&mut self, app: &Registration, now: DateTime<Utc>) -> Result<(), Error> {
        let row = AppRow::from_registration(app, now)?;
        diesel::insert_into(apps::table).values(row).execute(self.db)?;
        Ok(())
    }

    /// The dynamically registered app with this id. It may never introspect: only the operator allows that.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_app(&mut self, client_id: &str) -> Result<Option<Registration>, Error> {
        let row: Option<AppRow> = apps::table.find(client_id).first(self.db).optional()?;
        row.map(AppRow::into_registration).transpose()
    }

    /// Stores a pushed authorization request by the digest of its `request_uri`.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn insert_pushed_request(
        &mut self,
        digest: &str,
        client_id: &str,
        parameters: &str,
        expires_at: DateTime<Utc>,
    ) -> Result<(), Error> {
        let row = (
            pushed_requests::digest.eq(digest),
            pushed_requests::app.eq(client_id),
            pushed_requests::parameters.eq(parameters),
            pushed_requests::expires_at.eq(to_millis(expires_at)),
        );
        diesel::insert_into(pushed_requests::table).values(row).execute(self.db)?;
        Ok(())
    }

    /// Takes a pushed authorization request of this app, with its parameters as received. `digest` is that of
    /// the whole `request_uri`. It can be used once (RFC 9126 §4): of two concurrent uses, one gets nothing.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn take_pushed_request(
        &mut self,
        digest: &str,
        client_id: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<String>, Error> {
        let theirs = pushed_requests::table.find(digest).filter(pushed_requests::app.eq(client_id));
        let found: Option<(String, i64)> = theirs
            .select((pushed_requests::parameters, pushed_requests::expires_at))
            .first(self.db)
            .optional()?;
        let Some((parameters, expires_at)) = found else { return Ok(None) };
        let taken = diesel::delete(pushed_requests::table.find(digest)).execute(self.db)?;
        Ok((taken == 1 && expires_at > to_millis(now)).then_some(parameters))
    }
}
