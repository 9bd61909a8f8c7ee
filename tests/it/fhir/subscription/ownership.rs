//! A subscription is visible to its owner only, and the scopes of the type apply as for other types.

use rstest::rstest;
use serde_json::Value;

use super::{backport, id_of};
use crate::fhir::client::{entries, get, post, put, request, send, send_well};
use crate::fhir::scopes::{self, issuing};
use crate::support::{Backend, TestApp};
use crate::vrs::callers::{NURSE, SYSTEM, citizen, guarded_options};
use crate::vrs::known::{LONER, MOTHER};

/// Every request that names a subscription.
fn asked(id: &str, body: &Value) -> Vec<crate::support::Request> {
    let path = format!("/Subscription/{id}");
    let mut body = body.clone();
    body["id"] = id.into();
    vec![
        get(&path),
        get(&format!("{path}/_history")),
        get(&format!("{path}/_history/1")),
        get(&format!("{path}/$status")),
        get(&format!("{path}/$events")),
        get(&format!("{path}/$secret")),
        get(&format!("{path}/$attempts")),
        request("POST", &format!("{path}/$rotate-secret")),
        request("POST", &format!("{path}/$resend?eventsSinceNumber=1")),
        request("POST", &format!("{path}/$get-ws-binding-token")),
        request("DELETE", &path),
        get(&format!("{path}/$meta")),
    ]
}

// covers N-10, N-11
#[rstest]
#[actix_web::test]
async fn subscription_is_404_for_other_callers(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::start(backend, guarded_options()).await;
    let body = backport("proxy-role", "id-only", &[]);
    let mother = citizen(MOTHER);
    let created = send_well(&app, post("/Subscription", &body).bearer(&mother), 201).await;
    let id = id_of(&created);
    for (principal, token) in
        [("a nurse", NURSE), ("a system", SYSTEM), ("another citizen", &*citizen(LONER))]
    {
        for request in asked(&id, &body) {
            let answer = send(&app, request.bearer(token)).await;
            assert_eq!(answer.status, 404, "{principal}: {}", String::from_utf8_lossy(&answer.body));
        }
        let mut changed = body.clone();
        changed["id"] = id.as_str().into();
        let answer = send(&app, put(&format!("/Subscription/{id}"), &changed).bearer(token)).await;
        assert_eq!(answer.status, 405, "{principal}: as for every id that is not there");
        for path in [
            "/Subscription",
            "/Subscription?_total=accurate",
            "/Subscription/$status",
            "/Subscription/_history",
        ] {
            let found = send_well(&app, get(path).bearer(token), 200).await;
            assert_eq!((&found["total"], entries(&found).len()), (&Value::from(0), 0), "{principal} {path}");
        }
        let all = send_well(&app, get("/_history").bearer(token), 200).await;
        assert!(!all.to_string().contains(&id), "{principal}");
    }
    for path in ["/Subscription?status=requested", "/Subscription/$status", "/Subscription/_history"] {
        assert_eq!(send_well(&app, get(path).bearer(&mother), 200).await["total"], 1, "{path}");
    }
    assert_eq!(app.count_rows("subscription_versions"), 1, "it is unchanged");
}

// covers N-10, N-37
#[rstest]
#[actix_web::test]
async fn subscription_search_does_not_match_secrets(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let mut body = backport("proxy-role", "id-only", &[]);
    body["channel"]["endpoint"] = "https://listener.example.com/notify?key=s3cret".into();
    body["contact"] = serde_json::json!([{ "system": "email", "value": "ops@example.com" }]);
    let created = send_well(&app, post("/Subscription", &body), 201).await;
    assert_eq!(created["channel"]["endpoint"], body["channel"]["endpoint"]);
    for (query, total) in [
        ("url=https://listener.example.com/notify", 1),
        ("url=https://listener.example.com/notify?key=s3cret", 0),
        ("url:below=https://listener.example.com/notify?key=s", 0),
        ("url:below=https://listener.example.com", 1),
        ("status=requested", 1),
        ("status=active,off", 0),
        ("status:not=active", 1),
        ("type=rest-hook", 1),
        ("payload=application/fhir%2Bjson", 1),
        ("criteria=https://fhir.onbehalf.org.uk/r4", 1),
        ("criteria:contains=PROXY-ROLE", 1),
        ("criteria:exact=https://fhir.onbehalf.org.uk", 0),
        ("contact=ops@example.com", 1),
        ("contact=email|ops@example.com", 1),
        ("contact=phone|ops@example.com", 0),
        ("contact=example.com", 0),
        ("contact:missing=true", 0),
        ("_lastUpdated=ge2026-11-22", 1),
        ("_sort=-status,_lastUpdated", 1),
    ] {
        let found = send_well(&app, get(&format!("/Subscription?{query}")), 200).await;
        assert_eq!(found["total"], total, "{query}");
    }
}

// covers N-11
#[rstest]
#[actix_web::test]
async fn subscription_is_404_for_another_app_and_scopes_are_enforced(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let body = backport("proxy-role", "id-only", &[]);
    let mother = scopes::citizen(MOTHER);
    let all = app.token(&mother, "patient/Subscription.cruds patient/Consent.rs").await;
    let created = send_well(&app, post("/Subscription", &body).bearer(&all), 201).await;
    let path = format!("/Subscription/{}", id_of(&created));
    // The same person without an app is another owner.
    assert_eq!(send(&app, get(&path).bearer(&citizen(MOTHER))).await.status, 404);
    for (permission, request, status) in [
        ("r", get(&path), 200),
        ("s", get("/Subscription"), 200),
        ("c", get(&path), 403),
        ("r", get("/Subscription"), 403),
        ("r", request("DELETE", &path), 403),
        ("r", request("POST", &format!("{path}/$rotate-secret")), 403),
        ("u", request("POST", &format!("{path}/$rotate-secret")), 200),
        ("r", get(&format!("{path}/$secret")), 200),
        ("s", get(&format!("{path}/$status")), 403),
        ("c", post("/Subscription", &body), 201),
        ("d", request("DELETE", &path), 204),
    ] {
        let token = app.token(&mother, &format!("patient/Subscription.{permission}")).await;
        assert_eq!(send(&app, request.bearer(&token)).await.status, status, "{permission}");
    }
}

// covers N-11
#[rstest]
#[actix_web::test]
async fn audit_search_reveals_no_subscription_of_another_system(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::start(backend, guarded_options()).await;
    let body = backport("proxy-role", "id-only", &[]);
    let mut ids = Vec::new();
    for token in [SYSTEM, NURSE, &citizen(MOTHER)] {
        ids.push(id_of(&send_well(&app, post("/Subscription", &body).bearer(token), 201).await));
    }
    for (own, token) in [(0, SYSTEM), (1, NURSE)] {
        for path in ["/AuditEvent?_count=100", "/Provenance?_count=100"] {
            let found = send_well(&app, get(path).bearer(token), 200).await.to_string();
            for (at, id) in ids.iter().enumerate() {
                assert_eq!(found.contains(id.as_str()), at == own, "{path} {own} {at}");
            }
        }
        for (at, id) in ids.iter().enumerate() {
            for path in [
                format!("/AuditEvent?entity=Subscription/{id}&_total=accurate"),
                format!("/Provenance?target=Subscription/{id}&_total=accurate"),
            ] {
                let found = send_well(&app, get(&path).bearer(token), 200).await;
                assert_eq!(entries(&found).is_empty(), at != own, "{path} {own}");
                assert_eq!(found["total"] == 0, at != own, "{path} {own}");
            }
        }
    }
    // Other audit events are visible as before.
    let roles =
        send_well(&app, get("/AuditEvent?subtype=search-type&_total=accurate").bearer(SYSTEM), 200).await;
    assert!(roles["total"].as_i64().unwrap() > 0, "{roles}");
}
