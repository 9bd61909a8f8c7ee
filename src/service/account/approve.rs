//! A person approves an app's authorization request.

use chrono::{DateTime, TimeDelta, Utc};

use crate::account::act::{fhir_user_acting, holds};
use crate::account::log_in::may_log_in;
use crate::authority::Lifetimes;
use base::clock::Clock;
use base::error::Error;
use base::ids;
use base::token::digest;
use base::token::new_secret;
use domain::account::identity::ProvenKind;
use domain::account::{
    AccessMode, Acting, AuthorizationRequest, Code, Grant, KnownPerson, LogIn, LogInStage, NamedScope, Scopes,
};
use store::{RetentionPolicy, Tx};

/// The lifetime of a grant without offline access. With it, the grant lives as long as a refresh token.
const GRANT_TTL: TimeDelta = TimeDelta::hours(12);

/// How long an expired code is kept, so that the refusal can say that it was used; and how many older ones
/// are removed with each new one.
const KEPT_CODES: TimeDelta = TimeDelta::days(1);
const SWEPT: i64 = 20;

/// The lifetime of a grant with these scopes.
pub fn grant_ttl(scopes: &Scopes, lifetimes: Lifetimes) -> TimeDelta {
    if scopes.has(NamedScope::OfflineAccess) { lifetimes.refresh_ttl } else { GRANT_TTL }
}

/// The authorization response.
#[derive(Clone, Debug)]
pub struct Approved {
    /// The code. It is stored nowhere.
    pub code: String,
    /// The app's request.
    pub request: AuthorizationRequest,
}

/// The app is granted nothing.
#[derive(Debug, thiserror::Error)]
pub enum ApproveError {
    /// The log-in has expired, or its person is not authenticated yet.
    #[error("there is no log-in to approve")]
    Gone,
    /// The role by which they wanted to act is no longer active.
    #[error("the role is not active")]
    RoleLapsed,
    /// The person may no longer appear.
    #[error("the person is not current")]
    Person,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Ends the log-in of this digest with a grant and a code for it. The role is read again here, whatever the
/// pages before have shown.
///
/// # Errors
///
/// [`ApproveError`]; then the log-in stays as it was.
pub fn approve(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    lifetimes: Lifetimes,
    log_in: &str,
) -> Result<Approved, ApproveError> {
    let now = clock.now();
    let LogIn { app, request, stage, .. } = tx.take_log_in(log_in, now)?.ok_or(ApproveError::Gone)?;
    let LogInStage::Known { person, acting: Some(acting) } = stage else { return Err(ApproveError::Gone) };
    let mut grant = grant(tx, app, &request, &person, acting, now)?;
    grant.expires_at = now + grant_ttl(&grant.scopes, lifetimes);
    tx.insert_grant(&grant)?;
    let code = new_secret()?;
    let kept = Code {
        grant: grant.id,
        redirect_uri: request.redirect_uri.clone(),
        challenge: request.challenge.clone(),
        nonce: request.nonce.clone(),
        dpop_jkt: request.dpop_jkt.clone(),
        expires_at: now + lifetimes.code_ttl,
    };
    tx.delete_expired(RetentionPolicy::Codes, now - KEPT_CODES, SWEPT)?;
    tx.insert_code(&digest(&code), &kept)?;
    Ok(Approved { code, request })
}

fn grant(
    tx: &mut Tx<'_>,
    app: String,
    request: &AuthorizationRequest,
    person: &KnownPerson,
    acting: Acting,
    now: DateTime<Utc>,
) -> Result<Grant, ApproveError> {
    let mut grant = Grant {
        id: ids::new_uuid(now),
        app,
        mode: AccessMode::Staff,
        user: Some(person.user),
        patient: None,
        proxy: None,
        role: None,
        scopes: request.scopes.clone(),
        vot: None,
        staff: None,
        organisation: None,
        fhir_user: Some(format!("Person/{}", person.user)),
        parent: None,
        audience: request.audience.clone(),
        created_at: now,
        expires_at: now + GRANT_TTL,
    };
    match (&person.proven.kind, acting) {
        (ProvenKind::Staff { uid, organisation }, _) => {
            grant.staff = Some(uid.clone());
            grant.organisation = Some(organisation.clone());
        }
        (ProvenKind::Citizen { vot, .. }, acting) => {
            grant.mode = AccessMode::Citizen;
            grant.vot = Some(vot.clone());
            let number = person.proved_number().ok_or(ApproveError::Person)?;
            if !may_log_in(tx, number)? {
                return Err(ApproveError::Person);
            }
            match acting {
                Acting::Oneself => {
                    grant.patient = Some(number);
                    grant.fhir_user = Some(format!("Patient/{number}"));
                }
                Acting::For { patient, role } => {
                    let found = tx.find_role(role)?.map(|role| role.value).filter(|role| holds(role, now));
                    let found = found.filter(|role| (role.proxy, role.patient) == (number, patient));
                    found.ok_or(ApproveError::RoleLapsed)?;
                    (grant.patient, grant.proxy, grant.role) = (Some(patient), Some(number), Some(role));
                    grant.fhir_user = fhir_user_acting(tx, Some(person.user), number, patient)?;
                }
            }
        }
    }
    Ok(grant)
}
