//! Token exchange (RFC 8693): the parameters, and the verification of the subject token.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::form::Form;
use crate::problem::OAuthError;
use crate::state::authority;
use crate::token::authenticated_client::{AuthenticatedClient, write};
use base::error::Error;
use base::token::digest;
use domain::account::identity::Proven;
use domain::account::{Caller, Registration};
use domain::person::{NhsNumber, NumberCheck};
use idp::Providers;
use idp::{UpstreamError, claims_of};
use service::account::exchange::{ExchangeTarget, TokenSubject, exchange};
use service::account::{IssuedTokens, TokenError};
use web::gate::Gate;

/// The type of this server's tokens (RFC 8693 §3).
pub(super) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// The type of an identity provider's tokens, including composite ones.
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

/// The subject of a verified token.
enum Proved {
    /// A caller with a token of this server.
    Caller(Caller),
    /// A person that a provider has proved, and the patient of a composite token.
    Person(Proven, Option<NhsNumber>, Presented),
}

/// Issues a token to act for the patient whom the form names.
pub(super) async fn by_token(
    gate: &Gate,
    client: AuthenticatedClient,
    form: &Form,
) -> Result<IssuedTokens, OAuthError> {
    check(form)?;
    let target = target(form)?;
    let token = form.need("subject_token", "subject_token is required")?;
    let person = match form.get("subject_token_type") {
        Some(ACCESS_TOKEN) => Proved::Caller(our_own(gate, &client, token)?),
        Some(ID_TOKEN) => {
            let (proven, patient) = verify(gate, &client.providers, token).await?;
            Proved::Person(proven, patient, presented(&client.app, token, target, gate.clock.now())?)
        }
        Some(_) | None => {
            return Err(OAuthError::invalid("the subject_token_type is not supported"));
        }
    };
    let scope = form.get("scope").map(str::to_owned);
    write(gate, client, move |tx, request| {
        let subject = match person {
            Proved::Caller(caller) => TokenSubject::of_token(tx, request, &caller)?,
            Proved::Person(proven, patient, presented) => {
                if !tx.insert_if_unused(&presented.digest, presented.expires_at)? {
                    return Err(TokenError::Invalid("the subject_token has already been used"));
                }
                TokenSubject::of_proven(tx, request, &proven, patient)?
            }
        };
        exchange(tx, request, subject, target, scope.as_deref())
    })
    .await
}

/// Checks the other parameters.
fn check(form: &Form) -> Result<(), OAuthError> {
    if form.get("actor_token").is_some() {
        return Err(OAuthError::invalid(
            "actor_token is not supported: the actor is the subject of the subject_token",
        ));
    }
    if form.get("requested_token_type").is_some_and(|kind| kind != ACCESS_TOKEN) {
        return Err(OAuthError::invalid("requested_token_type must be that of an access token"));
    }
    Ok(())
}

/// The patient: an NHS number or `Patient/{NHS number}`; the role: its id or `Consent/{id}`. A malformed
/// value is answered as an unknown one.
fn target(form: &Form) -> Result<ExchangeTarget, TokenError> {
    let number = |text: &str| {
        let number = text.strip_prefix("Patient/").unwrap_or(text);
        NhsNumber::parse(number, NumberCheck::Length)
            .map_err(|_wrong| TokenError::Target("patient is not an NHS number"))
    };
    let role = |text: &str| {
        let id = text.strip_prefix("Consent/").unwrap_or(text);
        Uuid::try_parse(id).map_err(|_wrong| TokenError::Target("role is not the id of a role"))
    };
    Ok(ExchangeTarget {
        patient: form.get("patient").map(number).transpose()?,
        role: form.get("role").map(role).transpose()?,
    })
}

/// The caller of an access token of this server. A token that is bound to a key needs a DPoP proof here too.
fn our_own(gate: &Gate, client: &AuthenticatedClient, token: &str) -> Result<Caller, OAuthError> {
    let read = authority(gate)?.caller(token, gate.clock.now());
    let (caller, bound_to) = read.map_err(|bad| {
        OAuthError::invalid("the subject_token is not valid").with_reason(format!("the subject_token: {bad}"))
    })?;
    if bound_to.is_some() && bound_to.as_deref() != client.jkt() {
        return Err(TokenError::Proof("the subject_token is bound to another key").into());
    }
    Ok(caller)
}

/// The greatest age of a provider's token at exchange.
const MOST_AGE: TimeDelta = TimeDelta::minutes(10);

/// Prevents a second exchange of a provider's token.
struct Presented {
    /// The digest of app, target and token.
    digest: String,
    /// The token's end: afterwards it is refused anyway.
    expires_at: DateTime<Utc>,
}

/// Whether this app may exchange a verified token of a provider: it must be issued to a client that the
/// operator lists for the app, and be recent. Each app exchanges a token once for the same patient or role,
/// so that a person who acts for several patients need not log in for each.
fn presented(
    app: &Registration,
    token: &str,
    target: ExchangeTarget,
    now: DateTime<Utc>,
) -> Result<Presented, TokenError> {
    let claims = claims_of(token).ok_or(TokenError::Invalid("the subject_token cannot be read"))?;
    let is_listed = |audience: &String| app.exchange_audiences.contains(audience);
    if claims.audiences.is_empty() || !claims.audiences.iter().all(is_listed) {
        return Err(TokenError::Invalid("this app may not exchange tokens that were issued to that client"));
    }
    if claims.issued_at + MOST_AGE <= now {
        return Err(TokenError::Invalid(
            "the subject_token is too old to be exchanged: the user must log in again",
        ));
    }
    // The signature covers this text, so no variant of the token has another digest.
    let signed = token.rsplit_once('.').map_or(token, |(signed, _)| signed);
    let patient = target.patient.as_ref().map_or("", NhsNumber::as_str);
    let role = target.role.map_or_else(String::new, |role| role.to_string());
    let digest = digest(&format!("exchange\u{1f}{}\u{1f}{patient}\u{1f}{role}\u{1f}{signed}", app.client_id));
    Ok(Presented { digest, expires_at: claims.expires_at })
}

/// The person whom a provider has proved, by an id token or a composite token. The providers verify
/// signature, issuer, audience and time.
async fn verify(
    gate: &Gate,
    providers: &Providers,
    token: &str,
) -> Result<(Proven, Option<NhsNumber>), OAuthError> {
    let now = gate.clock.now();
    let refused = match providers.verify_id_token(token, now).await {
        Ok(proven) => return Ok((proven, None)),
        Err(refused) => refused,
    };
    match (providers.verify_composite_token(token, now).await, refused) {
        (Ok(composite), _) => Ok((composite.proxy, Some(composite.patient))),
        (Err(UpstreamError::Unavailable), _) | (_, UpstreamError::Unavailable) => {
            Err(Error::busy(UpstreamError::Unavailable).into())
        }
        (Err(composite), refused) => {
            let why =
                format!("the subject_token as an id token: {refused}; as a composite token: {composite}");
            Err(OAuthError::invalid("the subject_token is not a valid token of a configured provider")
                .with_reason(why))
        }
    }
}
