//! Patches of both forms, with damage.

use proptest::prelude::*;
use proptest::sample::select;
use rstest::rstest;
use serde_json::{Value, json};

use super::super::document::damaged;
use super::{Mutated, all_stand, held};
use crate::support::{Backend, TestApp, bodies};
use crate::vrs::known::{CHILD, MOTHER};

const POINTERS: &[&str] = &[
    "",
    "/",
    "//",
    "/status",
    "/status/x",
    "/active",
    "/resourceType",
    "/meta",
    "/meta/versionId",
    "/id",
    "/extension",
    "/extension/-",
    "/extension/0",
    "/extension/01",
    "/extension/-1",
    "/extension/99",
    "/extension/18446744073709551616",
    "/extension/0/valueCodeableConcept/coding/0/code",
    "/identifier/0/value",
    "/item/0/item",
    "/provision/period/end",
    "/provision/actor/0/reference",
    "/~",
    "/~2",
    "/a~1b",
    "/é",
    "status",
];

const EXPRESSIONS: &[&str] = &[
    "",
    "Consent",
    "Consent.status",
    "Consent.extension",
    "Consent.extension.first()",
    "Consent.extension.where(url = 'x')",
    "Consent.extension[0].value",
    "Consent.extension[99999999999999999999]",
    "Consent.provision.period.end",
    "Consent.provision.actor[0].reference.identifier.value",
    "Consent.provision.actor.where(role.exists())",
    "Consent.`status`",
    "Consent.status.substring(-1, 99999999999)",
    "Consent.descendants()",
    "Consent.repeat(provision)",
    "RelatedPerson.active",
    "RelatedPerson.identifier",
    "QuestionnaireResponse.item.item.answer.value",
    "%resource",
    "%x",
    "iif(true, Consent, {})",
    "1 + 1",
    "1 / 0",
    "9999999999999999999 * 9999999999999999999",
    "@2026-02-30",
    "@T25:00",
    "'\\u0000'",
    "'\\uD800'",
    "'",
    "((((",
    "Consent.",
    "é",
    "$this",
    "Consent.is(Patient)",
    "Consent.meta.versionId",
];

fn expression() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => select(EXPRESSIONS).prop_map(str::to_owned),
        1 => (1_usize..2000).prop_map(|depth| "(".repeat(depth)),
        1 => (1_usize..600).prop_map(|depth| format!("Consent{}", ".extension".repeat(depth))),
        1 => (1_usize..200).prop_map(|depth| "Consent.where(".repeat(depth) + &")".repeat(depth)),
        1 => (1_usize..2000).prop_map(|depth| format!("{}1", "-".repeat(depth))),
        1 => any::<String>(),
    ]
}

fn values() -> Vec<Value> {
    vec![
        "inactive".into(),
        "2030-01-31".into(),
        true.into(),
        Value::Null,
        json!([]),
        json!({}),
        1e300.into(),
        bodies::reason("ROLE_DEACTIVATED_SAFEGUARDING"),
        bodies::grantor("A20047"),
        bodies::person(CHILD),
        json!([bodies::reason("OTHER"), bodies::grantor("A20047")]),
    ]
}

fn json_patch() -> impl Strategy<Value = String> {
    let words = ["add", "remove", "replace", "move", "copy", "test", "spam"];
    let operation = (select(words.to_vec()), select(POINTERS), select(POINTERS), select(values()));
    let operation = operation
        .prop_map(|(op, path, from, value)| json!({ "op": op, "path": path, "from": from, "value": value }));
    let patch = prop::collection::vec(operation, 1..4).prop_map(Value::Array);
    patch.prop_flat_map(|patch| prop_oneof![1 => Just(patch.to_string()), 2 => damaged(vec![patch])])
}

fn fhirpath_patch() -> impl Strategy<Value = String> {
    let words = ["add", "insert", "delete", "replace", "move", "spam"];
    let kinds =
        ["valueCode", "valueString", "valueBoolean", "valueDateTime", "valueExtension", "valueReference"];
    let names = ["extension", "status", "active", "end", "resourceType", "x"];
    let operation = (select(words.to_vec()), expression(), select(names.to_vec()), any::<i64>());
    let value = (select(kinds.to_vec()), select(values()));
    let operation = (operation, value).prop_map(|((kind, path, name, index), (value_kind, value))| {
        json!({ "name": "operation", "part": [
            { "name": "type", "valueCode": kind },
            { "name": "path", "valueString": path },
            { "name": "name", "valueString": name },
            { "name": "value", value_kind: value },
            { "name": "index", "valueInteger": index % 5 },
            { "name": "source", "valueInteger": index % 7 },
            { "name": "destination", "valueInteger": index },
        ]})
    });
    let patch = prop::collection::vec(operation, 1..3)
        .prop_map(|operations| json!({ "resourceType": "Parameters", "parameter": operations }));
    patch.prop_flat_map(|patch| prop_oneof![1 => Just(patch.to_string()), 2 => damaged(vec![patch])])
}

#[rstest]
#[actix_web::test]
async fn mutated_patch_is_2xx_or_4xx(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::sandbox(backend).await;
    let mut targets: Vec<String> = held(&app).await.into_iter().map(|(path, _)| path).collect();
    targets.push(format!("/Consent?consentor:identifier={MOTHER}&patient:identifier={CHILD}"));
    let body = prop_oneof![
        json_patch().prop_map(|body| ("application/json-patch+json", body)),
        fhirpath_patch().prop_map(|body| ("application/fhir+json", body)),
    ];
    let requests = (select(targets), body)
        .prop_map(|(target, (kind, body))| Mutated::new("PATCH", &target).with(kind, body));
    all_stand(&app, requests).await;
}
