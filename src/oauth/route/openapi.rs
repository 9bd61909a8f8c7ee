//! The OpenAPI file of the endpoints, and of the pages to which an app sends a browser.

use actix_web::Resource;

use super::row::Row;
use super::table::ENDPOINTS;
use crate::browser::PAGES;
use crate::problem::OAuthError;
use ::web::openapi::{self, OpenApiOperation};

/// Where the file is.
pub(crate) const PATH: &str = "/openapi/oauth.json";

const DESCRIBED: &str = include_str!("openapi.json");

/// The resource of the file: a document that describes the others, so that it is not in itself.
pub(crate) fn resource() -> Resource {
    openapi::resource(PATH, DESCRIBED, operations, OAuthError::method)
}

fn operations() -> Vec<OpenApiOperation> {
    ENDPOINTS.iter().chain(PAGES).filter_map(operation).collect()
}

fn operation(row: &Row) -> Option<OpenApiOperation> {
    Some(OpenApiOperation {
        id: row.id?,
        path: row.path(),
        methods: row.methods,
        content_types: row.content_types,
        security: None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_file_has_each_method_of_each_endpoint_and_no_other() {
        let file = openapi::render(DESCRIBED, "http://here", &operations()).unwrap();
        let items = file["paths"].as_object().unwrap().iter();
        let described: BTreeSet<(String, String)> = items
            .flat_map(|(path, item)| {
                item.as_object().unwrap().keys().map(|method| (path.clone(), method.clone()))
            })
            .collect();
        let published = ENDPOINTS.iter().chain(PAGES).filter(|row| row.id.is_some());
        let rows = published
            .flat_map(|row| row.methods.iter().map(|method| (row.path(), method.as_str().to_lowercase())));
        assert_eq!(described, rows.collect());
        // Each endpoint of an app is published; of the pages those to which an app sends a browser.
        assert!(ENDPOINTS.iter().all(|row| row.id.is_some()));
        let schemes = file["components"]["securitySchemes"].as_object().unwrap();
        for row in ENDPOINTS.iter().chain(PAGES).filter(|row| row.id.is_some()) {
            let operation = &file["paths"][row.path()][row.methods[0].as_str().to_lowercase()];
            let body = operation["requestBody"]["content"].as_object();
            let types: Vec<&str> =
                body.into_iter().flat_map(|body| body.keys().map(String::as_str)).collect();
            assert_eq!(types, row.content_types, "{:?}", row.id);
            let security = operation["security"].as_array().unwrap();
            let mut named = security.iter().flat_map(|one| one.as_object().unwrap().keys());
            assert!(named.all(|name| schemes.contains_key(name)), "{:?}", row.id);
        }
    }
}
