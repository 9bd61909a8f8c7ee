//! Validation of JSON from outside, before any other code reads it.
//!
//! RFC 8259 leaves duplicate keys open and FHIR forbids `null`, empty arrays and empty objects
//! (<https://hl7.org/fhir/R4/json.html>). An accepted document has none of them, is within the nesting limit,
//! and has no trailing content.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Why a document is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// It is not UTF-8, or not JSON, or has trailing content.
    #[error("the body is not JSON")]
    Malformed,
    /// It nests deeper than the limit.
    #[error("the JSON is nested too deeply")]
    TooDeep,
    /// An object has the same key twice.
    #[error("the JSON has an object with the same key twice")]
    DuplicateKey,
    /// It holds a control character that no FHIR string may hold, such as NUL.
    #[error("the JSON holds a control character")]
    ControlCharacter,
    /// It holds a `null`.
    #[error("the JSON holds a null")]
    Null,
    /// It holds an empty array or object.
    #[error("the JSON holds an empty array or object")]
    Empty,
}

/// Parses and validates a document.
///
/// # Errors
///
/// [`JsonFault`], the first fault.
pub fn parse(bytes: &[u8], max_depth: usize) -> Result<Value, JsonFault> {
    parse_with(bytes, max_depth, Allowed::default())
}

/// What a document may hold in addition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Empty objects: a VRS grantor's `valueReference: {}` has an error of its own. The calling code checks
    /// the others.
    pub empty_objects: bool,
    /// `null` as an item of an array: FHIR aligns the values of a repeating primitive with their extensions
    /// so. The validator checks the alignment.
    pub null_items: bool,
    /// All of JSON: `null` anywhere, empty arrays and objects. For a document that is not FHIR.
    pub all_of_json: bool,
}

/// As [`parse`], for a document that may hold more.
///
/// # Errors
///
/// [`JsonFault`], the first fault.
pub fn parse_with(bytes: &[u8], max_depth: usize, allowed: Allowed) -> Result<Value, JsonFault> {
    let text = std::str::from_utf8(bytes).or(Err(JsonFault::Malformed))?;
    let fault = Cell::new(JsonFault::Malformed);
    let mut reader = serde_json::Deserializer::from_str(text);
    let judge = Judge { left: max_depth, allowed, is_item: false, fault: &fault };
    let value = judge.deserialize(&mut reader).map_err(|_told_in_fault| fault.get())?;
    reader.end().or(Err(JsonFault::Malformed))?;
    Ok(value)
}

/// The key under which `serde_json`, with arbitrary precision, passes a number.
const NUMBER: &str = "$serde_json::private::Number";

/// Whether a text holds a character that FHIR's `string` does not allow
/// (<https://hl7.org/fhir/R4/datatypes.html#string>). PostgreSQL stores no NUL.
pub fn has_control(text: &str) -> bool {
    text.chars().any(|letter| letter < ' ' && !matches!(letter, '\t' | '\r' | '\n'))
}

/// Whether a value takes more than this many bytes as JSON, approximately. Stops as soon as that is known.
pub fn is_larger(value: &Value, bytes: usize) -> bool {
    fn left(value: &Value, bytes: usize) -> Option<usize> {
        let mut rest = bytes.checked_sub(2)?;
        match value {
            Value::Array(items) => {
                for item in items {
                    rest = left(item, rest)?;
                }
            }
            Value::Object(members) => {
                for (key, member) in members {
                    rest = left(member, rest.checked_sub(key.len())?)?;
                }
            }
            Value::String(text) => rest = rest.checked_sub(text.len())?,
            Value::Number(number) => rest = rest.checked_sub(number.as_str().len())?,
            Value::Null | Value::Bool(_) => {}
        }
        Some(rest)
    }
    left(value, bytes).is_none()
}

#[derive(Clone, Copy)]
struct Judge<'a> {
    left: usize,
    allowed: Allowed,
    /// Whether the value is an item of an array.
    is_item: bool,
    fault: &'a Cell<JsonFault>,
}

impl Judge<'_> {
    fn refuse<E: serde::de::Error>(self, fault: JsonFault) -> E {
        self.fault.set(fault);
        E::custom(fault)
    }

    fn deeper<E: serde::de::Error>(self, is_item: bool) -> Result<Self, E> {
        match self.left.checked_sub(1) {
            Some(left) => Ok(Self { left, is_item, ..self }),
            None => Err(self.refuse(JsonFault::TooDeep)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Judge<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Judge<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Value, E> {
        if has_control(&value) {
            Err(self.refuse(JsonFault::ControlCharacter))
        } else {
            Ok(Value::String(value))
        }
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        if self.allowed.all_of_json || (self.is_item && self.allowed.null_items) {
            Ok(Value::Null)
        } else {
            Err(self.refuse(JsonFault::Null))
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper(true)?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        if array.is_empty() && !self.allowed.all_of_json {
            return Err(self.refuse(JsonFault::Empty));
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.deeper(false)?;
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if key == NUMBER && object.is_empty() {
                let number: Number = entries.next_value::<String>()?.parse().map_err(A::Error::custom)?;
                return match entries.next_key::<String>()? {
                    None => Ok(Value::Number(number)),
                    Some(_) => Err(self.refuse(JsonFault::Malformed)),
                };
            }
            if has_control(&key) {
                return Err(self.refuse(JsonFault::ControlCharacter));
            }
            if object.contains_key(&key) {
                return Err(self.refuse(JsonFault::DuplicateKey));
            }
            object.insert(key, entries.next_value_seed(inner)?);
        }
        if object.is_empty() && !self.allowed.empty_objects && !self.allowed.all_of_json {
            return Err(self.refuse(JsonFault::Empty));
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::{Allowed, JsonFault, parse, parse_with};
    use proptest::prelude::*;

    fn read(text: &str) -> Result<String, JsonFault> {
        parse(text.as_bytes(), 4).map(|value| value.to_string())
    }

    #[test]
    fn valid_json_keeps_member_order_and_number_digits() {
        let text = r#"{"b":[1,2.50,-3e400,"x"],"a":{"c":true}}"#;
        assert_eq!(read(text).unwrap(), text.replace("e400", "e+400"));
    }

    #[test]
    fn each_parse_error_is_named() {
        for (text, fault) in [
            ("", JsonFault::Malformed),
            ("{", JsonFault::Malformed),
            (r#"{"a":1} x"#, JsonFault::Malformed),
            (r#"{"a":1,"a":2}"#, JsonFault::DuplicateKey),
            (r#"{"a":{"b":1,"c":2,"b":3}}"#, JsonFault::DuplicateKey),
            (r#"{"a":"x\u0000y"}"#, JsonFault::ControlCharacter),
            (r#"{"a\u0001":"x"}"#, JsonFault::ControlCharacter),
            (r#"{"a":null}"#, JsonFault::Null),
            ("null", JsonFault::Null),
            (r#"{"a":[]}"#, JsonFault::Empty),
            ("{}", JsonFault::Empty),
            ("[[[[[1]]]]]", JsonFault::TooDeep),
        ] {
            assert_eq!(read(text), Err(fault), "{text}");
        }
        assert_eq!(parse(b"\"\xff\"", 4), Err(JsonFault::Malformed));
    }

    // covers FAULT-5
    #[test]
    fn non_fhir_json_allows_null_and_empty_values_within_the_same_limits() {
        let read = |text: &str| {
            let allowed = Allowed { all_of_json: true, ..Allowed::default() };
            parse_with(text.as_bytes(), 4, allowed).map(|value| value.to_string())
        };
        for text in ["[]", "{}", "null", r#"[{"a":null,"b":[],"c":{},"d":[null,[]]}]"#] {
            assert_eq!(read(text).as_deref(), Ok(text));
        }
        for (text, fault) in [
            (r#"[{"a":null,"a":null}]"#, JsonFault::DuplicateKey),
            (r#"["\u0000"]"#, JsonFault::ControlCharacter),
            ("[[[[[]]]]]", JsonFault::TooDeep),
            ("[] []", JsonFault::Malformed),
        ] {
            assert_eq!(read(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn endless_nesting_is_rejected_without_recursion() {
        assert_eq!(read(&"[".repeat(100_000)), Err(JsonFault::TooDeep));
        assert_eq!(read(&"{\"a\":".repeat(100_000)), Err(JsonFault::TooDeep));
    }

    proptest! {
        #[test]
        fn parsing_any_bytes_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _either = parse(&bytes, 8);
        }
    }
}
