//! Execution of one operation.

use serde_json::{Map, Value};

use super::super::edit::{ElementPart, owner, read_list, remove, replace, write_list};
use super::operation::PatchOperation;
use super::value::{Inside, PatchValue};
use crate::fhirpath::{Expression, FhirPathFault, Item, Location, PathStep};
use crate::patch::fault::PatchFault;
use crate::patch::limit::check_depth;
use crate::structure::{ElementContent, Primitive, TypeNode};

pub(super) fn execute(resource: &mut Value, operation: &PatchOperation) -> Result<(), PatchFault> {
    match operation {
        PatchOperation::Add { path, name, value } => {
            let found = one(select(resource, path)?)?.ok_or_else(nothing)?;
            add(resource, &found, name, value)
        }
        PatchOperation::Delete { path } => match one(select(resource, path)?)? {
            Some(found) if found.location.is_empty() => {
                Err(PatchFault::impossible("A patch cannot delete the resource."))
            }
            Some(found) => remove(resource, &found.location).ok_or_else(nothing),
            None => Ok(()),
        },
        PatchOperation::Replace { path, value } => {
            let found = one(select(resource, path)?)?.ok_or_else(nothing)?;
            if found.location.is_empty() {
                return Err(PatchFault::impossible("A patch cannot replace the resource: send it with PUT."));
            }
            let part = value.build(found.content)?;
            check_part(&found.location, &part)?;
            let location = retyped(resource, &found, value);
            if location != found.location {
                remove_key(resource, &found.location).ok_or_else(nothing)?;
            }
            replace(resource, &location, part).ok_or_else(nothing)
        }
        PatchOperation::Insert { path, index, value } => {
            let found = select(resource, path)?;
            let part = value.build(found.first().ok_or_else(no_list)?.content)?;
            change_list(resource, &found, |items| {
                if *index > items.len() {
                    return Err(outside());
                }
                items.insert(*index, part.clone());
                Ok(())
            })?;
            check_part(&found.first().ok_or_else(no_list)?.location, &part)
        }
        PatchOperation::Move { path, source, destination } => {
            let found = select(resource, path)?;
            change_list(resource, &found, |items| {
                if *source >= items.len() || *destination >= items.len() {
                    return Err(outside());
                }
                let item = items.remove(*source);
                items.insert(*destination, item);
                Ok(())
            })
        }
    }
}

/// An element that a path selects, without borrowing the resource.
struct Found {
    location: Location,
    content: Option<ElementContent>,
    is_complex: bool,
    type_name: Option<String>,
}

fn select(resource: &Value, path: &Expression) -> Result<Vec<Found>, PatchFault> {
    let items = path.evaluate(resource).map_err(|fault| match fault {
        FhirPathFault::TooCostly => PatchFault::too_much("The path is too costly to evaluate."),
        FhirPathFault::Syntax
        | FhirPathFault::TooLong
        | FhirPathFault::Unsupported
        | FhirPathFault::NotSingle
        | FhirPathFault::WrongType => {
            PatchFault::impossible("The path cannot be evaluated on this resource.")
        }
    })?;
    items.into_iter().map(found).collect()
}

fn found(item: Item<'_>) -> Result<Found, PatchFault> {
    let is_complex = item.value.as_deref().is_some_and(Value::is_object);
    let content = match item.shape() {
        Some(shape) => Some(ElementContent::Node(shape.index)),
        None if !is_complex => Some(ElementContent::Primitive(Primitive::String)),
        None => None,
    };
    let type_name = item.type_name().map(str::to_owned);
    let location = item
        .location
        .ok_or_else(|| PatchFault::impossible("The path computes a value; it must select an element."))?;
    Ok(Found { location, content, is_complex, type_name })
}

fn one(mut found: Vec<Found>) -> Result<Option<Found>, PatchFault> {
    if found.len() > 1 {
        return Err(PatchFault::impossible(
            "The path selects more than one element where one is meant: add [n] or where().",
        ));
    }
    Ok(found.pop())
}

fn nothing() -> PatchFault {
    PatchFault::impossible("The path selects nothing in this resource.")
}

fn no_list() -> PatchFault {
    PatchFault::impossible("The path must select a list that is there, all of it; use add for a first item.")
}

fn outside() -> PatchFault {
    PatchFault::impossible("The operation counts beyond the end of the list.")
}

fn check_part(location: &[PathStep], part: &ElementPart) -> Result<(), PatchFault> {
    [&part.value, &part.beside].into_iter().flatten().try_for_each(|value| check_depth(location.len(), value))
}

fn add(resource: &mut Value, found: &Found, name: &str, value: &PatchValue) -> Result<(), PatchFault> {
    let inside = Inside::of(found.content);
    let object = target(resource, found).ok_or_else(nothing)?;
    inside.put(object, name, value)?;
    let whole = Value::Object(object.clone());
    check_depth(found.location.len(), &whole)
}

/// The object that an addition goes into: the element itself, or the second member of a primitive.
fn target<'a>(resource: &'a mut Value, found: &Found) -> Option<&'a mut Map<String, Value>> {
    if found.location.is_empty() {
        return resource.as_object_mut();
    }
    let (object, key, index) = owner(resource, &found.location)?;
    if found.is_complex {
        let place = object.get_mut(key)?;
        return match index {
            Some(index) => place.get_mut(index)?.as_object_mut(),
            None => place.as_object_mut(),
        };
    }
    let beside = format!("_{key}");
    let Some(index) = index else {
        return object.entry(beside).or_insert_with(|| Value::Object(Map::new())).as_object_mut();
    };
    let list = object.entry(beside).or_insert_with(|| Value::Array(Vec::new())).as_array_mut()?;
    if list.len() <= index {
        list.resize(index + 1, Value::Null);
    }
    let place = list.get_mut(index)?;
    if place.is_null() {
        *place = Value::Object(Map::new());
    }
    place.as_object_mut()
}

/// Changes the list whose items were all selected.
fn change_list(
    resource: &mut Value,
    found: &[Found],
    change: impl FnOnce(&mut Vec<ElementPart>) -> Result<(), PatchFault>,
) -> Result<(), PatchFault> {
    let first = found.first().ok_or_else(no_list)?;
    let above = first.location.split_last().map(|(_, above)| above);
    let whole = found.iter().enumerate().all(|(number, item)| {
        item.location
            .split_last()
            .is_some_and(|(last, list)| Some(list) == above && *last == PathStep::Index(number))
    });
    let (object, key, _) = owner(resource, &first.location).filter(|_| whole).ok_or_else(no_list)?;
    let mut items = read_list(object, key);
    if items.len() != found.len() {
        return Err(no_list());
    }
    change(&mut items)?;
    write_list(object, key, items);
    Ok(())
}

/// The location of the new value: a choice is named after its type (`deceasedBoolean`, `deceasedDateTime`).
fn retyped(resource: &Value, found: &Found, value: &PatchValue) -> Location {
    let mut location = found.location.clone();
    let (PatchValue::Given { choice, .. }, Some(old)) = (value, &found.type_name) else { return location };
    let Some((PathStep::Key(key), above)) = found.location.split_last() else { return location };
    let lower = key.to_ascii_lowercase();
    let Some(bare) = lower.strip_suffix(&old.to_ascii_lowercase()).and_then(|bare| key.get(..bare.len()))
    else {
        return location;
    };
    let new = format!("{bare}{choice}");
    let parent: Option<&'static TypeNode> =
        crate::fhirpath::element_at(resource, above).and_then(|parent| parent.shape());
    let is_choice = !bare.is_empty()
        && parent.is_some_and(|parent| parent.element(bare).is_none() && parent.element(&new).is_some());
    if is_choice && let Some(PathStep::Key(last)) = location.last_mut() {
        *last = new;
    }
    location
}

fn remove_key(resource: &mut Value, location: &[PathStep]) -> Option<()> {
    let (object, key, _) = owner(resource, location)?;
    super::super::edit::write_one(object, key, ElementPart::default());
    Some(())
}
