//! Maps a provider's claims to a proven identity. Pure.

use crate::claims::ProviderClaims;
use crate::error::UpstreamError;
use crate::settings::ProviderKind;
use domain::account::identity::ProvenKind;
use domain::account::{AccessMode, Proofing, Vector};
use domain::person::{NhsNumber, NumberCheck};
use domain::proxy::OdsCode;

/// The identity that the claims prove. `info` is the userinfo response, where it was read.
///
/// # Errors
///
/// [`UpstreamError::NotProved`] where the proof is too weak, [`UpstreamError::Refused`] where the claims
/// contradict each other.
pub(super) fn prove(
    kind: &ProviderKind,
    subject: &str,
    token: &ProviderClaims,
    info: Option<&ProviderClaims>,
    check: NumberCheck,
) -> Result<ProvenKind, UpstreamError> {
    match kind {
        ProviderKind::NhsLogin { vtr } => prove_by_nhs_login(vtr, token, info, check),
        ProviderKind::Cis2 { minimum_aal } => prove_by_cis2(*minimum_aal, subject, token, info),
        ProviderKind::Generic { mode: AccessMode::Citizen } => {
            // A generic provider never proves an NHS number, whatever it claims.
            let vot = Vector::parse("P0.Cp").or(Err(UpstreamError::Fault("there is no lowest vector")))?;
            Ok(ProvenKind::Citizen { nhs_number: None, vot })
        }
        ProviderKind::Generic { mode: AccessMode::Staff } => {
            let code = same(token.ods_code.as_ref(), info.and_then(|info| info.ods_code.as_ref()))?;
            let organisation = organisation(code)?;
            Ok(ProvenKind::Staff { uid: subject.to_owned(), organisation })
        }
        ProviderKind::Generic { mode: AccessMode::System } => {
            Err(UpstreamError::Fault("a system does not log in at a provider"))
        }
    }
}

/// A claim that may be in two places: if it is in both, they must agree.
fn same<'c, T: PartialEq>(one: Option<&'c T>, other: Option<&'c T>) -> Result<Option<&'c T>, UpstreamError> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => {
            Err(UpstreamError::Refused("the id token and userinfo contradict each other"))
        }
        _ => Ok(one.or(other)),
    }
}

/// NHS login: the vector of trust in the id token must be one of those requested. An NHS number is accepted
/// only for a person verified to P9.
fn prove_by_nhs_login(
    vtr: &[Vector],
    token: &ProviderClaims,
    info: Option<&ProviderClaims>,
    check: NumberCheck,
) -> Result<ProvenKind, UpstreamError> {
    let vot = token.vot.as_deref().ok_or(UpstreamError::Refused("the id token has no vector of trust"))?;
    let vot = Vector::parse(vot).or(Err(UpstreamError::Refused("the vector of trust cannot be read")))?;
    if !vot.satisfies(vtr) {
        return Err(UpstreamError::NotProved("the vector of trust is lower than requested"));
    }
    let level = |claims: &ProviderClaims| claims.identity_proofing_level.as_deref().map(Proofing::parse);
    let stated = [level(token), info.and_then(level)];
    if stated.into_iter().flatten().any(|level| level != Some(vot.proofing)) {
        return Err(UpstreamError::Refused("the level of proofing is not that of the vector of trust"));
    }
    let number = same(token.nhs_number.as_ref(), info.and_then(|info| info.nhs_number.as_ref()))?;
    let number = number.filter(|_| vot.proofing >= Proofing::P9);
    let number = number.map(|text| NhsNumber::parse(text, check)).transpose();
    let nhs_number = number.or(Err(UpstreamError::Refused("the NHS number is not valid")))?;
    Ok(ProvenKind::Citizen { nhs_number, vot })
}

/// Whether the vector of trust of an access token is one of those requested, as that of the id token must be
/// (NHS login's External Interface Specification 2.1).
pub(super) fn check_access_vector(vtr: &[Vector], vot: Option<&str>) -> Result<(), UpstreamError> {
    let vot = vot.ok_or(UpstreamError::Refused("the access token has no vector of trust"))?;
    let vot = Vector::parse(vot).or(Err(UpstreamError::Refused("the vector of trust cannot be read")))?;
    if vot.satisfies(vtr) {
        return Ok(());
    }
    Err(UpstreamError::NotProved("the vector of trust of the access token is lower than requested"))
}

/// Whether the authentication context class of a log-in at CIS2, where it is given, is the one requested:
/// `AAL3_ANY` is level 3, `AAL2_OR_AAL3_ANY` level 2.
pub(super) fn check_class(kind: &ProviderKind, acr: Option<&str>) -> Result<(), UpstreamError> {
    let (ProviderKind::Cis2 { minimum_aal }, Some(acr)) = (kind, acr) else { return Ok(()) };
    let digit = acr.strip_prefix("AAL").and_then(|rest| rest.chars().next()?.to_digit(10));
    if digit.is_some_and(|level| level >= u32::from(*minimum_aal)) {
        return Ok(());
    }
    Err(UpstreamError::NotProved("the class of the authentication is lower than requested"))
}

/// CIS2: identity assured to level 3, authentication to the level of the settings, and a selected role that
/// is one of the user's own (§3.6: without a valid selected role the log-in is refused).
fn prove_by_cis2(
    minimum_aal: u8,
    subject: &str,
    token: &ProviderClaims,
    info: Option<&ProviderClaims>,
) -> Result<ProvenKind, UpstreamError> {
    let level = |read: fn(&ProviderClaims) -> Option<u8>| read(token).or_else(|| info.and_then(read));
    let identified = level(|claims| claims.id_assurance_level.as_ref()?.value());
    if identified.is_none_or(|level| level < 3) {
        return Err(UpstreamError::NotProved("the identity was not assured to level 3"));
    }
    let authenticated = level(|claims| claims.authentication_assurance_level.as_ref()?.value());
    if authenticated.is_none_or(|level| level < minimum_aal) {
        return Err(UpstreamError::NotProved("the authentication was not assured to the requested level"));
    }
    let selected = same(token.selected_roleid.as_ref(), info.and_then(|info| info.selected_roleid.as_ref()))?;
    let selected = selected.ok_or(UpstreamError::NotProved("no role is selected"))?;
    let mut roles = info.into_iter().chain([token]).flat_map(|claims| &claims.nhsid_nrbac_roles);
    let role = roles.find(|role| role.person_roleid == *selected);
    let role = role.ok_or(UpstreamError::NotProved("the selected role is not one of the person's"))?;
    let organisation = organisation(role.org_code.as_ref())?;
    let named = |claims: &ProviderClaims| claims.uid.clone().or_else(|| claims.nhsid_useruid.clone());
    let uid = named(token).or_else(|| info.and_then(named)).unwrap_or_else(|| subject.to_owned());
    Ok(ProvenKind::Staff { uid, organisation })
}

fn organisation(code: Option<&String>) -> Result<OdsCode, UpstreamError> {
    code.and_then(|code| OdsCode::parse(code).ok())
        .ok_or(UpstreamError::NotProved("the selected role has no organisation"))
}

#[cfg(test)]
mod tests {
    use super::{
        NumberCheck, ProvenKind, ProviderClaims, ProviderKind, UpstreamError, Vector, check_class, prove,
    };
    use crate::settings::default_vtr;
    use domain::account::AccessMode;
    use serde_json::{Value, json};

    fn claims(value: Value) -> ProviderClaims {
        serde_json::from_value(value).unwrap()
    }

    fn nhs_login(token: Value, info: Value) -> Result<ProvenKind, UpstreamError> {
        let kind = ProviderKind::NhsLogin { vtr: default_vtr() };
        prove(&kind, "s", &claims(token), Some(&claims(info)), NumberCheck::Modulus11)
    }

    fn cis2(change: impl FnOnce(&mut Value)) -> Result<ProvenKind, UpstreamError> {
        let mut stated = json!({
            "id_assurance_level": "3", "authentication_assurance_level": "3", "selected_roleid": "555",
            "uid": "910000000001",
            "nhsid_nrbac_roles": [{ "person_roleid": "554", "org_code": "B81001" },
                                  { "person_roleid": "555", "org_code": "A20047" }],
        });
        change(&mut stated);
        let kind = ProviderKind::Cis2 { minimum_aal: 3 };
        prove(&kind, "s", &ProviderClaims::default(), Some(&claims(stated)), NumberCheck::Modulus11)
    }

    #[test]
    fn nhs_login_identity_has_an_nhs_number_at_p9_only() {
        let info = json!({ "nhs_number": "9000000009", "identity_proofing_level": "P9" });
        let proven = nhs_login(json!({ "vot": "P9.Cp.Cd" }), info.clone()).unwrap();
        let ProvenKind::Citizen { nhs_number, .. } = proven else { panic!("a citizen") };
        assert_eq!(nhs_number.unwrap().as_str(), "9000000009");
        for (token, said) in [
            (json!({}), "no vector of trust"),
            (json!({ "vot": "P7.Cp" }), "cannot be read"),
            (json!({ "vot": "P5.Cp.Cd" }), "lower than requested"),
            (json!({ "vot": "P9.Cp" }), "lower than requested"),
            (json!({ "vot": "P9.Cp.Cd", "identity_proofing_level": "P5" }), "not that of the vector"),
            (json!({ "vot": "P9.Cp.Cd", "nhs_number": "9000000017" }), "contradict"),
        ] {
            let error = nhs_login(token.clone(), info.clone()).unwrap_err().to_string();
            assert!(error.contains(said), "{token}: {error}");
        }
        let wrong = nhs_login(json!({ "vot": "P9.Cp.Cd", "nhs_number": "9000000008" }), json!({}));
        assert_eq!(wrong, Err(UpstreamError::Refused("the NHS number is not valid")));
        let low = ProviderKind::NhsLogin { vtr: vec![Vector::parse("P0.Cp").unwrap()] };
        let said = claims(json!({ "vot": "P5.Cp.Cd", "nhs_number": "9000000009" }));
        let proven = prove(&low, "s", &said, None, NumberCheck::Modulus11).unwrap();
        assert!(matches!(proven, ProvenKind::Citizen { nhs_number: None, .. }), "P5 proves no number");
    }

    #[test]
    fn cis2_acr_must_meet_the_requested_level() {
        let class = |minimum_aal, acr| check_class(&ProviderKind::Cis2 { minimum_aal }, acr).is_ok();
        for (minimum, acr, is_enough) in [
            (3, None, true),
            (3, Some("AAL3_ANY"), true),
            (3, Some("AAL2_OR_AAL3_ANY"), false),
            (2, Some("AAL2_OR_AAL3_ANY"), true),
            (2, Some("AAL1_USERPASS"), false),
            (2, Some("3"), false),
            (2, Some(""), false),
        ] {
            assert_eq!(class(minimum, acr), is_enough, "{minimum} {acr:?}");
        }
        let nhs_login = ProviderKind::NhsLogin { vtr: default_vtr() };
        assert!(check_class(&nhs_login, Some("anything")).is_ok());
    }

    type Change = fn(&mut Value);

    #[test]
    fn cis2_proves_staff_in_a_role_of_their_own() {
        let ProvenKind::Staff { uid, organisation } = cis2(|_| ()).unwrap() else { panic!("staff") };
        assert_eq!((uid.as_str(), organisation.as_str()), ("910000000001", "A20047"));
        assert!(cis2(|it| it["authentication_assurance_level"] = json!(3)).is_ok(), "a number will do");
        let wrongs: [(&str, Change); 8] = [
            ("not assured to level 3", |it| it["id_assurance_level"] = json!("2")),
            ("not assured to level 3", |it| it["id_assurance_level"] = Value::Null),
            ("not assured to the requested level", |it| it["authentication_assurance_level"] = json!("2")),
            ("not assured to the requested level", |it| {
                it["authentication_assurance_level"] = json!("three");
            }),
            ("no role is selected", |it| it["selected_roleid"] = Value::Null),
            ("not one of the person's", |it| it["selected_roleid"] = json!("556")),
            ("has no organisation", |it| it["nhsid_nrbac_roles"][1]["org_code"] = Value::Null),
            ("has no organisation", |it| it["nhsid_nrbac_roles"][1]["org_code"] = json!("BAD")),
        ];
        for (said, change) in wrongs {
            let error = cis2(change).unwrap_err();
            assert!(
                matches!(error, UpstreamError::NotProved(_)) && error.to_string().contains(said),
                "{said}"
            );
        }
    }

    #[test]
    fn generic_provider_gives_no_nhs_number() {
        let kind = ProviderKind::Generic { mode: AccessMode::Citizen };
        let said = claims(json!({ "nhs_number": "9000000009", "vot": "P9.Cp.Cd" }));
        let proven = prove(&kind, "s", &said, None, NumberCheck::Modulus11).unwrap();
        let ProvenKind::Citizen { nhs_number, vot } = proven else { panic!("a citizen") };
        assert_eq!((nhs_number, vot.to_string().as_str()), (None, "P0.Cp"));
        assert!(!format!("{said:?}").contains("9000000009"));
    }
}
