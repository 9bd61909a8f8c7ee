//! An access request as a QuestionnaireResponse (contract §5 #2).

use serde_json::{Map, Value, json};

use base::error::Error;
use domain::proxy::AccessRequest;

/// Renders an access request: the submitted document, with its id and its reference code.
pub(crate) fn access_request(request: &AccessRequest) -> Result<Value, Error> {
    let document: Map<String, Value> = serde_json::from_str(&request.document).map_err(Error::fault)?;
    let mut rendered = Map::new();
    rendered.insert("resourceType".to_owned(), "QuestionnaireResponse".into());
    rendered.insert("id".to_owned(), json!(request.id.to_string()));
    rendered.insert("identifier".to_owned(), json!({ "value": request.reference_code.as_str() }));
    for (key, value) in document {
        rendered.entry(key).or_insert(value);
    }
    Ok(Value::Object(rendered))
}
