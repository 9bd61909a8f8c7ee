//! The claims of our access tokens (RFC 9068, with RFC 8693 §4.1 for acting): a copy of the grant for
//! resource servers that check the signature. Authorization reads the grant and the role themselves, at every
//! request.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

use crate::account::caller::{Caller, GrantedScopes, Principal};
use crate::account::proofing::Proofing;
use crate::account::registration::AccessMode;
use crate::account::scope::Scopes;
use crate::person::nhs_number::{NhsNumber, NumberCheck};
use crate::proxy::ods_code::OdsCode;

/// The claims of an access token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessClaims {
    /// The issuer.
    pub iss: String,
    /// The base URLs of the APIs that the token is for.
    pub aud: Vec<String>,
    /// The account that it is about: for a citizen their NHS number, for a proxy the *patient's*; the user id
    /// of staff; the `client_id` of an app by itself.
    pub sub: String,
    /// The app that it was issued to.
    pub client_id: String,
    /// Issued at, in seconds since 1970.
    pub iat: i64,
    /// Expires at, in seconds since 1970.
    pub exp: i64,
    /// Not valid before, in seconds since 1970. We issue none with a later start, and accept none before its
    /// start.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub nbf: Option<i64>,
    /// The token's id.
    pub jti: String,
    /// The granted scopes, separated by spaces.
    pub scope: String,
    /// The grant that it was issued for.
    #[serde(rename = "https://fhir.onbehalf.org.uk/claims/grant")]
    pub grant: Uuid,
    /// The kind of caller: `citizen`, `staff` or `system`.
    #[serde(rename = "https://fhir.onbehalf.org.uk/claims/mode")]
    pub mode: String,
    /// The patient of the launch, as the id of a Patient.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub patient: Option<String>,
    /// The user who logged in, as the URL of a resource.
    #[serde(rename = "fhirUser", skip_serializing_if = "Option::is_none", default)]
    pub fhir_user: Option<String>,
    /// The proxy, where the subject is another person. Only the outermost actor decides; actors within it are
    /// history (PX-07).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub act: Option<ActorClaim>,
    /// The role by which the proxy acts.
    #[serde(
        rename = "https://fhir.nhs.uk/claims/delegation",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub delegation: Option<Delegation>,
    /// The level to which the person's identity was proved, such as `P9`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub identity_proofing_level: Option<String>,
    /// The vector of trust of their log-in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub vot: Option<String>,
    /// The organisation for which a member of staff works now.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ods_code: Option<String>,
    /// The key that the token is bound to (DPoP).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cnf: Option<Confirmation>,
}

/// The proxy who acts for the subject of a token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ActorClaim {
    /// The NHS number of the proxy.
    pub sub: String,
    /// The issuer that vouches for the proxy.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub iss: Option<String>,
}

/// The role by which a proxy acts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Delegation {
    /// The role as it was when the token was issued: `Consent/{id}/_history/{version}`.
    pub consent: String,
    /// The kind of role: `personal`.
    pub role: String,
}

impl Delegation {
    /// The claim for a role.
    pub fn of(role: Uuid, version: i64) -> Self {
        Self { consent: format!("Consent/{role}/_history/{version}"), role: "personal".to_owned() }
    }

    /// The role that it names.
    fn role_id(&self) -> Option<Uuid> {
        let id = self.consent.strip_prefix("Consent/")?.split('/').next()?;
        Uuid::parse_str(id).ok()
    }
}

/// The key that a token is bound to (RFC 9449 §6.1).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Confirmation {
    /// The SHA-256 thumbprint of the key (RFC 7638), in base64url.
    pub jkt: String,
}

impl AccessClaims {
    /// The caller that the claims describe; `None` where they contradict each other.
    pub fn caller(&self) -> Option<Caller> {
        let number = |text: &str| NhsNumber::parse(text, NumberCheck::Length).ok();
        let principal = match (AccessMode::parse(&self.mode)?, &self.act) {
            (AccessMode::Citizen, None) => Principal::Citizen {
                nhs_number: number(&self.sub)?,
                proofing: self.identity_proofing_level.as_deref().and_then(Proofing::parse)?,
            },
            (AccessMode::Citizen, Some(act)) => {
                let (proxy, patient) = (number(&act.sub)?, number(&self.sub)?);
                if proxy == patient {
                    return None;
                }
                Principal::Proxy { proxy, patient, role: self.delegation.as_ref()?.role_id()? }
            }
            (AccessMode::Staff, None) => Principal::Staff {
                name: self.sub.clone(),
                organisation: self.ods_code.as_deref().and_then(|code| OdsCode::parse(code).ok()),
            },
            (AccessMode::System, None) => Principal::System { name: self.sub.clone() },
            (AccessMode::Staff | AccessMode::System, Some(_)) => return None,
        };
        Some(Caller {
            principal,
            granted_scopes: GrantedScopes::Scopes(Arc::new(Scopes::of_token(&self.scope))),
            app: Some(self.client_id.as_str().into()),
            grant: Some(self.grant),
            request_id: None,
        })
    }
}
