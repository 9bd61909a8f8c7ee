//! Every file of `examples/` works as it is.

use rstest::rstest;

use crate::support::{Backend, Request, TestApp};

fn example(name: &str) -> String {
    let path = format!("{}/examples/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("the example is there")
}

#[rstest]
#[actix_web::test]
async fn every_body_is_accepted(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
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

#[rstest]
#[actix_web::test]
async fn every_style_of_subscribing_is_accepted(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    for style in ["backport", "classic", "national"] {
        let body = example(&format!("subscription-{style}.json"));
        let created = app.send(Request::post("/FHIR/R4/Subscription", body)).await;
        assert_eq!(created.status, 201, "{style}: {}", created.json());
    }
}

#[test]
fn no_example_is_left_out() {
    let folder = format!("{}/examples", env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry"))
        // Programs in folders have tests of their own; `tests/docs/run` runs what the READMEs say, and `citizen-token`.
        .filter(|entry| entry.file_type().expect("its kind").is_file())
        .map(|entry| entry.file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    // The data of the sandbox are what every test's server is seeded with.
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
            "subscription-backport.json",
            "subscription-classic.json",
            "subscription-national.json",
        ]
    );
}
