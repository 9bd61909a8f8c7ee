//! Resources with damage to their structure, and to the bytes of their JSON and XML.

use fhir::format::{Format, render};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use rstest::rstest;
use serde_json::Value;

use super::super::document::{damaged, with_broken_bytes};
use super::{Mutated, all_stand, held};
use crate::fhir::bodies::one_of_each;
use crate::support::{Backend, TestApp};
use crate::vrs::known::{LONER, PATIENTS};

/// Every way to send a resource of a type that clients write: method, path and valid body.
async fn writes(app: &TestApp) -> Vec<(&'static str, String, Value)> {
    let mut writes = Vec::new();
    for patient in PATIENTS {
        for (path, body) in one_of_each(LONER, patient) {
            writes.push(("POST", path.to_owned(), body.clone()));
            writes.push(("POST", format!("{path}/$validate"), body.clone()));
            writes.push(("PUT", format!("{path}?identifier={LONER}&patient:identifier={patient}"), body));
        }
    }
    for _ in 0..8 {
        for (path, body) in held(app).await {
            writes.push(("PUT", path.clone(), body.clone()));
            writes.push(("POST", format!("{path}/$validate"), body));
        }
    }
    writes
}

const OTHER_TYPES: [&str; 8] =
    ["Consent", "RelatedPerson", "Patient", "Bundle", "Parameters", "DomainResource", "Nothing", ""];

#[rstest]
#[actix_web::test]
async fn mutated_resource_is_2xx_or_4xx(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::sandbox(backend).await;
    let write = (select(writes(&app).await), weighted(0.1, select(OTHER_TYPES.to_vec())));
    let requests = write.prop_flat_map(|((method, path, mut body), other)| {
        if let Some(other) = other {
            body["resourceType"] = other.into();
        }
        let request = Mutated::new(method, &path);
        damaged(vec![body]).prop_map(move |body| request.clone().with("application/fhir+json", body))
    });
    all_stand(&app, requests).await;
}

/// Pieces of XML that mean something, nothing, or harm.
const PIECES: &[&str] = &[
    "<!DOCTYPE x [<!ENTITY a \"b\">]>",
    "<!DOCTYPE x SYSTEM \"file:///etc/hostname\">",
    "&a;",
    "&#0;",
    "&#xD800;",
    "&#x10FFFF;",
    "<![CDATA[x]]>",
    "<!-- -- -->",
    "<?xml version='2.0'?>",
    "<?x y?>",
    "<status value=\"active\"/>",
    "<status value=\"active\" value=\"inactive\"/>",
    "<status>active</status>",
    "<id value=\"a&#0;b\"/>",
    "<a:b xmlns:a=\"x\"/>",
    "<x xmlns=\"\"/>",
    "<Consent xmlns=\"http://hl7.org/fhir\"/>",
    "</Consent>",
    "<",
    ">",
    "]]>",
    "text",
    "\0",
    "\u{feff}",
    "<text><status value=\"generated\"/><div xmlns=\"http://www.w3.org/1999/xhtml\"><script/></div></text>",
    "<text><status value=\"generated\"/><div xmlns=\"http://www.w3.org/1999/xhtml\">&nbsp;é</div></text>",
    "<contained><Patient/></contained>",
    "<contained><Nothing/></contained>",
    "<extension url=\"\"/>",
    "<extension url=\"a\"><valueDecimal value=\"1e999999\"/></extension>",
    "<extension url=\"a\"><valueInteger value=\"99999999999\"/></extension>",
    "<dateTime value=\"9999-12-31T23:59:59.999999999999+14:00\"/>",
];

/// An XML text with up to three pieces more, each before a tag.
fn pieced(text: String) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => select(PIECES).prop_map(str::to_owned),
        1 => (1_usize..300).prop_map(|depth| "<item>".repeat(depth)),
        1 => (1_usize..300).prop_map(|depth| "<item>".repeat(depth) + &"</item>".repeat(depth)),
    ];
    prop::collection::vec((any::<Index>(), piece), 0..4).prop_map(move |pieces| {
        let mut text = text.clone();
        for (place, piece) in pieces {
            let tags: Vec<usize> = text.match_indices('<').map(|(at, _)| at).collect();
            text.insert_str(tags.get(place.index(tags.len())).copied().unwrap_or_default(), &piece);
        }
        text
    })
}

#[rstest]
#[actix_web::test]
async fn resource_with_broken_bytes_is_2xx_or_4xx(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let requests =
        (select(writes(&app).await), any::<bool>()).prop_flat_map(|((method, path, body), is_xml)| {
            let request = Mutated::new(method, &path);
            if is_xml {
                let text = String::from_utf8(render(&body, Format::Xml, false)).expect("XML is text");
                let bytes = with_broken_bytes(pieced(text));
                bytes.prop_map(move |bytes| request.clone().with("application/fhir+xml", bytes)).boxed()
            } else {
                let bytes = with_broken_bytes(Just(body.to_string()));
                bytes.prop_map(move |bytes| request.clone().with("application/fhir+json", bytes)).boxed()
            }
        });
    all_stand(&app, requests).await;
}
