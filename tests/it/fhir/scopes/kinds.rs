//! The types that a wildcard covers, and what needs no scope.

use rstest::rstest;

use super::{citizen, issuing};
use crate::fhir::client::{get, send, send_well};
use crate::support::Backend;
use crate::vrs::known::MOTHER;

const NAMED: [&str; 3] = ["AuditEvent", "Provenance", "Person"];

// covers SC-10
#[rstest]
#[actix_web::test]
async fn wildcard_scope_covers_audit_event_provenance_and_person(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let wide = app.token(&citizen(MOTHER), "user/*.rs").await;
    let other = app.token(&citizen(MOTHER), "user/Consent.rs").await;
    for kind in NAMED {
        let path = format!("/{kind}");
        assert_eq!(send(&app, get(&path).bearer(&wide)).await.status, 200, "{kind} by *");
        assert_eq!(send(&app, get(&path).bearer(&other)).await.status, 403, "{kind} by another");
        let own = app.token(&citizen(MOTHER), &format!("user/{kind}.rs")).await;
        for asked in NAMED {
            let status = send(&app, get(&format!("/{asked}")).bearer(&own)).await.status;
            assert_eq!(status, if asked == kind { 200 } else { 403 }, "{asked} by {kind}");
        }
    }
    // Only what the person may read is visible: the mother's own accesses name no other person's.
    let audit = send_well(&app, get("/AuditEvent?_count=100").bearer(&wide), 200).await;
    let entries = audit["entry"].as_array().expect("her own accesses");
    assert!(entries.iter().all(|entry| entry.to_string().contains(MOTHER)));
}

// covers SC-10
#[rstest]
#[actix_web::test]
async fn conformance_resources_are_readable_with_any_scope_and_401_without_a_token(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    for scope in ["openid", "user/Consent.c", ""] {
        let token = app.token(&citizen(MOTHER), scope).await;
        for kind in [
            "StructureDefinition",
            "SearchParameter",
            "OperationDefinition",
            "CodeSystem",
            "ValueSet",
            "Questionnaire",
        ] {
            let found = send_well(&app, get(&format!("/{kind}")).bearer(&token), 200).await;
            let id = found["entry"][0]["resource"]["id"].as_str().expect("there are some");
            send_well(&app, get(&format!("/{kind}/{id}")).bearer(&token), 200).await;
            assert_eq!(send(&app, get(&format!("/{kind}"))).await.status, 401, "{kind}");
        }
        assert_eq!(send(&app, get("/RelatedPerson").bearer(&token)).await.status, 403, "{scope}");
    }
}
