//! Steps from an element to its children, in FHIR's model: a choice has its bare name, a list is its items,
//! and a primitive has the id and extensions that JSON keeps under `_name`
//! (<https://hl7.org/fhir/R4/json.html#primitive>, <https://hl7.org/fhir/R4/fhirpath.html#polymorphism>).

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::item::{Item, Known, Location, PathStep};
use crate::structure::{TypeNode, open_choice};

/// The elements of that name inside `item`.
pub(super) fn child<'a>(item: &Item<'a>, name: &str) -> Vec<Item<'a>> {
    let mut found = Vec::new();
    let Some((object, location)) = members(item) else { return found };
    if is_there(object, name) {
        if !is_type_marker(item, name) {
            let known = known(item.shape, name);
            push(object, location.as_ref(), name, &known, &mut found);
        }
        return found;
    }
    let is_choice = |key: &str| match item.shape {
        Some(shape) => shape.choice_type(name, key).is_some(),
        None => open_choice(name, key).is_some(),
    };
    let keys = object.keys().map(|key| key.strip_prefix('_').unwrap_or(key));
    if let Some(key) = keys.into_iter().find(|key| is_choice(key)) {
        push(object, location.as_ref(), key, &known(item.shape, key), &mut found);
    }
    found
}

/// All elements inside `item`, in the order of the document.
pub(super) fn children<'a>(item: &Item<'a>) -> Vec<Item<'a>> {
    let mut found = Vec::new();
    let Some((object, location)) = members(item) else { return found };
    for key in object.keys() {
        let name = key.strip_prefix('_').unwrap_or(key);
        let told_already = name != key && object.contains_key(name);
        if told_already || is_type_marker(item, name) {
            continue;
        }
        push(object, location.as_ref(), name, &known(item.shape, name), &mut found);
    }
    found
}

/// The element at a location, with what the definitions say of it.
pub(super) fn descend<'a>(resource: &'a Value, location: &[PathStep]) -> Option<Item<'a>> {
    let mut item = Item::resource(resource, Some(Vec::new()));
    let mut steps = location.iter().peekable();
    while let Some(step) = steps.next() {
        let PathStep::Key(key) = step else { return None };
        let index = match steps.peek() {
            Some(PathStep::Index(index)) => {
                steps.next();
                *index
            }
            Some(PathStep::Key(_)) | None => 0,
        };
        let mut inside = Vec::new();
        let (object, place) = members(&item)?;
        push(object, place.as_ref(), key, &known(item.shape, key), &mut inside);
        item = inside.into_iter().nth(index)?;
    }
    Some(item)
}

/// The members of the element, and their location. Those of a primitive are in its second member.
fn members<'a>(item: &Item<'a>) -> Option<(&'a Map<String, Value>, Option<Location>)> {
    if let Some(Value::Object(object)) = item.beside {
        return Some((object, item.location.clone().map(beside)));
    }
    match &item.value {
        Some(Cow::Borrowed(Value::Object(object))) => Some((object, item.location.clone())),
        _ => None,
    }
}

/// The location of the id and extensions of the primitive: `_name`, or the item of that number in `_name`.
fn beside(mut location: Location) -> Location {
    let key = location.iter_mut().rev().find_map(|step| match step {
        PathStep::Key(key) => Some(key),
        PathStep::Index(_) => None,
    });
    if let Some(key) = key {
        key.insert(0, '_');
    }
    location
}

fn is_there(object: &Map<String, Value>, name: &str) -> bool {
    object.contains_key(name) || object.contains_key(&format!("_{name}"))
}

/// `resourceType` is JSON's marker of the type; it is not an element, except in `ExampleScenario`.
fn is_type_marker(item: &Item<'_>, name: &str) -> bool {
    name == "resourceType" && item.shape.is_none_or(|shape| shape.element(name).is_none())
}

/// What the definitions say of an element: without a definition of its parent, only of `value[x]`.
fn known(shape: Option<&'static TypeNode>, name: &str) -> Known {
    match shape {
        Some(shape) => Known::of(shape.members.get(name), None),
        None => Known::of(None, open_choice("value", name)),
    }
}

/// Adds the element, or each item of it where it is a list.
fn push<'a>(
    object: &'a Map<String, Value>,
    place: Option<&Location>,
    name: &str,
    known: &Known,
    found: &mut Vec<Item<'a>>,
) {
    let value = object.get(name);
    let beside = object.get(&format!("_{name}"));
    let length = [value, beside].into_iter().flatten().filter_map(Value::as_array).map(Vec::len).max();
    let here = |index: Option<usize>| {
        let mut location = place?.clone();
        location.push(PathStep::Key(name.to_owned()));
        location.extend(index.map(PathStep::Index));
        Some(location)
    };
    let Some(length) = length else {
        found.extend(item(value, beside, here(None), known));
        return;
    };
    for index in 0..length {
        let at = |list: Option<&'a Value>| list.and_then(|list| list.get(index));
        found.extend(item(at(value), at(beside), here(Some(index)), known));
    }
}

fn item<'a>(
    value: Option<&'a Value>,
    beside: Option<&'a Value>,
    location: Option<Location>,
    known: &Known,
) -> Option<Item<'a>> {
    let value = value.filter(|value| !value.is_null());
    let beside = beside.filter(|value| value.is_object());
    if value.is_none() && beside.is_none() {
        return None;
    }
    if let Some(resource) = value.filter(|value| value.get("resourceType").is_some_and(Value::is_string))
        && known.shape.is_none()
    {
        return Some(Item::resource(resource, location));
    }
    Some(Item {
        location,
        value: value.map(Cow::Borrowed),
        beside,
        shape: known.shape,
        type_name: known.type_name.clone(),
    })
}
