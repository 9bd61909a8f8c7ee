//! Token exchange (RFC 8693): what the form says, and whose token it brings.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::form::Form;
use crate::problem::Problem;
use crate::state::authority;
use crate::token::asker::{Asker, write};
use base::error::Error;
use base::token::digest;
use domain::account::identity::Proven;
use domain::account::{Caller, Registration};
use domain::person::{NhsNumber, NumberCheck};
use idp::Providers;
use idp::{UpstreamError, claims_of};
use service::account::exchange::{Subject, Target, exchange};
use service::account::{IssuedTokens, TokenError};
use web::gate::Gate;

/// The type of our own tokens (RFC 8693 §3).
pub(super) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// The type of an identity provider's, composite ones among them.
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

/// Whose token it is, its signature checked.
enum Proved {
    /// A caller of ours.
    Caller(Caller),
    /// Somebody whom a provider has proved, and the patient that a composite token is about.
    Person(Proven, Option<NhsNumber>, Presented),
}

/// A token to act for the patient whom the form names.
pub(super) async fn by_token(gate: &Gate, asker: Asker, form: &Form) -> Result<IssuedTokens, Problem> {
    check(form)?;
    let target = target(form)?;
    let token = form.need("subject_token", "name the subject_token")?;
    let person = match form.get("subject_token_type") {
        Some(ACCESS_TOKEN) => Proved::Caller(our_own(gate, &asker, token)?),
        Some(ID_TOKEN) => {
            let (proven, patient) = verify(gate, &asker.providers, token).await?;
            Proved::Person(proven, patient, presented(&asker.app, token, target, gate.clock.now())?)
        }
        Some(_) | None => {
            return Err(Problem::invalid("the subject_token_type is not one that is taken here"));
        }
    };
    let scope = form.get("scope").map(str::to_owned);
    write(gate, asker, move |tx, asking| {
        let subject = match person {
            Proved::Caller(caller) => Subject::of_token(tx, asking, &caller)?,
            Proved::Person(proven, patient, presented) => {
                if !tx.see_once(&presented.digest, presented.expires_at)? {
                    return Err(TokenError::Invalid("the subject_token was shown before"));
                }
                Subject::of_proven(tx, asking, &proven, patient)?
            }
        };
        exchange(tx, asking, subject, target, scope.as_deref())
    })
    .await
}

/// What else the form may say.
fn check(form: &Form) -> Result<(), Problem> {
    if form.get("actor_token").is_some() {
        return Err(Problem::invalid("who acts is whose token it is: there is no actor_token here"));
    }
    if form.get("requested_token_type").is_some_and(|kind| kind != ACCESS_TOKEN) {
        return Err(Problem::invalid("there are only access tokens here"));
    }
    Ok(())
}

/// For whom: an NHS number or `Patient/{NHS number}`; by which role: its id or `Consent/{id}`. What can name
/// nobody is answered as what names nobody.
fn target(form: &Form) -> Result<Target, TokenError> {
    let number = |text: &str| {
        let number = text.strip_prefix("Patient/").unwrap_or(text);
        NhsNumber::parse(number, NumberCheck::Length)
            .map_err(|_wrong| TokenError::Target("patient is no NHS number"))
    };
    let role = |text: &str| {
        let id = text.strip_prefix("Consent/").unwrap_or(text);
        Uuid::try_parse(id).map_err(|_wrong| TokenError::Target("role is no id of a role"))
    };
    Ok(Target {
        patient: form.get("patient").map(number).transpose()?,
        role: form.get("role").map(role).transpose()?,
    })
}

/// The caller of a token of ours. One that is bound to a key needs a proof of it here too.
fn our_own(gate: &Gate, asker: &Asker, token: &str) -> Result<Caller, Problem> {
    let read = authority(gate)?.caller(token, gate.clock.now());
    let (caller, bound_to) = read.map_err(|bad| {
        Problem::invalid("the subject_token is not good").because(format!("the subject_token: {bad}"))
    })?;
    if bound_to.is_some() && bound_to.as_deref() != asker.jkt() {
        return Err(TokenError::Proof("the subject_token is bound to another key").into());
    }
    Ok(caller)
}

/// How old a provider's token may be when it is exchanged.
const MOST_AGE: TimeDelta = TimeDelta::minutes(10);

/// What keeps a provider's token from being exchanged again.
struct Presented {
    /// Of the app and the token.
    digest: String,
    /// The token's end: from then on it is refused anyway.
    expires_at: DateTime<Utc>,
}

/// Whether a provider's token, which was verified, is one that this app may exchange: issued to clients that the operator
/// lists for the app, and not long ago. Each app exchanges a token once for the same patient or role, so that a person who acts
/// for several need not log in for each.
fn presented(
    app: &Registration,
    token: &str,
    target: Target,
    now: DateTime<Utc>,
) -> Result<Presented, TokenError> {
    let claims = claims_of(token).ok_or(TokenError::Invalid("the subject_token cannot be read"))?;
    let is_listed = |audience: &String| app.exchange_audiences.contains(audience);
    if claims.audiences.is_empty() || !claims.audiences.iter().all(is_listed) {
        return Err(TokenError::Invalid("this app may not exchange tokens that were issued to that client"));
    }
    if claims.issued_at + MOST_AGE <= now {
        return Err(TokenError::Invalid(
            "the subject_token is too old to be exchanged: log the person in again",
        ));
    }
    // The signature covers this text: the same token cannot be written in another way.
    let signed = token.rsplit_once('.').map_or(token, |(signed, _)| signed);
    let patient = target.patient.as_ref().map_or("", NhsNumber::as_str);
    let role = target.role.map_or_else(String::new, |role| role.to_string());
    let digest = digest(&format!("exchange\u{1f}{}\u{1f}{patient}\u{1f}{role}\u{1f}{signed}", app.client_id));
    Ok(Presented { digest, expires_at: claims.expires_at })
}

/// Whom a provider of the settings has proved, by an id token of its own or by a composite one. Its signature,
/// issuer, audience and time are for the providers to check.
async fn verify(
    gate: &Gate,
    providers: &Providers,
    token: &str,
) -> Result<(Proven, Option<NhsNumber>), Problem> {
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
            Err(Problem::invalid("no provider here has issued the subject_token").because(why))
        }
    }
}
