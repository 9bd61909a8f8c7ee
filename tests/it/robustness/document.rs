//! JSON that is wrong in one way or another: arbitrary trees, and valid documents with damage.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;

/// A JSON text as a tree that can hold what JSON forbids.
#[derive(Clone, Debug)]
pub(super) enum JsonNode {
    /// Text as it is, whether JSON or not.
    Raw(String),
    Array(Vec<JsonNode>),
    Object(Vec<(String, JsonNode)>),
    /// Nothing: its parent has one member less.
    Gone,
    /// Twice the same: in an object, a duplicate key.
    Twice(Box<JsonNode>),
}

impl From<&Value> for JsonNode {
    fn from(value: &Value) -> Self {
        match value {
            Value::Array(items) => Self::Array(items.iter().map(Self::from).collect()),
            Value::Object(members) => {
                Self::Object(members.iter().map(|(key, value)| (key.clone(), value.into())).collect())
            }
            _ => Self::Raw(value.to_string()),
        }
    }
}

impl JsonNode {
    fn copies(&self) -> Vec<String> {
        match self {
            Self::Gone => Vec::new(),
            Self::Twice(node) => vec![node.render(); 2],
            _ => vec![self.render()],
        }
    }

    pub(super) fn render(&self) -> String {
        match self {
            Self::Raw(text) => text.clone(),
            Self::Array(items) => {
                format!("[{}]", items.iter().flat_map(Self::copies).collect::<Vec<_>>().join(","))
            }
            Self::Object(members) => {
                let member = |(key, node): &(String, Self)| {
                    let key = Value::from(key.as_str()).to_string();
                    node.copies().into_iter().map(|value| format!("{key}:{value}")).collect::<Vec<_>>()
                };
                format!("{{{}}}", members.iter().flat_map(member).collect::<Vec<_>>().join(","))
            }
            Self::Gone | Self::Twice(_) => self.copies().join(" "),
        }
    }

    fn count(&self) -> usize {
        1 + match self {
            Self::Raw(_) | Self::Gone => 0,
            Self::Array(items) => items.iter().map(Self::count).sum(),
            Self::Object(members) => members.iter().map(|(_, node)| node.count()).sum(),
            Self::Twice(node) => node.count(),
        }
    }

    /// The node with this number, counted in the order of the text.
    fn find(&mut self, number: &mut usize) -> Option<&mut Self> {
        if *number == 0 {
            return Some(self);
        }
        *number -= 1;
        match self {
            Self::Raw(_) | Self::Gone => None,
            Self::Array(items) => items.iter_mut().find_map(|item| item.find(number)),
            Self::Object(members) => members.iter_mut().find_map(|(_, node)| node.find(number)),
            Self::Twice(node) => node.find(number),
        }
    }
}

/// One act of damage to a node.
#[derive(Clone, Debug)]
pub(super) enum Damage {
    Delete,
    Replace(String),
    Duplicate,
    WrapInArray,
    WrapInObject(String),
    /// The first child takes the place of its parent.
    Unwrap,
    /// The value becomes the text of itself.
    Quote,
    Nest(usize),
    Rename(String),
    AddMember(String, String),
}

impl Damage {
    fn apply(&self, node: &mut JsonNode) {
        let old = std::mem::replace(node, JsonNode::Gone);
        *node = match self {
            Self::Delete => JsonNode::Gone,
            Self::Replace(text) => JsonNode::Raw(text.clone()),
            Self::Duplicate => JsonNode::Twice(Box::new(old)),
            Self::WrapInArray => JsonNode::Array(vec![old]),
            Self::WrapInObject(key) => JsonNode::Object(vec![(key.clone(), old)]),
            Self::Quote => JsonNode::Raw(Value::from(old.render()).to_string()),
            Self::Nest(depth) => (0..*depth).fold(old, |inner, _| JsonNode::Array(vec![inner])),
            Self::Unwrap => match old {
                JsonNode::Array(items) => items.into_iter().next().unwrap_or(JsonNode::Gone),
                JsonNode::Object(members) => {
                    members.into_iter().next().map_or(JsonNode::Gone, |(_, node)| node)
                }
                other => other,
            },
            Self::Rename(key) => match old {
                JsonNode::Object(mut members) => {
                    members.iter_mut().take(1).for_each(|(name, _)| name.clone_from(key));
                    JsonNode::Object(members)
                }
                other => other,
            },
            Self::AddMember(key, value) => match old {
                JsonNode::Object(mut members) => {
                    members.push((key.clone(), JsonNode::Raw(value.clone())));
                    JsonNode::Object(members)
                }
                other => other,
            },
        };
    }
}

/// Values that have a way of going wrong.
const NASTY: &[&str] = &[
    "null",
    "true",
    "0",
    "-1",
    "-0.0",
    "1e400",
    "-1e-400",
    "99999999999999999999999999999999999999",
    "0.1000000000000000055511151231257827021181583404541015625",
    "01",
    "+1",
    "NaN",
    "'a'",
    "\"",
    "",
    ",",
    "[]",
    "{}",
    "[[]]",
    "[{}]",
    "[null]",
    "{\"a\":null}",
    "{\"a\":1,\"a\":2}",
    "{\"\":\"\"}",
    "\"\"",
    "\" \"",
    "\"\\u0000\"",
    "\"a\\u0000b\"",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"\u{202e}\u{feff}\"",
    "\"\\x\"",
    "\"a\nb\"",
    "\"e\u{301}\"",
    "\"'; DROP TABLE roles; --\"",
    "\"%00\"",
    "\"9000000017\"",
    "9000000017",
    "\"９000000017\"",
    "\"active\"",
    "\"Active\"",
    "\"ROLE_CREATED\"",
    "\"OTHER\"",
    "\"https://fhir.nhs.uk/Id/nhs-number\"",
    "\"2026-02-30\"",
    "\"0000\"",
    "\"0000-00-00\"",
    "\"9999\"",
    "\"9999-12-31\"",
    "\"9999-12-31T23:59:59.999999999Z\"",
    "\"0001-01-01T00:00:00+14:00\"",
    "\"-2026-01-01\"",
    "\"2026-11-22T25:61:61Z\"",
    "\"2026-06-30T23:59:60Z\"",
    "\"2026-11-22T00:00:00+99:99\"",
    "\"é026-01-01\"",
    "{\"$serde_json::private::Number\":\"1\"}",
    "{\"$serde_json::private::Number\":\"x\"}",
    "{\"$serde_json::private::Number\":\"1\",\"a\":1}",
    "{\"$serde_json::private::RawValue\":\"1\"}",
    "{\"reference\":\"#\"}",
    "{\"extension\":[{\"url\":\"a\",\"valueString\":\"b\"}]}",
];

/// Element names of the three bodies, so that trees come near to meaning something.
const KEYS: &[&str] = &[
    "resourceType",
    "id",
    "meta",
    "status",
    "scope",
    "category",
    "patient",
    "dateTime",
    "performer",
    "policyRule",
    "provision",
    "period",
    "start",
    "end",
    "actor",
    "extension",
    "modifierExtension",
    "url",
    "valueReference",
    "valueCodeableConcept",
    "valueString",
    "valueCoding",
    "valueDate",
    "coding",
    "system",
    "code",
    "display",
    "text",
    "identifier",
    "value",
    "type",
    "reference",
    "source",
    "subject",
    "questionnaire",
    "authored",
    "item",
    "linkId",
    "answer",
    "op",
    "path",
    "from",
    "contained",
    "implicitRules",
    "_status",
    "_value",
    "fhir_comments",
];

fn key() -> impl Strategy<Value = String> + Clone {
    prop_oneof![4 => select(KEYS).prop_map(str::to_owned), 1 => any::<String>()]
}

fn nasty() -> impl Strategy<Value = String> + Clone {
    prop_oneof![
        6 => select(NASTY).prop_map(str::to_owned),
        1 => any::<String>().prop_map(|text| Value::from(text).to_string()),
        1 => (1_usize..400).prop_map(|depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth))),
        1 => (1_usize..400).prop_map(|depth| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth))),
        1 => (1_usize..400).prop_map(|depth| "[{\"item\":".repeat(depth)),
        1 => (0_usize..20_000).prop_map(|length| format!("\"{}\"", "x".repeat(length))),
        1 => any::<f64>().prop_map(|number| format!("{number:e}")),
        1 => any::<i128>().prop_map(|number| number.to_string()),
    ]
}

/// Any tree.
pub(super) fn tree() -> impl Strategy<Value = JsonNode> {
    nasty().prop_map(JsonNode::Raw).prop_recursive(6, 48, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(JsonNode::Array),
            vec((key(), inner.clone()), 0..6).prop_map(JsonNode::Object),
            inner.prop_map(|node| JsonNode::Twice(Box::new(node))),
        ]
    })
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        3 => Just(Damage::Delete),
        6 => nasty().prop_map(Damage::Replace),
        2 => Just(Damage::Duplicate),
        2 => Just(Damage::WrapInArray),
        1 => key().prop_map(Damage::WrapInObject),
        1 => Just(Damage::Unwrap),
        1 => Just(Damage::Quote),
        1 => (1_usize..60).prop_map(Damage::Nest),
        1 => key().prop_map(Damage::Rename),
        2 => (key(), nasty()).prop_map(|(key, value)| Damage::AddMember(key, value)),
    ]
}

/// One of these documents after one to three acts of damage.
pub(super) fn damaged(documents: Vec<Value>) -> impl Strategy<Value = String> {
    (select(documents), vec((any::<Index>(), damage()), 1..4)).prop_map(|(document, acts)| {
        let mut root = JsonNode::from(&document);
        for (place, act) in acts {
            let mut number = place.index(root.count());
            if let Some(node) = root.find(&mut number) {
                act.apply(node);
            }
        }
        root.render()
    })
}

/// A text after damage to its bytes: bits turned, bytes put in, the rest cut off or doubled.
pub(super) fn with_broken_bytes(text: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<u8>> {
    let act = prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| (at, Some(byte), false)),
        any::<Index>().prop_map(|at| (at, None, false)),
        any::<Index>().prop_map(|at| (at, None, true)),
    ];
    (text, vec(act, 0..3)).prop_map(|(text, acts)| {
        let mut bytes = text.into_bytes();
        for (at, byte, twice) in acts {
            let at = at.index(bytes.len() + 1);
            match byte {
                Some(byte) => bytes.insert(at, byte),
                None if twice => bytes.extend_from_within(at..),
                None => bytes.truncate(at),
            }
        }
        bytes
    })
}
