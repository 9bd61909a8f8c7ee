//! Userinfo: the user who logged in, and the people they may act for.

use domain::account::{AccessMode, Grant};
use rstest::rstest;
use serde_json::{Value, json};

use super::kit::{CHILD, ME, ROLE, SCOPES, TOKEN, claims, post, refused, start, tokens};
use crate::support::{Backend, Request, TestApp, sql};

/// The id of a request.
const ID: &str = "60E0B220-8136-4CA5-AE46-1D97EF59D068";

async fn userinfo(server: &TestApp, body: &Value) -> Value {
    let answer = server
        .send(Request::new("GET", "/oauth/userinfo").bearer(body["access_token"].as_str().unwrap()))
        .await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    answer.json()
}

#[rstest]
#[actix_rt::test]
async fn userinfo_returns_the_user_and_their_delegations(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let body = tokens(&server, "portal", SCOPES).await;
    let info = userinfo(&server, &body).await;
    assert_eq!(info["sub"], claims(&body["id_token"])["sub"]);
    assert_eq!(info["fhirUser"], format!("http://{}/FHIR/R4/Patient/{ME}", server.address));
    assert_eq!((&info["nhs_number"], &info["identity_proofing_level"]), (&ME.into(), &"P9".into()));
    let list = info["delegations"].as_array().unwrap();
    let mut patients: Vec<&str> =
        list.iter().map(|one| one["patient"]["nhs_number"].as_str().unwrap()).collect();
    patients.sort_unstable();
    assert_eq!(patients, ["9000000005", CHILD], "the active ones, and no other");
    let child = list.iter().find(|one| one["patient"]["nhs_number"] == CHILD).unwrap();
    assert_eq!(child["consent"], format!("Consent/{ROLE}"));
    assert_eq!(child["legal_basis"]["code"], "parental-responsibility");
    assert_eq!(child["end"], "2099-12-31T23:59:59Z");
    assert!(child["patient"]["family_name"].is_string() && child["relationship"]["code"].is_string());
    let posted = Request::new("POST", "/oauth/userinfo").bearer(body["access_token"].as_str().unwrap());
    assert_eq!(server.send(posted.header("X-Request-ID", ID)).await.json(), info);
    let by_id = "SELECT act AS value FROM audit_records WHERE request_id = ";
    let acts = sql::values(&server.database_url(), &format!("{by_id}'{ID}' GROUP BY act"));
    assert_eq!(acts, ["userinfo-read"], "the record has the id of the request");
}

#[rstest]
#[actix_rt::test]
async fn userinfo_delegations_take_a_fixed_number_of_statements(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let body = tokens(&server, "portal", SCOPES).await;
    let count = async || {
        let before = server.store.statements();
        userinfo(&server, &body).await;
        server.store.statements() - before
    };
    let two = count().await;
    sql::execute(
        &server.database_url(),
        &format!("UPDATE roles SET status = 'inactive' WHERE id = '{ROLE}'"),
    );
    assert_eq!(userinfo(&server, &body).await["delegations"].as_array().unwrap().len(), 1);
    assert_eq!(count().await, two);
}

#[rstest]
#[actix_rt::test]
async fn userinfo_returns_granted_claims_only(#[values(Backend::Sqlite)] backend: Backend) {
    let server = start(backend).await;
    let body = tokens(&server, "portal", "openid patient/*.rs").await;
    let info = userinfo(&server, &body).await;
    let names: Vec<&String> = info.as_object().unwrap().keys().collect();
    assert_eq!(names, ["sub", "identity_proofing_level"]);
}

#[rstest]
#[actix_rt::test]
async fn userinfo_without_a_token_is_401_and_without_openid_403(#[values(Backend::Sqlite)] backend: Backend) {
    let server = start(backend).await;
    let body = tokens(&server, "portal", SCOPES).await;
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("client_id", "portal"),
        ("subject_token", body["access_token"].as_str().unwrap()),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("patient", CHILD),
    ];
    let acting = server.send(post(TOKEN, &form)).await.json();
    let narrow = tokens(&server, "portal", "patient/*.rs").await;
    let get = || Request::new("GET", "/oauth/userinfo");
    for (request, status, error) in [
        (get(), 401, "invalid_token"),
        (get().bearer("x"), 401, "invalid_token"),
        (get().bearer(body["id_token"].as_str().unwrap()), 401, "invalid_token"),
        (get().bearer(acting["access_token"].as_str().unwrap()), 403, "insufficient_scope"),
        (get().bearer(narrow["access_token"].as_str().unwrap()), 403, "insufficient_scope"),
    ] {
        let answer = server.send(request).await;
        assert_eq!(refused(&answer), (status, error.into()));
        assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer realm"));
    }
    let bare = server.send(get()).await;
    assert_eq!(bare.header("www-authenticate"), Some("Bearer realm=\"OnBehalf\""));
    let put = server.send(Request::new("PUT", "/oauth/userinfo")).await;
    assert_eq!((refused(&put).0, put.header("allow")), (405, Some("GET, POST")));
    let revoke = [("client_id", "portal"), ("token", body["access_token"].as_str().unwrap())];
    assert_eq!(server.send(post("/oauth/revoke", &revoke)).await.status, 200);
    let ended = server.send(get().bearer(body["access_token"].as_str().unwrap())).await;
    assert_eq!(refused(&ended), (401, "invalid_token".into()));
}

#[rstest]
#[actix_rt::test]
async fn userinfo_in_the_open_sandbox_without_a_token_is_401(#[values(Backend::Sqlite)] backend: Backend) {
    let options = crate::support::Options { registrations: super::kit::apps(), ..Default::default() };
    let server = TestApp::start(backend, options).await;
    let answer = server.send(Request::new("GET", "/oauth/userinfo")).await;
    assert_eq!(refused(&answer), (401, "invalid_token".into()));
    assert_eq!(
        answer.json(),
        json!({
            "error": "invalid_token",
            "error_description": "send a valid access token in the Authorization header",
        })
    );
}

#[rstest]
#[actix_rt::test]
async fn userinfo_response_is_in_the_audit_record(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let body = tokens(&server, "portal", SCOPES).await;
    let narrow = tokens(&server, "portal", "openid").await;
    let refused = tokens(&server, "portal", "patient/*.rs").await;
    let records = || {
        let sql = "SELECT outcome || ' ' || coalesce(refusal, '') || ' ' || caller_kind || ' ' || app || ' ' || \
                   coalesce(patient, '') || ' ' || coalesce(proxy, '') AS value FROM audit_records \
                   WHERE act = 'userinfo-read' ORDER BY id, patient";
        sql::values(&server.database_url(), sql)
    };
    userinfo(&server, &body).await;
    let mut first = records();
    first.sort_unstable();
    assert_eq!(
        first,
        [format!("0  citizen portal 9000000005 {ME}"), format!("0  citizen portal {CHILD} {ME}")],
        "each of those who were named finds who looked"
    );
    userinfo(&server, &narrow).await;
    assert_eq!(records().last(), Some(&format!("0  citizen portal {ME} ")));
    let request = Request::new("GET", "/oauth/userinfo").bearer(refused["access_token"].as_str().unwrap());
    assert_eq!(server.send(request).await.status, 403);
    assert_eq!(records().last(), Some(&format!("4 insufficient_scope citizen portal {ME} ")));
    server.send(Request::new("GET", "/oauth/userinfo").bearer("x")).await;
    assert_eq!(records().len(), 4, "a stranger fills no table");
}

#[rstest]
#[actix_rt::test]
async fn userinfo_of_staff_has_no_delegations(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let citizen = super::kit::grant(&server, "portal", SCOPES).await;
    let staff = Grant {
        id: uuid::Uuid::now_v7(),
        mode: AccessMode::Staff,
        patient: None,
        vot: None,
        staff: Some("555021935107".to_owned()),
        fhir_user: None,
        parent: None,
        audience: Vec::new(),
        ..citizen
    };
    super::kit::keep(&server, staff.clone()).await;
    let code = super::kit::code(&server, &staff).await;
    let body = server.send(super::kit::redeem("portal", &code)).await.json();
    let info = userinfo(&server, &body).await;
    assert_eq!(info["delegations"], json!([]));
    assert!(info.get("nhs_number").is_none() && info.get("identity_proofing_level").is_none(), "{info}");
}

#[rstest]
#[actix_rt::test]
async fn cors_endpoints_ignore_cookies(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let server = start(backend).await;
    let body = tokens(&server, "portal", SCOPES).await;
    let token = body["access_token"].as_str().unwrap();
    for cookie in [format!("access_token={token}"), format!("onbehalf-login={token}")] {
        let request = Request::new("GET", "/oauth/userinfo").header("Cookie", &cookie);
        assert_eq!(server.send(request.header("Origin", "https://evil.example")).await.status, 401);
        let read = Request::new("GET", "/FHIR/R4/Consent").header("Cookie", &cookie);
        assert_eq!(server.send(read.header("Origin", "https://evil.example")).await.status, 401);
    }
}
