//! The language, tested on the elements of our own resources.

use serde_json::{Value, json};

use super::Expression;
use super::fault::FhirPathFault;
use super::item::{PathStep, render_location};

fn person() -> Value {
    json!({
        "resourceType": "RelatedPerson",
        "id": "r1",
        "active": true,
        "patient": { "reference": "Patient/1" },
        "name": [{ "use": "official", "given": ["Ann", "B"], "_given": [null, { "id": "x" }] }],
        "telecom": [
            { "system": "phone", "value": "0123" },
            { "system": "email", "value": "ann@example.org", "rank": 1 },
        ],
        "birthDate": "1980-01-02",
        "_birthDate": { "extension": [{ "url": "http://example.org/at", "valueDateTime": "1980-01-02T03:04:05Z" }] },
        "period": { "start": "2026-01-01", "end": "2026-01" },
    })
}

fn ask(resource: &Value, expression: &str) -> Result<Vec<Value>, FhirPathFault> {
    let items = Expression::parse(expression)?.evaluate(resource)?;
    Ok(items.into_iter().map(|item| item.value.map_or(Value::Null, std::borrow::Cow::into_owned)).collect())
}

fn places(resource: &Value, expression: &str) -> Vec<String> {
    let root = resource["resourceType"].as_str().unwrap();
    let found = Expression::parse(expression).unwrap().locate(resource).unwrap();
    found.iter().map(|location| render_location(root, location)).collect()
}

#[test]
fn fhirpath_selects_element_locations() {
    for (expression, place) in [
        ("RelatedPerson", vec!["RelatedPerson"]),
        ("RelatedPerson.telecom.where(system='email')", vec!["RelatedPerson.telecom[1]"]),
        (
            "RelatedPerson.telecom.where(system = 'email' and rank = 1).value",
            vec!["RelatedPerson.telecom[1].value"],
        ),
        ("RelatedPerson.telecom.where(rank = 2 or system != 'email')", vec!["RelatedPerson.telecom[0]"]),
        ("RelatedPerson.telecom[1].`value`", vec!["RelatedPerson.telecom[1].value"]),
        (
            "telecom.first().value | telecom.last().value",
            vec!["RelatedPerson.telecom[0].value", "RelatedPerson.telecom[1].value"],
        ),
        (
            "RelatedPerson.name.given",
            vec!["RelatedPerson.name[0].given[0]", "RelatedPerson.name[0].given[1]"],
        ),
        ("RelatedPerson.name.single().given[1].id", vec!["RelatedPerson.name[0]._given[1].id"]),
        (
            "RelatedPerson.birthDate.extension('http://example.org/at').value",
            vec!["RelatedPerson._birthDate.extension[0].valueDateTime"],
        ),
        (
            "(RelatedPerson.birthDate.extension.value as dateTime)",
            vec!["RelatedPerson._birthDate.extension[0].valueDateTime"],
        ),
        ("RelatedPerson.birthDate.extension.value.ofType(Period)", vec![]),
        ("Patient.name", vec![]),
        ("RelatedPerson.name[7]", vec![]),
        ("RelatedPerson.resourceType", vec![]),
    ] {
        assert_eq!(places(&person(), expression), place, "{expression}");
    }
}

#[test]
fn fhirpath_parses_search_parameter_expressions() {
    let consent = json!({
        "resourceType": "Consent",
        "provision": { "actor": [{ "reference": { "reference": "RelatedPerson/r1" } }], "period": { "start": "2026" } },
        "sourceReference": { "reference": "#q" },
        "contained": [{ "resourceType": "QuestionnaireResponse", "id": "q" }],
        "patient": { "reference": "Patient/1/_history/2" },
    });
    for (expression, place) in [
        ("Consent.provision.actor.reference", vec!["Consent.provision.actor[0].reference"]),
        ("Consent.source", vec!["Consent.sourceReference"]),
        ("(Consent.source as Reference)", vec!["Consent.sourceReference"]),
        ("(Consent.source as Attachment)", vec![]),
        ("Consent.source.resolve().where($this is QuestionnaireResponse)", vec!["Consent.contained[0]"]),
        ("Consent.patient.where(resolve() is Patient)", vec!["Consent.patient"]),
        ("Consent.patient.where(resolve() is Group)", vec![]),
        ("AllergyIntolerance.patient | Consent.patient | RelatedPerson.patient", vec!["Consent.patient"]),
    ] {
        assert_eq!(places(&consent, expression), place, "{expression}");
    }
    let patient = json!({ "resourceType": "Patient", "deceasedBoolean": false });
    assert_eq!(places(&patient, "(Patient.deceased as dateTime)"), [""; 0]);
    assert_eq!(
        ask(&patient, "Patient.deceased.exists() and Patient.deceased != false").unwrap(),
        [json!(false)]
    );
}

#[test]
fn fhirpath_uses_three_valued_logic_for_empty_collections() {
    for (expression, answer) in [
        ("name.exists() and photo.empty()", Some(true)),
        ("photo.exists().not()", Some(true)),
        ("photo.url = 'x'", None),
        ("photo.url = 'x' or true", Some(true)),
        ("photo.url = 'x' and false", Some(false)),
        ("photo.url = 'x' implies false", None),
        ("active implies name.exists()", Some(true)),
        ("active xor false", Some(true)),
        ("telecom.count() = 2", Some(true)),
        ("telecom.rank + 1 = 2.0", Some(true)),
        ("-1 < telecom.rank", Some(true)),
        ("'email' in telecom.system", Some(true)),
        ("telecom.system contains 'fax'", Some(false)),
        ("telecom.all(value.exists())", Some(true)),
        ("telecom.exists(system = 'fax')", Some(false)),
        ("telecom.system.isDistinct()", Some(true)),
        (
            "period.start.hasValue().not() or period.end.hasValue().not() or (period.start <= period.end)",
            None,
        ),
        ("birthDate < '1980-01-03'", Some(true)),
        ("birthDate > @1980", None),
        ("patient.reference.startsWith('#').not()", Some(true)),
        ("patient.reference.substring(8) = '1'", Some(true)),
        ("hasValue() or (children().count() > id.count())", Some(true)),
        ("iif(active, name, photo).exists()", Some(true)),
        ("name.given ~ ('b' | 'ann')", Some(true)),
        ("descendants().where($this = 'Ann').count() = 1", Some(true)),
        ("%resource.id = 'r1'", Some(true)),
        ("{}.empty()", Some(true)),
    ] {
        let answer: Vec<Value> = answer.map(Value::Bool).into_iter().collect();
        assert_eq!(ask(&person(), expression).unwrap(), answer, "{expression}");
    }
}

#[test]
fn invariant_is_evaluated_at_an_element() {
    let at = [PathStep::Key("telecom".into()), PathStep::Index(1)];
    let rule = Expression::parse("value.empty() or system.exists()").unwrap();
    assert_eq!(rule.holds(&person(), &at), Ok(true));
    let rule = Expression::parse("%resource.telecom.count() = 1 or system = 'phone'").unwrap();
    assert_eq!(rule.holds(&person(), &at), Ok(false));
    let dom_3 = "contained.where((('#'+id in (%resource.descendants().reference | %resource.descendants().as(canonical) \
        | %resource.descendants().as(uri) | %resource.descendants().as(url))) or descendants().where(reference = '#').exists() \
        or descendants().where(as(canonical) = '#').exists() or descendants().where(as(canonical) = '#').exists()).not())\
        .trace('unmatched', id).empty()";
    let mut consent = json!({
        "resourceType": "Consent",
        "contained": [{ "resourceType": "Patient", "id": "p" }],
        "patient": { "reference": "#p" },
    });
    let dom_3 = Expression::parse(dom_3).unwrap();
    assert_eq!(dom_3.holds(&consent, &[]), Ok(true));
    consent["patient"]["reference"] = json!("#q");
    assert_eq!(dom_3.holds(&consent, &[]), Ok(false));
}

#[test]
fn each_fhirpath_error_is_named() {
    for (expression, fault) in [
        ("", FhirPathFault::Syntax),
        ("Patient.", FhirPathFault::Syntax),
        ("name given", FhirPathFault::Syntax),
        ("name[0", FhirPathFault::Syntax),
        ("name.where(use = 'x'", FhirPathFault::Syntax),
        ("'open", FhirPathFault::Syntax),
        ("1 * 2", FhirPathFault::Unsupported),
        ("id.matches('x')", FhirPathFault::Unsupported),
        ("%nothing", FhirPathFault::Unsupported),
        ("telecom.single()", FhirPathFault::NotSingle),
        ("id and telecom", FhirPathFault::NotSingle),
        ("active < 3", FhirPathFault::WrongType),
        ("name['x']", FhirPathFault::WrongType),
        ("descendants().repeat($this)", FhirPathFault::TooCostly),
    ] {
        assert_eq!(ask(&person(), expression), Err(fault), "{expression}");
    }
}

#[test]
fn endless_fhirpath_is_rejected_on_a_small_stack() {
    let small = std::thread::Builder::new().stack_size(1024 * 1024);
    let work = || {
        for text in [
            "(".repeat(7_000),
            "-".repeat(7_000),
            "a[".repeat(3_000),
            "a(".repeat(3_000),
            format!("a{}", ".a".repeat(4_000)),
            format!("1{}", "=1".repeat(3_000)),
            format!("1{}", " implies 1".repeat(700)),
        ] {
            assert_eq!(ask(&person(), &text), Err(FhirPathFault::TooLong));
        }
        for text in [
            format!("a{}", ".a".repeat(299)),
            format!("1{}", "=1".repeat(299)),
            format!("1{}", "is b".repeat(299)),
        ] {
            let _either = ask(&person(), &text);
        }
    };
    small.spawn(work).unwrap().join().unwrap();
}

proptest::proptest! {
    #[test]
    fn parsing_any_text_never_panics(text in r"[a-z'`().,\[\]=|<>!~+@$%{} 0-9-]{0,60}|\PC{0,40}") {
        let _either = ask(&person(), &text);
    }
}
