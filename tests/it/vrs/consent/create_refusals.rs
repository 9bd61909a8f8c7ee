//! Contract §2.2 #5: what `POST /Consent` refuses, code by code.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Backend, Request, TestApp, bodies};
use crate::vrs::edit::{with, without};
use crate::vrs::expected_error::{
    ExpectedError, bad_request, coded, duplicate_relationship, expected_error, missing, missing_free_text,
    not_a_consent,
};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{CHILD, LONER, MOTHER, NOBODY, PATIENTS, PROXY, SON};
use crate::vrs::operations::{post, request};

type Row = (&'static str, Value, ExpectedError);

fn good() -> Value {
    bodies::consent(LONER, SON)
}

fn missing_rows() -> Vec<Row> {
    let no_patient_system = "Unable to determine the patient identifier system";
    let no_performer_system = "Unable to determine the performer identifier system";
    let no_patient_value = "Unable to find patient.identifier.value";
    let no_performer_value = "Unable to find performer.identifier.value";
    let row = |pointer, code, diagnostics, element| {
        (pointer, without(good(), pointer), missing(code, diagnostics, element))
    };
    vec![
        row("/status", "MISSING_STATUS", "Unable to find status", "status"),
        row("/scope", "MISSING_SCOPE", "Unable to find scope", "scope"),
        row("/category", "MISSING_CATEGORY", "Unable to find category", "category"),
        row("/patient", "MISSING_PATIENT", "Unable to find patient", "patient"),
        row("/performer", "MISSING_PERFORMER", "Unable to find performer", "performer"),
        row("/dateTime", "MISSING_DATETIME", "Unable to find dateTime", "dateTime"),
        row(
            "/patient/identifier/system",
            "MISSING_IDENTIFIER_SYSTEM",
            no_patient_system,
            "patient.identifier.system",
        ),
        row(
            "/performer/0/identifier/system",
            "MISSING_IDENTIFIER_SYSTEM",
            no_performer_system,
            "performer.identifier.system",
        ),
        row(
            "/patient/identifier/value",
            "MISSING_IDENTIFIER_VALUE",
            no_patient_value,
            "patient.identifier.value",
        ),
        row(
            "/performer/0/identifier/value",
            "MISSING_IDENTIFIER_VALUE",
            no_performer_value,
            "performer.identifier.value",
        ),
        ("no extension", without(good(), "/extension"), coded(400, "MISSING_VALUE").with_issue("invalid")),
        (
            "no status reason",
            with(good(), "/extension", json!([bodies::grantor("A20047")])),
            coded(400, "MISSING_VALUE").with_issue("invalid"),
        ),
        ("OTHER without text", with(good(), "/extension/0", bodies::reason("OTHER")), missing_free_text()),
        (
            "OTHER with blank text",
            with(good(), "/extension/0", bodies::reason_with_text("OTHER", "  ")),
            missing_free_text(),
        ),
    ]
}

fn invalid_identifier_rows() -> Vec<Row> {
    let value = |diagnostics, at| {
        expected_error(422, "INVALID_IDENTIFIER_VALUE", "invalid", "Invalid identifier value.", diagnostics)
            .at(at)
    };
    let system = |diagnostics, at| {
        expected_error(422, "INVALID_IDENTIFIER_SYSTEM", "invalid", "Invalid identifier system.", diagnostics)
            .at(at)
    };
    let mut rows = Vec::new();
    for wrong in ["1", "900000001", "9000000018", "90000000177", "900000001x", ""] {
        let expected = value("Performer identifier value is invalid", "performer.identifier.value");
        rows.push(("performer's value", with(good(), "/performer/0/identifier/value", wrong), expected));
        let expected = value("Patient identifier value is invalid", "patient.identifier.value");
        rows.push(("patient's value", with(good(), "/patient/identifier/value", wrong), expected));
    }
    for wrong in
        ["https://example.org", "http://fhir.nhs.uk/Id/nhs-number", "https://fhir.nhs.uk/Id/nhs-number/"]
    {
        let expected = system("Performer identifier system is invalid", "performer.identifier.system");
        rows.push(("performer's system", with(good(), "/performer/0/identifier/system", wrong), expected));
        let expected = system("Patient identifier system is invalid", "patient.identifier.system");
        rows.push(("patient's system", with(good(), "/patient/identifier/system", wrong), expected));
    }
    rows
}

fn invalid_rows() -> Vec<Row> {
    let invalid = |code| coded(422, code).with_issue("invalid");
    let status = || {
        expected_error(422, "INVALID_STATUS", "invalid", "Invalid status.", "Status is invalid").at("status")
    };
    let row = |row, pointer, value: Value, code| (row, with(good(), pointer, value), invalid(code));
    let wrong = "https://example.org";
    let unknown = json!({ "url": wrong, "valueString": "x" });
    let second = bodies::person(MOTHER);
    vec![
        ("status", with(good(), "/status", "asleep"), status()),
        ("status in capitals", with(good(), "/status", "Active"), status()),
        ("status of R4 that is no role's", with(good(), "/status", "draft"), status()),
        row("scope's code", "/scope/coding/0/code", json!("research"), "INVALID_SCOPE"),
        row("scope's system", "/scope/coding/0/system", json!(wrong), "INVALID_SCOPE"),
        row("scope without coding", "/scope", json!({ "text": "Privacy Consent" }), "INVALID_SCOPE"),
        row("category's code", "/category/0/coding/0/code", json!("INFX"), "INVALID_CATEGORY"),
        row("category's system", "/category/0/coding/0/system", json!(wrong), "INVALID_CATEGORY"),
        row("a literal reference", "/patient/reference", json!("Patient/1"), "INVALID_PATIENT"),
        row("a patient of another type", "/patient/type", json!("Organization"), "INVALID_PATIENT"),
        row("two performers", "/performer/-", second, "INVALID_PERFORMER"),
        row("a literal performer", "/performer/0/reference", json!("Patient/1"), "INVALID_PERFORMER"),
        row("dateTime", "/dateTime", json!("yesterday"), "INVALID_DATETIME"),
        row("a day that no month has", "/dateTime", json!("2026-02-30"), "INVALID_DATETIME"),
        row("a time without a zone", "/dateTime", json!("2026-11-20T09:00:00"), "INVALID_DATETIME"),
        row("denial", "/provision/type", json!("deny"), "INVALID_PROVISION"),
        row("start", "/provision/period/start", json!("now"), "INVALID_PROVISION"),
        row("end", "/provision/period/end", json!("later"), "INVALID_PROVISION"),
        row("end before start", "/provision/period/end", json!("2026-11-19"), "INVALID_PROVISION"),
        row("end that has passed", "/provision/period/end", json!("2026-11-21"), "INVALID_PROVISION"),
        row(
            "another actor",
            "/provision/actor/0/reference/identifier/value",
            json!(MOTHER),
            "INVALID_PROVISION",
        ),
        row("an unknown extension", "/extension/-", unknown, "INVALID_EXTENSION"),
        row("an unknown reason", "/extension/0", bodies::reason("BECAUSE"), "INVALID_EXTENSION"),
        row("two reasons", "/extension/-", bodies::reason("ROLE_ACTIVATED"), "INVALID_EXTENSION"),
        row("two grantors", "/extension/-", bodies::grantor("B81001"), "INVALID_EXTENSION"),
        row(
            "a reason of another system",
            "/extension/0/valueCodeableConcept/coding/0/system",
            json!(wrong),
            "INVALID_EXTENSION",
        ),
    ]
}

fn business_rows() -> Vec<Row> {
    let status = |status: &str| with(good(), "/status", status);
    let reason = |code| with(good(), "/extension/0", bodies::reason(code));
    let basis = |value: Value| with(good(), "/policyRule", value);
    let invalid = |code| coded(422, code).with_issue("invalid");
    vec![
        ("inactive", status("inactive"), bad_request()),
        ("entered in error", status("entered-in-error"), bad_request()),
        ("proposed", status("proposed"), bad_request()),
        ("rejected because created", status("rejected"), bad_request()),
        ("active because activated", reason("ROLE_ACTIVATED"), bad_request()),
        ("active because refused", reason("APPLICATION_REJECTED_NO_CONSENT"), bad_request()),
        (
            "unknown legal basis",
            basis(json!({ "coding": [{ "system": bodies::BASIS_SYSTEM, "code": "x" }] })),
            coded(400, "BAD_REQUEST"),
        ),
        ("a pair that has an active role", bodies::consent(MOTHER, CHILD), duplicate_relationship()),
        ("a pair that has a rejected role", bodies::consent(PROXY, PATIENTS[1]), duplicate_relationship()),
        ("a pair that has an inactive role", bodies::consent(PROXY, PATIENTS[11]), duplicate_relationship()),
        ("the proxy is the patient", bodies::consent(LONER, LONER), invalid("INVALID_PERFORMER")),
        ("an unknown patient", bodies::consent(LONER, NOBODY[0]), invalid("INVALID_PATIENT")),
        ("an unknown performer", bodies::consent(NOBODY[0], LONER), invalid("INVALID_PERFORMER")),
    ]
}

#[rstest]
#[actix_web::test]
async fn create_fault_has_the_contract_text(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let rows = [missing_rows(), invalid_identifier_rows(), invalid_rows(), business_rows()];
    for (row, body, expected) in rows.into_iter().flatten() {
        expected.check(row, &app.send(post("/Consent", &body)).await);
        footprint.check_untouched(row);
    }
}

fn no_consents() -> Vec<(&'static str, String)> {
    let good = good();
    vec![
        ("nothing", String::new()),
        ("no JSON", "{".into()),
        ("an empty object", "{}".into()),
        ("an array", format!("[{good}]")),
        ("a text", "\"Consent\"".into()),
        ("another resource", with(good.clone(), "/resourceType", "Patient").to_string()),
        ("no resource", without(good.clone(), "/resourceType").to_string()),
        ("an element that FHIR does not know", with(good.clone(), "/patientt", "x").to_string()),
        ("a patient that is a text", with(good.clone(), "/patient", "x").to_string()),
        (
            "a category that is no array",
            with(good.clone(), "/category", good["category"][0].clone()).to_string(),
        ),
        ("null", with(good.clone(), "/dateTime", Value::Null).to_string()),
        ("the same key twice", good.to_string().replacen('{', "{\"status\":\"active\",", 1)),
        ("something after the end", format!("{good} {{}}")),
    ]
}

#[rstest]
#[actix_web::test]
async fn create_with_a_body_that_is_not_a_consent_is_400(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let send = |body: String| {
        let request: Request = request("POST", "/Consent").header("Content-Type", "application/fhir+json");
        app.send(request.body(body))
    };
    for (row, body) in no_consents() {
        not_a_consent().check(row, &send(body).await);
    }
    footprint.check_untouched("all of them");
}
