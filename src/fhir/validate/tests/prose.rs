//! Rules that R4 states in prose: of ids, extensions, references and identifiers.

use serde_json::json;

use super::{assert_each, errors};

// covers FAULT-1
/// ele-1 demands a value or children; a value with an id has the first.
#[test]
fn ele_1_primitive_with_value_and_id_is_valid() {
    let whole = json!({
        "resourceType": "Patient", "active": true, "_active": { "id": "a1" },
        "name": [{ "given": ["a", "b"], "_given": [{ "id": "g1" }, null] }],
    });
    assert_eq!(errors(&whole), Vec::<String>::new());
    let empty = "ele-1: Give this element a value or elements, or leave it out.";
    assert_each(
        &whole,
        &[
            ("/active", json!(null), &[&format!("invariant Patient.active: {empty}")]),
            (
                "/name/0",
                json!({ "given": [null, "b"], "_given": [{ "id": "g1" }, null] }),
                &[&format!("invariant Patient.name[0].given[0]: {empty}")],
            ),
            ("/name/0", json!({ "id": "n1" }), &[&format!("invariant Patient.name[0]: {empty}")]),
            (
                "/_active",
                json!({}),
                &["structure Patient.active: Leave the element out instead of giving an empty object."],
            ),
        ],
    );
}

// covers FAULT-16
/// Element.id is unique within its resource, and has no spaces.
#[test]
fn element_ids_are_unique_within_a_resource_and_have_no_spaces() {
    let patient = json!({
        "resourceType": "Patient", "id": "n", "_gender": { "id": "g" }, "gender": "female",
        "name": [{ "id": "n", "family": "A" }, { "id": "m", "family": "B" }],
        "contact": [{ "id": "c", "name": { "id": "d", "text": "C" } }],
        "contained": [{ "resourceType": "Patient", "id": "p", "name": [{ "id": "n", "family": "A" }] }],
        "link": [{ "other": { "reference": "#p" }, "type": "seealso" }],
    });
    assert_eq!(errors(&patient), Vec::<String>::new());
    let twice = "Give each element an id of its own: another element of this resource has this one.";
    assert_each(
        &patient,
        &[
            ("/name/1/id", json!("n"), &[&format!("duplicate Patient.name[1].id: {twice}")]),
            ("/contact/0/name/id", json!("g"), &[&format!("duplicate Patient.contact[0].name.id: {twice}")]),
            (
                "/name/1/id",
                json!("a b"),
                &["value Patient.name[1].id: Write the id of an element without spaces."],
            ),
        ],
    );
}

/// A required binding does not allow a missing code.
#[test]
fn v_07_an_extension_does_not_stand_for_a_required_code() {
    let absent = json!({ "extension": [{
        "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown",
    }]});
    let set = "http://hl7.org/fhir/ValueSet/administrative-gender";
    let words = format!(
        "code-invalid Patient.gender: Give a code of the value set {set}: an extension does not stand for it."
    );
    let patient = json!({ "resourceType": "Patient", "active": true });
    assert_each(&patient, &[("/_gender", absent.clone(), &[&words]), ("/_birthDate", absent, &[])]);
}

/// Extensibility: the URL of an extension is absolute, except within an extension.
#[test]
fn the_url_of_an_extension_is_absolute_unless_it_is_nested() {
    let words =
        "Give the absolute URL of the extension's definition: only within an extension may it be relative.";
    let one = |url: &str| json!([{ "url": url, "valueCode": "unknown" }]);
    let nested = json!([{ "url": "http://example.org/a", "extension": one("b") }]);
    let patient = json!({ "resourceType": "Patient", "name": [{ "family": "A" }] });
    assert_each(
        &patient,
        &[
            ("/extension", one("urn:oid:1.2.3"), &[]),
            ("/extension", nested, &[]),
            ("/extension", one("b"), &[&format!("value Patient.extension[0].url: {words}")]),
            ("/extension", one("#b"), &[&format!("value Patient.extension[0].url: {words}")]),
            (
                "/name/0/extension",
                one("2026-01-01T10:00"),
                &[&format!("value Patient.name[0].extension[0].url: {words}")],
            ),
            (
                "/name/0/_family",
                json!({ "extension": one("b") }),
                &[&format!("value Patient.name[0].family.extension[0].url: {words}")],
            ),
        ],
    );
}

/// References: no spaces, and a type of R4.
#[test]
fn a_reference_has_no_spaces_and_its_type_is_one_of_r4() {
    let words = "Name a resource type of R4, as in Patient: a URL stands here for logical models only.";
    let provenance = json!({
        "resourceType": "Patient",
        "managingOrganization": { "reference": "Organization/1", "type": "Organization" },
    });
    let at = "value Patient.managingOrganization";
    let spaces = format!("{at}.reference: Write the reference without spaces.");
    assert_each(
        &provenance,
        &[
            ("/managingOrganization/reference", json!("Organization/a b"), &[&spaces]),
            ("/managingOrganization/reference", json!("http://example.org/a b"), &[&spaces]),
            ("/managingOrganization/type", json!("12"), &[&format!("{at}.type: {words}")]),
            (
                "/managingOrganization/type",
                json!("http://hl7.org/fhir/StructureDefinition/Organization"),
                &[&format!("{at}.type: {words}")],
            ),
        ],
    );
}

/// The system of an identifier is a namespace: a relative URI names none.
#[test]
fn the_system_of_an_identifier_is_absolute() {
    let patient =
        json!({ "resourceType": "Patient", "identifier": [{ "system": "urn:oid:1.2", "value": "1" }] });
    let words = "value Patient.identifier[0].system: Give the system as an absolute URI.";
    assert_each(
        &patient,
        &[
            ("/identifier/0/system", json!("2026"), &[words]),
            ("/identifier/0/system", json!("a/b:c"), &[words]),
        ],
    );
}
