//! The documents of this version, as they are in its source: Markdown, which reads as plain text.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};

use crate::nowhere::nothing_here;

/// A document.
pub(super) struct Document {
    /// The last part of its path.
    pub(super) name: &'static str,
    /// What it is, and for whom.
    pub(super) title: &'static str,
    text: &'static str,
}

macro_rules! document {
    ($name:literal, $title:literal) => {
        Document { name: $name, title: $title, text: include_str!(concat!("../../../docs/", $name)) }
    };
}

/// The documents that those need who call the server or run it.
pub(super) static DOCUMENTS: &[Document] = &[
    document!("integrator.md", "Integrator guide: the Validated Relationships API, tokens, events"),
    document!("fhir.md", "FHIR API: for developers of FHIR clients"),
    document!("operator.md", "Operator guide: to run the service"),
    document!("migration.md", "Migration: to bring roles from another system"),
    document!("security.md", "Security: the threat model and its tests"),
    document!("glossary.md", "Glossary"),
];

/// `GET` of a document.
pub(super) async fn show(request: HttpRequest, name: Path<String>) -> HttpResponse {
    let Some(document) = DOCUMENTS.iter().find(|document| document.name == *name) else {
        return nothing_here(request).await;
    };
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(document.text)
}
