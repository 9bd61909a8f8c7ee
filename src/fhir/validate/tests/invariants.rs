//! The invariants: each with a document that satisfies it and one that breaks it.

use serde_json::{Value, json};

use super::{assert_each, errors, role, warnings, with};

/// Each document breaks exactly these invariants, named by expression and key.
fn assert_keys(rows: &[(Value, &[&str])]) {
    for (document, expected) in rows {
        let messages: Vec<String> = errors(document)
            .iter()
            .map(|it| {
                it.strip_prefix("invariant ").unwrap_or(it).split(": ").take(2).collect::<Vec<_>>().join(" ")
            })
            .collect();
        assert_eq!(messages, *expected, "{document}");
    }
}

/// A document with this extension's value, to reach any datatype.
fn value(name: &str, value: Value) -> Value {
    with(
        json!({ "resourceType": "Person", "extension": [{ "url": "http://a" }] }),
        &format!("/extension/0/{name}"),
        value,
    )
}

fn questionnaire(items: Value) -> Value {
    with(json!({ "resourceType": "Questionnaire", "status": "active" }), "/item", items)
}

#[test]
fn v_01_a_consent_has_a_policy_and_a_patient() {
    let policy = json!([{ "uri": "http://a" }]);
    let rule = with(role(), "/policyRule", json!(null));
    assert_keys(&[
        (rule.clone(), &["Consent ppc-1"]),
        (with(rule, "/policy", policy), &[]),
        (with(role(), "/patient", json!(null)), &["required Consent.patient Add the patient"]),
    ]);
    let other = with(with(role(), "/patient", json!(null)), "/scope", json!({ "text": "a" }));
    assert_keys(&[(other, &[])]);
}

#[test]
fn datatypes_keep_their_invariants() {
    let ucum = "http://unitsofmeasure.org";
    let period = |start: &str, end: &str| value("valuePeriod", json!({ "start": start, "end": end }));
    let at = "Person.extension[0].value.ofType";
    let key = |kind: &str, key: &str| format!("{at}({kind}) {key}");
    let range = |low: f64, high: f64| {
        value("valueRange", json!({ "low": { "value": low }, "high": { "value": high } }))
    };
    let repeat = |it: Value| value("valueTiming", json!({ "repeat": it }));
    let tim = |number: u32| format!("{at}(Timing).repeat tim-{number}");
    assert_keys(&[
        (period("2026-01-02", "2026-01-01"), &[&key("Period", "per-1")]),
        (period("2026-01-02T10:00:00Z", "2026-01-02"), &[]),
        (period("2026-01", "2026-01-05"), &[]),
        (value("valueAttachment", json!({ "data": "YQ==" })), &[&key("Attachment", "att-1")]),
        (value("valueAttachment", json!({ "data": "YQ==", "contentType": "text/plain" })), &[]),
        (value("valueQuantity", json!({ "code": "a" })), &[&key("Quantity", "qty-3")]),
        (value("valueQuantity", json!({ "code": "a", "system": "http://a" })), &[]),
        (range(1.0, 1.0), &[]),
        (range(2.0, 1.0), &[&key("Range", "rng-2")]),
        (value("valueRatio", json!({ "numerator": { "value": 1 } })), &[&key("Ratio", "rat-1")]),
        (value("valueContactPoint", json!({ "value": "a" })), &[&key("ContactPoint", "cpt-2")]),
        (value("valueContactPoint", json!({ "system": "phone", "value": "a" })), &[]),
        (value("valueAge", json!({ "value": 1 })), &[&key("Age", "age-1")]),
        (value("valueAge", json!({ "value": 1, "system": ucum, "code": "a" })), &[]),
        (
            value("valueCount", json!({ "value": 1.5, "system": ucum, "code": "1" })),
            &[&key("Count", "cnt-3")],
        ),
        (value("valueDistance", json!({ "value": 1 })), &[&key("Distance", "dis-1")]),
        (value("valueDuration", json!({ "code": "s", "system": ucum })), &[&key("Duration", "drt-1")]),
        (value("valueExpression", json!({ "language": "text/fhirpath" })), &[&key("Expression", "exp-1")]),
        (
            value(
                "valueDataRequirement",
                json!({ "type": "Patient", "codeFilter": [{ "path": "a", "searchParam": "a" }], "dateFilter": [{ "valueDateTime": "2026" }] }),
            ),
            &[
                &format!("{at}(DataRequirement).codeFilter[0] drq-1"),
                &format!("{at}(DataRequirement).dateFilter[0] drq-2"),
            ],
        ),
        (
            value("valueTriggerDefinition", json!({ "type": "named-event" })),
            &[&key("TriggerDefinition", "trd-3")],
        ),
        (repeat(json!({ "duration": 1 })), &[&tim(1)]),
        (repeat(json!({ "period": -1, "periodUnit": "d" })), &[&tim(5)]),
        (repeat(json!({ "duration": -1, "durationUnit": "d", "periodMax": 1 })), &[&tim(4), &tim(6)]),
        (repeat(json!({ "durationMax": 1, "countMax": 1 })), &[&tim(7), &tim(8)]),
        (repeat(json!({ "offset": 1, "when": ["C"], "timeOfDay": ["10:00:00"] })), &[&tim(9), &tim(10)]),
        (repeat(json!({ "period": 1 })), &[&tim(2)]),
    ]);
}

/// V-05: sev-1 and pat-1; the Organization that a resource contains.
#[test]
fn v_05_people_and_audit_events_keep_their_invariants() {
    let patient = |contact: Value| json!({ "resourceType": "Patient", "contact": [contact] });
    let audit = |entity: Value| {
        json!({
            "resourceType": "AuditEvent",
            "type": { "system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110112" },
            "recorded": "2026-01-01T00:00:00Z",
            "agent": [{ "requestor": true }],
            "source": { "observer": { "display": "a" } },
            "entity": [entity],
        })
    };
    let organization = json!({ "resourceType": "Organization", "address": [{ "use": "home" }], "telecom": [{ "use": "home" }] });
    assert_keys(&[
        (patient(json!({ "gender": "female" })), &["Patient.contact[0] pat-1"]),
        (patient(json!({ "organization": { "display": "a" } })), &[]),
        (audit(json!({ "name": "a" })), &[]),
        (audit(json!({ "name": "a", "query": "YQ==" })), &["AuditEvent.entity[0] sev-1"]),
        (
            organization,
            &["Organization org-1", "Organization.address[0] org-2", "Organization.telecom[0] org-3"],
        ),
    ]);
}

/// V-04: que-1 to que-13.
#[test]
fn v_04_questionnaires_keep_their_invariants() {
    let item = |mut more: Value| {
        more["linkId"] = "a".into();
        questionnaire(json!([more]))
    };
    let leaf = json!([{ "linkId": "b", "type": "string" }]);
    let option = json!([{ "valueString": "a" }]);
    let when =
        |count: usize| vec![json!({ "question": "b", "operator": "exists", "answerBoolean": true }); count];
    let at = |key: &str| format!("Questionnaire.item[0] {key}");
    assert_keys(&[
        (item(json!({ "type": "group" })), &[&at("que-1")]),
        (item(json!({ "type": "group", "item": leaf })), &[]),
        (item(json!({ "type": "display", "item": leaf })), &[&at("que-1")]),
        (questionnaire(json!([{ "linkId": "b", "type": "group", "item": leaf }])), &["Questionnaire que-2"]),
        (item(json!({ "type": "display", "code": [{ "code": "a" }] })), &[&at("que-3")]),
        (
            item(json!({ "type": "choice", "answerOption": option, "answerValueSet": "http://a" })),
            &[&at("que-4")],
        ),
        (item(json!({ "type": "boolean", "answerOption": option })), &[&at("que-5")]),
        (item(json!({ "type": "choice", "answerOption": option })), &[]),
        (item(json!({ "type": "display", "required": true })), &[&at("que-6")]),
        (
            item(
                json!({ "type": "string", "enableWhen": [{ "question": "b", "operator": "exists", "answerString": "a" }] }),
            ),
            &["Questionnaire.item[0].enableWhen[0] que-7"],
        ),
        (
            item(json!({ "type": "group", "item": leaf, "initial": [{ "valueString": "a" }] })),
            &[&at("que-8")],
        ),
        (item(json!({ "type": "display", "readOnly": true })), &[&at("que-9")]),
        (item(json!({ "type": "date", "maxLength": 1 })), &[&at("que-10")]),
        (
            item(json!({ "type": "choice", "answerOption": option, "initial": [{ "valueString": "a" }] })),
            &[&at("que-11")],
        ),
        (item(json!({ "type": "string", "enableWhen": when(3) })), &[&at("que-12")]),
        (item(json!({ "type": "string", "enableWhen": when(3), "enableBehavior": "all" })), &[]),
        (
            item(json!({ "type": "string", "initial": [{ "valueString": "a" }, { "valueString": "b" }] })),
            &[&at("que-13")],
        ),
    ]);
    let two = item(json!({ "type": "string", "enableWhen": when(2) }));
    assert_eq!(errors(&two), Vec::<String>::new());
    assert_eq!(
        warnings(&two),
        ["invariant Questionnaire.item[0]: que-12: Add enableBehavior: there is more than one enableWhen."]
    );
    let named = with(two, "/name", json!("a b"));
    assert!(warnings(&named).iter().any(|it| it.starts_with("invariant Questionnaire.name: que-0")));
}

/// V-03: qrs-1.
#[test]
fn v_03_answers_nest_below_an_item_or_its_answer() {
    let leaf = json!([{ "linkId": "b" }]);
    let response = |item: Value| json!({ "resourceType": "QuestionnaireResponse", "status": "completed", "item": [item] });
    let answer = json!([{ "valueString": "a", "item": leaf }]);
    assert_keys(&[
        (response(json!({ "linkId": "a", "item": leaf })), &[]),
        (response(json!({ "linkId": "a", "answer": answer })), &[]),
        (
            response(json!({ "linkId": "a", "answer": answer, "item": leaf })),
            &["QuestionnaireResponse.item[0] qrs-1"],
        ),
        (response(json!({ "item": leaf })), &["required QuestionnaireResponse.item[0].linkId Add linkId"]),
    ]);
}

#[test]
fn bundles_keep_their_invariants() {
    let bundle =
        |kind: &str, entry: Value| json!({ "resourceType": "Bundle", "type": kind, "entry": [entry] });
    let binary = json!({ "resourceType": "Binary", "contentType": "text/plain" });
    let request = json!({ "method": "GET", "url": "Patient" });
    let response = json!({ "status": "200" });
    let sound = bundle("collection", json!({ "resource": binary }));
    let twice = with(
        sound.clone(),
        "/entry",
        json!([
            { "fullUrl": "urn:a:1", "resource": binary }, { "fullUrl": "urn:a:1", "resource": binary },
        ]),
    );
    assert_keys(&[
        (sound.clone(), &[]),
        (with(sound.clone(), "/total", json!(1)), &["Bundle bdl-1"]),
        (with(sound.clone(), "/entry/0/search", json!({ "mode": "match" })), &["Bundle.entry[0] bdl-2"]),
        (with(sound.clone(), "/entry/0/request", request.clone()), &["Bundle.entry[0] bdl-3"]),
        (with(sound.clone(), "/entry/0/response", response.clone()), &["Bundle.entry[0] bdl-4"]),
        (bundle("transaction", json!({ "resource": binary })), &["Bundle.entry[0] bdl-3"]),
        (bundle("batch", json!({ "request": request })), &[]),
        (bundle("batch-response", json!({ "response": response })), &[]),
        (bundle("history", json!({ "request": request, "response": response })), &[]),
        (bundle("collection", json!({ "fullUrl": "urn:a:1" })), &["Bundle.entry[0] bdl-5"]),
        (with(twice.clone(), "/type", json!("collection")), &["Bundle bdl-7"]),
        (with(twice, "/entry/0/fullUrl", json!("urn:a:2")), &[]),
        (with(sound, "/entry/0/fullUrl", json!("http://a/Binary/1/_history/1")), &["Bundle.entry[0] bdl-8"]),
        (
            bundle("document", json!({ "resource": binary })),
            &["Bundle bdl-9", "Bundle bdl-10", "Bundle bdl-11"],
        ),
        (bundle("message", json!({ "resource": binary })), &["Bundle bdl-12"]),
    ]);
    let parameter = |it: Value| json!({ "resourceType": "Parameters", "parameter": [it] });
    assert_keys(&[
        (parameter(json!({ "name": "a", "valueString": "a" })), &[]),
        (parameter(json!({ "name": "a", "part": [{ "name": "b", "resource": binary }] })), &[]),
        (parameter(json!({ "name": "a" })), &["Parameters.parameter[0] inv-1"]),
        (
            parameter(json!({ "name": "a", "part": [{ "name": "b" }] })),
            &["Parameters.parameter[0].part[0] inv-1"],
        ),
    ]);
}

#[test]
fn resources_in_a_bundle_have_separate_id_scopes() {
    let entry = |resource: Value| json!({ "resourceType": "Bundle", "type": "collection", "entry": [{ "resource": resource }] });
    let contained = with(role(), "/contained", json!([{ "resourceType": "Patient", "id": "p" }]));
    let contained = with(contained, "/patient", json!({ "reference": "#p" }));
    assert_eq!(errors(&entry(contained)), Vec::<String>::new());
    let loose = entry(with(role(), "/patient", json!({ "reference": "#p" })));
    assert_keys(&[(loose, &["Bundle.entry[0].resource.patient.reference ref-1"])]);
}

#[test]
fn terminology_and_search_parameters_keep_their_invariants() {
    let set = |include: Value| json!({ "resourceType": "ValueSet", "status": "active", "compose": { "include": [include] } });
    let expansion = |contains: Value| json!({ "resourceType": "ValueSet", "status": "active", "expansion": { "timestamp": "2026", "contains": [contains] } });
    let include = "ValueSet.compose.include[0]";
    let concept = json!([{ "code": "a" }]);
    let filter = json!([{ "property": "a", "op": "=", "value": "a" }]);
    let twice = json!([{ "code": "a", "concept": [{ "code": "a" }] }]);
    let parameter = json!({
        "resourceType": "SearchParameter", "url": "http://a", "name": "A", "status": "active", "description": "a", "code": "a",
        "base": ["Patient"], "type": "token", "expression": "a",
    });
    assert_keys(&[
        (set(json!({ "system": "http://a" })), &[]),
        (set(json!({ "version": "1" })), &[&format!("{include} vsd-1")]),
        (set(json!({ "valueSet": ["http://a"], "concept": concept })), &[&format!("{include} vsd-2")]),
        (
            set(json!({ "system": "http://a", "concept": concept, "filter": filter })),
            &[&format!("{include} vsd-3")],
        ),
        (
            expansion(json!({ "version": "1" })),
            &["ValueSet.expansion.contains[0] vsd-6", "ValueSet.expansion.contains[0] vsd-9"],
        ),
        (expansion(json!({ "code": "a" })), &["ValueSet.expansion.contains[0] vsd-10"]),
        (expansion(json!({ "abstract": true, "display": "a" })), &[]),
        (
            json!({ "resourceType": "CodeSystem", "status": "active", "content": "complete", "concept": twice }),
            &["CodeSystem csd-1"],
        ),
        (parameter.clone(), &[]),
        (with(parameter.clone(), "/xpath", json!("a")), &["SearchParameter spd-1"]),
        (with(parameter, "/chain", json!(["a"])), &["SearchParameter spd-2"]),
    ]);
}

#[test]
fn concept_maps_keep_their_invariants() {
    let map = |group: Value| {
        let mut group = group;
        if group.get("element").is_none() {
            group["element"] = json!([{ "code": "a" }]);
        }
        json!({ "resourceType": "ConceptMap", "name": "A", "status": "active", "group": [group] })
    };
    let target = |target: Value| map(json!({ "element": [{ "code": "a", "target": [target] }] }));
    let unmapped = |unmapped: Value| map(json!({ "unmapped": unmapped }));
    let (at, rest) = ("ConceptMap.group[0].element[0].target[0]", "ConceptMap.group[0].unmapped");
    assert_keys(&[
        (target(json!({ "code": "b", "equivalence": "equal" })), &[]),
        (target(json!({ "code": "b", "equivalence": "narrower", "comment": "c" })), &[]),
        (target(json!({ "code": "b", "equivalence": "narrower" })), &[&format!("{at} cmd-1")]),
        (target(json!({ "code": "b", "equivalence": "inexact" })), &[&format!("{at} cmd-1")]),
        (unmapped(json!({ "mode": "provided" })), &[]),
        (unmapped(json!({ "mode": "fixed" })), &[&format!("{rest} cmd-2")]),
        (unmapped(json!({ "mode": "fixed", "code": "b" })), &[]),
        (unmapped(json!({ "mode": "other-map" })), &[&format!("{rest} cmd-3")]),
        (unmapped(json!({ "mode": "other-map", "url": "http://a" })), &[]),
    ]);
}

#[test]
fn operations_keep_their_invariants() {
    let operation = |parameter: Value| {
        let mut parameter = parameter;
        for (name, value) in
            [("name", json!("a")), ("use", json!("in")), ("min", json!(0)), ("max", json!("1"))]
        {
            parameter[name] = value;
        }
        json!({
            "resourceType": "OperationDefinition", "name": "A", "status": "active", "kind": "operation", "code": "a",
            "system": false, "type": false, "instance": true, "parameter": [parameter],
        })
    };
    let at = "OperationDefinition.parameter[0]";
    let part = json!({ "name": "b", "use": "out", "min": 0, "max": "*" });
    assert_keys(&[
        (operation(json!({ "type": "string", "searchType": "token" })), &[]),
        (operation(json!({ "type": "Reference", "targetProfile": ["http://a"] })), &[]),
        (operation(json!({ "documentation": "a" })), &[&format!("{at} opd-1")]),
        (operation(json!({ "part": [part] })), &[&format!("{at}.part[0] opd-1")]),
        (operation(json!({ "type": "code", "searchType": "token" })), &[&format!("{at} opd-2")]),
        (operation(json!({ "type": "code", "targetProfile": ["http://a"] })), &[&format!("{at} opd-3")]),
    ]);
}

#[test]
fn capability_statements_keep_their_invariants() {
    let statement = json!({
        "resourceType": "CapabilityStatement", "status": "active", "date": "2026", "kind": "instance", "fhirVersion": "4.0.1",
        "format": ["json"], "implementation": { "description": "a" }, "rest": [{ "mode": "server" }],
    });
    let at = |key: &str| format!("CapabilityStatement {key}");
    let twice = json!([{ "type": "Patient" }, { "type": "Patient" }]);
    let parameters = json!([{ "type": "Patient", "searchParam": [{ "name": "a", "type": "token" }, { "name": "a", "type": "token" }] }]);
    assert_keys(&[
        (statement.clone(), &[]),
        (with(statement.clone(), "/rest", json!(null)), &[&at("cpb-1")]),
        (with(statement.clone(), "/implementation", json!(null)), &[&at("cpb-2"), &at("cpb-14")]),
        (with(statement.clone(), "/kind", json!("capability")), &[&at("cpb-15")]),
        (with(statement.clone(), "/kind", json!("requirements")), &[&at("cpb-16")]),
        (with(statement.clone(), "/rest/0/resource", twice), &["CapabilityStatement.rest[0] cpb-9"]),
        (
            with(statement, "/rest/0/resource", parameters),
            &["CapabilityStatement.rest[0].resource[0] cpb-12"],
        ),
    ]);
}

#[test]
fn structure_definitions_keep_their_invariants() {
    let definition = json!({
        "resourceType": "StructureDefinition", "url": "http://a", "name": "A", "status": "active", "kind": "resource",
        "abstract": false, "type": "Patient", "baseDefinition": "http://a", "derivation": "constraint",
        "differential": { "element": [{ "id": "Patient", "path": "Patient" }, { "id": "Patient.name", "path": "Patient.name" }] },
    });
    let at = |key: &str| format!("StructureDefinition {key}");
    let element = |more: Value| {
        with(definition.clone(), "/differential/element/1", {
            let mut it = json!({ "id": "Patient.name", "path": "Patient.name" });
            it.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            it
        })
    };
    let eld = |key: &str| format!("StructureDefinition.differential.element[1] {key}");
    assert_keys(&[
        (definition.clone(), &[]),
        (with(definition.clone(), "/baseDefinition", json!(null)), &[&at("sdf-4")]),
        (with(definition.clone(), "/differential", json!(null)), &[&at("sdf-6")]),
        (with(definition.clone(), "/type", json!("Extension")), &[&at("sdf-5"), &at("sdf-8a")]),
        (with(definition.clone(), "/differential/element/1/id", json!(null)), &[&at("sdf-17")]),
        (with(definition.clone(), "/differential/element/1/id", json!("Patient")), &[&at("sdf-17")]),
        (with(definition.clone(), "/differential/element/0/label", json!("a")), &[&at("sdf-9")]),
        (
            with(definition.clone(), "/differential/element/0/type", json!([{ "code": "Patient" }])),
            &[&at("sdf-15a")],
        ),
        (with(definition.clone(), "/differential/element/0/sliceName", json!("a")), &[&at("sdf-23")]),
        (
            with(definition.clone(), "/mapping", json!([{ "identity": "a" }])),
            &["StructureDefinition.mapping[0] sdf-2"],
        ),
        (
            element(json!({ "slicing": { "rules": "open" } })),
            &["StructureDefinition.differential.element[1].slicing eld-1"],
        ),
        (element(json!({ "min": 2, "max": "1" })), &[&eld("eld-2")]),
        (element(json!({ "max": "a" })), &[&eld("eld-3")]),
        (element(json!({ "min": 2, "max": "*" })), &[]),
        (element(json!({ "contentReference": "#a", "maxLength": 1 })), &[&eld("eld-5")]),
        (element(json!({ "fixedString": "a", "patternCode": "a" })), &[&eld("eld-8")]),
        (
            element(
                json!({ "binding": { "strength": "required", "description": "a" }, "type": [{ "code": "Period" }] }),
            ),
            &[&eld("eld-11")],
        ),
        (element(json!({ "type": [{ "code": "string" }, { "code": "string" }] })), &[&eld("eld-13")]),
        (element(json!({ "sliceName": "a b" })), &[&eld("eld-16")]),
        (element(json!({ "isModifier": true })), &[&eld("eld-18")]),
    ]);
}

/// "An absolute URI", by the definition of ValueSet.compose.include.system; sdf-10 is about the snapshot.
#[test]
fn definitions_name_systems_absolutely_and_bind_as_their_snapshot_says() {
    let set = json!({
        "resourceType": "ValueSet", "status": "draft",
        "compose": { "include": [{ "system": "http://example.org/codes" }] },
    });
    assert_each(
        &set,
        &[(
            "/compose/include/0/system",
            json!("codes"),
            &["value ValueSet.compose.include[0].system: Give the system as an absolute URI."],
        )],
    );
    let element = json!([{ "id": "Patient", "path": "Patient" }, {
        "id": "Patient.gender", "path": "Patient.gender", "binding": { "strength": "required" },
    }]);
    let profile = json!({
        "resourceType": "StructureDefinition", "url": "http://example.org/a", "name": "A", "status": "draft",
        "kind": "resource", "abstract": false, "type": "Patient", "derivation": "constraint",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient", "differential": { "element": element },
    });
    assert_eq!(errors(&profile), Vec::<String>::new());
    let snapshot = json!({ "element": [
        { "id": "Patient", "path": "Patient", "definition": "a", "min": 0, "max": "*", "base": { "path": "Patient", "min": 0, "max": "*" } },
        { "id": "Patient.gender", "path": "Patient.gender", "definition": "a", "min": 0, "max": "1",
          "base": { "path": "Patient.gender", "min": 0, "max": "1" }, "binding": { "strength": "required" } },
    ]});
    let messages = errors(&with(profile, "/snapshot", snapshot));
    assert_eq!(
        messages,
        [
            "invariant StructureDefinition: sdf-10: Give every binding of the snapshot a valueSet or a description."
        ]
    );
}
