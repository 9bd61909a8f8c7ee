//! NHS login's composite token: its subject is a patient, and `act.sub` is the identity token of the person
//! who acts for them. The inner token is read and never verified: the signature of the composite token
//! protects it, so by itself it proves nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::claims::ProviderClaims;
use crate::error::UpstreamError;
use crate::id_token::{Claims, key_id};
use crate::proof::prove;
use crate::settings::ProviderKind;
use domain::account::identity::{Proven, ProvenKind};
use domain::person::{NhsNumber, NumberCheck};

/// The people of a composite token, as NHS login states them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composite {
    /// The patient.
    pub patient: NhsNumber,
    /// The proxy: always a citizen with a verified NHS number, who is not the patient. Only the signature of
    /// the composite token proves it.
    pub proxy: Proven,
}

/// The required claims of the inner token.
#[derive(Deserialize)]
struct Inner {
    iss: String,
    sub: String,
    #[serde(rename = "exp")]
    _exp: i64,
    #[serde(rename = "aud")]
    _aud: serde_json::Value,
    #[serde(flatten)]
    claims: ProviderClaims,
}

/// Reads the two people of a composite token whose signature and claims were verified.
pub(super) fn read(
    outer: &Claims,
    issuer: &str,
    kind: &ProviderKind,
    check: NumberCheck,
) -> Result<Composite, UpstreamError> {
    let patient = NhsNumber::parse(outer.subject().as_str(), check);
    let patient =
        patient.or(Err(UpstreamError::Refused("the composite token's subject is not a patient")))?;
    let act = outer.additional_claims().act.as_ref();
    let act = act.ok_or(UpstreamError::Refused("the composite token has no act claim"))?;
    let inner = decode(&act.sub)?;
    if inner.iss != issuer {
        return Err(UpstreamError::Refused("the composite token holds another issuer's token"));
    }
    let kind = prove(kind, &inner.sub, &inner.claims, None, check)?;
    match kind {
        ProvenKind::Citizen { nhs_number: Some(proxy), .. } if proxy != patient => {}
        ProvenKind::Citizen { nhs_number: Some(_), .. } => {
            return Err(UpstreamError::Refused("the proxy and the patient are the same person"));
        }
        ProvenKind::Citizen { nhs_number: None, .. } | ProvenKind::Staff { .. } => {
            return Err(UpstreamError::NotProved("who acts has no proven NHS number"));
        }
    }
    Ok(Composite { patient, proxy: Proven { issuer: inner.iss, subject: inner.sub, kind, email: None } })
}

fn decode(token: &str) -> Result<Inner, UpstreamError> {
    let refused = UpstreamError::Refused("the token within the composite token cannot be read");
    key_id(token)?.ok_or(refused)?;
    let claims = token.split('.').nth(1).ok_or(refused)?;
    let claims = URL_SAFE_NO_PAD.decode(claims).or(Err(refused))?;
    serde_json::from_slice(&claims).or(Err(refused))
}
