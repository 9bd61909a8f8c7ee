//! The most expensive bodies of a given size that each API takes.

use serde_json::{Value, json};

use crate::support::Request;

const R4: &str = "/FHIR/R4";
const VRS: &str = "/validated-relationships/FHIR/R4";
/// An active role of the sandbox data.
pub const ROLE: &str = "6b71ac92-baa3-4b76-b0f5-a601257e2722";

/// A request with an expensive body.
pub struct Costly {
    pub api: &'static str,
    pub what: &'static str,
    pub request: Request,
}

/// Every expensive body of about `size` bytes.
pub fn all(size: usize) -> Vec<Costly> {
    let mut all = forms(size);
    all.extend(bundles(size));
    all.extend(patches(size));
    all.extend(shapes(size));
    all.extend(others(size));
    all
}

fn post(api: &'static str, what: &'static str, path: &str, body: impl ToString) -> Costly {
    Costly { api, what, request: Request::post(path, body) }
}

fn form_with(items: Value) -> Value {
    let mut form: Value =
        serde_json::from_str(include_str!("../../../../examples/access-request.json")).expect("the example");
    form["item"].as_array_mut().expect("items").push(items);
    form
}

/// A binary tree of items, as deep as its size allows.
fn tree(size: usize) -> Value {
    let (mut node, mut length) = (json!({ "linkId": "x" }), 14);
    while 2 * length + 24 < size {
        node = json!({ "linkId": "x", "item": [node, node] });
        length = 2 * length + 24;
    }
    node
}

fn many(count: usize, item: &Value) -> Value {
    Value::Array(vec![item.clone(); count])
}

fn forms(size: usize) -> Vec<Costly> {
    let flat = json!({ "linkId": "x", "item": many(size / 15, &json!({ "linkId": "x" })) });
    let answers = json!({ "linkId": "x", "answer": many(size / 20, &json!({ "valueString": "x" })) });
    let mut contained = form_with(json!({ "linkId": "x" }));
    let count = size / 90;
    contained["contained"] =
        (0..count).map(|n| json!({ "resourceType": "Basic", "id": format!("b{n}") })).collect();
    contained["extension"] = (0..count)
        .map(|_| json!({ "url": "http://x.example", "valueReference": { "reference": "#zz" } }))
        .collect();
    let mut subscription: Value =
        serde_json::from_str(include_str!("../../../../examples/subscription-classic.json"))
            .expect("the example");
    let (mut node, mut length) = (json!({ "url": "http://x.example", "valueString": "x" }), 46);
    while 2 * length + 50 < size {
        node = json!({ "url": "http://x.example", "extension": [node, node] });
        length = 2 * length + 50;
    }
    subscription["extension"] = json!([node]);
    let (form, subscriptions) = (format!("{R4}/QuestionnaireResponse"), format!("{R4}/Subscription"));
    let validate = format!("{form}/$validate");
    vec![
        post("R4", "form, a tree of items", &form, form_with(tree(size))),
        post("R4", "form, items side by side", &form, form_with(flat.clone())),
        post("R4", "form, answers to one item", &form, form_with(answers)),
        post("R4", "form, contained resources and references to none", &form, contained.clone()),
        post("R4", "$validate of the same", &validate, contained),
        post("R4", "subscription, a tree of extensions", &subscriptions, subscription),
        post("VRS", "form, a tree of items", &format!("{VRS}/QuestionnaireResponse"), form_with(tree(size))),
        post("VRS", "form, items side by side", &format!("{VRS}/QuestionnaireResponse"), form_with(flat)),
    ]
}

fn entry(number: usize, resource: Value, request: Value) -> Value {
    json!({ "fullUrl": format!("urn:uuid:{number}"), "resource": resource, "request": request })
}

fn bundle(kind: &str, entries: Vec<Value>) -> Value {
    json!({ "resourceType": "Bundle", "type": kind, "entry": entries })
}

fn bundles(size: usize) -> Vec<Costly> {
    let create = json!({ "method": "POST", "url": "Consent" });
    let mut named: Vec<Value> =
        (0..999).map(|_| json!({ "fullUrl": "urn:n", "resource": { "a": 1 }, "request": create })).collect();
    let strings = many(size.saturating_sub(80_000) / 4, &json!("x"));
    named.push(json!({ "fullUrl": "urn:m", "resource": { "a": strings }, "request": create }));
    // Each entry refers to the next, so that the last one is the first that can be made.
    let each = (size / 1000).saturating_sub(220);
    let chain: Vec<Value> = (0..1000)
        .map(|n| {
            let next = json!({ "reference": format!("urn:uuid:{}", n + 1), "display": "x".repeat(each) });
            entry(
                n,
                json!({ "resourceType": "RelatedPerson", "patient": next }),
                json!({ "method": "POST", "url": "RelatedPerson" }),
            )
        })
        .collect();
    let reference = json!({ "reference": "Patient?identifier=9000000009" });
    let conditional = json!({ "resourceType": "RelatedPerson", "x": many(size / 50, &reference) });
    let conditional = vec![entry(0, conditional, json!({ "method": "POST", "url": "RelatedPerson" }))];
    let search = format!("Consent?patient={}", "9000000009,".repeat(size / 11_100));
    let reads = (0..1000).map(|_| json!({ "request": { "method": "GET", "url": search } })).collect();
    let root = format!("{R4}/");
    vec![
        post("R4", "transaction, equal names and many strings", &root, bundle("transaction", named)),
        post("R4", "transaction, entries that refer to the next", &root, bundle("transaction", chain)),
        post("R4", "transaction, conditional references", &root, bundle("transaction", conditional)),
        post("R4", "batch of searches", &root, bundle("batch", reads)),
    ]
}

fn patches(size: usize) -> Vec<Costly> {
    let test = json!({ "op": "test", "path": "/status", "value": "active" });
    let add = json!({ "op": "add", "path": "/extension/-", "value": { "url": "http://x.example" } });
    let move_first = json!({ "op": "move", "from": "/extension/0", "path": "/extension/-" });
    let operation = json!({ "name": "operation", "part": [
        { "name": "type", "valueCode": "replace" },
        { "name": "path", "valueString": "Consent.provision.actor.where(role.exists()).reference.identifier" },
        { "name": "value", "valueString": "x" },
    ] });
    let parameters = json!({ "resourceType": "Parameters", "parameter": many(size / 230, &operation) });
    let moves: Vec<Value> =
        vec![add.clone(); size / 140].into_iter().chain(vec![move_first; size / 140]).collect();
    let patch = |api, what, base: &str, body: Value| {
        let request = Request::patch(&format!("{base}/Consent/{ROLE}"), body);
        Costly { api, what, request }
    };
    let fhirpath = Request::new("PATCH", &format!("{R4}/Consent/{ROLE}"))
        .with_id()
        .header("Content-Type", "application/fhir+json")
        .body(parameters);
    vec![
        patch("R4", "JSON Patch, tests", R4, many(size / 50, &test)),
        patch("R4", "JSON Patch, additions", R4, many(size / 70, &add)),
        patch("R4", "JSON Patch, moves of the first item", R4, Value::Array(moves)),
        Costly { api: "R4", what: "FHIRPath Patch", request: fhirpath },
        patch("VRS", "JSON Patch, tests", VRS, many(size / 50, &test)),
        patch("VRS", "JSON Patch, additions", VRS, many(size / 70, &add)),
    ]
}

/// Bodies that are expensive to read.
fn shapes(size: usize) -> Vec<Costly> {
    let members: serde_json::Map<String, Value> =
        (0..size / 12).map(|n| (format!("k{n}"), Value::from(1))).collect();
    let consent = format!("{R4}/Consent");
    let items = "<item><linkId value=\"x\"/></item>".repeat(size / 33);
    let xml = format!(
        "<QuestionnaireResponse xmlns=\"http://hl7.org/fhir\"><status value=\"completed\"/>{items}</QuestionnaireResponse>"
    );
    let xml = Request::new("POST", &format!("{R4}/QuestionnaireResponse"))
        .with_id()
        .header("Content-Type", "application/fhir+xml")
        .body(xml);
    let search = Request::new("POST", &format!("{consent}/_search"))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body("patient=9000000009&".repeat(size / 19));
    vec![
        post("R4", "many members", &consent, Value::Object(members)),
        post(
            "R4",
            "one long number",
            &consent,
            format!("{{\"resourceType\":\"Consent\",\"a\":{}}}", "1".repeat(size)),
        ),
        post("R4", "one long text", &consent, json!({ "resourceType": "Consent", "a": "x".repeat(size) })),
        Costly { api: "R4", what: "XML, items side by side", request: xml },
        Costly { api: "R4", what: "search form", request: search },
        post(
            "VRS",
            "many extensions",
            &format!("{VRS}/Consent"),
            json!({
                "resourceType": "Consent", "status": "active",
                "extension": many(size / 26, &json!({ "url": "http://x.example" })),
            }),
        ),
    ]
}

fn others(size: usize) -> Vec<Costly> {
    let event = json!({
        "specversion": "1.0", "id": "1", "source": "https://x.example", "type": "pds-death-notification-1",
        "time": "2026-11-27T12:00:00Z", "data": { "a": many(size / 2, &json!(1)) },
    });
    let event =
        Request::new("POST", "/events").header("Content-Type", "application/cloudevents+json").body(event);
    let form = |what, path: &str| Costly {
        api: "OAuth",
        what,
        request: Request::new("POST", path)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(format!("client_id=test-app&junk={}", "x".repeat(size))),
    };
    let register = json!({ "client_name": "x", "redirect_uris": many(size / 12, &json!("https://x")) });
    let register =
        Request::new("POST", "/oauth/register").header("Content-Type", "application/json").body(register);
    vec![
        Costly { api: "events", what: "a list in its data", request: event },
        form("token form", "/oauth/token"),
        form("pushed request", "/oauth/par"),
        form("introspection form", "/oauth/introspect"),
        Costly { api: "OAuth", what: "registration of many redirect URIs", request: register },
    ]
}
