//! Contract §6.3, §9 and domain.md "Switches": the strict default and the lenient sandbox.

use config::Contract;
use domain::person::NumberCheck;
use domain::proxy::{Lifecycle, ReasonCheck};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Backend, Options, TestApp, bodies, sandbox_contract, strict_contract};
use crate::vrs::edit::with;
use crate::vrs::expected_error::{coded, invalid_status_reason};
use crate::vrs::footprint::{Footprint, Rows};
use crate::vrs::known::{ACTIVE, ENDING, LONER, MORE_ACTIVE, MOTHER, SON, consent};

/// The default with one switch turned.
async fn turned(backend: Backend, turn: impl FnOnce(&mut Contract)) -> TestApp {
    let mut contract = strict_contract();
    turn(&mut contract);
    TestApp::start(backend, Options { contract, ..Options::default() }).await
}

fn inactive(code: &str) -> Value {
    bodies::move_to("inactive", &[bodies::reason(code)])
}

#[rstest]
#[actix_web::test]
async fn contract_switches_have_the_documented_defaults() {
    let (strict, sandbox) = (strict_contract(), sandbox_contract());
    assert_eq!(
        (strict.nhs_number_check, sandbox.nhs_number_check),
        (NumberCheck::Modulus11, NumberCheck::Length)
    );
    assert_eq!(
        (strict.rules.reasons, sandbox.rules.reasons),
        (ReasonCheck::ByTransition, ReasonCheck::KnownCode)
    );
    assert_eq!(
        (strict.rules.lifecycle, sandbox.rules.lifecycle),
        (Lifecycle::Decisions, Lifecycle::Decisions)
    );
    assert!(!strict.access_request_creates_role && !sandbox.access_request_creates_role);
    assert_eq!((strict.status_for_bad_path, sandbox.status_for_bad_path), (422, 400));
    assert_eq!((strict.status_for_bad_id, sandbox.status_for_bad_id), (422, 400));
    assert_eq!((strict.relaxed_reason_names, sandbox.relaxed_reason_names), (false, true));
}

#[rstest]
#[actix_web::test]
async fn numbers_are_checked_by_modulus_11_or_by_length(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let strict = turned(backend, |_| {}).await;
    let lenient = turned(backend, |contract| contract.nhs_number_check = NumberCheck::Length).await;
    for (path, refused) in
        [("/Consent?performer:identifier=9000000022", 422), ("/RelatedPerson?identifier=9000000022", 400)]
    {
        assert_eq!(strict.get(path).await.status, refused, "{path}");
        assert_eq!(lenient.get(path).await.status, 200, "{path}");
        let short = &path[..path.len() - 1];
        assert_eq!(lenient.get(short).await.status, refused, "{short}");
    }
    let consent = bodies::consent("9000000050", "9000000051");
    assert_eq!(
        strict.post("/Consent", &consent).await.status_and_code(),
        (422, "INVALID_IDENTIFIER_VALUE".to_owned())
    );
    assert_eq!(lenient.post("/Consent", &consent).await.status, 201);
    let request = bodies::access_request("9000000052", "9000000053");
    assert_eq!(
        strict.post("/QuestionnaireResponse", &request).await.status_and_code(),
        (400, "BAD_REQUEST".to_owned())
    );
    assert_eq!(lenient.post("/QuestionnaireResponse", &request).await.status, 200);
}

/// §6.3: the published examples set `inactive` with `ROLE_CREATED`.
#[rstest]
#[actix_web::test]
async fn status_reason_switch_checks_the_transition_or_the_code_only(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let strict = turned(backend, |_| {}).await;
    let lenient = turned(backend, |contract| contract.rules.reasons = ReasonCheck::KnownCode).await;
    invalid_status_reason().check("strict", &strict.patch(&consent(ACTIVE), inactive("ROLE_CREATED")).await);
    assert_eq!(lenient.patch(&consent(ACTIVE), inactive("ROLE_CREATED")).await.status, 200);
    let shown = lenient.get(&consent(ACTIVE)).await.json()["entry"][0]["resource"].clone();
    assert_eq!(shown["status"], "inactive");
    assert_eq!(shown["extension"][0]["valueCodeableConcept"]["coding"][0]["code"], "ROLE_CREATED");
    invalid_status_reason().check("unknown", &lenient.patch(&consent(ENDING), inactive("BECAUSE")).await);
    let activated = with(bodies::consent(LONER, SON), "/extension/0", bodies::reason("ROLE_ACTIVATED"));
    assert_eq!(strict.post("/Consent", &activated).await.status_and_code(), (400, "BAD_REQUEST".to_owned()));
    assert_eq!(lenient.post("/Consent", &activated).await.status, 201);
    let proposed = bodies::move_to("proposed", &[bodies::reason("ROLE_CREATED")]);
    let expected = lenient.patch(&consent(ENDING), proposed).await.status_and_code();
    assert_eq!(expected, (422, "INVALID_STATE_TRANSITION".to_owned()), "the machine is not switched off");
}

/// §4.1: names from before 1.26, on input only.
#[rstest]
#[actix_web::test]
async fn former_reason_names_are_understood_when_relaxed(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let strict = turned(backend, |_| {}).await;
    let relaxed = turned(backend, |contract| contract.relaxed_reason_names = true).await;
    let renamed = [
        ("ROLE_DEACTIVATED_PROXY_ABROAD", "ROLE_DEACTIVATED_PROXY_NOT_LIVING_IN_ENGLAND_OR_WALES"),
        ("ROLE_DEACTIVATED_SYSTEM_MISUSE", "ROLE_DEACTIVATED_MISUSE_OF_SYSTEM"),
    ];
    for ((former, present), role) in renamed.into_iter().zip(MORE_ACTIVE) {
        invalid_status_reason().check(former, &strict.patch(&consent(role), inactive(former)).await);
        assert_eq!(relaxed.patch(&consent(role), inactive(former)).await.status, 200, "{former}");
        let shown = relaxed.get(&consent(role)).await.json()["entry"][0]["resource"].clone();
        assert_eq!(shown["extension"][0]["valueCodeableConcept"]["coding"][0]["code"], present);
    }
    let rejected = with(bodies::consent(LONER, SON), "/status", "rejected");
    let rejected = with(rejected, "/extension/0", bodies::reason("APPLICATION_REJECTED_PROXY_ABROAD"));
    coded(422, "INVALID_EXTENSION").check("strict", &strict.post("/Consent", &rejected).await);
    assert_eq!(relaxed.post("/Consent", &rejected).await.status, 201);
    for removed in ["ROLE_DEACTIVATED_FAMILIAL_REASON", "APPLICATION_REJECTED_COERCION"] {
        invalid_status_reason().check(removed, &relaxed.patch(&consent(ACTIVE), inactive(removed)).await);
    }
}

#[rstest]
#[actix_web::test]
async fn access_request_creates_a_proposed_role_only_when_configured(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let request = bodies::access_request(MOTHER, SON);
    let pair = format!("/Consent?performer:identifier={MOTHER}&patient:identifier={SON}");
    let plain = turned(backend, |_| {}).await;
    assert_eq!(plain.post("/QuestionnaireResponse", &request).await.status, 200);
    assert_eq!(plain.get(&pair).await.json()["total"], 0);
    assert_eq!(plain.post("/QuestionnaireResponse", &request).await.status, 200, "one may apply again");

    let proposing = turned(backend, |contract| {
        contract.rules.lifecycle = Lifecycle::WithApplications;
        contract.access_request_creates_role = true;
    })
    .await;
    let mut footprint = Footprint::of(&proposing);
    assert_eq!(proposing.post("/QuestionnaireResponse", &request).await.status, 200);
    assert_eq!(footprint.grown(), Rows { roles: 1, versions: 1, acts: 2, events: 2, requests: 1 });
    let role = proposing.get(&pair).await.json()["entry"][0]["resource"].clone();
    assert_eq!(role["status"], "proposed");
    assert_eq!(role["extension"][0]["valueCodeableConcept"]["coding"][0]["code"], "APPLICATION_SUBMITTED");
    assert_eq!(role["policyRule"]["coding"][0]["code"], "UNK");
    assert_eq!(role["extension"].as_array().map(Vec::len), Some(1), "it has no grantor");
    let again = proposing.post("/QuestionnaireResponse", &request).await;
    assert_eq!(again.status_and_code(), (409, "DUPLICATE_RELATIONSHIP".to_owned()));
    footprint.check_untouched("again");
    assert_eq!(json!(proposing.get(&pair).await.json()["total"]), json!(1));
}
