//! The operations of a FHIRPath Patch, parsed from the Parameters resource.

use serde_json::{Map, Value};

use super::super::edit::{ElementPart, beside_key};
use super::value::PatchValue;
use crate::fhirpath::{Expression, FhirPathFault};
use crate::patch::fault::PatchFault;

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum PatchOperation {
    /// Appends to the element, under a name.
    Add { path: Expression, name: String, value: PatchValue },
    /// Inserts an item into a list.
    Insert { path: Expression, index: usize, value: PatchValue },
    /// Removes an element.
    Delete { path: Expression },
    /// Replaces an element.
    Replace { path: Expression, value: PatchValue },
    /// Moves an item within its list.
    Move { path: Expression, source: usize, destination: usize },
}

pub(super) fn read_all(parameters: &Value) -> Result<Vec<PatchOperation>, PatchFault> {
    if parameters.get("resourceType").and_then(Value::as_str) != Some("Parameters") {
        return Err(PatchFault::malformed("A FHIRPath Patch is a Parameters resource."));
    }
    let Some(list) = parameters.get("parameter") else { return Ok(Vec::new()) };
    let list =
        list.as_array().ok_or_else(|| PatchFault::malformed("Parameters.parameter must be a list."))?;
    let read = |(number, parameter)| {
        read(parameter).map_err(|fault| fault.at(format!("Parameters.parameter[{number}]")))
    };
    list.iter().enumerate().map(read).collect()
}

fn read(parameter: &Value) -> Result<PatchOperation, PatchFault> {
    if parameter.get("name").and_then(Value::as_str) != Some("operation") {
        return Err(PatchFault::malformed("Each parameter of a FHIRPath Patch is named operation."));
    }
    let parts = Parts(parameter.get("part").and_then(Value::as_array).map_or(&[], Vec::as_slice));
    let path = || read_path(parts.text("path")?);
    match parts.text("type")? {
        "add" => Ok(PatchOperation::Add {
            path: path()?,
            name: parts.text("name")?.to_owned(),
            value: parts.value()?,
        }),
        "insert" => {
            Ok(PatchOperation::Insert { path: path()?, index: parts.number("index")?, value: parts.value()? })
        }
        "delete" => Ok(PatchOperation::Delete { path: path()? }),
        "replace" => Ok(PatchOperation::Replace { path: path()?, value: parts.value()? }),
        "move" => Ok(PatchOperation::Move {
            path: path()?,
            source: parts.number("source")?,
            destination: parts.number("destination")?,
        }),
        _ => Err(PatchFault::malformed("The type of an operation is add, insert, delete, replace or move.")),
    }
}

/// Parses a path; one that computes values or searches descendants could cost more than a patch may.
fn read_path(text: &str) -> Result<Expression, PatchFault> {
    let strange = || {
        PatchFault::impossible(
            "The path uses FHIRPath that a patch cannot use here: name elements, items [n], where(), \
             first(), last(), ofType() and extension().",
        )
    };
    let path = Expression::parse(text).map_err(|fault| match fault {
        FhirPathFault::Unsupported | FhirPathFault::TooLong => strange(),
        FhirPathFault::Syntax
        | FhirPathFault::NotSingle
        | FhirPathFault::WrongType
        | FhirPathFault::TooCostly => PatchFault::malformed("The path is not a FHIRPath expression."),
    })?;
    if path.walks_down() { Ok(path) } else { Err(strange()) }
}

/// The parts of an operation, by name.
struct Parts<'a>(&'a [Value]);

impl<'a> Parts<'a> {
    fn get(&self, name: &str) -> Result<&'a Map<String, Value>, PatchFault> {
        let mut named = self.0.iter().filter(|part| part.get("name").and_then(Value::as_str) == Some(name));
        match (named.next().and_then(Value::as_object), named.next()) {
            (Some(part), None) => Ok(part),
            _ => Err(PatchFault::malformed(format!("The operation needs one part named {name}."))),
        }
    }

    fn text(&self, name: &str) -> Result<&'a str, PatchFault> {
        let part = self.get(name)?;
        let text = ["valueString", "valueCode"].iter().find_map(|key| part.get(*key)?.as_str());
        text.ok_or_else(|| {
            PatchFault::malformed(format!("The part {name} needs a valueString or valueCode."))
        })
    }

    fn number(&self, name: &str) -> Result<usize, PatchFault> {
        let part = self.get(name)?;
        let keys = ["valueInteger", "valueUnsignedInt", "valuePositiveInt"];
        let number = keys.iter().find_map(|key| part.get(*key)?.as_u64());
        number.and_then(|number| usize::try_from(number).ok()).ok_or_else(|| {
            PatchFault::malformed(format!("The part {name} needs a valueInteger of 0 or more."))
        })
    }

    fn value(&self) -> Result<PatchValue, PatchFault> {
        read_value(self.get("value")?)
    }
}

/// The value of a part: a `value[x]`, a resource, or parts that name the elements of one.
fn read_value(part: &Map<String, Value>) -> Result<PatchValue, PatchFault> {
    if let Some(parts) = part.get("part").and_then(Value::as_array) {
        let named = parts.iter().map(|part| {
            let object = part.as_object();
            let name = object.and_then(|object| object.get("name")?.as_str());
            let (Some(object), Some(name)) = (object, name) else {
                return Err(PatchFault::malformed("Each part of a value has the name of an element."));
            };
            Ok((name.to_owned(), read_value(object)?))
        });
        return Ok(PatchValue::Parts(named.collect::<Result<_, PatchFault>>()?));
    }
    if let Some(resource) = part.get("resource") {
        return Ok(PatchValue::Resource(resource.clone()));
    }
    let choices: Vec<&str> = part.keys().filter_map(|key| choice(key)).collect();
    match choices.as_slice() {
        [first, rest @ ..] if rest.iter().all(|other| other == first) => {
            let key = format!("value{first}");
            let part =
                ElementPart { value: part.get(&key).cloned(), beside: part.get(&beside_key(&key)).cloned() };
            Ok(PatchValue::Given { choice: (*first).to_owned(), part })
        }
        _ => Err(PatchFault::malformed("The part value needs one value[x], or parts of its own.")),
    }
}

/// `Date` of `valueDate` and of `_valueDate`.
fn choice(key: &str) -> Option<&str> {
    let choice = key.strip_prefix('_').unwrap_or(key).strip_prefix("value")?;
    choice.starts_with(|first: char| first.is_ascii_uppercase()).then_some(choice)
}
