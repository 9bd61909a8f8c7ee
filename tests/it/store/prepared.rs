//! Statements are prepared once for each connection: to parse one takes longer than to run it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::{TOKEN, configuration};
use crate::support::{Backend, Connection, Folder, Request, TestDatabase, bodies, seed};

const VRS: &str = "/validated-relationships/FHIR/R4";
const R4: &str = "/FHIR/R4";
/// How often each request is sent.
const TIMES: usize = 6;

/// Statements that Diesel never keeps, or that run without being prepared, with the reason why that is left so.
const PARSED_EACH_TIME: &[(&str, &str)] = &[
    ("BEGIN", "once for a group of writes, or for a read of several statements"),
    ("COMMIT", "the same"),
    ("UPDATE `jobs` SET", "the end of a job's run"),
];

/// The statements that the log tells of: how often each ran, and which were prepared to run again.
fn statements(log: &str) -> (BTreeMap<String, usize>, BTreeSet<String>) {
    let (mut runs, mut prepared) = (BTreeMap::new(), BTreeSet::new());
    for line in log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let text = |name: &str| line[name].as_str().map(str::to_owned);
        if let Some(sql) = text("runs") {
            *runs.entry(sql).or_default() += 1;
        }
        prepared.extend(text("prepares"));
    }
    (runs, prepared)
}

#[test]
fn no_statement_of_a_request_is_parsed_each_time() {
    let (database, folder) = (TestDatabase::migrated(Backend::Sqlite), Folder::new());
    let settings = configuration(&database.url) + "[log]\nformat = \"json\"\nlevel = \"trace\"\n";
    let config = folder.write("onbehalf.toml", &settings);
    let people = seed::nhs_numbers(2 * TIMES + 2);
    let file = folder.write("people.json", &seed::people(&people).to_string());
    folder.run(&["seed", &file, "--config", &config]).well();
    let mut server = folder.start(&["serve", "--config", &config]);
    let mut connection = Connection::open(server.address()).expect("the server listens");
    let mut send = |request: Request, status: u16| {
        let answer = connection.send(&request.bearer(TOKEN)).expect("the server answers");
        assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
        answer
    };
    for turn in 0..TIMES {
        let (proxy, patient) = (&people[2 * turn], &people[2 * turn + 1]);
        let mut role = bodies::consent(proxy, patient);
        role["provision"]["period"] = json!({ "start": "2020-01-01" });
        let created = send(Request::post(&format!("{VRS}/Consent"), role), 201);
        let location = created.header("location").expect("a Location");
        let id = location.rsplit_once('/').expect("an id").1;
        let read = send(Request::new("GET", &format!("{R4}/Consent/{id}")), 200).json();
        // The same content, as the other API takes it, for the next pair.
        let next = &people[2 * turn + 2];
        let other = read.to_string().replace(proxy.as_str(), next);
        let other: Value = serde_json::from_str(&other).expect("JSON");
        send(Request::post(&format!("{R4}/Consent"), other), 201);
        let mut relative = json!({
            "resourceType": "RelatedPerson",
            "identifier": [{ "system": "https://fhir.nhs.uk/Id/nhs-number", "value": proxy }],
            "patient": { "reference": format!("Patient/{patient}") },
        });
        let created = send(Request::post(&format!("{R4}/RelatedPerson"), &relative), 201).json();
        let related = created["id"].as_str().expect("an id");
        (relative["id"], relative["active"]) = (json!(related), json!(false));
        let put = Request::new("PUT", &format!("{R4}/RelatedPerson/{related}"));
        send(put.header("Content-Type", "application/fhir+json").body(&relative), 200);
        for path in [
            format!(
                "{R4}/Consent?patient:identifier=https://fhir.nhs.uk/Id/nhs-number|{patient}&status=active"
            ),
            format!("{R4}/Consent?actor=Patient/{proxy}&_include=Consent:patient&_include=Consent:actor"),
            format!("{R4}/RelatedPerson?patient=Patient/{patient}"),
            format!("{R4}/Consent/{id}/_history"),
            format!("{R4}/Patient/{patient}"),
            format!("{R4}/AuditEvent?entity=Consent/{id}"),
        ] {
            send(Request::new("GET", &path), 200);
        }
        let end = json!([{ "op": "add", "path": "/provision/period/end", "value": "2037-01-01" }]);
        send(Request::patch(&format!("{R4}/Consent/{id}"), end), 200);
    }
    // What follows a request: events are numbered, accesses are indexed.
    std::thread::sleep(Duration::from_secs(2));
    let (runs, prepared) = statements(&server.stderr());
    assert!(prepared.len() > 20, "the log tells of {} statements", prepared.len());
    let parsed: Vec<_> = runs
        .iter()
        .filter(|(sql, times)| **times >= TIMES && !prepared.contains(*sql))
        .filter(|(sql, _)| !PARSED_EACH_TIME.iter().any(|(beginning, _)| sql.starts_with(beginning)))
        .collect();
    assert!(parsed.is_empty(), "{parsed:#?}");
    assert!(!server.stderr().contains(&people[0]), "the log has an NHS number");
}
