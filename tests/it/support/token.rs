//! Access tokens as the authorization server issues them, for tests of authorization.

use base::error::Error;
use base::ids;
use chrono::{DateTime, TimeDelta, Utc};
use domain::account::claims::{AccessClaims, ActorClaim, Delegation};
use domain::account::{
    AccessMode, ClientAuthentication, Grant, GrantType, IntrospectionSubject, Principal, Registration,
    Scopes, Vector,
};
use jose::key::KeyPurpose;
use service::authority::Authority;
use store::Store;

use super::TestApp;

/// The app that the tokens are issued to.
pub const APP: &str = "test-app";

/// An app that may do whatever scopes there are, so that a server with it issues tokens.
pub fn registration() -> Registration {
    Registration {
        client_id: APP.to_owned(),
        name: "The app of the tests".to_owned(),
        mode: AccessMode::Citizen,
        authentication: ClientAuthentication::None,
        redirect_uris: vec!["https://app.example/callback".to_owned()],
        grant_types: GrantType::ALL.to_vec(),
        scopes: Scopes::parse("openid launch/patient patient/*.cruds user/*.cruds system/*.cruds").unwrap(),
        may_introspect: false,
        introspection_subject: IntrospectionSubject::Account,
        exchange_audiences: Vec::new(),
        logout_uris: Vec::new(),
        is_dpop_bound: false,
    }
}

impl TestApp {
    /// The claims of a token for this caller and these scopes, and its grant.
    pub async fn claims(&self, principal: &Principal, scope: &str) -> AccessClaims {
        let authority = self.authority.as_ref().expect("a server with apps");
        claims(&self.store, authority, self.now(), principal, scope).await
    }

    /// Claims as a token.
    pub fn sign(&self, claims: &AccessClaims) -> String {
        let authority = self.authority.as_ref().expect("a server with apps");
        authority.sign(KeyPurpose::AccessToken, "at+jwt", claims).expect("it can be signed")
    }

    /// A token for this caller with these scopes.
    pub async fn token(&self, principal: &Principal, scope: &str) -> String {
        self.sign(&self.claims(principal, scope).await)
    }
}

/// The claims of a token that this authority issues to this caller, with the grant that it stands on in the database.
pub async fn claims(
    store: &Store,
    authority: &Authority,
    now: DateTime<Utc>,
    principal: &Principal,
    scope: &str,
) -> AccessClaims {
    let (mode, sub, proxy, role) = match principal {
        Principal::Citizen { nhs_number, .. } => (AccessMode::Citizen, nhs_number.to_string(), None, None),
        Principal::Proxy { proxy, patient, role } => {
            (AccessMode::Citizen, patient.to_string(), Some(*proxy), Some(*role))
        }
        Principal::Staff { name, .. } => (AccessMode::Staff, name.clone(), None, None),
        Principal::System { name } => (AccessMode::System, name.clone(), None, None),
        Principal::Anyone | Principal::Service => panic!("no token is issued for them"),
    };
    let proofing = match principal {
        Principal::Citizen { proofing, .. } => Some(proofing.to_string()),
        Principal::Proxy { .. } => Some("P9".to_owned()),
        Principal::Staff { .. } | Principal::System { .. } | Principal::Anyone | Principal::Service => None,
    };
    let organisation = match principal {
        Principal::Staff { organisation, .. } => organisation.clone(),
        Principal::Citizen { .. }
        | Principal::Proxy { .. }
        | Principal::System { .. }
        | Principal::Anyone
        | Principal::Service => None,
    };
    let grant = Grant {
        id: ids::new_uuid(now),
        app: APP.to_owned(),
        mode,
        user: None,
        patient: principal.patient(),
        proxy,
        role,
        scopes: Scopes::of_token(scope),
        vot: proofing.as_ref().map(|_| Vector::parse("P9.Cp.Cd").unwrap()),
        staff: None,
        parent: None,
        audience: Vec::new(),
        organisation: organisation.clone(),
        fhir_user: None,
        created_at: now,
        expires_at: now + TimeDelta::days(30),
    };
    let kept = grant.clone();
    let inserted: Result<(), Error> = store.write(move |tx| tx.insert_grant(&kept)).await;
    inserted.expect("the grant is kept");
    AccessClaims {
        nbf: None,
        iss: authority.issuer().to_owned(),
        aud: authority.audiences().to_vec(),
        sub,
        client_id: APP.to_owned(),
        iat: now.timestamp(),
        exp: (now + TimeDelta::minutes(5)).timestamp(),
        jti: grant.id.to_string(),
        scope: scope.to_owned(),
        grant: grant.id,
        mode: mode.as_str().to_owned(),
        patient: principal.patient().map(|patient| patient.to_string()),
        fhir_user: None,
        act: proxy.map(|proxy| ActorClaim { sub: proxy.to_string(), iss: None }),
        delegation: role.map(|role| Delegation::of(role, 1)),
        identity_proofing_level: proofing,
        vot: None,
        ods_code: organisation.map(|code| code.to_string()),
        cnf: None,
    }
}
