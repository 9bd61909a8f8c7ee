//! `Patient/{id}/$everything`: the person, and what is recorded about them
//! (<https://hl7.org/fhir/R4/operation-patient-everything.html>).

use serde_json::{Value, json};

use crate::account::Letter;
use crate::fhir::context::Context;
use crate::fhir::enforce;
use crate::fhir::interaction::{Reply, Request, instance, read};
use crate::fhir::refusal::Refusal;
use crate::fhir::resource::ResourceType;
use crate::fhir::routes::COMPARTMENT;
use crate::fhir::search::{self, Found, Query};
use crate::store::Tx;
use crate::store::search::{Column, Filter};

pub(super) fn everything(tx: &mut Tx<'_>, context: &Context, request: &Request) -> Result<Reply, Refusal> {
    let (_, id) = instance(request)?;
    let patient =
        read::find(tx, context, ResourceType::Patient, id, Letter::Read)?.ok_or_else(Refusal::not_found)?;
    let asked = |name: &'static str| {
        request
            .params
            .iter()
            .filter(move |(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value)
    };
    let types: Vec<&str> = asked("_type").flat_map(|value| value.split(',')).collect();
    let is_wanted = |kind: &ResourceType| types.is_empty() || types.contains(&kind.name());
    let is_given = |kind: &ResourceType| enforce::may(context, *kind, Letter::Search);
    let kinds: Vec<ResourceType> = COMPARTMENT.into_iter().filter(is_wanted).filter(is_given).collect();
    let mut params: Vec<(String, String)> = request
        .params
        .iter()
        .filter(|(name, _)| matches!(name.as_str(), "_count" | "_page"))
        .cloned()
        .collect();
    params.extend(asked("_since").map(|since| ("_lastUpdated".to_owned(), format!("ge{since}"))));
    let query = Query::read(&params)?;
    let within = Filter::text(Column::text("patient"), id);
    let found = Found { kinds: &kinds, within, path: &request.path };
    let mut bundle = search::search(tx, context, &found, &query)?;
    if query.page.is_none() && is_wanted(&ResourceType::Patient) {
        add_first(&mut bundle, context, &patient.body, id);
    }
    Ok(Reply::made(200, bundle))
}

fn add_first(bundle: &mut Value, context: &Context, patient: &Value, id: &str) {
    let Some(members) = bundle.as_object_mut() else { return };
    let entry = json!({
        "fullUrl": format!("{}/Patient/{id}", context.base),
        "resource": patient,
        "search": { "mode": "match" },
    });
    if let Some(total) = members.get("total").and_then(Value::as_i64) {
        members.insert("total".to_owned(), (total + 1).into());
    }
    if let Some(entries) = members.entry("entry").or_insert_with(|| json!([])).as_array_mut() {
        entries.insert(0, entry);
    }
}
