//! `/about`: the version of the server, and what it publishes of itself. A page for browsers, JSON for programs.

use actix_web::http::header::VARY;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::{Map, json};

use super::answer::{Site, render};
use super::document::{DOCUMENTS, Document};
use crate::nowhere::wants_html;
use ::web::page;
use api_fhir as fhir;
use api_vrs as vrs;
use domain::account::endpoints;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Something that the server publishes.
struct Link {
    /// Its name for programs.
    name: &'static str,
    words: &'static str,
    url: String,
}

#[derive(Template)]
#[template(path = "about.html")]
struct AboutPage<'p> {
    style: String,
    version: &'static str,
    is_sandbox: bool,
    fhir: &'static str,
    vrs: &'static str,
    metadata: &'p [Link],
    documents: &'p [Link],
}

/// What programs read first.
fn metadata(site: Site) -> Vec<Link> {
    let link = |name, words, path: &[&str]| Link { name, words, url: path.concat() };
    let mut links = vec![
        link("fhir", "FHIR R4 CapabilityStatement", &[fhir::BASE_PATH, "/metadata"]),
        link("openapi_validated_relationships", "OpenAPI: Validated Relationships API", &[vrs::OPENAPI_PATH]),
    ];
    if site.issues_tokens {
        links.extend([
            link("openapi_oauth", "OpenAPI: authorization server", &[oauth::OPENAPI_PATH]),
            link(
                "smart",
                "SMART App Launch configuration",
                &[endpoints::FHIR_BASE, endpoints::SMART_CONFIGURATION],
            ),
            link("oauth", "OAuth authorization server metadata", &[endpoints::OAUTH_METADATA]),
            link("openid", "OpenID Connect provider metadata", &[endpoints::OPENID_CONFIGURATION]),
            link("protected_resource", "OAuth protected resource metadata", &[endpoints::PROTECTED_RESOURCE]),
            link("jwks", "Public keys (JWKS)", &[endpoints::JWKS]),
        ]);
    }
    links.extend([link("health", "Health", &["/health"]), link("ready", "Readiness", &["/ready"])]);
    links
}

/// `GET`.
#[expect(clippy::unused_async, reason = "a handler is a future")]
pub(super) async fn show(request: HttpRequest, site: Site) -> HttpResponse {
    let metadata = metadata(site);
    if !wants_html(&request) {
        let mut message = Map::new();
        message.insert("service".to_owned(), "OnBehalf".into());
        message.insert("version".to_owned(), VERSION.into());
        message.insert("sandbox".to_owned(), site.is_sandbox.into());
        message.insert("validated_relationships".to_owned(), vrs::BASE_PATH.into());
        message.extend(metadata.into_iter().map(|link| (link.name.to_owned(), link.url.into())));
        let documents = DOCUMENTS.iter().map(|document| format!("/documents/{}", document.name));
        message.insert("documents".to_owned(), json!(documents.collect::<Vec<_>>()));
        return HttpResponse::Ok().insert_header((VARY, "Accept")).json(message);
    }
    let document = |document: &'static Document| Link {
        name: document.name,
        words: document.title,
        url: format!("/documents/{}", document.name),
    };
    let page = AboutPage {
        style: page::style_url(),
        version: VERSION,
        is_sandbox: site.is_sandbox,
        fhir: fhir::BASE_PATH,
        vrs: vrs::BASE_PATH,
        metadata: &metadata,
        documents: &DOCUMENTS.iter().map(document).collect::<Vec<_>>(),
    };
    render(&page)
}
