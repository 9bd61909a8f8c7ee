//! Contract §6.1, §6.2 and domain.md: the transitions of a role, and their reasons.

use domain::proxy::Lifecycle;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Backend, Options, TestApp, bodies, strict_contract};
use crate::vrs::edit::with;
use crate::vrs::expected_error::{bad_request, invalid_status_reason, invalid_transition};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{ACTIVE, INACTIVE, LONER, MOTHER, PATIENTS, PROPOSED, REJECTED, consent};

const STATUSES: [&str; 5] = ["proposed", "active", "rejected", "inactive", "entered-in-error"];
const ROLE: [&str; 3] = ["ROLE_CREATED", "ROLE_ACTIVATED", "ROLE_REACTIVATED"];
const DEACTIVATED: [&str; 13] = [
    "ROLE_DEACTIVATED_SAFEGUARDING",
    "ROLE_DEACTIVATED_PATIENT_REQUEST",
    "ROLE_DEACTIVATED_END_DATE_REACHED",
    "ROLE_DEACTIVATED_INACTIVE_ROLE",
    "ROLE_DEACTIVATED_PATIENT_DECEASED",
    "ROLE_DEACTIVATED_PROXY_DECEASED",
    "ROLE_DEACTIVATED_CHANGE_IN_RELATIONSHIP",
    "ROLE_DEACTIVATED_PROXY_LACKS_CAPACITY",
    "ROLE_DEACTIVATED_MISUSE_OF_SYSTEM",
    "ROLE_DEACTIVATED_PATIENT_GP_TRANSFERRED",
    "ROLE_DEACTIVATED_PROXY_GP_TRANSFERRED",
    "ROLE_DEACTIVATED_PROXY_NOT_LIVING_IN_ENGLAND_OR_WALES",
    "ROLE_SUSPENDED_PENDING_REVIEW",
];
const APPLICATION: [&str; 3] = ["APPLICATION_SUBMITTED", "APPLICATION_RESUBMITTED", "APPLICATION_WITHDRAWN"];
const REFUSED: [&str; 7] = [
    "APPLICATION_REJECTED_NOT_NEEDED",
    "APPLICATION_REJECTED_SAFEGUARDING",
    "APPLICATION_REJECTED_IDENTITY_NOT_VERIFIED",
    "APPLICATION_REJECTED_NO_CONSENT",
    "APPLICATION_REJECTED_PROXY_LACKS_CAPACITY",
    "APPLICATION_REJECTED_PROXY_NOT_LIVING_IN_ENGLAND_OR_WALES",
    "APPLICATION_REJECTED_NO_LEGAL_BASIS",
];

fn every_reason() -> impl Iterator<Item = &'static str> {
    ROLE.into_iter().chain(DEACTIVATED).chain(APPLICATION).chain(REFUSED).chain(["OTHER"])
}

fn is_allowed(allowed: &[&[&str]], code: &str) -> bool {
    code == "OTHER" || allowed.iter().any(|group| group.contains(&code))
}

fn reason(code: &str) -> Value {
    if code == "OTHER" { bodies::reason_with_text(code, "because") } else { bodies::reason(code) }
}

fn to(status: &str, code: &str) -> Value {
    let grantor = (status == "active").then(|| bodies::grantor("G8101234"));
    bodies::move_to(status, &[reason(code)].into_iter().chain(grantor).collect::<Vec<_>>())
}

/// Tries every reason for one transition. `back` leads from its end to its start.
async fn try_arrow(app: &TestApp, role: &str, status: &str, allowed: &[&str], back: &[(&str, &str)]) {
    let path = consent(role);
    for code in every_reason() {
        let row = format!("to {status} because {code}");
        let answer = app.patch(&path, to(status, code)).await;
        if is_allowed(&[allowed], code) {
            assert_eq!(answer.status, 200, "{row}: {}", String::from_utf8_lossy(&answer.body));
            let shown = app.get(&path).await.json()["entry"][0]["resource"].clone();
            assert_eq!(shown["status"], status, "{row}");
            let concept = &shown["extension"][0]["valueCodeableConcept"];
            assert_eq!(concept["coding"][0]["code"], code, "{row}");
            for (status, code) in back {
                assert_eq!(app.patch(&path, to(status, code)).await.status, 200, "{row}, and back");
            }
        } else {
            invalid_status_reason().check(&row, &answer);
        }
    }
}

#[rstest]
#[actix_web::test]
async fn each_transition_accepts_its_reasons_only(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    try_arrow(&app, ACTIVE, "inactive", &DEACTIVATED, &[("active", "ROLE_REACTIVATED")]).await;
    let back = [("active", "ROLE_ACTIVATED"), ("inactive", "ROLE_SUSPENDED_PENDING_REVIEW")];
    try_arrow(&app, INACTIVE, "rejected", &REFUSED, &back).await;
    let back = [("inactive", "ROLE_SUSPENDED_PENDING_REVIEW")];
    try_arrow(&app, INACTIVE, "active", &["ROLE_REACTIVATED"], &back).await;
    let back =
        [("inactive", "ROLE_DEACTIVATED_SAFEGUARDING"), ("rejected", "APPLICATION_REJECTED_SAFEGUARDING")];
    try_arrow(&app, REJECTED, "active", &["ROLE_ACTIVATED"], &back).await;
}

#[rstest]
#[actix_web::test]
async fn every_other_transition_is_rejected(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let arrows =
        [("active", "inactive"), ("inactive", "active"), ("inactive", "rejected"), ("rejected", "active")];
    let roles = [("active", ACTIVE), ("inactive", INACTIVE), ("rejected", REJECTED), ("proposed", PROPOSED)];
    for (from, role) in roles {
        for status in STATUSES.into_iter().filter(|status| !arrows.contains(&(from, *status))) {
            let row = format!("{from} to {status}");
            for code in ["ROLE_CREATED", "ROLE_ACTIVATED", "APPLICATION_WITHDRAWN", "OTHER"] {
                invalid_transition().check(&row, &app.patch(&consent(role), to(status, code)).await);
            }
            footprint.check_untouched(&row);
        }
    }
}

fn draft(number: usize, status: &str, code: &str) -> Value {
    let proxy = if number < PATIENTS.len() { LONER } else { MOTHER };
    let body = with(bodies::consent(proxy, PATIENTS[number % PATIENTS.len()]), "/status", status);
    with(body, "/extension/0", reason(code))
}

#[rstest]
#[actix_web::test]
async fn role_starts_active_or_rejected_with_the_reasons_of_the_contract(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let mut created = 0;
    for (status, allowed) in [
        ("active", Some(&["ROLE_CREATED"][..])),
        ("rejected", Some(&REFUSED[..])),
        ("proposed", None),
        ("inactive", None),
        ("entered-in-error", None),
    ] {
        for code in every_reason() {
            let row = format!("{status} because {code}");
            let answer = app.post("/Consent", draft(created, status, code)).await;
            if allowed.is_some_and(|allowed| is_allowed(&[allowed], code)) {
                assert_eq!(answer.status, 201, "{row}: {}", String::from_utf8_lossy(&answer.body));
                created += 1;
                footprint.grown();
            } else {
                bad_request().check(&row, &answer);
                footprint.check_untouched(&row);
            }
        }
    }
    assert_eq!(created, 10);
}

/// §6.2: the earlier machine, a superset behind a setting.
#[rstest]
#[actix_web::test]
async fn with_applications_a_role_may_be_proposed_refused_withdrawn_and_proposed_again(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let mut contract = strict_contract();
    contract.rules.lifecycle = Lifecycle::WithApplications;
    let app = TestApp::start(backend, Options { contract, ..Options::default() }).await;
    let path_of = |answer: &crate::support::Response| {
        answer.header("Location").and_then(|at| at.strip_prefix(&app.base())).unwrap_or_default().to_owned()
    };
    let proposed = with(
        draft(0, "proposed", "APPLICATION_SUBMITTED"),
        "/extension",
        json!([reason("APPLICATION_SUBMITTED")]),
    );
    let answer = app.post("/Consent", &proposed).await;
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    let path = path_of(&answer);
    for (status, code) in [
        ("rejected", "APPLICATION_REJECTED_NO_LEGAL_BASIS"),
        ("proposed", "APPLICATION_RESUBMITTED"),
        ("active", "ROLE_ACTIVATED"),
        ("inactive", "ROLE_DEACTIVATED_PATIENT_REQUEST"),
        ("active", "ROLE_REACTIVATED"),
    ] {
        let answer = app.patch(&path, to(status, code)).await;
        assert_eq!(answer.status, 200, "{status}: {}", String::from_utf8_lossy(&answer.body));
    }
    invalid_transition()
        .check("active to proposed", &app.patch(&path, to("proposed", "APPLICATION_RESUBMITTED")).await);
    invalid_status_reason()
        .check("active, wrong", &app.patch(&consent(PROPOSED), to("active", "ROLE_CREATED")).await);
    assert_eq!(
        app.patch(&consent(PROPOSED), to("entered-in-error", "APPLICATION_WITHDRAWN")).await.status,
        200
    );
    for status in STATUSES {
        let code = if status == "active" { "ROLE_ACTIVATED" } else { "APPLICATION_WITHDRAWN" };
        invalid_transition()
            .check("withdrawn is the end", &app.patch(&consent(PROPOSED), to(status, code)).await);
    }
}
