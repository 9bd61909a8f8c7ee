//! `/about`, and the documents of this version.

use rstest::rstest;

use super::{browse, links, sandbox};
use crate::account::authorize::text;
use crate::support::{Backend, Request, TestApp};

#[rstest]
#[actix_web::test]
async fn the_about_page_has_the_version_and_links_that_answer_200(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    for (app, is_sandbox) in [(sandbox(backend).await, true), (TestApp::strict(backend).await, false)] {
        let page = browse(&app, "/about").await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
        let html = text(&page);
        assert!(html.contains("<h1 class=\"nhsuk-heading-l\">About this server</h1>"), "{html}");
        assert!(
            html.contains(env!("CARGO_PKG_VERSION")) && html.contains("/validated-relationships/FHIR/R4")
        );
        let links = links(&html);
        for link in &links {
            let answer = app.send(Request::new("GET", link)).await;
            assert_eq!(answer.status, 200, "{link}");
        }
        for needs_tokens in ["/FHIR/R4/.well-known/smart-configuration", "/openapi/oauth.json", "/oauth/jwks"]
        {
            assert_eq!(links.iter().any(|link| link == needs_tokens), is_sandbox, "{needs_tokens}");
        }
        for always in
            ["/FHIR/R4/metadata", "/openapi/validated-relationships.json", "/documents/integrator.md"]
        {
            assert!(links.iter().any(|link| link == always), "{always}: {links:?}");
        }
        assert_eq!(links.iter().any(|link| link == "/"), is_sandbox, "the tour is in the sandbox alone");
    }
}

#[rstest]
#[actix_web::test]
async fn programs_read_the_same_as_json(#[values(Backend::Sqlite)] backend: Backend) {
    let app = sandbox(backend).await;
    let answer = app.send(Request::new("GET", "/about")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let told = answer.json();
    assert_eq!((&told["version"], &told["sandbox"]), (&env!("CARGO_PKG_VERSION").into(), &true.into()));
    let members = told.as_object().expect("an object").values();
    let paths = members.clone().chain(told["documents"].as_array().expect("documents"));
    let paths: Vec<&str> =
        paths.filter_map(|value| value.as_str().filter(|text| text.starts_with('/'))).collect();
    assert!(paths.len() > 12, "{told}");
    for path in paths.into_iter().filter(|path| *path != told["validated_relationships"]) {
        assert_eq!(app.send(Request::new("GET", path)).await.status, 200, "{path}");
    }
    let head = app.send(Request::new("HEAD", "/about")).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[rstest]
#[actix_web::test]
async fn a_document_is_plain_text_and_another_name_is_404(#[values(Backend::Sqlite)] backend: Backend) {
    let app = sandbox(backend).await;
    let answer = app.send(Request::new("GET", "/documents/integrator.md")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain; charset=utf-8")));
    assert!(text(&answer).starts_with("# Integrator guide"));
    for path in ["/documents/other.md", "/documents/..%2FCargo.toml", "/documents/"] {
        assert_eq!(app.send(Request::new("GET", path)).await.status, 404, "{path}");
    }
}
