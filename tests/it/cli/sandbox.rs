//! `onbehalf sandbox`: it works as its banner says, and keeps its hands off what is not its own.

use std::process::Command;

use rstest::rstest;
use serde_json::Value;

use super::{BASE, assert_one_sentence, counts};
use crate::support::{
    Backend, Connection, Folder, Request, Running, SANDBOX_DATA, TestDatabase, bodies, sql,
};

const ROLE: &str = "6b71ac92-baa3-4b76-b0f5-a601257e2722";

fn connect(sandbox: &mut Running) -> Connection {
    Connection::open(sandbox.address()).expect("the sandbox listens")
}

fn status_of_role(sandbox: &mut Running) -> String {
    let read = Request::new("GET", &format!("{BASE}/Consent/{ROLE}")).with_id();
    let answer = connect(sandbox).send(&read).expect("there is an answer");
    answer.json()["entry"][0]["resource"]["status"].as_str().unwrap_or_default().to_owned()
}

fn end_role(sandbox: &mut Running) {
    let patch = bodies::move_to("inactive", &[bodies::reason("ROLE_DEACTIVATED_SAFEGUARDING")]);
    let answer = connect(sandbox).send(&Request::patch(&format!("{BASE}/Consent/{ROLE}"), patch));
    assert_eq!(answer.expect("there is an answer").status, 200);
}

#[test]
fn the_examples_of_the_banner_work_as_printed() {
    if Command::new("curl").arg("--version").output().is_err() {
        return;
    }
    let folder = Folder::new();
    let mut sandbox = folder.start(&["sandbox", "--listen", "127.0.0.1:0"]);
    let address = sandbox.address().to_string();
    let banner = sandbox.stdout();
    let examples: Vec<&str> = banner.lines().filter(|line| line.trim_start().starts_with("curl ")).collect();
    assert_eq!(examples.len(), 3, "{banner}");
    for example in examples {
        assert!(example.contains(&address), "the printed address is not {address}: {example}");
        let run = |command: &str| {
            let mut bash = Command::new("bash");
            let output = bash.args(["-c", command]).env("NO_PROXY", "*").output().expect("bash is here");
            (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let (code, printed) = run(example);
        assert_eq!(code, Some(0), "{example}");
        if example.contains(" -i ") {
            assert!(printed.starts_with("HTTP/1.1 200"), "{printed}");
            continue;
        }
        let body: Value = serde_json::from_str(&printed).unwrap_or_else(|_| panic!("not JSON: {printed}"));
        assert!(body["total"].as_i64().is_some_and(|total| total > 0), "the example finds nothing: {body}");
        let (_, status) = run(&format!("{example} -s -o /dev/null -w '%{{http_code}}'"));
        assert_eq!(status, "200", "{example}");
    }
}

#[test]
fn the_sandbox_has_simulated_providers_and_names_its_apps() {
    let folder = Folder::new();
    let mut sandbox = folder.start(&["sandbox", "--listen", "127.0.0.1:0"]);
    let base = format!("http://{}", sandbox.address());
    for provider in ["nhs-login", "cis2"] {
        let path = format!("/simulated/{provider}/.well-known/openid-configuration");
        let answer = connect(&mut sandbox).send(&Request::new("GET", &path)).expect("there is an answer");
        assert_eq!(answer.json()["issuer"], format!("{base}/simulated/{provider}"));
    }
    let banner = sandbox.stdout();
    assert!(banner.contains("demo-portal") && banner.contains("demo-epr"), "{banner}");
}

#[rstest]
fn the_sandbox_begins_afresh_unless_it_is_told_to_keep(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (database, folder) = (TestDatabase::empty(backend), Folder::new());
    let begin = ["sandbox", "--listen", "127.0.0.1:0", "--database", &database.url];
    let keep = [&begin[..], &["--keep"]].concat();

    let mut sandbox = folder.start(&begin);
    assert_eq!(status_of_role(&mut sandbox), "active");
    end_role(&mut sandbox);
    assert_eq!(status_of_role(&mut sandbox), "inactive");
    sandbox.kill();
    let mut sandbox = folder.start(&keep);
    assert_eq!(status_of_role(&mut sandbox), "inactive");
    sandbox.kill();
    let mut sandbox = folder.start(&begin);
    assert_eq!(status_of_role(&mut sandbox), "active");
}

#[test]
fn the_sandbox_listens_on_loopback_only() {
    let folder = Folder::new();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[::ffff:192.0.2.1]:0"] {
        assert_one_sentence(&folder.run(&["sandbox", "--listen", address]), "loopback");
    }
    let environment = [("ONBEHALF__SERVER__LISTEN", "0.0.0.0:0")];
    assert_one_sentence(&folder.run_in(&["sandbox"], &environment), "loopback");
    assert!(!folder.path("onbehalf-sandbox.sqlite").exists());
}

#[rstest]
fn a_database_of_the_service_is_not_touched(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (database, folder) = (TestDatabase::migrated(backend), Folder::new());
    let data = folder.write("data.json", SANDBOX_DATA);
    let length = [("ONBEHALF__CONTRACT__NHS_NUMBER_CHECK", "length")];
    folder.run_in(&["seed", &data, "--database", &database.url], &length).well();
    let before = counts(&database.url);
    for flags in [&[][..], &["--keep"]] {
        let arguments = ["sandbox", "--listen", "127.0.0.1:0", "--database", &database.url];
        assert_one_sentence(&folder.run(&[&arguments[..], flags].concat()), "does not touch it");
        assert_eq!(counts(&database.url), before);
    }
}

/// The names of the tables.
fn tables(database: &TestDatabase) -> Vec<String> {
    let sql = match database.url.split_once(':').map_or("", |(scheme, _)| scheme) {
        "sqlite" => "SELECT name AS value FROM sqlite_master WHERE type = 'table' ORDER BY name",
        _ => {
            "SELECT table_name::text AS value FROM information_schema.tables \
                  WHERE table_schema = 'public' ORDER BY table_name"
        }
    };
    sql::values(&database.url, sql)
}

#[rstest]
fn a_database_that_somebody_else_made_is_not_touched(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (database, folder) = (TestDatabase::empty(backend), Folder::new());
    sql::execute(&database.url, "CREATE TABLE customers (name TEXT); INSERT INTO customers VALUES ('a')");
    let mut sandbox = folder.start(&["sandbox", "--listen", "127.0.0.1:0", "--database", &database.url]);
    let ended = crate::support::poll::poll("the sandbox to refuse or to listen", || {
        sandbox
            .has_ended()
            .map(|ended| ended.code())
            .or(sandbox.stderr().contains("listening").then_some(None))
    });
    assert_eq!(ended, Some(1), "the sandbox took over a database of {:?}", tables(&database));
    assert_eq!(tables(&database), ["customers"]);
}
