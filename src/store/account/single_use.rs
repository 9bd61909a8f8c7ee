//! Single-use values: codes, refresh tokens, the ids of assertions. Only a digest of each is stored.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::schema::{codes, refresh_tokens, seen_once};
use crate::tx::Tx;
use base::date_time::{from_millis, to_millis};
use base::error::{Error, ErrorKind};
use domain::account::{Code, Redeemed, RefreshToken};

impl Tx<'_> {
    /// Stores a code by its digest.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn insert_code(&mut self, digest: &str, code: &Code) -> Result<(), Error> {
        let row = (
            codes::digest.eq(digest),
            codes::grant_id.eq(code.grant.to_string()),
            codes::redirect_uri.eq(&code.redirect_uri),
            codes::challenge.eq(&code.challenge),
            codes::nonce.eq(&code.nonce),
            codes::dpop_jkt.eq(&code.dpop_jkt),
            codes::expires_at.eq(to_millis(code.expires_at)),
        );
        diesel::insert_into(codes::table).values(row).execute(self.db)?;
        Ok(())
    }

    /// Redeems a code. Of two concurrent redemptions, one is the second.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn redeem_code(&mut self, digest: &str, now: DateTime<Utc>) -> Result<Redeemed<Code>, Error> {
        let fresh = codes::table.filter(codes::digest.eq(digest)).filter(codes::used_at.is_null());
        let taken = diesel::update(fresh).set(codes::used_at.eq(to_millis(now))).execute(self.db)?;
        let row: Option<CodeRow> = codes::table.find(digest).first(self.db).optional()?;
        let Some(row) = row else { return Ok(Redeemed::Never) };
        let code = row.into_code()?;
        Ok(match taken {
            0 => Redeemed::Again(code.grant),
            _ if code.expires_at <= now => Redeemed::Never,
            _ => Redeemed::Once(code),
        })
    }

    /// Stores a refresh token by its digest.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn insert_refresh_token(&mut self, digest: &str, token: &RefreshToken) -> Result<(), Error> {
        let row = (
            refresh_tokens::digest.eq(digest),
            refresh_tokens::grant_id.eq(token.grant.to_string()),
            refresh_tokens::dpop_jkt.eq(&token.dpop_jkt),
            refresh_tokens::expires_at.eq(to_millis(token.expires_at)),
        );
        diesel::insert_into(refresh_tokens::table).values(row).execute(self.db)?;
        Ok(())
    }

    /// Redeems a refresh token, as [`Tx::redeem_code`] does a code.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn redeem_refresh_token(
        &mut self,
        digest: &str,
        now: DateTime<Utc>,
    ) -> Result<Redeemed<RefreshToken>, Error> {
        let fresh = refresh_tokens::table
            .filter(refresh_tokens::digest.eq(digest))
            .filter(refresh_tokens::used_at.is_null());
        let updated =
            diesel::update(fresh).set(refresh_tokens::used_at.eq(to_millis(now))).execute(self.db)?;
        let row: Option<(String, Option<String>, i64)> = refresh_tokens::table
            .find(digest)
            .select((refresh_tokens::grant_id, refresh_tokens::dpop_jkt, refresh_tokens::expires_at))
            .first(self.db)
            .optional()?;
        let Some((grant, dpop_jkt, expires_at)) = row else { return Ok(Redeemed::Never) };
        let grant = Uuid::parse_str(&grant).map_err(Error::fault)?;
        let token = RefreshToken { grant, dpop_jkt, expires_at: from_millis(expires_at) };
        Ok(match updated {
            0 => Redeemed::Again(grant),
            _ if token.expires_at <= now => Redeemed::Never,
            _ => Redeemed::Once(token),
        })
    }

    /// A refresh token, used or not, without redeeming it.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_refresh_token(&mut self, digest: &str) -> Result<Option<RefreshToken>, Error> {
        let row: Option<(String, Option<String>, i64)> = refresh_tokens::table
            .find(digest)
            .select((refresh_tokens::grant_id, refresh_tokens::dpop_jkt, refresh_tokens::expires_at))
            .first(self.db)
            .optional()?;
        let Some((grant, dpop_jkt, expires_at)) = row else { return Ok(None) };
        let grant = Uuid::parse_str(&grant).map_err(Error::fault)?;
        Ok(Some(RefreshToken { grant, dpop_jkt, expires_at: from_millis(expires_at) }))
    }

    /// The grant of a code, used or not, without redeeming it.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_code_grant(&mut self, digest: &str) -> Result<Option<Uuid>, Error> {
        let grant: Option<String> =
            codes::table.find(digest).select(codes::grant_id).first(self.db).optional()?;
        grant.map(|grant| Uuid::parse_str(&grant).map_err(Error::fault)).transpose()
    }

    /// A refresh token that has not been used, for introspection.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_fresh_refresh_token(
        &mut self,
        digest: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<RefreshToken>, Error> {
        let fresh = refresh_tokens::table
            .find(digest)
            .filter(refresh_tokens::used_at.is_null())
            .filter(refresh_tokens::expires_at.gt(to_millis(now)));
        let row: Option<(String, Option<String>, i64)> = fresh
            .select((refresh_tokens::grant_id, refresh_tokens::dpop_jkt, refresh_tokens::expires_at))
            .first(self.db)
            .optional()?;
        let Some((grant, dpop_jkt, expires_at)) = row else { return Ok(None) };
        let grant = Uuid::parse_str(&grant).map_err(Error::fault)?;
        Ok(Some(RefreshToken { grant, dpop_jkt, expires_at: from_millis(expires_at) }))
    }

    /// Whether this value is used for the first time. It must be remembered until `expires_at`.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn insert_if_unused(&mut self, digest: &str, expires_at: DateTime<Utc>) -> Result<bool, Error> {
        let known: Option<String> =
            seen_once::table.find(digest).select(seen_once::digest).first(self.db).optional()?;
        if known.is_some() {
            return Ok(false);
        }
        let row = (seen_once::digest.eq(digest), seen_once::expires_at.eq(to_millis(expires_at)));
        let inserted = diesel::insert_into(seen_once::table).values(row).execute(self.db);
        match inserted.map_err(Error::from) {
            Ok(_) => Ok(true),
            // A concurrent use came first. On PostgreSQL the transaction is aborted: the caller refuses.
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[derive(Queryable)]
struct CodeRow {
    _digest: String,
    grant_id: String,
    redirect_uri: String,
    challenge: String,
    nonce: Option<String>,
    dpop_jkt: Option<String>,
    expires_at: i64,
    _used_at: Option<i64>,
}

impl CodeRow {
    fn into_code(self) -> Result<Code, Error> {
        Ok(Code {
            grant: Uuid::parse_str(&self.grant_id).map_err(Error::fault)?,
            redirect_uri: self.redirect_uri,
            challenge: self.challenge,
            nonce: self.nonce,
            dpop_jkt: self.dpop_jkt,
            expires_at: from_millis(self.expires_at),
        })
    }
}
