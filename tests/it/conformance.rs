//! The CapabilityStatement and the server agree: what it claims is answered, anything else is refused.

use rstest::rstest;
use serde_json::{Value, json};

use crate::fhir::bodies::one_of_each;
use crate::fhir::client::{get, outcome_of, post, request, resource, send, send_well};
use crate::support::{Backend, Request, Response, TestApp};
use crate::vrs::callers::guarded;
use crate::vrs::known::{ACCESS_REQUEST, LONER, MOTHER, MOTHERS_ROLE, PATIENTS};

async fn statement(app: &TestApp) -> Value {
    send_well(app, get("/metadata"), 200).await
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

/// The id of an existing resource of the type.
async fn id_of(app: &TestApp, kind: &str) -> String {
    match kind {
        "Consent" => MOTHERS_ROLE.to_owned(),
        "RelatedPerson" => "BE974742".to_owned(),
        "QuestionnaireResponse" => ACCESS_REQUEST.to_owned(),
        "Patient" => MOTHER.to_owned(),
        _ => {
            let found = send_well(app, get(&format!("/{kind}?_count=1")), 200).await;
            found["entry"][0]["resource"]["id"].as_str().unwrap_or("none").to_owned()
        }
    }
}

#[track_caller]
fn check_answered(row: &str, answer: &Response) {
    assert!(!matches!(answer.status, 404 | 405 | 501), "{row}: {}", resource(answer));
}

/// Every operation here is one of R4's, of the Backport guide, or, for subscriptions, ours.
#[track_caller]
fn check_definition(operation: &Value) {
    let (name, definition) = (text(operation, "name"), text(operation, "definition"));
    let homes = [
        "http://hl7.org/fhir/OperationDefinition/",
        "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-",
        "https://fhir.onbehalf.org.uk/R4/OperationDefinition/Subscription-",
    ];
    assert!(homes.iter().any(|home| definition.starts_with(home)), "{definition}");
    assert!(definition.ends_with(&format!("-{name}")), "{definition}");
}

// covers G-01, C-01, C-06, G-12
#[rstest]
#[actix_web::test]
async fn capability_statement_is_public(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = guarded(backend).await;
    for query in ["", "?mode=full", "?mode=normative", "?mode=terminology"] {
        let answer = send(&app, get(&format!("/metadata{query}"))).await;
        let statement = answer.json();
        assert_eq!((answer.status, text(&statement, "resourceType")), (200, "CapabilityStatement"));
        for (name, wanted) in [("status", "active"), ("kind", "instance"), ("fhirVersion", "4.0.1")] {
            assert_eq!(text(&statement, name), wanted);
        }
        assert!(!text(&statement, "date").is_empty() && !list(&statement, "format").is_empty());
        assert!(!list(&statement, "patchFormat").is_empty());
        assert!(text(&statement["implementation"], "url").ends_with("/FHIR/R4"));
        assert_eq!(text(&statement["software"], "version"), env!("CARGO_PKG_VERSION"));
        assert_eq!(
            statement["instantiates"],
            json!([BACKPORT_SERVER]),
            "the one guide that is fulfilled whole"
        );
        assert!(statement.get("implementationGuide").is_none());
        let etag = answer.header("etag").expect("an entity tag").to_owned();
        let known = send(&app, get("/metadata").header("If-None-Match", &etag)).await;
        assert_eq!((known.status, known.body.len()), (304, 0));
        let other = send(&app, get("/metadata").header("If-None-Match", "W/\"1\"")).await;
        assert_eq!(other.status, 200);
    }
}

// covers C-03, C-04, C-05
#[rstest]
#[actix_web::test]
async fn every_interaction_of_the_capability_statement_is_implemented(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    for (path, body) in one_of_each(LONER, PATIENTS[0]).into_iter().rev() {
        send_well(&app, post(path, &body), 201).await;
    }
    let statement = statement(&app).await;
    let rest = &statement["rest"][0];
    assert_eq!(list(rest, "resource").len(), 15);
    for entry in list(rest, "resource") {
        let kind = text(entry, "type");
        let id = id_of(&app, kind).await;
        assert!(text(entry, "profile").ends_with(kind) && entry["versioning"].is_string());
        if id == "none" {
            continue;
        }
        for interaction in list(entry, "interaction") {
            let code = text(interaction, "code");
            let json = |method: &str, path: String| {
                request(method, &path).header("Content-Type", "application/fhir+json").body("{}")
            };
            let sent = match code {
                "read" => get(&format!("/{kind}/{id}")),
                "vread" => get(&format!("/{kind}/{id}/_history/1")),
                "update" => json("PUT", format!("/{kind}/{id}")),
                "patch" => json("PATCH", format!("/{kind}/{id}")),
                "history-instance" => get(&format!("/{kind}/{id}/_history")),
                "history-type" => get(&format!("/{kind}/_history")),
                "create" => json("POST", format!("/{kind}")),
                "search-type" => get(&format!("/{kind}")),
                other => panic!("{kind} claims {other}"),
            };
            check_answered(&format!("{kind} {code}"), &send(&app, sent).await);
        }
        for operation in list(entry, "operation") {
            let name = text(operation, "name");
            check_definition(operation);
            for place in [format!("/{kind}"), format!("/{kind}/{id}")] {
                let answer = send(&app, post(&format!("{place}/${name}"), &Value::Null).body("")).await;
                check_answered(name, &answer);
            }
        }
    }
    let of_system: Vec<&str> = list(rest, "operation").iter().map(|one| text(one, "name")).collect();
    assert_eq!(of_system, ["meta", "versions"]);
    for operation in list(rest, "operation") {
        check_definition(operation);
        for method in ["GET", "POST"] {
            let path = format!("/${}", text(operation, "name"));
            assert_eq!(send(&app, request(method, &path)).await.status, 200, "{method} {path}");
        }
    }
    let empty = |kind: &str| post("", &json!({ "resourceType": "Bundle", "type": kind }));
    for interaction in list(rest, "interaction") {
        let sent = match text(interaction, "code") {
            kind @ ("transaction" | "batch") => empty(kind),
            "search-system" => get(""),
            "history-system" => get("/_history"),
            other => panic!("the system claims {other}"),
        };
        assert_eq!(send(&app, sent).await.status, 200);
    }
}

/// A value that a parameter of the type takes.
fn sample(kind: &str) -> &'static str {
    match kind {
        "date" => "2026-11-22",
        "number" | "quantity" => "1",
        "composite" => "x$1",
        "uri" => "http://example.org/x",
        "reference" => "Patient/9000000009",
        _ => "x",
    }
}

// covers C-03, C-04, C-05
#[rstest]
#[actix_web::test]
async fn every_search_parameter_and_include_of_the_capability_statement_is_accepted(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let statement = statement(&app).await;
    let rest = &statement["rest"][0];
    for entry in list(rest, "resource") {
        let kind = text(entry, "type");
        let params = list(entry, "searchParam").iter().chain(list(rest, "searchParam"));
        let mut queries: Vec<String> = params
            .map(|param| {
                assert!(text(param, "definition").starts_with("http"), "{kind}: {param}");
                let query = format!("{}={}", text(param, "name"), sample(text(param, "type")));
                // A search without an index is combined with an indexed parameter.
                let is_slow = matches!(text(param, "name"), "entity-role" | "entity-type");
                if is_slow { format!("{query}&date=2026-11-22") } else { query }
            })
            .collect();
        let names = |list: &[Value]| -> Vec<String> {
            list.iter().map(|name| name.as_str().expect("a name").to_owned()).collect()
        };
        let includes = names(list(entry, "searchInclude"));
        queries.extend(includes.into_iter().map(|name| format!("_include={name}")));
        let reverse = names(list(entry, "searchRevInclude"));
        queries.extend(reverse.into_iter().map(|name| format!("_revinclude={name}")));
        for query in queries {
            let strict = get(&format!("/{kind}?_count=1&{query}")).header("Prefer", "handling=strict");
            let answer = send(&app, strict).await;
            assert_eq!(answer.status, 200, "{kind}?{query}: {}", answer.json());
        }
    }
}

// covers C-04, G-18, R-40, R-45, R-46
#[rstest]
#[actix_web::test]
async fn interactions_outside_the_capability_statement_are_rejected(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let statement = statement(&app).await;
    for entry in list(&statement["rest"][0], "resource") {
        let kind = text(entry, "type");
        let id = id_of(&app, kind).await;
        let claims = |code: &str| list(entry, "interaction").iter().any(|one| text(one, "code") == code);
        let does = |flag: &str| entry[flag] == true;
        for (is_claimed, method, path) in [
            (claims("create"), "POST", format!("/{kind}")),
            (claims("update"), "PUT", format!("/{kind}/{id}")),
            (claims("patch"), "PATCH", format!("/{kind}/{id}")),
            (claims("delete"), "DELETE", format!("/{kind}/{id}")),
            (does("conditionalUpdate"), "PUT", format!("/{kind}?_id={id}")),
            (does("conditionalDelete"), "DELETE", format!("/{kind}?_id={id}")),
            (claims("history-type"), "GET", format!("/{kind}/_history")),
            (claims("history-instance"), "GET", format!("/{kind}/{id}/_history")),
            (kind == "Patient", "GET", format!("/{kind}/$everything")),
            (kind == "Patient", "GET", format!("/{kind}/{id}/$everything")),
            (false, "POST", format!("/{kind}/{id}")),
            (false, "DELETE", format!("/{kind}/{id}/_history/1")),
            (false, "POST", format!("/{kind}/$meta-add")),
            (false, "POST", format!("/{kind}/{id}/$meta-delete")),
            (false, "GET", format!("/{kind}/$versions")),
            (false, "POST", format!("/{kind}/$match")),
            (false, "GET", format!("/{kind}/{id}/$graph")),
        ] {
            if is_claimed {
                continue;
            }
            let answer = send(&app, request(method, &path)).await;
            assert!(matches!(outcome_of(&answer).0, 404 | 405), "{method} {path}: {}", answer.status);
            assert_eq!(answer.header("allow").is_some(), answer.status == 405, "{method} {path}");
        }
    }
}

/// The beginnings of the numbers of faults.
const FAULTS: [&str; 6] = ["FAULT-", "USE-", "MISS-", "GAP-", "CODE-", "SEC-"];

/// The numbers of checks after `covers` in the sources below a folder.
fn covered(folder: &std::path::Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            covered(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path).expect("a file");
            let comments = source.lines().filter_map(|line| line.trim().strip_prefix("// covers "));
            let numbers = comments.flat_map(|numbers| numbers.split([',', ';'])).map(str::trim);
            // Faults that were found and corrected have lists of their own.
            let is_fault = |number: &&str| FAULTS.iter().any(|list| number.starts_with(list));
            found.extend(numbers.filter(|number| !is_fault(number)).map(str::to_owned));
        }
    }
}

#[test]
fn every_number_that_a_test_mentions_is_a_check() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let checks =
        std::fs::read_to_string(root.join("docs/conformance-checks.json")).expect("the list is there");
    let checks: Vec<Value> = serde_json::from_str(&checks).expect("the list is JSON");
    let mut found = Vec::new();
    for folder in ["src", "tests"] {
        covered(&root.join(folder), &mut found);
    }
    assert!(found.len() > 50);
    for number in found {
        assert!(checks.iter().any(|check| check["number"] == number.as_str()), "{number}");
    }
}

/// Every example that is a resource of ours passes `$validate`.
#[actix_web::test]
async fn every_example_validates() {
    let app = TestApp::sandbox(Backend::Sqlite).await;
    let folder = format!("{}/examples", env!("CARGO_MANIFEST_DIR"));
    let mut checked = 0;
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let Ok(example) = std::fs::read_to_string(entry.expect("an entry").path()) else { continue };
        let Ok(example) = serde_json::from_str::<Value>(&example) else { continue };
        let Some(kind) = example["resourceType"].as_str() else { continue };
        let outcome = send_well(&app, post(&format!("/{kind}/$validate"), &example), 200).await;
        let issues = list(&outcome, "issue");
        assert!(issues.iter().all(|issue| text(issue, "severity") != "error"), "{kind}: {outcome:#}");
        checked += 1;
    }
    assert!(checked >= 2);
}

const BACKPORT_SERVER: &str =
    "http://hl7.org/fhir/uv/subscriptions-backport/CapabilityStatement/backport-subscription-server-r4";

/// Kit 2.01 and 2.02: the available topics are listed, and every listed topic is defined.
// covers C-07, N-17
#[actix_web::test]
async fn capability_statement_lists_published_topics() {
    let app = TestApp::sandbox(Backend::Sqlite).await;
    let statement = statement(&app).await;
    let rest = &statement["rest"][0];
    let socket = text(&rest["extension"][0], "valueUri");
    assert_eq!(socket, format!("ws://{}/FHIR/R4/$subscription-ws", app.address));
    let resources = list(rest, "resource").iter();
    let entry = resources.clone().find(|entry| text(entry, "type") == "Subscription").expect("an entry");
    let profile = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription";
    assert_eq!(entry["supportedProfile"], json!([profile]));
    let codes: Vec<&str> = list(entry, "interaction").iter().map(|one| text(one, "code")).collect();
    for code in ["read", "vread", "create", "update", "patch", "delete", "search-type", "history-instance"] {
        assert!(codes.contains(&code), "{code}");
    }
    let mut received: Vec<&str> =
        list(entry, "extension").iter().map(|one| text(one, "valueCanonical")).collect();
    assert!(list(entry, "extension").iter().all(|one| {
        text(one, "url").ends_with("/StructureDefinition/capabilitystatement-subscriptiontopic-canonical")
    }));
    let published = send_well(&app, get("/Basic?code=SubscriptionTopic&_count=100"), 200).await;
    let url_of = |basic: &Value| text(&basic["extension"][0], "valueUri").to_owned();
    let mut defined: Vec<String> = crate::fhir::client::entries(&published).iter().map(url_of).collect();
    received.sort_unstable();
    defined.sort_unstable();
    assert_eq!(received, defined);
    assert_eq!(received.len(), 7);
}

/// Every text of a document that is a canonical URL of ours.
fn canonicals(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.starts_with(OURS) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| canonicals(item, found)),
        Value::Object(members) => members.values().for_each(|member| canonicals(member, found)),
        _ => {}
    }
}

const OURS: &str = "https://fhir.onbehalf.org.uk/R4/";

// covers C-07
#[rstest]
#[actix_web::test]
async fn every_local_canonical_of_the_capability_statement_is_readable(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let mut statement = statement(&app).await;
    let own = statement["url"].take();
    let mut named = Vec::new();
    canonicals(&statement, &mut named);
    assert!(!named.contains(&own.as_str().expect("its own URL").to_owned()));
    named.sort_unstable();
    named.dedup();
    let topics = send_well(&app, get("/Basic?code=SubscriptionTopic&_count=100"), 200).await.to_string();
    let mut missing = Vec::new();
    for url in &named {
        let kind = url[OURS.len()..].split('/').next().expect("a type");
        // R4 has no type for topics: each is within a Basic.
        let is_there = if kind == "SubscriptionTopic" {
            topics.contains(&format!("\"{url}\""))
        } else {
            let answer = send(&app, get(&format!("/{kind}?url={url}"))).await;
            answer.status == 200 && answer.json()["total"] == 1
        };
        if !is_there {
            missing.push(url);
        }
    }
    assert_eq!(missing, Vec::<&String>::new());
    for operation in ["resend", "rotate-secret", "secret", "attempts"] {
        let definition = format!("{OURS}OperationDefinition/Subscription-{operation}");
        assert!(named.contains(&definition), "{operation}");
        let read = send_well(&app, get(&format!("/OperationDefinition/Subscription-{operation}")), 200).await;
        assert_eq!((text(&read, "url"), text(&read, "code")), (definition.as_str(), operation));
    }
}

// covers C-07
#[actix_web::test]
async fn capability_statement_without_subscriptions_when_they_are_off() {
    let mut options = crate::support::Options::default();
    options.subscriptions.enabled = false;
    let app = TestApp::start(Backend::Sqlite, options).await;
    let text = statement(&app).await.to_string();
    assert!(!text.contains("\"Subscription\"") && !text.contains("websocket") && !text.contains("backport"));
    assert_eq!(send(&app, get("/Subscription")).await.status, 404);
}

// covers FAULT-13, C-04
#[rstest]
#[actix_web::test]
async fn capability_statement_versioning_equals_read_responses(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let statement = app.send(Request::new("GET", "/FHIR/R4/metadata")).await.json();
    let mut seen = 0;
    for entry in statement["rest"][0]["resource"].as_array().expect("resources") {
        let kind = entry["type"].as_str().expect("a type");
        let found = app.send(Request::new("GET", &format!("/FHIR/R4/{kind}?_count=1"))).await.json();
        let Some(resource) = found["entry"][0]["resource"].as_object() else { continue };
        let tells_version = resource["meta"]["versionId"].is_string();
        assert_eq!(entry["versioning"] == "versioned", tells_version, "{kind}: {}", resource["meta"]);
        let (id, version) = (resource["id"].as_str().expect("an id"), resource["meta"]["versionId"].as_str());
        let path = format!("/FHIR/R4/{kind}/{id}/_history/{}", version.unwrap_or("1"));
        assert_eq!(app.send(Request::new("GET", &path)).await.status == 200, tells_version, "{path}");
        let interactions = entry["interaction"].as_array().expect("interactions");
        let reads_past = entry["readHistory"] == true;
        let is_written = interactions.iter().any(|one| one["code"] == "update");
        assert_eq!(reads_past, is_written, "{kind}: past versions are kept of what clients write");
        seen += 1;
    }
    assert!(seen > 9, "{seen}");
}
