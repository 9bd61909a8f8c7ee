//! Contract §2.2 "Grantor and free text": shared by `POST /Consent` and `PATCH /Consent/{id}`.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Backend, TestApp, bodies};
use crate::vrs::edit::with;
use crate::vrs::expected_error::{ExpectedError, expected_error, missing_free_text, missing_grantor};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{ACTIVE, INACTIVE, LONER, REJECTED, SON, consent};
use crate::vrs::operations::{patch, post};

fn missing_reference() -> ExpectedError {
    let diagnostics = "Grantor extension must contain a valueReference";
    let expected =
        expected_error(400, "MISSING_GRANTOR_REFERENCE", "invalid", "Missing grantor reference", diagnostics);
    expected.at_grantor(".valueReference")
}

fn missing_identifier() -> ExpectedError {
    let diagnostics = "Grantor extension must contain a valueIdentifier";
    let expected = expected_error(
        400,
        "MISSING_GRANTOR_IDENTIFIER",
        "invalid",
        "Missing grantor identifier",
        diagnostics,
    );
    expected.at_grantor(".valueReference.identifier")
}

fn invalid_system() -> ExpectedError {
    let diagnostics = "Valid grantor extension identifier system is required when creating/updating a consent with status 'active'";
    let expected = expected_error(
        422,
        "INVALID_GRANTOR_SYSTEM",
        "invalid",
        "Invalid grantor identifier system",
        diagnostics,
    );
    expected.at_grantor(".valueReference.identifier.system")
}

fn invalid_value() -> ExpectedError {
    let diagnostics = "Valid grantor extension identifier value is required when creating/updating a consent with status 'active'";
    let expected = expected_error(
        422,
        "INVALID_GRANTOR_VALUE",
        "invalid",
        "Invalid grantor identifier value",
        diagnostics,
    );
    expected.at_grantor(".valueReference.identifier.value")
}

fn rows() -> Vec<(&'static str, Value, ExpectedError)> {
    let extension =
        |reference: Value| json!({ "url": bodies::GRANTOR_EXTENSION, "valueReference": reference });
    let identified =
        |identifier: Value| extension(json!({ "type": "Organization", "identifier": identifier }));
    let of = |value: &str| bodies::grantor(value);
    let url = bodies::GRANTOR_EXTENSION;
    let other_value = json!({ "url": url, "valueIdentifier": { "system": bodies::ODS, "value": "A20047" } });
    vec![
        ("no value at all", json!({ "url": url }), missing_reference()),
        ("another kind of value", other_value, missing_reference()),
        ("a reference to a type", extension(json!({ "type": "Organization" })), missing_identifier()),
        (
            "a literal reference",
            extension(json!({ "reference": "Organization/A20047" })),
            missing_identifier(),
        ),
        ("no system", identified(json!({ "value": "A20047" })), invalid_system()),
        ("another system", identified(json!({ "system": bodies::NHS, "value": "A20047" })), invalid_system()),
        (
            "http",
            identified(json!({ "system": bodies::ODS.replace("https", "http"), "value": "A20047" })),
            invalid_system(),
        ),
        ("no system and a bad value", identified(json!({ "value": "BAD" })), invalid_system()),
        ("no value", identified(json!({ "system": bodies::ODS })), invalid_value()),
        ("an empty value", of(""), invalid_value()),
        ("a blank value", of("   "), invalid_value()),
        ("no digit", of("BAD"), invalid_value()),
        ("too short", of("A1"), invalid_value()),
        ("too long", of("A1234567890"), invalid_value()),
        ("a hyphen", of("A2-047"), invalid_value()),
        ("a space inside", of("A2 047"), invalid_value()),
    ]
}

fn creation(grantor: Option<Value>) -> Value {
    let extensions: Vec<_> = [bodies::reason("ROLE_CREATED")].into_iter().chain(grantor).collect();
    with(bodies::consent(LONER, SON), "/extension", extensions)
}

fn activation(reason: &str, grantor: Option<Value>) -> Value {
    let extensions: Vec<_> = [bodies::reason(reason)].into_iter().chain(grantor).collect();
    bodies::move_to("active", &extensions)
}

#[rstest]
#[actix_web::test]
async fn active_role_requires_a_valid_grantor(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let rows = rows().into_iter().map(|(row, grantor, expected)| (row, Some(grantor), expected));
    for (row, grantor, expected) in rows.chain([("no grantor", None, missing_grantor())]) {
        let create = post("/Consent", &creation(grantor.clone()));
        expected.check(&format!("POST, {row}"), &app.send(create).await);
        for (role, reason) in [(REJECTED, "ROLE_ACTIVATED"), (INACTIVE, "ROLE_REACTIVATED")] {
            let change = patch(&consent(role), &activation(reason, grantor.clone()));
            expected.check(&format!("PATCH, {row}"), &app.send(change).await);
        }
        footprint.check_untouched(row);
    }
}

/// INT* sends `valueReference: {}`, and the table names it as a reference without an identifier.
#[rstest]
#[actix_web::test]
async fn an_empty_reference_is_one_without_an_identifier(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let empty = json!({ "url": bodies::GRANTOR_EXTENSION, "valueReference": {} });
    let create = app.send(post("/Consent", &creation(Some(empty.clone())))).await;
    let change = patch(&consent(REJECTED), &activation("ROLE_ACTIVATED", Some(empty)));
    let change = app.send(change).await;
    missing_identifier().check("POST", &create);
    missing_identifier().check("PATCH", &change);
}

#[rstest]
#[actix_web::test]
async fn reason_other_requires_text_on_create_and_patch(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let reasons = [
        bodies::reason("OTHER"),
        bodies::reason_with_text("OTHER", ""),
        bodies::reason_with_text("OTHER", " \t "),
    ];
    for reason in reasons {
        let create = with(creation(Some(bodies::grantor("A20047"))), "/extension/0", reason.clone());
        missing_free_text().check("POST", &app.send(post("/Consent", &create)).await);
        for (role, status) in [(ACTIVE, "inactive"), (INACTIVE, "rejected")] {
            let change = bodies::move_to(status, std::slice::from_ref(&reason));
            missing_free_text().check("PATCH", &app.send(patch(&consent(role), &change)).await);
        }
        footprint.check_untouched("OTHER");
    }
}

#[rstest]
#[actix_web::test]
async fn status_reason_text_is_stored_unchanged(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    for (code, text) in [("OTHER", "Moved to “Ynys Môn” 🏴"), ("ROLE_DEACTIVATED_SAFEGUARDING", "see notes")]
    {
        let role = if code == "OTHER" { ACTIVE } else { crate::vrs::known::ENDING };
        let body = bodies::move_to("inactive", &[bodies::reason_with_text(code, text)]);
        assert_eq!(app.patch(&consent(role), body).await.status, 200, "{code}");
        let shown = app.get(&consent(role)).await.json();
        let reason = &shown["entry"][0]["resource"]["extension"][0]["valueCodeableConcept"];
        assert_eq!((&reason["text"], &reason["coding"][0]["code"]), (&json!(text), &json!(code)));
    }
}
