//! A citizen sees the resources that name them, and cannot detect any other.

use rstest::rstest;
use serde_json::{Value, json};

use crate::fhir::bodies::{access_request, fhirpath_replace, relationship, role as new_role};
use crate::fhir::client::{get, outcome_of, patch, post, put, request, send, send_well, with_resource};
use crate::support::{Backend, bodies};
use crate::vrs::callers::{NURSE, citizen, guarded};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{ACTIVE, CHILD, LONER, MOTHER, MOTHERS_ROLE, PATIENTS, PROXY, SON};

// covers R-07, G-16
#[rstest]
#[actix_web::test]
async fn resources_of_other_people_are_404_on_every_interaction(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    let held = send_well(&app, get(&format!("/Consent/{ACTIVE}")).bearer(NURSE), 200).await;
    let mut footprint = Footprint::of(&app);
    let role = format!("/Consent/{ACTIVE}");
    let end = json!([{ "op": "replace", "path": "/status", "value": "inactive" }]);
    let by_path = fhirpath_replace("Consent.status", "valueCode", "inactive".into());
    for (row, request) in [
        ("read", get(&role)),
        ("head", request("HEAD", &role)),
        ("vread", get(&format!("{role}/_history/1"))),
        ("history", get(&format!("{role}/_history"))),
        ("patch", patch(&role, &end)),
        ("FHIRPath Patch", with_resource("PATCH", &role, &by_path)),
        ("conditional patch", patch(&format!("/Consent?_id={ACTIVE}"), &end)),
        ("validate", get(&format!("{role}/$validate"))),
        ("a relationship", get("/RelatedPerson/BE974742")),
        ("another's Patient", get(&format!("/Patient/{PROXY}"))),
        ("another's compartment", get(&format!("/Patient/{CHILD}/Consent"))),
        ("everything of another", get(&format!("/Patient/{CHILD}/$everything"))),
    ] {
        let answer = send(&app, request.bearer(&citizen(LONER))).await;
        assert_eq!(answer.status, 404, "{row}");
        footprint.check_untouched(row);
    }
    // An update of an unknown id is 405, and so is one of a hidden resource.
    let hidden = send(&app, put(&role, &held).bearer(&citizen(LONER))).await;
    let mut absent = held;
    absent["id"] = "none".into();
    let absent = send(&app, put("/Consent/none", &absent).bearer(&citizen(LONER))).await;
    assert_eq!((hidden.status, hidden.json()), (405, absent.json()));
    footprint.check_untouched("update");
}

// covers G-16, S-11, S-16
#[rstest]
#[actix_web::test]
async fn resources_of_other_people_are_neither_listed_nor_counted(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    for (principal, strangers) in [(LONER, [MOTHER, CHILD, PROXY]), (CHILD, [PROXY, PATIENTS[0], LONER])] {
        for path in [
            "/Consent",
            "/RelatedPerson",
            "/QuestionnaireResponse",
            "/Patient",
            "/AuditEvent",
            "/Provenance",
            "/_history",
            "/Consent/_history",
            "/RelatedPerson/_history",
            "/QuestionnaireResponse/_history",
            "/Consent?_include=Consent:patient&_include=Consent:performer&_total=accurate",
            "/Patient?_revinclude=Consent:patient&_revinclude=Consent:performer&_total=accurate",
            "/RelatedPerson?_include=RelatedPerson:patient&_total=accurate",
            "/Patient?_has:Consent:patient:status=active&_total=accurate",
            "/Consent?patient.name=e&_total=accurate",
        ] {
            let seen = send_well(&app, get(path).bearer(&citizen(principal)), 200).await;
            let entries = seen["entry"].to_string();
            for stranger in strangers {
                assert!(!entries.contains(stranger), "{path}: {entries}");
            }
            let found = seen["entry"].as_array().map_or(0, Vec::len);
            if let Some(total) = seen["total"].as_u64() {
                assert!(total <= u64::try_from(found).expect("a number"), "{path}: {seen}");
            }
        }
        let own =
            send_well(&app, get(&format!("/Patient/{principal}")).bearer(&citizen(principal)), 200).await;
        assert_eq!(own["id"], principal);
    }
}

// covers, V-10
#[rstest]
#[actix_web::test]
async fn citizen_reads_own_data_and_ends_own_roles(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    let role = format!("/Consent/{MOTHERS_ROLE}");
    for principal in [MOTHER, CHILD] {
        for path in [&role, &format!("{role}/_history/1"), &format!("{role}/_history")] {
            send_well(&app, get(path).bearer(&citizen(principal)), 200).await;
        }
    }
    let held = send_well(&app, get(&role).bearer(&citizen(MOTHER)), 200).await;
    let with = |reason: &str| {
        let mut role: Value = held.clone();
        role["status"] = "inactive".into();
        role["extension"][0] = bodies::reason(reason);
        role
    };
    let mut footprint = Footprint::of(&app);
    let mut longer = held.clone();
    longer["provision"]["period"]["end"] = "2098-01-01".into();
    for body in [with("ROLE_DEACTIVATED_SAFEGUARDING"), longer] {
        let answer = send(&app, put(&role, &body).bearer(&citizen(MOTHER))).await;
        assert_eq!(outcome_of(&answer).0, 403, "{}", answer.json());
        footprint.check_untouched("not theirs to do");
    }
    let ended = put(&role, &with("ROLE_DEACTIVATED_PATIENT_REQUEST")).bearer(&citizen(CHILD));
    assert_eq!(send_well(&app, ended, 200).await["status"], "inactive");
    footprint.grown();
    for (body, principal, status) in
        [(access_request(LONER, SON), LONER, 201), (access_request(MOTHER, SON), LONER, 403)]
    {
        let apply = post("/QuestionnaireResponse", &body).bearer(&citizen(principal));
        assert_eq!(send(&app, apply).await.status, status);
    }
    let create = post("/RelatedPerson", &relationship(LONER, SON)).bearer(&citizen(LONER));
    assert_eq!(send(&app, create).await.status, 403);
    let create = post("/Consent", &new_role(LONER, SON)).bearer(&citizen(LONER));
    assert_eq!(send(&app, create).await.status, 403);
}
