//! Paths and queries of every kind, with every method.

use proptest::prelude::*;
use proptest::sample::select;
use rstest::rstest;

use super::{Mutated, RELATIONSHIP, all_stand};
use crate::support::{Backend, TestApp};
use crate::vrs::known::{ACCESS_REQUEST, CHILD, MOTHERS_ROLE};

const TYPES: [&str; 13] = [
    "OperationDefinition",
    "Consent",
    "RelatedPerson",
    "QuestionnaireResponse",
    "Patient",
    "Person",
    "Questionnaire",
    "StructureDefinition",
    "CodeSystem",
    "ValueSet",
    "SearchParameter",
    "AuditEvent",
    "Provenance",
];

const IDS: [&str; 14] = [
    MOTHERS_ROLE,
    RELATIONSHIP,
    ACCESS_REQUEST,
    CHILD,
    "none",
    "..",
    "%00",
    "%2F",
    "%C3%A9",
    "%F0%9F",
    "_",
    "$x",
    "-1",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

fn a_path() -> impl Strategy<Value = String> {
    let kind = prop_oneof![
        12 => select(TYPES.to_vec()),
        1 => select(vec!["consent", "Nothing", "Bundle", "%43onsent", "Consent%00", "*", ""]),
    ];
    let forms = vec![
        "",
        "/",
        "/metadata",
        "/_history",
        "/_search",
        "/KIND",
        "/KIND",
        "/KIND",
        "/KIND/",
        "/KIND/ID",
        "/KIND/ID",
        "/KIND/_history",
        "/KIND/_search",
        "/KIND/$validate",
        "/KIND/ID/_history",
        "/KIND/ID/_history/1",
        "/KIND/ID/_history/ID",
        "/KIND/ID/_history/99999999999999999999",
        "/KIND/ID/$validate",
        "/Patient/ID/KIND",
        "/Patient/ID/KIND/_search",
        "/Patient/ID/*",
        "/Patient/ID/$everything",
        "/KIND/ID/KIND/ID/KIND",
        "//KIND",
        "/KIND/$nothing",
        "/.well-known/ID",
    ];
    let formed = (select(forms), kind, select(IDS.to_vec()))
        .prop_map(|(form, kind, id)| form.replace("KIND", kind).replace("ID", id));
    prop_oneof![12 => formed, 1 => "/[!\"$-~]{0,40}"]
}

fn a_name() -> impl Strategy<Value = String> {
    let known = [
        "patient",
        "consentor",
        "performer",
        "status",
        "date",
        "period",
        "_id",
        "_lastUpdated",
        "_sort",
        "_count",
        "_total",
        "_summary",
        "_elements",
        "_include",
        "_revinclude",
        "_page",
        "_type",
        "_has",
        "identifier",
        "name",
        "birthdate",
        "relationship",
        "entity",
        "url",
        "code",
        "_profile",
        "_format",
        "source",
        "questionnaire",
        "grantor",
        "_contained",
        "title",
        "effective",
        "_has",
        "_has:Consent:patient:status",
        "_has:RelatedPerson:patient:_has:Consent:performer:status",
        "_has:AuditEvent:entity:date",
        "_has:Consent:patient",
        "patient:Patient.birthdate",
        "_since",
        "_at",
        "_filter",
        "_text",
        "_tag",
        "_security",
        "_total",
        "_pretty",
        "_format",
        "mode",
        "start",
        "end",
    ];
    let modifiers = [
        "",
        ":not",
        ":text",
        ":in",
        ":not-in",
        ":missing",
        ":exact",
        ":contains",
        ":identifier",
        ":Patient",
        ":above",
        ":below",
        ":of-type",
        ":iterate",
        ":x",
        ":",
        ".",
        ".name",
        ".identifier",
        ":Patient.name",
        ":Consent:patient:status",
        "%00",
    ];
    let name =
        prop_oneof![4 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => "[!-~]{0,8}"];
    (name, prop::sample::select(modifiers.to_vec())).prop_map(|(name, modifier)| format!("{name}{modifier}"))
}

fn a_value() -> impl Strategy<Value = String> {
    let known = [
        "9000000009",
        "Patient/9000000009",
        "active",
        "true",
        "false",
        "2026",
        "ge2026-11-22",
        "ap0001",
        "ne9999-12-31T23:59:59Z",
        "2026-11-22T10:00",
        "2026-03-29T01:30",
        "|",
        "a|b",
        "|a",
        "a|",
        "\\",
        "\\,",
        ",",
        ",,",
        "*",
        "Consent:patient",
        "Consent:*",
        "count",
        "-1",
        "0",
        "1",
        "99999999999999999999",
        "-_lastUpdated,x",
        "%25",
        "%F0%9F%92%A9",
        "%C3%93",
        "%FF%FE",
        "'",
        "\"",
        "a'%20OR%201=1--",
        "%",
        "+",
        "5b2230222c22222c5b5d5d",
        "https://fhir.onbehalf.org.uk/R4/ValueSet/proxy-role-status",
        "xml",
        "application/fhir%2Bxml",
        "Consent:patient:Patient",
        "%00",
    ];
    let value =
        prop_oneof![3 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => "[!-~]{0,20}"];
    prop::collection::vec(value, 1..3).prop_map(|values| values.join(","))
}

/// A query string, without what ends it.
fn a_query() -> impl Strategy<Value = String> {
    let pairs = prop::collection::vec((a_name(), a_value()), 0..5);
    pairs.prop_map(|pairs| {
        let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("&").replace('#', "")
    })
}

#[rstest]
#[actix_web::test]
async fn any_path_and_query_is_2xx_or_4xx(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::sandbox(backend).await;
    let methods = vec!["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "SEARCH"];
    let method = prop_oneof![5 => Just("GET"), 2 => Just("POST"), 1 => select(methods)];
    let form = "application/x-www-form-urlencoded";
    let requests = (method, a_path(), a_query(), a_query()).prop_map(|(method, path, query, body)| {
        let target = if query.is_empty() { path } else { format!("{path}?{query}") };
        let request = Mutated::new(method, &target);
        if method == "POST" { request.with(form, body) } else { request }
    });
    all_stand(&app, requests).await;
}
