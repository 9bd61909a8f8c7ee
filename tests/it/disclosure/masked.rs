//! The reason of a role's status, its text, and its actor are masked for the two people of the role on every
//! interaction; staff, systems and the giver of a reason see them.

use api_vrs as vrs;
use domain::proxy::{ReasonCode, Status, mask};
use rstest::rstest;
use serde_json::{Value, json};

use super::{PATIENT, ask, begin, claims, text_of};
use crate::fhir::client::{entries, get, patch, post, put, send, send_well};
use crate::fhir::scopes::{citizen, issuing};
use crate::fhir::subscription::{activate, backport, classic, composed, heard, id_of, number_all};
use crate::support::{Backend, Request, TestApp, bodies, sql};
use crate::vrs::callers::{NURSE, SYSTEM, citizen as known};
use crate::vrs::known::{CHILD, LONER, MOTHER, MOTHERS_ROLE};

const NOTE: &str = "a note that staff wrote";

/// Each status with the reasons that can explain it.
fn stands() -> Vec<(Status, ReasonCode)> {
    let fits = |status: Status, code: &str| match status {
        Status::Active => {
            code.starts_with("ROLE_") && !code.contains("DEACTIVATED") && !code.contains("SUSPENDED")
        }
        Status::Inactive => code.contains("DEACTIVATED") || code.contains("SUSPENDED"),
        Status::Rejected => code.contains("REJECTED"),
        Status::Proposed => code.contains("SUBMITTED"),
        Status::EnteredInError => code.contains("WITHDRAWN"),
    };
    let all =
        Status::ALL.into_iter().flat_map(|status| ReasonCode::all().map(move |reason| (status, reason)));
    all.filter(|(status, reason)| *reason == ReasonCode::Other || fits(*status, reason.code())).collect()
}

/// What a citizen sees.
fn expected(status: Status, reason: ReasonCode) -> (ReasonCode, Option<&'static str>) {
    if mask::PLAIN.iter().any(|(of, codes)| *of == status && codes.contains(&reason)) {
        return (reason, None);
    }
    let text = match status {
        Status::Inactive if reason == ReasonCode::RoleSuspendedPendingReview => mask::PAUSED,
        Status::Inactive | Status::EnteredInError => mask::ENDED,
        Status::Rejected => mask::NOT_SET_UP,
        Status::Active => mask::IN_FORCE,
        Status::Proposed => mask::REQUESTED,
    };
    (ReasonCode::Other, Some(text))
}

fn put_role(app: &TestApp, id: &str, (status, reason): (Status, ReasonCode)) {
    for table in ["roles", "role_versions"] {
        sql::execute(
            &app.database_url(),
            &format!(
                "UPDATE {table} SET status = '{}', reason_code = '{}', reason_text = '{NOTE}' WHERE id = '{id}'",
                status.as_str(),
                reason.code()
            ),
        );
    }
}

fn reason_of(consent: &Value) -> (Option<&str>, Option<&str>) {
    let concept = &consent["extension"][0]["valueCodeableConcept"];
    (concept["coding"][0]["code"].as_str(), concept["text"].as_str())
}

// covers G-16, R-01, R-07, R-50
#[rstest]
#[actix_web::test]
async fn masked_reason_reveals_no_more_than_the_status_on_any_interaction(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (app, id, token) = begin(backend).await;
    let body = classic(&format!("Consent?performer={LONER}"), Some("application/fhir+json"));
    let told_by = id_of(&send_well(&app, post("/Subscription", &body).bearer(&token), 201).await);
    activate(&app, &told_by).await;
    let change = json!([{ "op": "replace", "path": "/provision/period/end", "value": "2027-05-05" }]);
    send_well(&app, patch(&format!("/Consent/{id}"), &change).bearer(SYSTEM), 200).await;
    let mut ways = vec![
        format!("/Consent/{id}"),
        format!("/Consent/{id}/_history"),
        format!("/Consent/{id}/_history/1"),
        format!("/Consent/{id}/_history/2"),
        "/Consent/_history?_count=200".to_owned(),
        "/_history?_count=200".to_owned(),
        "/?_type=Consent,RelatedPerson,AuditEvent,Provenance,Subscription&_count=200".to_owned(),
        format!("/Patient/{LONER}/$everything"),
        "/Patient/$everything".to_owned(),
        "/Consent?_elements=extension".to_owned(),
        "/Consent?_summary=data".to_owned(),
    ];
    for claims in claims(&app).await {
        // The transitions that lead to a role.
        let leads = |name: &&String| {
            claims.kind == "Consent"
                || ["Consent:", ":entity", ":target"].iter().any(|part| name.contains(part))
        };
        let kind = &claims.kind;
        ways.extend(
            claims.includes.iter().filter(leads).map(|name| format!("/{kind}?_include={name}&_count=200")),
        );
        let reverse = claims.reverse_includes.iter().filter(leads);
        ways.extend(reverse.map(|name| format!("/{kind}?_revinclude={name}&_count=200")));
    }
    for stands in stands() {
        put_role(&app, &id, stands);
        let (code, text) = expected(stands.0, stands.1);
        let mut texts = Vec::new();
        for path in &ways {
            let answer = app.send(ask("GET", path, &token)).await;
            assert_eq!(answer.status, 200, "{path}");
            texts.push((path.clone(), text_of(&answer)));
        }
        for query in [format!("Consent/{id}"), format!("Consent?performer:identifier={LONER}")] {
            let request =
                Request::new("GET", &format!("{}/{query}", vrs::BASE_PATH)).with_id().bearer(&token);
            texts.push((query, text_of(&app.send(request).await)));
        }
        let message = composed(&app, &told_by).await;
        texts.push(("notification".to_owned(), String::from_utf8_lossy(&message.body).into_owned()));
        let mut seen = 0;
        for (path, received) in texts {
            assert!(!received.contains(NOTE), "{stands:?}: {path}: {received}");
            if code != stands.1 {
                assert!(!received.contains(stands.1.code()), "{stands:?}: {path}: {received}");
                assert!(!received.contains(stands.1.display()), "{stands:?}: {path}: {received}");
            }
            seen += usize::from(
                text.map_or_else(|| received.contains(code.code()), |text| received.contains(text)),
            );
        }
        assert!(seen > 10, "{stands:?}: {seen}");
        for other in [SYSTEM, NURSE] {
            let whole = send_well(&app, get(&format!("/Consent/{id}")).bearer(other), 200).await;
            assert_eq!(reason_of(&whole), (Some(stands.1.code()), Some(NOTE)), "{stands:?}");
        }
    }
}

// covers S-26
#[rstest]
#[actix_web::test]
async fn search_by_reason_matches_the_masked_reason(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (app, id, token) = begin(backend).await;
    let body = |filter: &str| backport("proxy-role", "id-only", &[filter]);
    let set = "https://fhir.hl7.org.uk/ValueSet/England-ConsentStatusReason";
    for stands in stands() {
        put_role(&app, &id, stands);
        let (shown, _) = expected(stands.0, stands.1);
        for code in ReasonCode::all() {
            let is_shown = code == shown;
            for (query, is_found) in [
                (format!("/Consent?status-reason={}", code.code()), is_shown),
                (format!("/Consent?status-reason:not={}", code.code()), !is_shown),
            ] {
                let found = send_well(&app, get(&query).bearer(&token), 200).await;
                assert_eq!(entries(&found).len(), usize::from(is_found), "{stands:?}: {query}");
            }
        }
        let display = stands.1.display().replace(' ', "%20");
        let by_text =
            send_well(&app, get(&format!("/Consent?status-reason:text={display}")).bearer(&token), 200).await;
        assert_eq!(entries(&by_text).len(), usize::from(stands.1.display() == shown.display()), "{stands:?}");
        let people = format!("/Patient?_has:Consent:performer:status-reason={}", stands.1.code());
        let by_has = send_well(&app, get(&people).bearer(&token), 200).await;
        assert_eq!(entries(&by_has).len(), usize::from(stands.1 == shown), "{stands:?}");
        // A caller without the mask finds it by its own code.
        let plain = get(&format!("/Consent?_id={id}&status-reason={}", stands.1.code())).bearer(SYSTEM);
        assert_eq!(entries(&send_well(&app, plain, 200).await).len(), 1, "{stands:?}");
    }
    let in_set = send(&app, get(&format!("/Consent?status-reason:in={set}")).bearer(&token)).await;
    assert!(matches!(in_set.status, 200 | 400), "{}", in_set.status);
    let strict = get("/Consent?_sort=status-reason").header("Prefer", "handling=strict").bearer(&token);
    assert_eq!(send(&app, strict).await.status, 400, "an order would tell");
    // A subscription is evaluated with the masked values: otherwise the event itself would reveal them.
    put_role(&app, &id, (Status::Active, ReasonCode::RoleCreated));
    let mut subscriptions = Vec::new();
    for filter in ["status-reason=ROLE_DEACTIVATED_SAFEGUARDING", "status-reason=OTHER"] {
        number_all(&app).await;
        let made = send_well(&app, post("/Subscription", &body(filter)).bearer(&token), 201).await;
        subscriptions.push(id_of(&made));
    }
    let end = bodies::move_to("inactive", &[bodies::reason("ROLE_DEACTIVATED_SAFEGUARDING")]);
    let end = Request::patch(&format!("{}/Consent/{id}", vrs::BASE_PATH), end).bearer(SYSTEM);
    assert_eq!(app.send(end).await.status, 200);
    assert_eq!(heard(&app, &subscriptions[0]).await.len(), 0);
    assert_eq!(heard(&app, &subscriptions[1]).await.len(), 1);
}

//
#[rstest]
#[actix_web::test]
async fn actor_of_a_change_is_shown_only_to_that_citizen(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let path = format!("/Consent/{MOTHERS_ROLE}");
    let (mother, child) = (known(MOTHER), known(CHILD));
    let read = async |token: &str| send_well(&app, get(&path).bearer(token), 200).await;
    // Read, changed in two places, sent back.
    let held = read(&mother).await;
    let mut ended = held.clone();
    ended["status"] = "inactive".into();
    ended["extension"][0] = bodies::reason("ROLE_DEACTIVATED_PATIENT_REQUEST");
    let answer = send(&app, put(&path, &ended).bearer(&mother)).await;
    assert_eq!((answer.status, answer.header("etag")), (200, Some("W/\"2\"")));
    let code = "ROLE_DEACTIVATED_PATIENT_REQUEST";
    assert_eq!(reason_of(&answer.json()).0, Some(code));
    assert_eq!(reason_of(&read(&mother).await).0, Some(code), "their own");
    assert_eq!(reason_of(&read(&child).await), (Some("OTHER"), Some(mask::ENDED)), "the other's");
    let found = async |token: &str| {
        let query = get(&format!("/Consent?_id={MOTHERS_ROLE}&status-reason={code}")).bearer(token);
        entries(&send_well(&app, query, 200).await).len()
    };
    assert_eq!((found(&mother).await, found(&child).await), (1, 0));
    // The version is the same for all, and so is the result of a condition on it.
    for token in [&mother, &child, &SYSTEM.to_owned()] {
        let known = send(&app, get(&path).header("If-None-Match", "W/\"2\"").bearer(token)).await;
        assert_eq!(known.status, 304);
    }
    // A citizen may only end an active role, whatever the reason behind the mask.
    let status = async |token: &str, request: Request| send(&app, request.bearer(token)).await.status;
    for token in [&mother, &child] {
        let shown = read(token).await;
        let mut asked = shown.clone();
        asked["extension"][0] = bodies::reason(code);
        for body in [shown, asked] {
            assert_eq!(status(token, put(&path, &body)).await, 403);
        }
    }
    // No `test` reveals the masked value: a right guess fails as a wrong one does.
    let test = |code: &str| {
        let place = "/extension/0/valueCodeableConcept/coding/0/code";
        patch(&path, &json!([{ "op": "test", "path": place, "value": code }]))
    };
    let wrong = status(&child, test("ROLE_CREATED")).await;
    assert_eq!((status(&child, test(code)).await, status(&child, test("OTHER")).await), (wrong, 403));
    assert_ne!(wrong, 403);
    // The actor: the record names its maker to themselves.
    for (token, is_named) in [(&mother, true), (&child, false)] {
        for kind in ["Provenance?target", "AuditEvent?entity"] {
            let path = format!("/{kind}=Consent/{MOTHERS_ROLE}&_count=200");
            let records = entries(&send_well(&app, get(&path).bearer(token), 200).await);
            let agents = |record: &Value| record["agent"].to_string();
            assert!(!records.is_empty());
            assert_eq!(records.iter().any(|record| agents(record).contains(MOTHER)), is_named, "{kind}");
            // A search finds by the agents that are shown, and by no other.
            let by_agent = get(&format!("{path}&agent:identifier={MOTHER}")).bearer(token);
            let found = entries(&send_well(&app, by_agent, 200).await);
            assert_eq!(!found.is_empty(), is_named, "{kind}");
        }
    }
    // By staff, the same reason has no giver.
    let back = bodies::move_to("active", &[bodies::reason("ROLE_REACTIVATED"), bodies::grantor("A20047")]);
    let end = bodies::move_to("inactive", &[bodies::reason(code)]);
    for body in [back, end] {
        let request =
            Request::patch(&format!("{}/Consent/{MOTHERS_ROLE}", vrs::BASE_PATH), body).bearer(NURSE);
        assert_eq!(app.send(request).await.status, 200);
    }
    assert_eq!(reason_of(&read(&mother).await), (Some("OTHER"), Some(mask::ENDED)));
}

// covers G-16
#[rstest]
#[actix_web::test]
async fn provenance_of_a_change_is_alike_for_every_actor(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (app, id, token) = begin(backend).await;
    let patient = app.token(&citizen(PATIENT.number), "user/*.cruds").await;
    let mut agents = Vec::new();
    for (by, reason) in [
        (SYSTEM, "ROLE_DEACTIVATED_SAFEGUARDING"),
        (&patient, "ROLE_DEACTIVATED_PATIENT_REQUEST"),
        (NURSE, "OTHER"),
    ] {
        let reason =
            if reason == "OTHER" { bodies::reason_with_text("OTHER", NOTE) } else { bodies::reason(reason) };
        let end = bodies::move_to("inactive", &[reason]);
        let back =
            bodies::move_to("active", &[bodies::reason("ROLE_REACTIVATED"), bodies::grantor("A20047")]);
        for (body, by) in [(end, by), (back, SYSTEM)] {
            let request = Request::patch(&format!("{}/Consent/{id}", vrs::BASE_PATH), body).bearer(by);
            assert_eq!(app.send(request).await.status, 200, "{by}");
        }
        let path = format!("/Provenance?target=Consent/{id}&_count=200");
        let records = entries(&send_well(&app, get(&path).bearer(&token), 200).await);
        agents.extend(records.iter().map(|record| record["agent"].to_string()));
        let path = format!("/AuditEvent?entity=Consent/{id}&action=U&_count=200");
        let records = entries(&send_well(&app, get(&path).bearer(&token), 200).await);
        let of = records.iter().map(|record| format!("{} {}", record["agent"], record["entity"][0]["type"]));
        agents.extend(of);
    }
    agents.sort();
    agents.dedup();
    assert_eq!(agents.len(), 2, "one for each type: {agents:?}");
}
