//! Staff see the patients who are registered at their organisation now, what is recorded of them, and the
//! roles that the organisation granted; and they write for no other patient.

use api_vrs as vrs;
use config::Contract;
use domain::account::Principal;
use domain::proxy::OdsCode;
use rstest::rstest;
use serde_json::{Value, json};
use service::policy::{DisclosurePolicy, StaffReach};
use store::search::Visibility;

use super::{Invented, PATIENT, ask, claims, text_of};
use crate::fhir::bodies::{access_request, relationship, role};
use crate::fhir::client::{entries, get, patch, post, put, send, send_well};
use crate::fhir::subscription::{backport, heard, id_of, number_all};
use crate::support::token::registration;
use crate::support::{Backend, Options, Request, TestApp, bodies, sql};
use crate::vrs::callers::{SYSTEM, citizen, guarded_options};
use crate::vrs::known::{LONER, MOTHER};

/// The other patient, of another practice.
const OTHER: Invented =
    Invented { number: "9000000416", family: "Farawayson", birth_date: "1950-03-03", practice: "F90902" };

fn options() -> Options {
    let disclosure = DisclosurePolicy { mask_reasons: true, staff_reach: StaffReach::Practice };
    Options { disclosure, registrations: vec![registration()], ..guarded_options() }
}

struct Stage {
    app: TestApp,
    /// The role for [`PATIENT`], and that for [`OTHER`], granted by their own practices.
    near: String,
    far: String,
    staff: String,
}

async fn begin(backend: Backend, options: Options) -> Stage {
    let app = TestApp::start(backend, options).await;
    let mut roles = Vec::new();
    for person in [PATIENT, OTHER] {
        person.register(&app, "current", true);
        let body = access_request(LONER, person.number);
        send_well(&app, post("/QuestionnaireResponse", &body).bearer(&citizen(LONER)), 201).await;
        let mut body = role(LONER, person.number);
        body["extension"][1] = bodies::grantor(person.practice);
        roles.push(id_of(&send_well(&app, post("/Consent", &body).bearer(SYSTEM), 201).await));
        let body = relationship(LONER, person.number);
        send_well(&app, post("/RelatedPerson", &body).bearer(SYSTEM), 201).await;
    }
    let staff = staff(&app, PATIENT.practice).await;
    let far = roles.pop().expect("a role");
    let near = roles.pop().expect("a role");
    Stage { app, near, far, staff }
}

async fn staff(app: &TestApp, practice: &str) -> String {
    let organisation = OdsCode::parse(practice).ok();
    app.token(&Principal::Staff { name: "nurse".to_owned(), organisation }, "user/*.cruds").await
}

/// A move to another practice.
fn register_at(app: &TestApp, person: &Invented, practice: &str) {
    let number = person.number;
    sql::execute(
        &app.database_url(),
        &format!("UPDATE people SET practice = '{practice}' WHERE nhs_number = '{number}'"),
    );
}

fn end() -> Value {
    json!([{ "op": "replace", "path": "/provision/period/end", "value": "2027-05-05" }])
}

// covers R-07, S-16
#[rstest]
#[actix_web::test]
async fn staff_read_only_patients_of_their_practice_on_every_interaction(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let Stage { app, near, far, staff } = begin(backend, options()).await;
    for (person, role_id, is_reached) in [(PATIENT, &near, true), (OTHER, &far, false)] {
        let number = person.number;
        let status = if is_reached { 200 } else { 404 };
        for path in [
            format!("/Consent/{role_id}"),
            format!("/Consent/{role_id}/_history"),
            format!("/Consent/{role_id}/_history/1"),
            format!("/Patient/{number}"),
            format!("/Patient/{number}/Consent"),
            format!("/Patient/{number}/$everything"),
        ] {
            assert_eq!(send(&app, get(&path).bearer(&staff)).await.status, status, "{path}");
        }
        for (kind, query) in [
            ("Consent", format!("patient={number}")),
            ("Consent", format!("_id={role_id}")),
            ("RelatedPerson", format!("patient={number}")),
            ("QuestionnaireResponse", format!("patient={number}")),
            ("AuditEvent", format!("patient={number}&_count=1")),
            ("Provenance", format!("patient={number}&_count=1")),
            ("Patient", format!("identifier={number}")),
            ("Patient", format!("family={}", person.family)),
            ("Patient", format!("_has:Consent:patient:performer={LONER}&identifier={number}")),
            ("Consent", format!("patient.family={}", person.family)),
        ] {
            let found = send_well(&app, get(&format!("/{kind}?{query}")).bearer(&staff), 200).await;
            assert_eq!(!entries(&found).is_empty(), is_reached, "{kind}?{query}");
        }
    }
    let mut ways = vec![
        "/?_type=Consent,RelatedPerson,QuestionnaireResponse,Patient,Person,AuditEvent,Provenance&_count=500"
            .to_owned(),
        "/_history?_count=500".to_owned(),
        "/Patient/$everything".to_owned(),
    ];
    for claims in claims(&app).await {
        let kind = &claims.kind;
        ways.push(format!("/{kind}?_count=500&_sort=-_lastUpdated"));
        ways.extend(claims.includes.iter().map(|name| format!("/{kind}?_include={name}&_count=500")));
        ways.extend(
            claims.reverse_includes.iter().map(|name| format!("/{kind}?_revinclude={name}&_count=500")),
        );
    }
    for path in ways {
        let answer = app.send(ask("GET", &path, &staff)).await;
        assert_eq!(answer.status, 200, "{path}");
        let text = text_of(&answer);
        assert!(!text.contains(OTHER.number) && !text.contains(&far), "{path}: {text}");
        assert!(!text.contains(MOTHER), "{path}: {text}");
    }
    // Staff without a known organisation see no patient.
    let nowhere =
        app.token(&Principal::Staff { name: "nurse".to_owned(), organisation: None }, "user/*.cruds").await;
    for path in ["/Consent", "/Patient", "/RelatedPerson", "/QuestionnaireResponse", "/AuditEvent", "/Person"]
    {
        let found = send_well(&app, get(path).bearer(&nowhere), 200).await;
        assert_eq!(entries(&found).len(), 0, "{path}");
    }
}

//
#[rstest]
#[actix_web::test]
async fn staff_write_only_for_patients_of_their_practice(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let Stage { app, near, far, staff } = begin(backend, options()).await;
    let body = send_well(&app, get(&format!("/Consent/{far}")).bearer(SYSTEM), 200).await;
    let before = app.count_rows("role_versions");
    let far_path = format!("/Consent/{far}");
    assert_eq!(send(&app, patch(&far_path, &end()).bearer(&staff)).await.status, 404);
    assert_eq!(send(&app, put(&far_path, &body).bearer(&staff)).await.status, 405, "as what is not there");
    let conditional = patch(&format!("/Consent?patient={}", OTHER.number), &end());
    assert_eq!(send(&app, conditional.bearer(&staff)).await.status, 404);
    for number in [OTHER.number, "9000000424"] {
        // Unknown, out of reach, and with a role already: the same response.
        for proxy in [MOTHER, LONER] {
            let refused = send(&app, post("/Consent", &role(proxy, number)).bearer(&staff)).await;
            assert_eq!(refused.status, 422, "{number}");
            assert!(
                refused.json().to_string().contains("The registry does not know this person"),
                "{}",
                refused.json()
            );
        }
        let refused = send(&app, post("/RelatedPerson", &relationship(MOTHER, number)).bearer(&staff)).await;
        assert_eq!(refused.status, 422, "{number}");
    }
    assert_eq!(app.count_rows("role_versions"), before, "nothing was written");
    send_well(&app, patch(&format!("/Consent/{near}"), &end()).bearer(&staff), 200).await;
    send_well(&app, post("/Consent", &role(MOTHER, PATIENT.number)).bearer(&staff), 201).await;
}

// covers G-16
#[rstest]
#[actix_web::test]
async fn a_role_stays_with_the_organisation_that_granted_it_and_the_patient_does_not(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let Stage { app, near, staff: former, .. } = begin(backend, options()).await;
    register_at(&app, &PATIENT, OTHER.practice);
    let seen = send(&app, get(&format!("/Consent/{near}?_include=Consent:patient")).bearer(&former)).await;
    assert_eq!(seen.status, 200, "the role that it granted");
    for path in [
        "/Consent?_include=Consent:patient".to_owned(),
        "/AuditEvent?_count=200".to_owned(),
        "/Provenance?_count=200".to_owned(),
        "/?_type=Consent,RelatedPerson,QuestionnaireResponse,Patient,Person,AuditEvent,Provenance&_count=500"
            .to_owned(),
        format!("/Consent?patient.general-practitioner:identifier={}", OTHER.practice),
    ] {
        let text = text_of(&send(&app, get(&path).bearer(&former)).await);
        assert!(!text.contains(OTHER.practice) && !text.contains(PATIENT.family), "{path}: {text}");
    }
    assert_eq!(send(&app, get(&format!("/Patient/{}", PATIENT.number)).bearer(&former)).await.status, 404);
    let present = staff(&app, OTHER.practice).await;
    assert_eq!(send(&app, get(&format!("/Patient/{}", PATIENT.number)).bearer(&present)).await.status, 200);
    assert_eq!(send(&app, get(&format!("/Consent/{near}")).bearer(&present)).await.status, 200);
}

// covers N-33
#[rstest]
#[actix_web::test]
async fn subscription_of_staff_receives_events_of_their_patients_only(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let Stage { app, near, far, staff } = begin(backend, options()).await;
    number_all(&app).await;
    let body = backport("proxy-role", "full-resource", &[]);
    let subscription = id_of(&send_well(&app, post("/Subscription", &body).bearer(&staff), 201).await);
    for id in [&near, &far] {
        send_well(&app, patch(&format!("/Consent/{id}"), &end()).bearer(SYSTEM), 200).await;
    }
    let heard = heard(&app, &subscription).await;
    assert_eq!(
        heard.into_iter().map(|(_, subject)| subject).collect::<Vec<_>>(),
        [format!("Consent/{near}")]
    );
    let events = get(&format!("/Subscription/{subscription}/$events")).bearer(&staff);
    let text = send_well(&app, events, 200).await.to_string();
    assert!(text.contains(&near) && !text.contains(&far), "{text}");
}

/// The paths of the other API that are about a role.
async fn contract_answers(app: &TestApp, staff: &str, role_id: &str, number: &str) -> Vec<(u16, bool)> {
    let mut answers = Vec::new();
    for query in [
        format!("Consent/{role_id}"),
        format!("Consent?patient:identifier={number}&_include=Consent:patient"),
        format!("RelatedPerson?patient:identifier={number}"),
    ] {
        let request = Request::new("GET", &format!("{}/{query}", vrs::BASE_PATH)).with_id().bearer(staff);
        let answer = app.send(request).await;
        answers.push((answer.status, answer.status == 200 && text_of(&answer).contains(number)));
    }
    let request = Request::patch(&format!("{}/Consent/{role_id}", vrs::BASE_PATH), end()).bearer(staff);
    let answer = app.send(request).await;
    answers.push((answer.status, answer.status == 200));
    answers
}

// covers V-10
#[rstest]
#[actix_web::test]
async fn the_contract_lets_staff_see_everyone_unless_the_settings_say_otherwise(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    for reach in [StaffReach::Everyone, StaffReach::Practice] {
        let options = options();
        let contract = Contract { staff_reach: reach, ..options.contract };
        let Stage { app, near, far, staff } = begin(backend, Options { contract, ..options }).await;
        for (id, person, is_own) in [(&near, PATIENT, true), (&far, OTHER, false)] {
            let answers = contract_answers(&app, &staff, id, person.number).await;
            let is_shown = is_own || reach == StaffReach::Everyone;
            let expected = |hidden: u16| if is_shown { (200, true) } else { (hidden, false) };
            assert_eq!(
                answers,
                [expected(404), expected(200), expected(200), expected(404)],
                "{reach:?} {is_own}"
            );
            let create =
                Request::post(&format!("{}/Consent", vrs::BASE_PATH), bodies::consent(MOTHER, person.number));
            let status = if is_shown { 201 } else { 422 };
            assert_eq!(app.send(create.bearer(&staff)).await.status, status, "{reach:?} {is_own}");
        }
    }
}

#[rstest]
#[actix_web::test]
async fn staff_reach_uses_an_index(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let database = crate::fhir::search::plans::filled(backend);
    let scope = Visibility::Organisation(OdsCode::parse("Z99999").ok());
    let rows: [(&str, &str, &[&str]); 7] = [
        ("Consent", "", &["roles_by_grantor"]),
        ("Consent", "status=active", &["roles_by_grantor"]),
        ("Consent", "patient=9990001505", &["roles_by_patient"]),
        ("RelatedPerson", "", &["people_by_practice"]),
        ("QuestionnaireResponse", "", &["people_by_practice"]),
        ("AuditEvent", "", &["people_by_practice"]),
        ("Patient", "", &["people_by_practice"]),
    ];
    for (kind, query, indexes) in rows {
        let statement = crate::fhir::search::plans::statement(kind, query);
        let name = format!("staff: {kind}?{query}");
        crate::fhir::search::plans::assert_uses_index(&database, statement, scope.clone(), (&name, indexes))
            .await;
    }
}
