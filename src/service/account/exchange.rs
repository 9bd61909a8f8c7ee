//! Token exchange: a user's token for one to act for a patient (RFC 8693).

use uuid::Uuid;

use crate::account::act::fhir_user_acting;
use crate::account::log_in::find_or_make_user;
use crate::account::{IssuedTokens, TokenError, TokenRequest, fit, live_grant, narrow_audience};
use base::ids;
use domain::account::identity::{Proven, ProvenKind};
use domain::account::scope::Scope;
use domain::account::{
    AccessMode, Caller, Grant, GrantType, NamedScope, Principal, Proofing, ScopeContext, Scopes, Vector,
};
use domain::person::NhsNumber;
use store::{RoleSearch, Tx};

/// The proxy, as the subject token proves them.
#[derive(Clone, Debug)]
pub struct TokenSubject {
    /// The proxy.
    pub proxy: NhsNumber,
    /// The proxy's vector of trust.
    pub vot: Vector,
    /// The patient whom the subject token is about, where it is not the proxy.
    pub patient: Option<NhsNumber>,
    /// The proxy's user in this service.
    pub user: Option<Uuid>,
    /// The grant of the subject token, the parent of the new one; none for a provider's token.
    pub parent: Option<Uuid>,
    /// The APIs that the subject token is for; none for every API of this server.
    pub audience: Vec<String>,
    /// The scopes that the subject token has.
    pub scopes: Scopes,
}

/// The target of the exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExchangeTarget {
    /// The patient.
    pub patient: Option<NhsNumber>,
    /// The role.
    pub role: Option<Uuid>,
}

impl TokenSubject {
    /// The person of an access token of ours: not acting for another, and of this app. The token's grant must
    /// hold.
    ///
    /// # Errors
    ///
    /// [`TokenError`].
    pub fn of_token(
        tx: &mut Tx<'_>,
        request: &TokenRequest<'_>,
        caller: &Caller,
    ) -> Result<Self, TokenError> {
        let is_of_app = caller.app.as_deref() == Some(request.app.client_id.as_str());
        let (Principal::Citizen { nhs_number, .. }, Some(grant), true) =
            (&caller.principal, caller.grant, is_of_app)
        else {
            return Err(TokenError::Invalid("the subject_token is not one of a person for this app"));
        };
        // Locked until the new grant is written: a revocation meanwhile also revokes its children.
        tx.lock_grant(grant)?;
        let (grant, _) = live_grant(tx, grant, request.now)
            .map_err(|_lapsed| TokenError::Invalid("the subject_token is no longer valid"))?;
        request.has_found_grant();
        let scopes = super::scopes_of(&caller.granted_scopes);
        if !scopes.has(NamedScope::Delegation) {
            return Err(TokenError::Scope("the subject_token lacks the scope delegation"));
        }
        let vot = grant.vot.ok_or(TokenError::Invalid("the subject_token is not one of a person"))?;
        let Grant { id, user, audience, .. } = grant;
        Ok(Self { proxy: *nhs_number, vot, patient: None, user, parent: Some(id), audience, scopes })
    }

    /// The person whom an identity provider has authenticated: by an id token, or by a composite one, which
    /// is about the patient and names the actor. The app, which must have authenticated, gets the scopes of
    /// its registration. The person becomes a user, by whom the grant is found and revoked.
    ///
    /// # Errors
    ///
    /// [`TokenError`].
    pub fn of_proven(
        tx: &mut Tx<'_>,
        request: &TokenRequest<'_>,
        proven: &Proven,
        patient: Option<NhsNumber>,
    ) -> Result<Self, TokenError> {
        if !request.app.authentication.is_confidential() {
            return Err(TokenError::Unauthorized);
        }
        let wrong = TokenError::Invalid("the subject_token does not say who the person is");
        let ProvenKind::Citizen { nhs_number: Some(proxy), vot } = &proven.kind else { return Err(wrong) };
        let (proxy, vot) = (*proxy, vot.clone());
        let user = Some(find_or_make_user(tx, proven, request.now)?);
        let scopes = request.app.scopes.clone();
        Ok(Self { proxy, vot, patient, user, parent: None, audience: Vec::new(), scopes })
    }
}

/// Lets a person act for another through an app, where they have a role for exactly this person that is
/// active now. The grant lasts as long as its token: the app exchanges again.
///
/// # Errors
///
/// [`TokenError`]; then nothing has changed.
pub fn exchange(
    tx: &mut Tx<'_>,
    request: &TokenRequest<'_>,
    subject: TokenSubject,
    target: ExchangeTarget,
    scope: Option<&str>,
) -> Result<IssuedTokens, TokenError> {
    request.check(GrantType::TokenExchange)?;
    if request.app.mode != AccessMode::Citizen {
        return Err(TokenError::Unauthorized);
    }
    if subject.vot.proofing < Proofing::P9 {
        return Err(TokenError::Invalid("the person must be proved at P9 to act for others"));
    }
    let scopes = acting_scopes(request, &subject.scopes, scope)?;
    let audience = narrow_audience(&subject.audience, request.audience)?;
    let (role, patient) = find_role(tx, &subject, target)?;
    let fhir_user = fhir_user_acting(tx, subject.user, subject.proxy, patient)?;
    let grant = Grant {
        id: ids::new_uuid(request.now),
        app: request.app.client_id.clone(),
        mode: AccessMode::Citizen,
        user: subject.user,
        patient: Some(patient),
        proxy: Some(subject.proxy),
        role: Some(role),
        scopes: scopes.clone(),
        vot: Some(subject.vot),
        staff: None,
        organisation: None,
        fhir_user,
        parent: subject.parent,
        audience: audience.clone(),
        created_at: request.now,
        expires_at: request.now + request.lifetimes.access_ttl,
    };
    tx.insert_grant(&grant)?;
    // The state of the role is read in the same way as at every later request.
    let state = tx.find_grant_state(grant.id)?.ok_or(TokenError::Target("the grant was not kept"))?;
    state.check(request.now).map_err(|lapsed| TokenError::Target(lapsed.reason()))?;
    request.use_role(tx, &grant)?;
    Ok(IssuedTokens {
        scopes,
        role_version: state.role_version(),
        nonce: None,
        jkt: request.jkt.map(str::to_owned),
        audience,
        refresh_token: None,
        expires_at: request.token_end(&grant),
        grant,
    })
}

/// The app's scopes that concern the patient's records. A proxy gets no id token of the patient, does not see
/// whom else the patient may act for, and gets no refresh token.
fn acting_scopes(
    request: &TokenRequest<'_>,
    had: &Scopes,
    scope: Option<&str>,
) -> Result<Scopes, TokenError> {
    let had = request.app.scopes.narrowed_to(had);
    let wrong = TokenError::Scope("a scope over resources is not written as one");
    let asked = scope.map(Scopes::parse).transpose().or(Err(wrong))?;
    let given = asked.map_or_else(|| had.clone(), |asked| had.narrowed_to(&asked));
    let scopes = given.retaining(|scope| match scope {
        Scope::Resource(scope) => scope.context != ScopeContext::System,
        Scope::Named(word) => {
            matches!(
                word,
                NamedScope::LaunchPatient | NamedScope::FhirUser | NamedScope::ValidatedRelationships
            )
        }
    });
    if scopes.is_empty() {
        return Err(TokenError::Scope("none of these scopes is about a patient's records"));
    }
    fit(scopes)
}

/// The requested role, whatever its status. A proxy is never the patient, and a request that names both
/// patient and role must name those that belong together.
fn find_role(
    tx: &mut Tx<'_>,
    subject: &TokenSubject,
    target: ExchangeTarget,
) -> Result<(Uuid, NhsNumber), TokenError> {
    let patient = match (subject.patient, target.patient) {
        (Some(one), Some(other)) if one != other => {
            return Err(TokenError::Target("the subject_token is about another patient"));
        }
        (one, other) => one.or(other),
    };
    if patient == Some(subject.proxy) {
        return Err(TokenError::Target("the patient is the person themselves"));
    }
    let role = match (target.role, patient) {
        (Some(id), _) => tx.find_role(id)?.map(|role| role.value),
        (None, Some(_)) => {
            let search = RoleSearch { proxy: Some(subject.proxy), patient, statuses: None };
            tx.list_roles(&search, chrono::DateTime::UNIX_EPOCH)?.pop().map(|role| role.value)
        }
        (None, None) => None,
    };
    let is_theirs = |role: &domain::proxy::Role| {
        role.proxy == subject.proxy && patient.is_none_or(|patient| patient == role.patient)
    };
    let none =
        TokenError::Target("the person has no such role, or the request names neither patient nor role");
    role.filter(is_theirs).map(|role| (role.id, role.patient)).ok_or(none)
}
