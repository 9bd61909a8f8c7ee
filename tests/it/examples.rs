//! Every file of `examples/` works unchanged.

use rstest::rstest;

use crate::account::oauth::kit;
use crate::support::{Backend, Options, Request, TestApp};

const VRS: &str = "/validated-relationships/FHIR/R4";

fn example(name: &str) -> String {
    let path = format!("{}/examples/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("the example is there")
}

#[rstest]
#[actix_web::test]
async fn every_example_body_is_accepted(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    for app in [TestApp::sandbox(backend).await, TestApp::strict(backend).await] {
        let created = app.post("/Consent", example("consent-create.json")).await;
        assert_eq!(created.status, 201, "{}", created.json());
        let location = created.header("location").expect("a location").to_owned();
        let path = location.strip_prefix(&app.base()).expect("a location of ours");
        let ended = app.patch(path, example("consent-end.json")).await;
        assert_eq!(ended.status, 200, "{}", ended.json());
        let reactivated = app.patch(path, example("consent-reactivate.json")).await;
        assert_eq!(reactivated.status, 200, "{}", reactivated.json());
        let submitted = app.post("/QuestionnaireResponse", example("access-request.json")).await;
        assert_eq!(submitted.status, 200, "{}", submitted.json());
    }
}

// covers USE-8
#[rstest]
#[actix_web::test]
async fn bodies_of_the_validated_relationships_api_are_accepted_by_the_r4_api(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    for app in [TestApp::sandbox(backend).await, TestApp::strict(backend).await] {
        let created = app.send(Request::post("/FHIR/R4/Consent", example("consent-create.json"))).await;
        assert_eq!(created.status, 201, "{}", created.json());
        let role = created.json();
        let actor = &role["provision"]["actor"][0]["reference"];
        assert_eq!(
            (&actor["type"], &actor["identifier"]["value"]),
            (&"Patient".into(), &"9000000017".into())
        );
        let path = format!("/FHIR/R4/Consent/{}", role["id"].as_str().expect("an id"));
        let ended = app.send(Request::patch(&path, example("consent-end.json"))).await;
        assert_eq!(ended.status, 200, "{}", ended.json());
        let ended = ended.json();
        let reasons: Vec<&str> = ended["extension"]
            .as_array()
            .expect("extensions")
            .iter()
            .filter_map(|one| one["valueCodeableConcept"]["coding"][0]["code"].as_str())
            .collect();
        assert_eq!(
            (&ended["status"], reasons),
            (&"inactive".into(), vec!["ROLE_DEACTIVATED_PATIENT_REQUEST"])
        );
        // A reference to a RelatedPerson of this server is another matter, as is the wrong person.
        for (member, value) in [("reference", "RelatedPerson/x"), ("identifier", "")] {
            let mut other: serde_json::Value =
                serde_json::from_str(&example("consent-create.json")).expect("JSON");
            let reference = &mut other["provision"]["actor"][0]["reference"];
            reference[member] = if value.is_empty() { other_person() } else { value.into() };
            let refused = app.send(Request::post("/FHIR/R4/Consent", other)).await;
            assert_eq!(refused.status, 422, "{member}: {}", refused.json());
        }
    }
}

fn other_person() -> serde_json::Value {
    serde_json::json!({ "system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9000000009" })
}

#[rstest]
#[actix_web::test]
async fn every_subscription_example_is_accepted(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    for style in ["backport", "classic", "national"] {
        let body = example(&format!("subscription-{style}.json"));
        let created = app.send(Request::post("/FHIR/R4/Subscription", body)).await;
        assert_eq!(created.status, 201, "{style}: {}", created.json());
    }
}

/// Placeholders of path segments on the pages.
const STANDING_FOR: [(&str, &str); 7] = [
    ("{id}", "x"),
    ("{type}", "Consent"),
    ("{version}", "1"),
    ("{NHS", "9000000009"),
    ("$ROLE", "x"),
    ("$ID", "x"),
    ("$WS", "x"),
];

/// The paths that a page writes after a base URL.
fn paths(page: &str, name: &str) -> Vec<String> {
    let ends = |letter: char| letter.is_whitespace() || "`'\"|),;…".contains(letter);
    let behind = page.split(name).skip(1).map(|rest| rest.split(ends).next().unwrap_or_default());
    let mut paths: Vec<String> = behind
        .filter(|path| path.starts_with('/') && path.len() > 1 && !path.contains("HOST"))
        .map(|path| {
            let path = path.trim_end_matches(['.', '*', ':', '\\']).replace('\\', "");
            STANDING_FOR.iter().fold(path, |path, (written, value)| path.replace(written, value))
        })
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

// covers USE-5
#[actix_web::test]
async fn every_path_of_the_documents_is_one_of_the_api_that_it_names() {
    let app =
        TestApp::start(Backend::Sqlite, Options { registrations: kit::apps(), ..Options::default() }).await;
    // A resource that is not there has a path all the same: another method than it has is 405.
    let is_known = async |path: &str| {
        let answer = app.send(Request::new("GET", path).with_id()).await;
        answer.status != 404 || app.send(Request::new("TRACE", path).with_id()).await.status == 405
    };
    let page = |name: &str| {
        let path = format!("{}/docs/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).expect("the page is there")
    };
    let (integrator, fhir) = (page("integrator.md"), page("fhir.md"));
    let mut count = 0;
    for (page, name, base) in
        [(&integrator, "$ROOT", ""), (&integrator, "$VRS", VRS), (&fhir, "$FHIR", "/FHIR/R4")]
    {
        // The base of an API is no path of it.
        for path in paths(page, name).into_iter().filter(|path| path != VRS) {
            assert!(is_known(&format!("{base}{path}")).await, "{name}{path}");
            count += 1;
        }
    }
    assert!(count > 30, "{count}");
    // The page that names a wrong one is found.
    for wrong in ["/validated-relationships/FHIR/R4/Subscription", "/FHIR/R4/Nothing", "/oauth/nothing"] {
        assert!(!is_known(wrong).await, "{wrong}");
    }
}

// covers USE-13
#[actix_web::test]
async fn the_documents_name_every_type_of_the_capability_statement_what_it_instantiates_and_every_probe() {
    let app = TestApp::sandbox(Backend::Sqlite).await;
    let page = |name: &str| {
        let path = format!("{}/docs/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).expect("the page is there")
    };
    let (fhir, operator) = (page("fhir.md"), page("operator.md"));
    let metadata = app.send(Request::new("GET", "/FHIR/R4/metadata")).await.json();
    let table = fhir.split("```").next().expect("the first table");
    for kind in metadata["rest"][0]["resource"].as_array().expect("types") {
        let name = kind["type"].as_str().expect("a type");
        assert!(table.split(|letter: char| !letter.is_alphanumeric()).any(|word| word == name), "{name}");
    }
    let guide = metadata["instantiates"].as_array().map_or(0, Vec::len);
    assert_eq!((guide, fhir.contains("names no `instantiates`")), (1, false));
    for path in ["/health", "/ready", "/validated-relationships/_ping", "/validated-relationships/_status"] {
        assert!(operator.contains(path), "{path}");
        let answer = app.send(Request::new("GET", path).header("apikey", "sandbox")).await;
        assert!([200, 401].contains(&answer.status), "{path} {}", answer.status);
    }
}

#[test]
fn every_example_is_tested() {
    let folder = format!("{}/examples", env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry"))
        // Programs in folders have tests of their own; `tests/docs/run` runs what the READMEs say, and `citizen-token`.
        .filter(|entry| entry.file_type().expect("its kind").is_file())
        .map(|entry| entry.file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    // The data of the sandbox are what every test's server is seeded with; its people are looked at in `cli::sandbox`.
    assert_eq!(
        names,
        [
            "README.md",
            "access-request.json",
            "citizen-token",
            "consent-create.json",
            "consent-end.json",
            "consent-reactivate.json",
            "people.json",
            "sandbox-data.json",
            "sandbox-people.json",
            "subscription-backport.json",
            "subscription-classic.json",
            "subscription-national.json",
        ]
    );
}
