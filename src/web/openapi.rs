//! OpenAPI 3.1 files (<https://spec.openapis.org/oas/v3.1.1.html>). The rows of an API say which operations there are, and what
//! each needs; a data file beside the rows has what only a person can write: summaries, parameters, responses, schemas. An
//! operation without a description, or a description without an operation, is a fault, which a test of the API finds.

use std::sync::{Arc, OnceLock};

use actix_web::http::Method;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpResponse, Resource, ResponseError};
use serde_json::{Map, Value, json};

use crate::gate::Gate;
use base::error::Error;

/// The URL of the server in a data file.
const SERVER: &str = "https://server.example";

/// An operation, as its row has it.
#[derive(Clone, Debug)]
pub struct OpenApiOperation {
    /// Its `operationId`, which is its key in the data file.
    pub id: &'static str,
    /// Its path.
    pub path: String,
    /// Its methods. HEAD is described by the operation whose headers it answers.
    pub methods: &'static [Method],
    /// The content types of its body.
    pub content_types: &'static [&'static str],
    /// What it needs, each an alternative (`security`). `None`: as the data file says.
    pub security: Option<Value>,
}

/// The resource of an API's file, for GET and HEAD. The file is rendered at the first request of a worker and kept: it is the
/// same for as long as the server runs. `other_method` makes the error for other methods from the value of `Allow`.
pub fn resource<E>(
    path: &str,
    described: &'static str,
    operations: fn() -> Vec<OpenApiOperation>,
    other_method: fn(&'static str) -> E,
) -> Resource
where
    E: ResponseError + From<Error> + 'static,
{
    let kept: Arc<OnceLock<Bytes>> = Arc::default();
    let file = move |gate: Data<Gate>| {
        let kept = Arc::clone(&kept);
        async move {
            if kept.get().is_none() {
                let file = render(described, &gate.public_url, &operations())?;
                kept.get_or_init(|| file.to_string().into());
            }
            let file = kept.get().cloned().unwrap_or_default();
            let mut response = HttpResponse::Ok();
            response.insert_header((CACHE_CONTROL, "public, max-age=300"));
            Ok::<_, E>(response.content_type("application/json").body(file))
        }
    };
    web::resource(path)
        .route(web::get().to(file.clone()))
        .route(web::head().to(file))
        .default_service(web::to(move || async move { Err::<HttpResponse, E>(other_method("GET, HEAD")) }))
}

/// The file of an API: the data file `described`, with these operations, for the server at `public_url`.
///
/// # Errors
///
/// [`ErrorKind::Fault`](base::error::ErrorKind) where the data file and the operations do not belong together.
pub fn render(described: &str, public_url: &str, operations: &[OpenApiOperation]) -> Result<Value, Error> {
    let described: Value =
        serde_json::from_str(&described.replace(SERVER, public_url)).map_err(Error::fault)?;
    let Value::Object(described) = described else { return Err(unfit("the data file", "is no object")) };
    let mut file = Map::new();
    for (name, value) in described {
        match (name.as_str(), value) {
            ("operations", Value::Object(described)) => {
                file.insert("servers".to_owned(), json!([{ "url": public_url }]));
                file.insert("paths".to_owned(), paths(described, operations)?);
            }
            (_, value) => {
                file.insert(name, value);
            }
        }
    }
    if let Some(Value::Object(info)) = file.get_mut("info") {
        info.insert("version".to_owned(), env!("CARGO_PKG_VERSION").into());
    }
    Ok(Value::Object(file))
}

/// The Paths Object: each path once, in the order of the operations.
fn paths(mut described: Map<String, Value>, operations: &[OpenApiOperation]) -> Result<Value, Error> {
    let mut paths = Map::new();
    for operation in operations {
        let Some(Value::Object(description)) = described.shift_remove(operation.id) else {
            return Err(unfit(operation.id, "has no description"));
        };
        let whole = with_row(description, operation);
        let path = paths.entry(operation.path.as_str()).or_insert_with(|| json!({}));
        let Some(path) = path.as_object_mut() else { continue };
        for method in operation.methods {
            let value = if *method == Method::HEAD { head_of(&whole) } else { whole.clone() };
            path.insert(method.as_str().to_ascii_lowercase(), Value::Object(value));
        }
    }
    match described.keys().next() {
        Some(left) => Err(unfit(left, "is described, and is no operation")),
        None => Ok(Value::Object(paths)),
    }
}

/// The Operation Object: what is written of it, and what its row says.
fn with_row(mut description: Map<String, Value>, operation: &OpenApiOperation) -> Map<String, Value> {
    let mut whole = Map::new();
    whole.insert("operationId".to_owned(), operation.id.into());
    let body = description.shift_remove("body");
    let responses = description.shift_remove("responses");
    whole.append(&mut description);
    if let Some(security) = &operation.security {
        whole.insert("security".to_owned(), security.clone());
    }
    if let Some(body) = body {
        let content: Map<String, Value> =
            operation.content_types.iter().map(|kind| ((*kind).to_owned(), body.clone())).collect();
        whole.insert("requestBody".to_owned(), json!({ "required": true, "content": content }));
    }
    whole.extend(responses.map(|responses| ("responses".to_owned(), responses)));
    whole
}

/// The operation of HEAD (RFC 9110 §9.3.2): what GET answers, without content.
fn head_of(get: &Map<String, Value>) -> Map<String, Value> {
    let mut head = get.clone();
    if let Some(Value::String(id)) = head.get_mut("operationId") {
        id.push_str("Head");
    }
    if let Some(Value::Object(responses)) = head.get_mut("responses") {
        for response in responses.values_mut().filter_map(Value::as_object_mut) {
            response.shift_remove("content");
        }
    }
    head
}

fn unfit(what: &str, why: &str) -> Error {
    Error::fault(format!("OpenAPI: {what} {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{ "openapi": "3.1.0", "info": { "title": "A" }, "operations": { "read": { "summary": "Reads.",
        "body": { "schema": {} }, "responses": { "200": { "description": "It.", "content": { "a/b": {} } } } } },
        "externalDocs": { "url": "https://server.example/x" } }"#;

    fn read(id: &'static str) -> OpenApiOperation {
        OpenApiOperation {
            id,
            path: "/a/{id}".to_owned(),
            methods: &[Method::GET, Method::HEAD],
            content_types: &["x/y"],
            security: Some(json!([{ "token": ["s"] }])),
        }
    }

    #[test]
    fn an_operation_has_its_description_and_what_its_row_says() {
        let file = render(FILE, "http://here", &[read("read")]).unwrap();
        assert_eq!(file["servers"][0]["url"], "http://here");
        assert_eq!(file["externalDocs"]["url"], "http://here/x");
        assert!(file["info"]["version"].is_string() && file.get("operations").is_none());
        let path = &file["paths"]["/a/{id}"];
        assert_eq!(
            (&path["get"]["operationId"], &path["get"]["summary"]),
            (&json!("read"), &json!("Reads."))
        );
        assert_eq!(path["get"]["requestBody"]["content"]["x/y"], json!({ "schema": {} }));
        assert_eq!(path["get"]["security"], json!([{ "token": ["s"] }]));
        assert_eq!(path["head"]["operationId"], "readHead");
        assert_eq!(path["head"]["responses"]["200"], json!({ "description": "It." }));
    }

    #[test]
    fn what_does_not_belong_together_is_a_fault() {
        for operations in [vec![], vec![read("other")], vec![read("read"), read("other")]] {
            assert!(render(FILE, "http://here", &operations).is_err(), "{operations:?}");
        }
    }
}
