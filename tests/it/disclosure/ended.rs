//! A role discloses the patient's details to the proxy while it is active, at this instant; before and after,
//! and in every other state, it discloses only itself.

use api_vrs as vrs;
use rstest::rstest;

use super::{ClaimedSearches, PATIENT, ask, begin, claims, text_of};
use crate::fhir::bodies::{relationship, role};
use crate::fhir::client::{entries, get, post, send_well};
use crate::fhir::scopes::{citizen, issuing};
use crate::fhir::subscription::{activate, composed, id_of, national, number_all};
use crate::support::{Backend, Request, TestApp, sql};
use crate::vrs::callers::SYSTEM;
use crate::vrs::known::LONER;

/// How a role stands: its name, what is written of it, and whether it is active now. Times are milliseconds around
/// the beginning of the tests, at noon on 22 November 2026.
const STANDS: [(&str, &str, bool); 10] = [
    ("active", "status = 'active', reason_code = 'ROLE_CREATED'", true),
    ("active until now", "status = 'active', reason_code = 'ROLE_CREATED', end_at = 1795348800000", true),
    (
        "active, past its end",
        "status = 'active', reason_code = 'ROLE_CREATED', end_at = 1795348799999",
        false,
    ),
    ("active, not begun", "status = 'active', reason_code = 'ROLE_CREATED', start_at = 1795348800001", false),
    ("ended for safety", "status = 'inactive', reason_code = 'ROLE_DEACTIVATED_SAFEGUARDING'", false),
    ("ended by the patient", "status = 'inactive', reason_code = 'ROLE_DEACTIVATED_PATIENT_REQUEST'", false),
    ("suspended", "status = 'inactive', reason_code = 'ROLE_SUSPENDED_PENDING_REVIEW'", false),
    ("rejected", "status = 'rejected', reason_code = 'APPLICATION_REJECTED_SAFEGUARDING'", false),
    ("proposed", "status = 'proposed', reason_code = 'APPLICATION_SUBMITTED'", false),
    ("withdrawn", "status = 'entered-in-error', reason_code = 'APPLICATION_WITHDRAWN'", false),
];

/// Every interaction by which details could be disclosed, as a path of the FHIR R4 API.
fn ways(claims: &[ClaimedSearches]) -> Vec<String> {
    let number = PATIENT.number;
    let mut all = vec![
        format!("/Patient/{number}"),
        format!("/Patient/{number}/_history"),
        format!("/Patient/{number}/_history/1"),
        format!("/Patient/{number}/$everything"),
        format!("/Patient/{number}/$meta"),
        format!("/Patient/{number}/$validate"),
        "/Patient/$everything".to_owned(),
        "/?_count=500".to_owned(),
        "/_history?_count=500".to_owned(),
    ];
    for query in [
        format!("_id={number}"),
        format!("identifier={number}"),
        format!("family={}", PATIENT.family),
        format!("name:contains={}", &PATIENT.family[2..]),
        format!("birthdate={}", PATIENT.birth_date),
        format!("general-practitioner:identifier={}", PATIENT.practice),
        format!("_has:Consent:patient:performer={LONER}"),
        "_sort=family".to_owned(),
        "_has:AuditEvent:patient:_lastUpdated=gt2000".to_owned(),
    ] {
        all.push(format!("/Patient?{query}"));
    }
    for ClaimedSearches { kind, params, includes, reverse_includes } in claims {
        let includes = includes.iter().map(|name| format!("_include={name}"));
        let reverse = reverse_includes.iter().map(|name| format!("_revinclude={name}"));
        for include in includes.chain(reverse) {
            all.push(format!("/{kind}?{include}&_include:iterate=*&_count=200"));
        }
        for (reference, _) in params.iter().filter(|(_, of)| of == "reference") {
            // A match reveals as much as the resource.
            for detail in [
                format!("family={}", PATIENT.family),
                format!("birthdate={}", PATIENT.birth_date),
                format!("general-practitioner:identifier={}", PATIENT.practice),
            ] {
                all.push(format!("/{kind}?{reference}:Patient.{detail}"));
            }
        }
    }
    all
}

/// Whether a response reveals the patient: by a detail, or by any match.
fn tells(path: &str, text: &str) -> bool {
    let is_chain = path.contains(":Patient.");
    if is_chain { text.contains(PATIENT.number) } else { PATIENT.is_described_in(text) }
}

fn put_role(app: &TestApp, id: &str, stands: &str) {
    let plain = "start_at = 0, end_at = NULL, end_text = NULL";
    sql::execute(&app.database_url(), &format!("UPDATE roles SET {plain} WHERE id = '{id}'"));
    sql::execute(&app.database_url(), &format!("UPDATE roles SET {stands} WHERE id = '{id}'"));
}

// covers G-16, S-16
#[rstest]
#[actix_web::test]
async fn proxy_reads_patient_details_only_while_the_role_is_active(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (app, id, token) = begin(backend).await;
    let ways = ways(&claims(&app).await);
    for (name, stands, is_active) in STANDS {
        put_role(&app, &id, stands);
        let mut telling = 0;
        for path in &ways {
            let answer = app.send(ask("GET", path, &token)).await;
            assert!(answer.status < 500, "{path}");
            let is_told = answer.status == 200 && tells(path, &text_of(&answer));
            assert!(is_active || !is_told, "{name}: {path}: {}", text_of(&answer));
            telling += usize::from(is_told);
        }
        assert!(!is_active || telling > 12, "{name}: {telling}");
        for query in [
            format!("Consent?performer:identifier={LONER}&_include=Consent:patient"),
            format!(
                "Consent?performer:identifier={LONER}&patient:identifier={}&_include=Consent:patient",
                PATIENT.number
            ),
            format!("Consent/{id}?_include=Consent:patient"),
            format!("Consent/{id}?_include=Consent:performer&_include=Consent:patient"),
        ] {
            let request =
                Request::new("GET", &format!("{}/{query}", vrs::BASE_PATH)).with_id().bearer(&token);
            let answer = app.send(request).await;
            assert_eq!(answer.status, 200, "{name}: {query}");
            assert!(text_of(&answer).contains(&id), "{name}: the role itself stays");
            assert_eq!(PATIENT.is_described_in(&text_of(&answer)), is_active, "{name}: {query}");
        }
        let own = send_well(&app, get(&format!("/Consent/{id}")).bearer(&token), 200).await;
        assert_eq!(own["patient"]["identifier"]["value"], PATIENT.number, "{name}: the role itself stays");
    }
}

// covers G-16
#[rstest]
#[actix_web::test]
async fn patient_reads_proxy_details_from_grant_to_end_of_the_role(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    PATIENT.register(&app, "current", true);
    // Here the invented person is the proxy.
    let made = send_well(&app, post("/Consent", &role(PATIENT.number, LONER)).bearer(SYSTEM), 201).await;
    let token = app.token(&citizen(LONER), "user/*.cruds").await;
    for (name, stands, is_active) in STANDS {
        put_role(&app, &id_of(&made), stands);
        let answer = app.send(ask("GET", &format!("/Patient/{}", PATIENT.number), &token)).await;
        let is_shown = is_active || name == "active, not begun";
        assert_eq!(answer.status, if is_shown { 200 } else { 404 }, "{name}");
    }
}

// covers V-10
#[rstest]
#[actix_web::test]
async fn verified_relationship_has_the_contract_elements_without_any_role(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (app, id, token) = begin(backend).await;
    let body = relationship(LONER, PATIENT.number);
    send_well(&app, post("/RelatedPerson", &body).bearer(SYSTEM), 201).await;
    put_role(&app, &id, STANDS[4].1);
    let path =
        format!("{}/RelatedPerson?identifier={LONER}&patient:identifier={}", vrs::BASE_PATH, PATIENT.number);
    let answer = app.send(Request::new("GET", &path).with_id().bearer(&token)).await;
    let text = text_of(&answer);
    assert!(text.contains(PATIENT.family) && text.contains(PATIENT.birth_date), "{text}");
    assert!(!text.contains(PATIENT.practice), "{text}");
}

// covers N-33
#[rstest]
#[actix_web::test]
async fn a_national_event_names_the_practice_of_a_patient_while_the_role_is_active(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (app, id, token) = begin(backend).await;
    number_all(&app).await;
    let body = national("eventType='vrs-proxy-role-changed-1'", "application/json");
    let subscription = id_of(&send_well(&app, post("/Subscription", &body).bearer(&token), 201).await);
    activate(&app, &subscription).await;
    let end =
        serde_json::json!([{ "op": "replace", "path": "/provision/period/end", "value": "2027-05-05" }]);
    let change = crate::fhir::client::patch(&format!("/Consent/{id}"), &end).bearer(SYSTEM);
    send_well(&app, change, 200).await;
    for (name, stands, is_active) in STANDS {
        put_role(&app, &id, stands);
        let message = composed(&app, &subscription).await;
        let text = String::from_utf8_lossy(&message.body).into_owned();
        assert_eq!(text.contains(PATIENT.practice), is_active, "{name}: {text}");
    }
}

// covers G-16
#[rstest]
#[actix_web::test]
async fn former_proxy_sees_no_organisation_in_audit_events(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (app, id, token) = begin(backend).await;
    let staff = domain::account::Principal::Staff {
        name: "nurse of the new practice".to_owned(),
        organisation: domain::proxy::OdsCode::parse(PATIENT.practice).ok(),
    };
    let staff = app.token(&staff, "user/*.cruds").await;
    send_well(&app, get(&format!("/Consent/{id}")).bearer(&staff), 200).await;
    put_role(&app, &id, STANDS[4].1);
    let seen = send_well(&app, get("/AuditEvent?_count=200").bearer(&token), 200).await;
    assert!(!entries(&seen).is_empty() && !seen["entry"].to_string().contains(PATIENT.practice), "{seen}");
    assert!(!seen["entry"].to_string().contains("nurse of the new practice"), "{seen}");
    for query in ["altid=nurse of the new practice", "agent:identifier=nurse of the new practice"] {
        let path = format!("/AuditEvent?{}", query.replace(' ', "%20"));
        let found = send_well(&app, get(&path).bearer(&token), 200).await;
        assert_eq!(entries(&found).len(), 0, "{path}");
    }
}
