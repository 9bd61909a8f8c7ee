//! NHS login's composite token: its subject is a patient, and who acts for them is in `act.sub`, as an
//! identity token of their own. That inner token is only read, never verified: the signature around it is
//! what protects it, so it proves nothing by itself.

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

/// What NHS login's composite token says: who acts for whom, as far as NHS login knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composite {
    /// For whom.
    pub patient: NhsNumber,
    /// Who acts: always a citizen with a proven NHS number, who is not the patient. Vouched for by the
    /// signature of the composite token alone.
    pub proxy: Proven,
}

/// The claims of the inner token that must be there.
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

/// Reads the two people of a composite token whose signature and claims were checked.
pub(super) fn read(
    outer: &Claims,
    issuer: &str,
    kind: &ProviderKind,
    check: NumberCheck,
) -> Result<Composite, UpstreamError> {
    let patient = NhsNumber::parse(outer.subject().as_str(), check);
    let patient = patient.or(Err(UpstreamError::Refused("the composite token's subject is no patient")))?;
    let act = outer.additional_claims().act.as_ref();
    let act = act.ok_or(UpstreamError::Refused("the composite token does not say who acts"))?;
    let inner = decode(&act.sub)?;
    if inner.iss != issuer {
        return Err(UpstreamError::Refused("the composite token holds another issuer's token"));
    }
    let kind = prove(kind, &inner.sub, &inner.claims, None, check)?;
    match kind {
        ProvenKind::Citizen { nhs_number: Some(proxy), .. } if proxy != patient => {}
        ProvenKind::Citizen { nhs_number: Some(_), .. } => {
            return Err(UpstreamError::Refused("nobody acts for themselves"));
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
