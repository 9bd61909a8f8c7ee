//! Elements: known or not, shape, cardinality, types, codes, references, extensions, narrative.

use serde_json::json;

use super::{assert_each, errors, messages, role, warnings, with};
use crate::outcome::Severity;
use crate::validate::validate;

const ARRAY: &str = "Write this element as an array: it can repeat.";
const SINGLE: &str = "Write this element without an array: it cannot repeat.";

#[test]
fn resource_type_must_be_the_expected_one() {
    let words = ["structure resourceType: Send a resource whose resourceType is RelatedPerson."];
    for document in
        [role(), json!({ "id": "a" }), json!({ "resourceType": 1 }), json!("RelatedPerson"), json!(null)]
    {
        assert_eq!(messages(&validate(&document, "RelatedPerson"), Severity::Error), words);
    }
}

/// G-20: unknown elements and wrong JSON shapes.
#[test]
fn g_20_unknown_elements_and_wrong_shapes_are_rejected() {
    let unknown = |name: &str| {
        format!("structure Consent.{name}: Remove this element: Consent has no such element in R4.")
    };
    assert_each(
        &role(),
        &[
            ("/grantor", json!("a"), &[&unknown("grantor")]),
            ("/_patient", json!({ "id": "a" }), &[&unknown("_patient")]),
            ("/source", json!("a"), &[&unknown("source")]),
            (
                "/a b",
                json!("a"),
                &["structure Consent: Remove the member that is no element name: Consent has none like it."],
            ),
            (
                "/provision/performer",
                json!([{ "display": "a" }]),
                &[
                    "structure Consent.provision.performer: Remove this element: Consent.provision has no such element in R4.",
                ],
            ),
            (
                "/patient/identifier/a",
                json!(1),
                &[
                    "structure Consent.patient.identifier.a: Remove this element: Identifier has no such element in R4.",
                ],
            ),
            ("/status", json!(["active"]), &[&format!("structure Consent.status: {SINGLE}")]),
            (
                "/status",
                json!({ "id": "a" }),
                &["structure Consent.status: Write this element as a text in quotes."],
            ),
            ("/performer", json!({ "display": "a" }), &[&format!("structure Consent.performer: {ARRAY}")]),
            (
                "/performer",
                json!(["a"]),
                &["structure Consent.performer[0]: Write this element as a JSON object."],
            ),
            ("/patient", json!("a"), &["structure Consent.patient: Write this element as a JSON object."]),
            (
                "/performer",
                json!([]),
                &["structure Consent.performer: Leave the element out instead of giving an empty array."],
            ),
        ],
    );
}

/// G-20: the second member of a primitive value.
#[test]
fn g_20_primitive_extensions_are_aligned_with_their_values() {
    let beside = json!({ "extension": [{ "url": "http://a", "valueBoolean": true }] });
    let person = json!({ "resourceType": "Person", "name": [{ "given": ["a", "b"] }] });
    let aligned = "structure Person.name[0].given: Give the array and its _ array the same length: null stands for no value.";
    let null = "structure Person.name[0].given[0]: Write this element as a text in quotes.";
    let object = "structure Person.name[0].given[0]: Write this element as a JSON object.";
    assert_each(
        &person,
        &[
            ("/name/0/_given", json!([beside, null]), &[]),
            ("/name/0/_given", json!([beside]), &[aligned]),
            ("/name/0/_given", json!(beside), &[&format!("structure Person.name[0].given: {ARRAY}")]),
            ("/name/0/_given", json!(["a", beside]), &[object]),
            ("/name/0", json!({ "given": [null, "b"], "_given": [beside, null] }), &[]),
            ("/name/0", json!({ "given": [null, "b"], "_given": [null, beside] }), &[null, object]),
            ("/_active", beside.clone(), &[]),
            ("/_active", json!(true), &["structure Person.active: Write this element as a JSON object."]),
            (
                "/_active",
                json!({ "id": "a" }),
                &["invariant Person.active: ele-1: Give this element a value or elements, or leave it out."],
            ),
        ],
    );
    // It replaces the value where one is needed.
    let provenance = json!({
        "resourceType": "Provenance", "target": [{ "reference": "Patient/1" }], "_recorded": beside,
        "agent": [{ "who": { "display": "a" } }],
    });
    assert_eq!(errors(&provenance), Vec::<String>::new());
}

/// V-01, V-02: mandatory elements.
#[test]
fn v_01_required_elements_are_there() {
    let add = |name: &str| format!("required Consent.{name}: Add {name}: Consent must have it.");
    let role_missing =
        "required Consent.provision.actor[0].role: Add role: Consent.provision.actor must have it.";
    let verified =
        "required Consent.verification[0].verified: Add verified: Consent.verification must have it.";
    assert_each(
        &role(),
        &[
            ("/status", json!(null), &[&add("status")]),
            ("/scope", json!(null), &[&add("scope")]),
            ("/category", json!(null), &[&add("category")]),
            ("/provision/actor/0/role", json!(null), &[role_missing]),
            ("/verification", json!([{ "verificationDate": "2026" }]), &[verified]),
            ("/provision/provision", json!([{ "provision": [{ "type": "deny" }] }]), &[]),
        ],
    );
    let nested = with(role(), "/provision/provision", json!([{ "provision": [{ "typ": "deny" }] }]));
    let words = "Remove this element: Consent.provision has no such element in R4.";
    assert_eq!(
        errors(&nested),
        [format!("structure Consent.provision.provision[0].provision[0].typ: {words}")]
    );
    let related = json!({ "resourceType": "RelatedPerson", "patient": { "display": "a" } });
    assert_each(
        &related,
        &[
            (
                "/patient",
                json!(null),
                &["required RelatedPerson.patient: Add patient: RelatedPerson must have it."],
            ),
            (
                "/communication",
                json!([{ "preferred": true }]),
                &[
                    "required RelatedPerson.communication[0].language: Add language: RelatedPerson.communication must have it.",
                ],
            ),
            (
                "/birthDate",
                json!("2026-02-30"),
                &[
                    "value RelatedPerson.birthDate: Give a day that exists as YYYY-MM-DD, or YYYY-MM, or YYYY.",
                ],
            ),
        ],
    );
}

#[test]
fn choice_element_occurs_once_with_an_allowed_type() {
    let base = with(role(), "/sourceReference", json!({ "display": "a" }));
    let once = "structure Consent.source: Give this element with one of its types only.";
    let unknown = "structure Consent.sourceString: Remove this element: Consent has no such element in R4.";
    let bad = "structure Consent.source.ofType(Reference): Write this element as a JSON object.";
    assert_each(
        &base,
        &[
            ("/sourceAttachment", json!({ "url": "http://a" }), &[once]),
            ("/sourceString", json!("a"), &[unknown]),
            ("/sourceReference", json!(1), &[bad]),
        ],
    );
}

/// V-07: a required binding refuses another code, an extensible one warns.
#[test]
fn v_07_codes_are_of_their_value_sets() {
    let required = |set: &str| {
        format!("Use a code of the value set http://hl7.org/fhir/ValueSet/{set}: it is required.")
    };
    let status = format!("code-invalid Consent.status: {}", required("consent-state-codes"));
    let kind = format!("code-invalid Consent.provision.type: {}", required("consent-provision-type"));
    let mime =
        format!("code-invalid Consent.source.ofType(Attachment).contentType: {}", required("mimetypes"));
    let currency =
        format!("code-invalid Consent.extension[2].value.ofType(Money).currency: {}", required("currencies"));
    let money = |code: &str| json!({ "url": "http://a", "valueMoney": { "value": 1.5, "currency": code } });
    assert_each(
        &role(),
        &[
            ("/status", json!("Active"), &[&status]),
            ("/provision/type", json!("forbid"), &[&kind]),
            ("/sourceAttachment", json!({ "contentType": "text/plain" }), &[]),
            ("/sourceAttachment", json!({ "contentType": "text" }), &[&mime]),
            ("/extension/2", money("GBP"), &[]),
            ("/extension/2", money("gbp"), &[&currency]),
        ],
    );
    let scope = "code-invalid Consent.scope: Use a code of the value set http://hl7.org/fhir/ValueSet/consent-scope \
         where one of them fits.";
    let policy = "code-invalid Consent.policyRule: Use a code of the value set http://hl7.org/fhir/ValueSet/consent-policy \
         where one of them fits.";
    assert_eq!(warnings(&role()), [policy]);
    assert_eq!(warnings(&with(role(), "/scope/coding/0/code", json!("a"))), [scope, policy]);
    let https = json!("https://terminology.hl7.org/CodeSystem/consentscope");
    assert_eq!(warnings(&with(role(), "/scope/coding/0/system", https)), [policy]);
}

#[test]
fn reference_target_type_must_be_allowed() {
    let targets = |member: &str, targets: &str| {
        format!("value Consent.patient.{member}: Point to one of these resource types: {targets}.")
    };
    let (reference, kind) = (targets("reference", "Patient"), targets("type", "Patient"));
    let relative = "value Consent.patient.reference: Begin a relative reference with a resource type of R4, as in Patient/1.";
    let disagree =
        "value Consent.patient.type: Name the type that the reference points to, or leave the type out.";
    let contain = "invariant Consent.patient.reference: ref-1: Contain the resource that # names.";
    let pointing = |text: &str| json!({ "reference": text });
    assert_each(
        &role(),
        &[
            ("/patient", pointing("Patient/1"), &[]),
            ("/patient", pointing("https://a/R4/Patient/1/_history/2"), &[]),
            ("/patient", pointing("Patient?identifier=a"), &[]),
            ("/patient", pointing("urn:uuid:c757873d-ec9a-4326-a141-556f43239520"), &[]),
            ("/patient", pointing("https://a/b"), &[]),
            ("/patient", pointing("Organization/1"), &[&reference]),
            ("/patient", pointing("https://a/Organization/1"), &[&reference]),
            ("/patient", json!({ "type": "Organization", "display": "a" }), &[&kind]),
            (
                "/patient",
                json!({ "type": "Patient", "reference": "Organization/1" }),
                &[disagree, &reference],
            ),
            ("/patient", pointing("Foo/1"), &[relative]),
            ("/patient", pointing("1"), &[relative]),
            ("/patient", pointing("#p"), &[contain]),
        ],
    );
}

#[test]
fn extension_rules_are_enforced() {
    let ext = |value| json!({ "url": "http://a", "valueString": value });
    let ext_1 = "invariant Consent.extension[2]: ext-1: Give this extension a value or extensions of its own, not both.";
    assert_each(
        &role(),
        &[
            ("/extension/2", ext("a"), &[]),
            ("/extension/2", json!({ "url": "http://a", "extension": [ext("a")] }), &[]),
            ("/extension/2", json!({ "url": "http://a" }), &[ext_1]),
            (
                "/extension/2",
                json!({ "url": "http://a", "valueCode": "a", "extension": [ext("a")] }),
                &[ext_1],
            ),
            (
                "/extension/2",
                json!({ "valueString": "a" }),
                &["required Consent.extension[2].url: Add url: Extension must have it."],
            ),
            (
                "/extension/2",
                json!({ "url": "http://a", "valueFoo": 1 }),
                &[
                    "structure Consent.extension[2].valueFoo: Remove this element: Extension has no such element in R4.",
                ],
            ),
        ],
    );
}

/// V-06: an unknown modifier.
#[test]
fn v_06_unknown_modifier_extension_is_rejected_anywhere() {
    let words =
        "Remove this modifier extension: this service does not understand it, so it may not act on the rest.";
    let modifier = json!([{ "url": "http://a", "valueBoolean": true }]);
    assert_each(
        &role(),
        &[
            (
                "/modifierExtension",
                modifier.clone(),
                &[&format!("extension Consent.modifierExtension[0]: {words}")],
            ),
            (
                "/provision/actor/0/modifierExtension",
                modifier,
                &[&format!("extension Consent.provision.actor[0].modifierExtension[0]: {words}")],
            ),
        ],
    );
}

#[test]
fn contained_resources_are_validated_by_their_type() {
    let base = with(role(), "/contained", json!([{ "resourceType": "Patient", "id": "p" }]));
    let base = with(base, "/patient", json!({ "reference": "#p" }));
    let at = "Consent.contained[0]";
    assert_each(
        &base,
        &[
            (
                "/contained/0/foo",
                json!(1),
                &[&format!("structure {at}.foo: Remove this element: Patient has no such element in R4.")],
            ),
            (
                "/contained/0/resourceType",
                json!(null),
                &[&format!("structure {at}: Say which resource this is: add a resourceType.")],
            ),
            (
                "/contained/0/resourceType",
                json!("Foo"),
                &[&format!("structure {at}: Name a resource type of R4 in resourceType.")],
            ),
            (
                "/contained/0",
                json!("a"),
                &[
                    "invariant Consent.patient.reference: ref-1: Contain the resource that # names.",
                    &format!("structure {at}: Write a resource as a JSON object."),
                    &format!("invariant {at}: dom-3: Give it an id and refer to it as #id, or remove it."),
                ],
            ),
            (
                "/contained/0/contained",
                json!([{ "resourceType": "Patient" }]),
                &[&format!("invariant {at}: dom-2: Contain nothing in a contained resource.")],
            ),
            (
                "/contained/0/id",
                json!("q"),
                &[
                    "invariant Consent.patient.reference: ref-1: Contain the resource that # names.",
                    &format!("invariant {at}: dom-3: Give it an id and refer to it as #id, or remove it."),
                ],
            ),
            (
                "/contained/0/meta",
                json!({ "versionId": "1" }),
                &[&format!("invariant {at}: dom-4: Remove meta.versionId and meta.lastUpdated.")],
            ),
            (
                "/contained/0/meta",
                json!({ "security": [{ "code": "R" }] }),
                &[&format!("invariant {at}: dom-5: Remove meta.security.")],
            ),
        ],
    );
}

#[test]
fn a_contained_resource_of_a_type_that_is_not_carried_is_not_checked() {
    let base = with(role(), "/contained", json!([{ "resourceType": "Patient", "id": "p" }]));
    let base = with(base, "/patient", json!({ "reference": "#p" }));
    let other = with(base, "/contained/0", json!({ "resourceType": "Observation", "id": "p" }));
    let words = "value Consent.patient.reference: Point to one of these resource types: Patient.";
    assert_eq!(errors(&other), [words]);
    assert!(
        warnings(&other)
            .iter()
            .any(|it| it.starts_with("not-supported Consent.contained[0]: This service does not know"))
    );
}

#[test]
fn narrative_is_limited_xhtml() {
    let text = |div: &str| json!({ "status": "generated", "div": div });
    let allowed = "invariant Consent.text.div: txt-1: Use only the formatting elements and attributes that FHIR allows: \
         no scripts, forms, frames or events.";
    let begin =
        "invariant Consent.text.div: Begin the narrative with <div xmlns=\"http://www.w3.org/1999/xhtml\">.";
    assert_each(
        &role(),
        &[
            ("/text", text("<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>a</p></div>"), &[]),
            (
                "/text",
                text("<div xmlns=\"http://www.w3.org/1999/xhtml\"><script>a</script></div>"),
                &[allowed],
            ),
            ("/text", text("a"), &[begin]),
        ],
    );
}
