//! The OpenAPI file of this API: the rows of [`crate::routes`], described by `openapi.json`.

use actix_web::Resource;
use serde_json::{Value, json};

use crate::catalogue;
use crate::routes::{Access, ROUTES, Row};
use ::web::openapi::{self, OpenApiOperation};
use domain::account::Permission;

/// Where the file is.
pub(crate) const PATH: &str = "/openapi/validated-relationships.json";

const DESCRIBED: &str = include_str!("openapi.json");

/// The resource of the file.
pub(crate) fn resource() -> Resource {
    openapi::resource(PATH, DESCRIBED, operations, |allow| catalogue::METHOD_NOT_ALLOWED.allowing(allow))
}

fn operations() -> Vec<OpenApiOperation> {
    ROUTES.iter().map(operation).collect()
}

fn operation(row: &Row) -> OpenApiOperation {
    let (content_types, security) = match &row.access {
        Access::Operation(operation) => {
            let (resource, letter) = operation.scope;
            (operation.content_types, Some(security(resource, letter)))
        }
        Access::Health => (&[][..], None),
    };
    OpenApiOperation { id: row.id, path: row.whole_path(), methods: row.methods, content_types, security }
}

/// The scopes with which a token may call an operation: each an alternative, as is a token of the settings.
fn security(resource: &str, letter: Permission) -> Value {
    let letter = letter.as_char();
    let scopes = ["patient", "user", "system"].map(|context| format!("{context}/{resource}.{letter}"));
    let by_scope = scopes.map(|scope| json!({ "onbehalf": [scope] }));
    by_scope.into_iter().chain([json!({ "token": [] })]).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_file_has_each_method_of_each_row_and_no_other() {
        let file = openapi::render(DESCRIBED, "http://here", &operations()).unwrap();
        let items = file["paths"].as_object().unwrap().iter();
        let described: BTreeSet<(String, String)> = items
            .flat_map(|(path, item)| {
                item.as_object().unwrap().keys().map(|method| (path.clone(), method.clone()))
            })
            .collect();
        let rows = ROUTES.iter().flat_map(|row| {
            row.methods.iter().map(|method| (row.whole_path(), method.as_str().to_lowercase()))
        });
        assert_eq!(described, rows.collect());
        for row in ROUTES {
            let operation = &file["paths"][row.whole_path()][row.methods[0].as_str().to_lowercase()];
            assert_eq!(operation["operationId"], row.id);
            let Access::Operation(asked) = &row.access else { continue };
            let scope = format!("system/{}.{}", asked.scope.0, asked.scope.1.as_char());
            assert!(operation["security"].to_string().contains(&scope), "{}", row.id);
            let known =
                &file["components"]["securitySchemes"]["onbehalf"]["flows"]["clientCredentials"]["scopes"];
            assert!(known[&scope].is_string(), "{}: {scope} is not described", row.id);
            let body = operation["requestBody"]["content"].as_object();
            let types: Vec<&str> =
                body.into_iter().flat_map(|body| body.keys().map(String::as_str)).collect();
            assert_eq!(types, asked.content_types, "{}", row.id);
        }
    }
}
