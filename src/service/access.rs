//! Authorization: what a caller may do, first by the kind of caller, then by whose data it is.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use base::error::{Error, ErrorKind};
use domain::account::caller::GrantedScopes;
use domain::account::{
    Caller, GrantState, Lapsed, NamedScope, Permission, Principal, Proofing, RoleState, Scopes,
};
use domain::person::NhsNumber;
use domain::proxy::{ReasonCode, Role, RoleChange, Status};
use store::Tx;

/// An operation that a caller requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Submit an access request.
    SubmitAccessRequest,
    /// Read an access request.
    ReadAccessRequest,
    /// Search verified relationships.
    SearchRelationships,
    /// Search roles.
    SearchRoles,
    /// Record a decision as a new role.
    CreateRole,
    /// Read a role.
    ReadRole,
    /// Change a role.
    ChangeRole,
    /// Read or search anything else: people, relationships, forms, definitions, the audit record.
    ReadRecords,
    /// Record or change a relationship, or change an access request.
    WriteRecords,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 9] = [
        Self::SubmitAccessRequest,
        Self::ReadAccessRequest,
        Self::SearchRelationships,
        Self::SearchRoles,
        Self::CreateRole,
        Self::ReadRole,
        Self::ChangeRole,
        Self::ReadRecords,
        Self::WriteRecords,
    ];
}

/// The caller may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the caller may not do this")]
pub struct AccessDenied;

/// Authorizes by the kind of caller alone (contract §1.1 and §9 rows 17 and 18). A citizen needs proofing P9,
/// and so did every person who was made a proxy.
///
/// # Errors
///
/// [`AccessDenied`] where this kind of caller may never do this.
pub fn decide_kind(principal: &Principal, action: Action) -> Result<(), AccessDenied> {
    let may = match principal {
        Principal::Anyone | Principal::Service => true,
        Principal::Citizen { proofing, .. } if *proofing < Proofing::P9 => false,
        Principal::Citizen { .. } => !matches!(action, Action::CreateRole | Action::WriteRecords),
        // A person asks to act for more people as themselves, not as a proxy.
        Principal::Proxy { .. } => {
            !matches!(action, Action::CreateRole | Action::WriteRecords | Action::SubmitAccessRequest)
        }
        Principal::Staff { .. } => action != Action::SubmitAccessRequest,
        Principal::System { .. } => {
            !matches!(action, Action::SubmitAccessRequest | Action::SearchRelationships)
        }
    };
    if may { Ok(()) } else { Err(AccessDenied) }
}

/// Authorizes by whose data it is: a citizen reaches only what names them, and a proxy who acts for a patient
/// only what is between the two of them.
///
/// # Errors
///
/// [`AccessDenied`] where the caller is a citizen and is none of `parties`, or a proxy and the two are not both
/// named.
pub fn decide_parties(principal: &Principal, parties: &[NhsNumber]) -> Result<(), AccessDenied> {
    let may = match principal {
        Principal::Citizen { nhs_number, .. } => parties.contains(nhs_number),
        Principal::Proxy { proxy, patient, .. } => {
            [proxy, patient].into_iter().all(|number| parties.contains(number))
        }
        Principal::Anyone | Principal::Staff { .. } | Principal::System { .. } | Principal::Service => true,
    };
    if may { Ok(()) } else { Err(AccessDenied) }
}

/// Checks that the grant behind a caller's token still holds: not revoked, and its role active at this
/// instant, whatever the token says (PX-02, PX-05, PX-08). One indexed read in the transaction of the
/// request; none for a caller without a grant.
///
/// # Errors
///
/// [`NotLive`].
pub fn check_live(tx: &mut Tx<'_>, caller: &Caller, now: DateTime<Utc>) -> Result<(), NotLive> {
    let Some(grant) = caller.grant else { return Ok(()) };
    let state = tx.find_grant_state(grant)?.ok_or(Lapsed::Ended)?;
    Ok(state.check(now)?)
}

/// Checks that a grant still stands, though its tokens may have expired: for what continues without a token,
/// such as a subscription (N-34). For a citizen and a proxy it stands until [`granted_until`]; for staff and
/// systems as long as their app is registered, which the delivery worker checks. A revocation, the end of the
/// role or of a person's standing ends it for each.
///
/// # Errors
///
/// [`NotLive`].
pub fn check_granted(tx: &mut Tx<'_>, caller: &Caller, now: DateTime<Utc>) -> Result<(), NotLive> {
    let Some(grant) = caller.grant else { return Ok(()) };
    let state = tx.find_grant_state(grant)?.ok_or(Lapsed::Ended)?;
    let expires_at = match end_of_grant(tx, caller, grant)? {
        Stands::Until(end) => end,
        Stands::WithApp => DateTime::<Utc>::MAX_UTC,
    };
    Ok(GrantState { expires_at, ..state }.check(now)?)
}

/// When an operation without a token must end: with the grant that a citizen gave, which lives as long as its
/// refresh tokens, or for a few hours without them; for a proxy with the grant from which theirs was
/// exchanged, or with the role, whichever is first. `None` where only the app's registration ends it.
///
/// # Errors
///
/// Database errors.
pub fn granted_until(tx: &mut Tx<'_>, caller: &Caller) -> Result<Option<DateTime<Utc>>, Error> {
    let Some(grant) = caller.grant else { return Ok(None) };
    let Stands::Until(end) = end_of_grant(tx, caller, grant)? else { return Ok(None) };
    let role_end = match tx.find_grant_state(grant)?.map(|state| state.role) {
        Some(RoleState::There { end_at, .. }) => end_at,
        Some(RoleState::NotNeeded | RoleState::Gone) | None => None,
    };
    Ok(Some(role_end.map_or(end, |role_end| end.min(role_end))))
}

/// What bounds the grant behind a caller, beside its revocation.
enum Stands {
    /// Its expiry.
    Until(DateTime<Utc>),
    /// The registration of its app: its grants last minutes, and it gets the next one by itself.
    WithApp,
}

fn end_of_grant(tx: &mut Tx<'_>, caller: &Caller, grant: Uuid) -> Result<Stands, Error> {
    Ok(match &caller.principal {
        Principal::Citizen { .. } | Principal::Proxy { .. } => {
            Stands::Until(tx.find_grant_end(grant)?.unwrap_or(DateTime::<Utc>::MIN_UTC))
        }
        Principal::Anyone | Principal::Staff { .. } | Principal::System { .. } | Principal::Service => {
            Stands::WithApp
        }
    })
}

/// The grant behind the caller's token does not hold, or could not be read.
#[derive(Debug, thiserror::Error)]
pub enum NotLive {
    /// It does not hold.
    #[error(transparent)]
    Lapsed(#[from] Lapsed),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<NotLive> for Error {
    fn from(not_live: NotLive) -> Self {
        match not_live {
            NotLive::Lapsed(lapsed) => {
                Self::new(ErrorKind::Unauthenticated, "The access token is no longer valid. Get a new one.")
                    .with_source(lapsed)
            }
            NotLive::Store(error) => error,
        }
    }
}

/// Checks that an app was granted this for every resource of the type, on an API without search by scope: a
/// scope with a constraint does not count there.
///
/// # Errors
///
/// [`AccessDenied`] where no scope grants it.
pub fn decide_scope(caller: &Caller, resource: &str, permission: Permission) -> Result<(), AccessDenied> {
    let is_national = |scopes: &Scopes| scopes.has(NamedScope::ValidatedRelationships);
    let may = match &caller.granted_scopes {
        GrantedScopes::Scopes(scopes) if is_national(scopes) => true,
        granted_scopes @ (GrantedScopes::None | GrantedScopes::Scopes(_)) => granted_scopes
            .constraints(resource, permission)
            .is_some_and(|constraints| constraints.iter().any(|constraint| constraint.params.is_empty())),
    };
    if may { Ok(()) } else { Err(AccessDenied) }
}

/// Checks that a caller may make this change to this role. Patient and proxy may only end a role: active to
/// inactive, because the patient asks or because it is not used.
///
/// # Errors
///
/// [`AccessDenied`] where the caller is a citizen and requests anything else.
pub fn decide_change(principal: &Principal, role: &Role, change: &RoleChange) -> Result<(), AccessDenied> {
    let (Principal::Citizen { .. } | Principal::Proxy { .. }) = principal else { return Ok(()) };
    decide_parties(principal, &[role.proxy, role.patient])?;
    let ends = change.status == Some(Status::Inactive) && role.status == Status::Active;
    let for_cause = change.reason.as_ref().is_some_and(|reason| {
        matches!(
            reason.code(),
            ReasonCode::RoleDeactivatedPatientRequest | ReasonCode::RoleDeactivatedInactiveRole
        )
    });
    let nothing_else =
        change.grantor.is_none() && change.end.is_none() && change.legal_basis.is_none() && !change.reviewed;
    if ends && for_cause && nothing_else { Ok(()) } else { Err(AccessDenied) }
}
