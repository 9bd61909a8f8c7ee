//! Changes of a resource in place, element by element.
//!
//! JSON spreads a primitive over two members, `birthDate` and `_birthDate`, and a list of primitives over two
//! arrays that must stay aligned (<https://hl7.org/fhir/R4/json.html#primitive>). Here they are one element
//! again, and empty members are removed, as FHIR demands.

use serde_json::{Map, Value};

use crate::fhirpath::PathStep;

/// An element: its value, and for a primitive its id and extensions.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ElementPart {
    pub(super) value: Option<Value>,
    pub(super) beside: Option<Value>,
}

impl ElementPart {
    pub(super) fn of(value: Value) -> Self {
        Self { value: Some(value), beside: None }
    }

    fn is_empty(&self) -> bool {
        self.value.is_none() && self.beside.is_none()
    }
}

/// The object that has the element as a member, the member's name, and the number in its list.
pub(super) fn owner<'a, 'b>(
    resource: &'a mut Value,
    location: &'b [PathStep],
) -> Option<(&'a mut Map<String, Value>, &'b str, Option<usize>)> {
    let (above, key, index) = match location {
        [above @ .., PathStep::Key(key), PathStep::Index(index)] => (above, key, Some(*index)),
        [above @ .., PathStep::Key(key)] => (above, key, None),
        _ => return None,
    };
    let mut place = resource;
    for step in above {
        place = match step {
            PathStep::Key(key) => place.get_mut(key)?,
            PathStep::Index(index) => place.get_mut(index)?,
        };
    }
    Some((place.as_object_mut()?, key, index))
}

pub(super) fn beside_key(key: &str) -> String {
    format!("_{key}")
}

/// The items of a list of that name; none when there is no list.
pub(super) fn read_list(object: &Map<String, Value>, key: &str) -> Vec<ElementPart> {
    let items = |key: &str| object.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let (values, beside) = (items(key), items(&beside_key(key)));
    let length = values.len().max(beside.len());
    let there = |value: Option<Value>| value.filter(|value| !value.is_null());
    let (mut values, mut beside) = (values.into_iter(), beside.into_iter());
    (0..length).map(|_| ElementPart { value: there(values.next()), beside: there(beside.next()) }).collect()
}

/// Writes a list; an empty one is omitted.
pub(super) fn write_list(object: &mut Map<String, Value>, key: &str, items: Vec<ElementPart>) {
    let (values, beside): (Vec<_>, Vec<_>) = items.into_iter().map(|part| (part.value, part.beside)).unzip();
    for (key, items) in [(key.to_owned(), values), (beside_key(key), beside)] {
        if items.iter().any(Option::is_some) {
            let items = items.into_iter().map(Option::unwrap_or_default).collect();
            object.insert(key, Value::Array(items));
        } else {
            object.shift_remove(&key);
        }
    }
}

/// Writes a single element; an empty one is omitted.
pub(super) fn write_one(object: &mut Map<String, Value>, key: &str, part: ElementPart) {
    for (key, value) in [(key.to_owned(), part.value), (beside_key(key), part.beside)] {
        match value {
            Some(value) => object.insert(key, value),
            None => object.shift_remove(&key),
        };
    }
}

/// Replaces an element.
pub(super) fn replace(resource: &mut Value, location: &[PathStep], part: ElementPart) -> Option<()> {
    let (object, key, index) = owner(resource, location)?;
    match index {
        None => write_one(object, key, part),
        Some(index) => {
            let mut items = read_list(object, key);
            *items.get_mut(index)? = part;
            write_list(object, key, items);
        }
    }
    Some(())
}

/// Removes an element, and members that become empty.
pub(super) fn remove(resource: &mut Value, location: &[PathStep]) -> Option<()> {
    let (object, key, index) = owner(resource, location)?;
    match index {
        None => write_one(object, key, ElementPart::default()),
        Some(index) => {
            let mut items = read_list(object, key);
            // The ids and extensions of a list of primitives keep their positions, or they would belong to
            // another item.
            if key.starts_with('_') {
                *items.get_mut(index)? = ElementPart::default();
            } else if index < items.len() {
                items.remove(index);
            }
            if items.iter().all(ElementPart::is_empty) {
                items.clear();
            }
            write_list(object, key, items);
        }
    }
    if object.is_empty() {
        let above = location.len() - if index.is_some() { 2 } else { 1 };
        let above = location.get(..above).filter(|above| !above.is_empty())?;
        return remove(resource, above);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ElementPart, remove, replace};
    use crate::fhirpath::Expression;

    fn after(change: impl Fn(&mut Value, &[crate::fhirpath::PathStep]), path: &str) -> Value {
        let mut name = json!({
            "resourceType": "Patient",
            "name": [{ "given": ["A", "B"], "_given": [{ "id": "a" }, { "extension": [{ "url": "u", "valueId": "x" }] }] }],
        });
        let location = Expression::parse(path).unwrap().locate(&name).unwrap().remove(0);
        change(&mut name, &location);
        name.as_object_mut().unwrap().remove("name").unwrap_or_default()
    }

    #[test]
    fn primitive_and_its_extensions_are_edited_together() {
        let delete = |resource: &mut Value, at: &[_]| remove(resource, at).unwrap();
        let extension = json!({ "extension": [{ "url": "u", "valueId": "x" }] });
        assert_eq!(
            after(delete, "Patient.name.given[0]"),
            json!([{ "given": ["B"], "_given": [extension] }])
        );
        assert_eq!(
            after(delete, "Patient.name.given[1].extension"),
            json!([{ "given": ["A", "B"], "_given": [{ "id": "a" }, null] }])
        );
        assert_eq!(after(delete, "Patient.name"), Value::Null);
        let set =
            |resource: &mut Value, at: &[_]| replace(resource, at, ElementPart::of(json!("C"))).unwrap();
        assert_eq!(
            after(set, "Patient.name.given[1]"),
            json!([{ "given": ["A", "C"], "_given": [{ "id": "a" }, null] }])
        );
    }
}
