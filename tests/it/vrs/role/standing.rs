//! Contract §5 and §6.4, domain.md: a person who is unknown, invalidated, superseded or restricted is in no
//! response, and neither is any resource between them and others.

use domain::person::Standing;
use domain::proxy::Lifecycle;
use rstest::rstest;

use crate::support::{Backend, Options, TestApp, bodies, strict_contract};
use crate::vrs::callers::number;
use crate::vrs::expected_error::{invalidated, role_not_found};
use crate::vrs::footprint::{Footprint, Rows};
use crate::vrs::known::{CHILD, LONER, MOTHER, MOTHERS_ROLE, SON, consent};
use crate::vrs::operations::end;
use crate::vrs::validated::validated;

async fn stand(app: &TestApp, principal: &str, standing: Standing) {
    let (principal, now) = (number(principal), app.now());
    let saved: Result<_, base::error::Error> =
        app.store.write(move |tx| tx.save_standing(principal, standing, now)).await;
    assert!(saved.is_ok());
}

async fn check_gone(app: &TestApp, row: &str, person: &str, other: &str) {
    for query in [
        format!("/Consent?performer:identifier={person}"),
        format!("/Consent?patient:identifier={person}"),
        format!("/Consent?performer:identifier={person}&patient:identifier={other}"),
        format!("/Consent?performer:identifier={other}&patient:identifier={person}"),
        format!("/RelatedPerson?identifier={person}"),
        format!("/RelatedPerson?patient:identifier={person}"),
        format!("/RelatedPerson?identifier={other}&patient:identifier={person}"),
        format!("{}?_include=Consent:patient", consent(MOTHERS_ROLE)),
        consent(MOTHERS_ROLE),
    ] {
        invalidated().check(&format!("{row}: {query}"), &app.get(&query).await);
    }
    role_not_found().check(row, &app.patch(&consent(MOTHERS_ROLE), end()).await);
}

async fn check_not_found_by(app: &TestApp, row: &str, person: &str, other: &str) {
    let includes = "_include=Consent:performer&_include=Consent:patient";
    for query in [
        format!("/Consent?performer:identifier={other}&{includes}"),
        format!("/Consent?patient:identifier={other}&{includes}"),
        format!("/RelatedPerson?identifier={other}&_include=RelatedPerson:patient"),
        format!("/RelatedPerson?patient:identifier={other}&_include=RelatedPerson:patient"),
    ] {
        let bundle = validated(&app.get(&query).await);
        let entries = bundle.get("entry").map(ToString::to_string).unwrap_or_default();
        assert!(!entries.contains(person), "{row}: {query}: {entries}");
        assert!(!entries.contains(MOTHERS_ROLE), "{row}: {query}");
    }
}

#[rstest]
#[actix_web::test]
async fn hidden_person_is_in_no_response(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    for (person, other) in [(MOTHER, CHILD), (CHILD, MOTHER)] {
        for standing in [Standing::Invalidated, Standing::Restricted, Standing::Superseded] {
            let row = format!("{person} is {}", standing.as_str());
            stand(&app, person, standing).await;
            check_gone(&app, &row, person, other).await;
            check_not_found_by(&app, &row, person, other).await;
            footprint.check_untouched(&row);
            stand(&app, person, Standing::Current).await;
            assert_eq!(app.get(&consent(MOTHERS_ROLE)).await.status, 200, "{row}, and again current");
        }
    }
}

#[rstest]
#[actix_web::test]
async fn hidden_person_cannot_become_a_party(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    for standing in [Standing::Invalidated, Standing::Restricted, Standing::Superseded] {
        stand(&app, SON, standing).await;
        for (proxy, patient) in [(LONER, SON), (SON, LONER)] {
            let answer = app.post("/Consent", bodies::consent(proxy, patient)).await;
            assert!((400..=422).contains(&answer.status), "{}", standing.as_str());
        }
        footprint.check_untouched(standing.as_str());
    }
}

/// A hidden role still is the one role of its pair, but the response to a second create does not reveal it.
#[rstest]
#[actix_web::test]
async fn second_role_for_a_hidden_pair_is_rejected_as_unknown_person(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let unknown = app.post("/Consent", bodies::consent(MOTHER, "9000000041")).await;
    stand(&app, CHILD, Standing::Restricted).await;
    let hidden = app.post("/Consent", bodies::consent(MOTHER, CHILD)).await;
    assert_eq!((hidden.status, hidden.json()), (unknown.status, unknown.json()));
}

/// The applicant may be either of the two, so an application must not reveal a role that is hidden with one
/// of them: it is accepted like one for a person whom the registry does not know.
#[rstest]
#[actix_web::test]
async fn access_request_for_a_hidden_pair_reveals_no_role(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    for person in [MOTHER, CHILD] {
        for standing in [Standing::Invalidated, Standing::Restricted, Standing::Superseded] {
            stand(&app, person, standing).await;
            let mut footprint = Footprint::of(&app);
            // A pair without a role, a stranger, and the pair with the role that is hidden.
            for (proxy, patient) in [(MOTHER, SON), (LONER, CHILD), (MOTHER, "9000000041"), (MOTHER, CHILD)] {
                let answer = app.post("/QuestionnaireResponse", bodies::access_request(proxy, patient)).await;
                let row = format!("{person} {standing:?}: {proxy} for {patient}");
                assert_eq!(answer.status, 200, "{row}");
                assert_eq!(footprint.grown(), Rows::SUBMITTED, "{row}");
            }
            stand(&app, person, Standing::Current).await;
        }
    }
    let answer = app.post("/QuestionnaireResponse", bodies::access_request(MOTHER, CHILD)).await;
    assert_eq!(
        answer.status_and_code(),
        (409, "DUPLICATE_RELATIONSHIP".to_owned()),
        "both people are visible again"
    );
}

/// The same with the setting that creates a proposed role for every application: there is none for a hidden
/// person, and no second role of the pair either.
#[rstest]
#[actix_web::test]
async fn an_access_request_for_a_hidden_pair_proposes_no_role(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let mut contract = strict_contract();
    contract.access_request_creates_role = true;
    contract.rules.lifecycle = Lifecycle::WithApplications;
    let app = TestApp::start(backend, Options { contract, ..Options::default() }).await;
    stand(&app, CHILD, Standing::Restricted).await;
    let mut footprint = Footprint::of(&app);
    for proxy in [MOTHER, LONER] {
        let answer = app.post("/QuestionnaireResponse", bodies::access_request(proxy, CHILD)).await;
        assert_eq!((answer.status, footprint.grown()), (200, Rows::SUBMITTED), "{proxy}");
    }
}

#[rstest]
#[actix_web::test]
async fn access_request_that_names_a_hidden_person_is_404(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let sent = app.post("/QuestionnaireResponse", bodies::access_request(MOTHER, SON)).await;
    let path =
        sent.header("location").and_then(|at| at.strip_prefix(&app.base())).expect("a place").to_owned();
    assert_eq!(app.get(&path).await.status, 200);
    for person in [MOTHER, SON] {
        for standing in [Standing::Invalidated, Standing::Restricted, Standing::Superseded] {
            stand(&app, person, standing).await;
            let expected = app.get(&path).await.status_and_code();
            assert_eq!(
                expected,
                (404, "QUESTIONNAIRE_RESPONSE_NOT_FOUND".to_owned()),
                "{person} {standing:?}"
            );
            stand(&app, person, Standing::Current).await;
        }
    }
    assert_eq!(app.get(&path).await.status, 200);
}
