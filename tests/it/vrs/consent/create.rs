//! Contract §4.1 and §5 #5: what `POST /Consent` accepts, and the result.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Backend, TestApp, bodies};
use crate::vrs::edit::{with, without};
use crate::vrs::footprint::{Footprint, Rows};
use crate::vrs::known::{LONER, MOTHER, PATIENTS, SON, id};
use crate::vrs::operations::informational;
use crate::vrs::validated::validated;

/// Creates a role and returns it as it is shown.
async fn create(app: &TestApp, footprint: &mut Footprint, row: &str, body: &Value) -> Value {
    let answer = app.post("/Consent", body).await;
    assert_eq!(answer.status, 201, "{row}: {}", String::from_utf8_lossy(&answer.body));
    assert_eq!(validated(&answer), informational(), "{row}");
    assert_eq!(footprint.grown(), Rows::CREATED, "{row}");
    let location = answer.header("Location").unwrap_or_default();
    let path = location.strip_prefix(&app.base()).unwrap_or_default();
    let role = path.strip_prefix("/Consent/").map(id);
    let reference = path.trim_start_matches('/').to_owned();
    let (acts, topics, versions) = app
        .look(move |tx| {
            let versions = tx.list_role_versions(role.unwrap_or_default())?;
            Ok((tx.list_acts(&reference)?, tx.list_topics(&reference)?, versions))
        })
        .await;
    assert_eq!(acts, [("role-created".to_owned(), "anyone".to_owned())], "{row}");
    assert_eq!(topics, ["proxy-role-created"], "{row}");
    assert_eq!(versions.iter().map(|role| role.version).collect::<Vec<_>>(), [1], "{row}");
    let bundle = validated(&app.get(path).await);
    let shown = bundle["entry"][0]["resource"].clone();
    assert_eq!(shown["id"], role.map(|id| id.to_string()).unwrap_or_default(), "{row}");
    assert_eq!(bundle["entry"][0]["fullUrl"], location, "{row}");
    shown
}

/// Roles of two proxies, so many that every row has one.
fn pair(number: usize) -> Value {
    let proxy = if number < PATIENTS.len() { LONER } else { MOTHER };
    bodies::consent(proxy, PATIENTS[number % PATIENTS.len()])
}

#[rstest]
#[actix_web::test]
async fn create_returns_the_sent_role_with_service_fields(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let sent = with(bodies::consent(LONER, SON), "/id", "00000000-0000-4000-8000-000000000000");
    let shown = create(&app, &mut footprint, "whole", &sent).await;
    assert_ne!(shown["id"], sent["id"], "the service gives the id");
    assert_eq!(shown["meta"], json!({ "lastUpdated": "2026-11-22T12:00:00Z" }));
    for same in ["status", "scope", "category", "patient", "dateTime", "performer", "policyRule"] {
        assert_eq!(shown[same], sent[same], "{same}");
    }
    assert_eq!(shown["provision"]["type"], "permit");
    assert_eq!(shown["provision"]["period"], sent["provision"]["period"]);
    assert_eq!(shown["provision"]["actor"][0]["reference"], sent["provision"]["actor"][0]["reference"]);
    let mut reason = bodies::reason("ROLE_CREATED");
    reason["valueCodeableConcept"]["coding"][0]["display"] = json!("Role created");
    assert_eq!(shown["extension"], json!([reason, bodies::grantor("A20047")]));
    assert_eq!(shown["policy"][0]["authority"], "https://www.england.nhs.uk");
}

fn accepted() -> Vec<(&'static str, &'static str, Value, Option<Value>)> {
    let scope = "http://terminology.hl7.org/CodeSystem/consentscope";
    let act = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
    let other = json!({ "coding": [{ "system": "https://example.org", "code": "X" }] });
    let role = json!({ "coding": [{ "system": act, "code": "IRCP" }] });
    let unknown = |scheme: &str| {
        json!({ "coding": [{
            "system": format!("{scheme}://terminology.hl7.org/CodeSystem/v3-NullFlavor"), "code": "UNK",
        }]})
    };
    let basis = |code: &str| json!({ "coding": [{ "system": bodies::BASIS_SYSTEM, "code": code }] });
    vec![
        ("scope of http", "/scope/coding/0/system", json!(scope), None),
        ("scope with text", "/scope/text", json!("privacy"), None),
        (
            "scope without display",
            "/scope/coding/0",
            json!({ "system": scope, "code": "patient-privacy" }),
            None,
        ),
        ("category of http", "/category/0/coding/0/system", json!(act), None),
        ("category with text", "/category/0/text", json!("access"), None),
        ("a second category", "/category/-", other, None),
        (
            "another display",
            "/extension/0/valueCodeableConcept/coding/0/display",
            json!("from scratch by GP"),
            None,
        ),
        ("policyRule as an array of one", "/policyRule", json!([basis("best-interest")]), None),
        ("court", "/policyRule", basis("court-appointed-personal-welfare-deputy"), None),
        ("attorney", "/policyRule", basis("health-and-welfare-lasting-power-of-attorney"), None),
        ("consent", "/policyRule", basis("consent"), None),
        ("unknown basis of http", "/policyRule", unknown("http"), None),
        ("unknown basis of https", "/policyRule", unknown("https"), None),
        ("permit", "/provision/type", json!("permit"), None),
        ("an actor with a role", "/provision/actor/0/role", role, None),
        ("a time of creation as a day", "/dateTime", json!("2026-11-20"), Some(json!("2026-11-20"))),
        ("an end at an instant", "/provision/period/end", json!("2027-01-01T00:00:00+01:00"), None),
        ("an end today", "/provision/period/end", json!("2026-11-22"), None),
        (
            "an end on the day of the start",
            "/provision/period",
            json!({ "start": "2027-01-01", "end": "2027-01-01" }),
            None,
        ),
        ("a start in the future", "/provision/period/start", json!("2027-01-01"), None),
        (
            "ROLE_CREATED with text",
            "/extension/0",
            bodies::reason_with_text("ROLE_CREATED", "moved here"),
            None,
        ),
        ("OTHER with text", "/extension/0", bodies::reason_with_text("OTHER", "a court order"), None),
        (
            "extensions the other way round",
            "/extension",
            json!([bodies::grantor("G8101234"), bodies::reason("ROLE_CREATED")]),
            None,
        ),
        ("a policy of its own", "/policy", json!([{ "uri": "https://example.org/policy" }]), None),
    ]
}

#[rstest]
#[actix_web::test]
async fn create_accepts_every_contract_form(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    for (number, (row, pointer, value, expected)) in accepted().into_iter().enumerate() {
        let shown = create(&app, &mut footprint, row, &with(pair(number), pointer, value.clone())).await;
        if let Some(expected) = expected {
            assert_eq!(shown.pointer(pointer), Some(&expected), "{row}");
        }
        if let Some(code) = value.pointer("/coding/0/code").or(value.pointer("/0/coding/0/code"))
            && pointer == "/policyRule"
        {
            assert!(shown["policyRule"].is_object(), "{row}: an object comes out");
            assert_eq!(&shown["policyRule"]["coding"][0]["code"], code, "{row}");
        }
        assert_eq!(shown["policy"].as_array().map(Vec::len), Some(1), "{row}");
        assert!(shown["policy"][0]["uri"].as_str().is_some_and(|uri| uri.contains("/dapb3051-")), "{row}");
    }
}

#[rstest]
#[actix_web::test]
async fn create_accepts_missing_optional_elements(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let rows = [
        "/provision/period/end",
        "/provision/period",
        "/provision/actor",
        "/provision",
        "/policyRule",
        "/patient/type",
    ];
    for (number, pointer) in rows.into_iter().enumerate() {
        let shown = create(&app, &mut footprint, pointer, &without(pair(number), pointer)).await;
        if pointer.starts_with("/provision/period") || pointer == "/provision" {
            assert_eq!(
                shown.pointer(pointer.trim_end_matches("/provision")).is_some(),
                pointer == "/provision"
            );
        }
        assert_eq!(shown["provision"]["type"], "permit", "{pointer}");
        let unknown = json!({ "coding": [{
            "system": "https://terminology.hl7.org/CodeSystem/v3-NullFlavor", "code": "UNK", "display": "Unknown",
        }]});
        assert_eq!(shown["policyRule"] == unknown, pointer == "/policyRule", "{pointer}");
    }
}

/// domain.md: trimmed, upper-cased.
#[rstest]
#[actix_web::test]
async fn the_code_of_a_grantor_is_trimmed_and_upper_cased(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let rows = [
        ("G8101234", "G8101234"),
        ("ODS12345", "ODS12345"),
        ("A20047", "A20047"),
        (" a20047 ", "A20047"),
        ("RX1", "RX1"),
        ("A123456789", "A123456789"),
    ];
    for (number, (given, kept)) in rows.into_iter().enumerate() {
        let body = with(pair(number), "/extension/1", bodies::grantor(given));
        let shown = create(&app, &mut footprint, given, &body).await;
        assert_eq!(shown["extension"][1], bodies::grantor(kept), "{given}");
    }
}

/// §5 #5 → REC: active and rejected.
#[rstest]
#[actix_web::test]
async fn a_rejected_role_needs_no_grantor(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let body = with(pair(0), "/status", "rejected");
    let body = with(body, "/extension", json!([bodies::reason("APPLICATION_REJECTED_NO_CONSENT")]));
    let shown = create(&app, &mut footprint, "rejected", &body).await;
    assert_eq!(shown["status"], "rejected");
    assert_eq!(shown["extension"].as_array().map(Vec::len), Some(1));
}
