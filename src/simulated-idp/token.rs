//! The token and userinfo endpoints of the simulated providers.

use std::sync::PoisonError;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::Header;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::authorize::{field, fields};
use crate::code::{ACCESS_LIFE, SimulatedLogIn};
use crate::refused::{Refused, answer_json};
use crate::simulated::{CLIENT_ID, Simulated};
use crate::which::Which;
use ::web::credentials::bearer;
use ::web::gate::Gate;
use base::ids;
use idp::assertion;
use jose::dpop::hash;
use jose::key::KeyPurpose;
use jose::signature_only;

const ID_LIFE: TimeDelta = TimeDelta::minutes(60);

/// Exchanges a code (RFC 6749 §4.1.3).
pub(super) async fn token(
    gate: Data<Gate>,
    simulated: Data<Simulated>,
    which: Path<String>,
    body: Bytes,
) -> Result<HttpResponse, Refused> {
    let which = Which::parse(&which)?;
    let (fields, now) = (fields(&body), gate.clock.now());
    if field(&fields, "grant_type") != "authorization_code" {
        return Err(Refused::new(
            "unsupported_grant_type",
            "the only supported grant_type is authorization_code",
        ));
    }
    let shown = (field(&fields, "client_assertion_type"), field(&fields, "client_assertion"));
    simulated.check_assertion(which, shown, now)?;
    let mut codes = simulated.codes.lock().unwrap_or_else(PoisonError::into_inner);
    let log_in = codes.redeem_code(field(&fields, "code"), now);
    let bad = Refused::new("invalid_grant", "the code is not valid");
    let log_in = log_in.filter(|log_in| log_in.which == which).ok_or(bad)?;
    if log_in.redirect_uri != field(&fields, "redirect_uri") {
        return Err(bad);
    }
    if let Some(challenge) = &log_in.challenge
        && hash(field(&fields, "code_verifier")) != *challenge
    {
        return Err(bad);
    }
    let access_token = simulated.access_token(&log_in, now)?;
    let id_token = simulated.id_token(&log_in, now)?;
    let scope = log_in.scope.clone();
    codes.keep_token(access_token.clone(), log_in, now);
    let body = json!({
        "access_token": access_token, "token_type": "bearer", "expires_in": ACCESS_LIFE.num_seconds(),
        "id_token": id_token, "scope": scope,
    });
    Ok(answer_json(StatusCode::OK, &body))
}

/// The userinfo endpoint (OpenID Connect Core §5.3).
pub(super) async fn userinfo(
    gate: Data<Gate>,
    simulated: Data<Simulated>,
    which: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Refused> {
    let which = Which::parse(&which)?;
    let bad = Refused { status: 401, error: "invalid_token", description: "the token is not valid" };
    let token = bearer(&request).ok_or(bad)?;
    let codes = simulated.codes.lock().unwrap_or_else(PoisonError::into_inner);
    let log_in =
        codes.find_token(token, gate.clock.now()).filter(|log_in| log_in.which == which).ok_or(bad)?;
    let mut claims = log_in.visitor.claims(which, &log_in.scope);
    claims.insert("sub".to_owned(), log_in.visitor.subject(which).into());
    claims.insert("iss".to_owned(), simulated.issuer(which).into());
    claims.insert("aud".to_owned(), CLIENT_ID.into());
    Ok(answer_json(StatusCode::OK, &Value::Object(claims)))
}

/// The claims of a client assertion.
#[derive(Deserialize)]
struct Assertion {
    iss: String,
    sub: String,
    aud: String,
    exp: i64,
    jti: String,
}

impl Simulated {
    /// `private_key_jwt`, as NHS login checks it: RS512, a known key, at most 5 minutes, used once.
    fn check_assertion(
        &self,
        which: Which,
        (kind, text): (&str, &str),
        now: DateTime<Utc>,
    ) -> Result<(), Refused> {
        let bad = Refused::new("invalid_client", "the client assertion is not valid");
        if kind != assertion::TYPE {
            return Err(bad);
        }
        let key_id = jsonwebtoken::decode_header(text).ok().and_then(|header| header.kid).ok_or(bad)?;
        let ring = (self.client_keys)();
        let key = ring.find(KeyPurpose::ClientAssertion, &key_id).ok_or(bad)?;
        let validation = signature_only(KeyPurpose::ClientAssertion.algorithm());
        let read = jsonwebtoken::decode::<Assertion>(text, &key.verifying, &validation);
        let said = read.or(Err(bad))?.claims;
        let until = DateTime::from_timestamp(said.exp, 0).ok_or(bad)?;
        let is_ours = said.iss == CLIENT_ID && said.sub == CLIENT_ID && said.aud == self.url(which, "token");
        if !is_ours || until <= now || until > now + TimeDelta::minutes(5) {
            return Err(bad);
        }
        let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        if codes.see_assertion(said.jti, until, now) { Ok(()) } else { Err(bad) }
    }

    fn id_token(&self, log_in: &SimulatedLogIn, now: DateTime<Utc>) -> Result<String, Refused> {
        let mut claims = log_in.visitor.claims(log_in.which, &log_in.scope);
        claims.insert("nonce".to_owned(), log_in.nonce.clone().into());
        claims.insert("auth_time".to_owned(), now.timestamp().into());
        if log_in.which == Which::Cis2 {
            claims.insert("acr".to_owned(), "AAL3_ANY".into());
            claims.insert("amr".to_owned(), json!(["N3_SMARTCARD"]));
        }
        self.sign(log_in, claims, now, ID_LIFE)
    }

    fn access_token(&self, log_in: &SimulatedLogIn, now: DateTime<Utc>) -> Result<String, Refused> {
        let mut claims = Map::new();
        claims.insert("scope".to_owned(), log_in.scope.clone().into());
        self.sign(log_in, claims, now, ACCESS_LIFE)
    }

    /// Signs claims, RS512, together with those of every token.
    fn sign(
        &self,
        log_in: &SimulatedLogIn,
        mut claims: Map<String, Value>,
        now: DateTime<Utc>,
        life: TimeDelta,
    ) -> Result<String, Refused> {
        let which = log_in.which;
        let common = [
            ("iss", json!(self.issuer(which))),
            ("sub", json!(log_in.visitor.subject(which))),
            ("aud", json!(CLIENT_ID)),
            ("iat", json!(now.timestamp())),
            ("exp", json!((now + life).timestamp())),
            ("jti", json!(ids::new_uuid(now).to_string())),
        ];
        claims.extend(common.map(|(name, value)| (name.to_owned(), value)));
        if which == Which::NhsLogin {
            let credentials = if log_in.visitor.level == "P0" { "Cp" } else { "Cp.Cd" };
            claims.insert("vot".to_owned(), format!("{}.{credentials}", log_in.visitor.level).into());
            claims.insert("vtm".to_owned(), self.url(which, "trustmark").into());
        }
        let mut header = Header::new(self.key.purpose.algorithm());
        header.kid = Some(self.key.kid.clone());
        jsonwebtoken::encode(&header, &claims, &self.key.signing).or(Err(Refused::FAULT))
    }
}
