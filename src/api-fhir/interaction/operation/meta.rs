//! `$meta`: the profiles, tags and security labels of a resource, of a type, or of all resources that the
//! caller may see (<https://hl7.org/fhir/R4/resource-operation-meta.html>).

use serde_json::{Map, Value, json};

use crate::authorize;
use crate::context::Context;
use crate::interaction::read;
use crate::interaction::reply::Reply;
use crate::interaction::request::{FhirRequest, instance};
use crate::refusal::Refusal;
use crate::resource::definition::Storage;
use crate::resource::library_of;
use crate::resource::resource_type::ResourceType;
use domain::account::Permission;
use store::Tx;
use store::search::{Filter, PageQuery};

pub(crate) fn meta(tx: &mut Tx<'_>, context: &Context, request: &FhirRequest) -> Result<Reply, Refusal> {
    let mut disclosed = Vec::new();
    let meta = if request.target.id.is_some() {
        let (kind, id) = instance(request)?;
        let stored = read::find(tx, context, kind, id, Permission::Read)?.ok_or_else(Refusal::not_found)?;
        disclosed.push(stored.disclosed());
        stored.body.tree().get("meta").cloned().unwrap_or_default()
    } else {
        let kinds = request.target.kind.map_or_else(|| ResourceType::ALL.to_vec(), |kind| vec![kind]);
        let mut labels = Map::new();
        for kind in kinds.into_iter().filter(|kind| authorize::permits(context, *kind, Permission::Search)) {
            collect(tx, context, kind, &mut labels)?;
        }
        Value::Object(labels)
    };
    let mut parameters = json!({ "resourceType": "Parameters" });
    // FHIR has no empty Meta: an empty one is left out.
    let is_empty = meta.as_object().is_none_or(Map::is_empty);
    if let (false, Some(members)) = (is_empty, parameters.as_object_mut()) {
        members.insert("parameter".to_owned(), json!([{ "name": "return", "valueMeta": meta }]));
    }
    Ok(Reply::made_of(disclosed, parameters))
}

/// Adds the labels of a type's resources.
fn collect(
    tx: &mut Tx<'_>,
    context: &Context,
    kind: ResourceType,
    labels: &mut Map<String, Value>,
) -> Result<(), Refusal> {
    match kind.storage() {
        // Rows have neither tags nor security labels, and all of a type follow the same profile.
        Storage::Rows { table, .. } => {
            let Some(profile) = kind.profile() else { return Ok(()) };
            let filter = authorize::restrict(context, kind, Permission::Search, Filter::EVERYTHING)?;
            let any = PageQuery { table, filter, order: Vec::new(), after: None, limit: 1 };
            if !tx.search(&any, context.scope())?.is_empty() {
                add(labels, "profile", &json!([profile]));
            }
        }
        Storage::Library => {
            for name in ["profile", "security", "tag"] {
                for stored in library_of(kind) {
                    let tree = stored.body.tree();
                    if let Some(values) = tree.get("meta").and_then(|meta| meta.get(name)) {
                        add(labels, name, values);
                    }
                }
            }
        }
    }
    Ok(())
}

fn add(labels: &mut Map<String, Value>, name: &str, values: &Value) {
    let known = labels.entry(name).or_insert_with(|| json!([]));
    if let (Some(known), Some(values)) = (known.as_array_mut(), values.as_array()) {
        for value in values {
            if !known.contains(value) {
                known.push(value.clone());
            }
        }
    }
}
