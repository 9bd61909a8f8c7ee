//! The owner of a subscription as text: all that is needed to authorize each event again.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::corrupt;
use crate::person::nhs_number;
use base::error::Error;
use domain::account::{Caller, GrantedScopes, Principal, Proofing, Scopes};
use domain::proxy::OdsCode;

#[derive(Serialize, Deserialize)]
struct OwnerText {
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proofing: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patient: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organisation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<Uuid>,
}

pub(super) fn write(caller: &Caller) -> Result<String, Error> {
    let (mut proofing, mut patient, mut role, mut organisation) = (None, None, None, None);
    match &caller.principal {
        Principal::Citizen { proofing: how, .. } => proofing = Some(how.to_string()),
        Principal::Proxy { patient: whom, role: by, .. } => {
            (patient, role) = (Some(whom.to_string()), Some(*by));
        }
        Principal::Staff { organisation: whose, .. } => {
            organisation = whose.as_ref().map(|code| code.as_str().to_owned());
        }
        Principal::Anyone | Principal::System { .. } | Principal::Service => {}
    }
    let scopes = match &caller.granted_scopes {
        GrantedScopes::None => None,
        GrantedScopes::Scopes(scopes) => Some(scopes.to_string()),
    };
    let owner = OwnerText {
        kind: caller.principal.kind().to_owned(),
        id: caller.principal.id(),
        proofing,
        patient,
        role,
        organisation,
        scopes,
        app: caller.app.as_deref().map(str::to_owned),
        grant: caller.grant,
    };
    serde_json::to_string(&owner).map_err(Error::fault)
}

pub(super) fn read(text: &str) -> Result<Caller, Error> {
    let owner: OwnerText = serde_json::from_str(text).map_err(Error::fault)?;
    let missing = || corrupt("subscriptions.owner");
    let id = owner.id.ok_or_else(missing);
    let principal = match owner.kind.as_str() {
        "anyone" => Principal::Anyone,
        "citizen" => Principal::Citizen {
            nhs_number: nhs_number(&id?)?,
            proofing: owner.proofing.and_then(|text| Proofing::parse(&text)).ok_or_else(missing)?,
        },
        "proxy" => Principal::Proxy {
            proxy: nhs_number(&id?)?,
            patient: nhs_number(&owner.patient.ok_or_else(missing)?)?,
            role: owner.role.ok_or_else(missing)?,
        },
        "staff" => Principal::Staff {
            name: id?,
            organisation: owner.organisation.and_then(|code| OdsCode::parse(&code).ok()),
        },
        "system" => Principal::System { name: id? },
        "service" => Principal::Service,
        _ => return Err(missing()),
    };
    let granted_scopes = owner
        .scopes
        .map_or(GrantedScopes::None, |scopes| GrantedScopes::Scopes(Arc::new(Scopes::of_token(&scopes))));
    Ok(Caller {
        principal,
        granted_scopes,
        app: owner.app.map(Into::into),
        grant: owner.grant,
        request_id: None,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{read, write};
    use domain::account::{Caller, GrantedScopes, Principal, Proofing, Scopes};
    use domain::person::{NhsNumber, NumberCheck};
    use domain::proxy::OdsCode;

    #[test]
    fn subscription_owner_round_trip() {
        let number = |text| NhsNumber::parse(text, NumberCheck::Length).unwrap();
        let (patient, proxy) = (number("9000000009"), number("9000000017"));
        let role = uuid::Uuid::nil();
        let all = [
            Principal::Anyone,
            Principal::Citizen { nhs_number: patient, proofing: Proofing::P9 },
            Principal::Proxy { proxy, patient, role },
            Principal::Staff { name: "n".to_owned(), organisation: OdsCode::parse("A20047").ok() },
            Principal::System { name: "epr".to_owned() },
        ];
        for principal in all {
            let scopes = Scopes::of_token("system/Consent.rs?status=active openid");
            let caller = Caller {
                granted_scopes: GrantedScopes::Scopes(Arc::new(scopes)),
                app: Some("portal".into()),
                grant: Some(role),
                ..Caller::direct(principal)
            };
            let again = read(&write(&caller).unwrap()).unwrap();
            assert_eq!(
                (&again.principal, &again.granted_scopes),
                (&caller.principal, &caller.granted_scopes)
            );
            assert_eq!((again.app, again.grant), (caller.app, caller.grant));
        }
        assert!(read("{}").is_err() && read(r#"{"kind":"citizen"}"#).is_err());
    }
}
