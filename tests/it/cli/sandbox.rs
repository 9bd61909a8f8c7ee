//! `onbehalf sandbox`: it works as its banner says, and leaves other databases unchanged.

use std::process::Command;

use rstest::rstest;
use serde_json::Value;

use super::{BASE, assert_one_sentence, counts};
use crate::account::oauth::kit::post;
use crate::support::{
    Backend, Connection, Folder, Request, SANDBOX_DATA, ServerProcess, TestDatabase, bodies, sql,
};

const ROLE: &str = "6b71ac92-baa3-4b76-b0f5-a601257e2722";

fn connect(sandbox: &mut ServerProcess) -> Connection {
    Connection::open(sandbox.address()).expect("the sandbox listens")
}

fn status_of_role(sandbox: &mut ServerProcess) -> String {
    let read = Request::new("GET", &format!("{BASE}/Consent/{ROLE}")).with_id();
    let answer = connect(sandbox).send(&read).expect("there is an answer");
    answer.json()["entry"][0]["resource"]["status"].as_str().unwrap_or_default().to_owned()
}

fn end_role(sandbox: &mut ServerProcess) {
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
    for app in ["demo-portal", "demo-staff", "demo-epr", "demo-backend"] {
        assert!(banner.contains(app), "{app}: {banner}");
    }
    // The page that the banner names is the tour, with the people of both files of the sandbox.
    assert!(banner.contains(&format!("open this page in a browser: {base}/")), "{banner}");
    let page = Request::new("GET", "/").header("Accept", "text/html");
    let page = connect(&mut sandbox).send(&page).expect("there is an answer");
    let html = String::from_utf8_lossy(&page.body);
    assert_eq!(page.status, 200);
    for name in ["Mrs Lisa Thompson", "Carys Powell", "Joan Mercer", "Nadia Frost", "Invented Harper"] {
        assert!(html.contains(name), "{name} is not in the tour");
    }
}

fn form(pairs: &[(&str, &str)]) -> Request {
    post("/oauth/token", pairs)
}

// covers USE-3
#[test]
fn the_sandbox_takes_the_apps_of_the_settings_beside_its_own_and_lets_apps_register() {
    let folder = Folder::new();
    let config = folder.write(
        "c.toml",
        "[oauth]\nregistration_token_sha256 = \"\"\n[[oauth.apps]]\nclient_id = \"mine\"\nname = \"Mine\"\nmode = \"citizen\"\n\
         authentication = \"none\"\nredirect_uris = [\"http://localhost:3000/callback\"]\ngrants = [\"authorization_code\"]\n\
         scopes = \"openid\"\n",
    );
    let mut sandbox = folder.start(&["sandbox", "--listen", "127.0.0.1:0", "--config", &config]);
    let base = format!("http://{}", sandbox.address());
    // The app of the settings, the app for citizens and the app for staff each come to their provider.
    for (app, back, provider) in [
        ("mine", "http://localhost:3000/callback", "nhs-login"),
        ("demo-portal", "http://127.0.0.1:9000/callback", "nhs-login"),
        ("demo-staff", "http://127.0.0.1:9000/callback", "cis2"),
        ("demo-portal", &format!("{base}/tour/back/citizen"), "nhs-login"),
        ("demo-staff", &format!("{base}/tour/back/staff"), "cis2"),
    ] {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs([
            ("response_type", "code"),
            ("client_id", app),
            ("redirect_uri", back),
            ("scope", "openid"),
            ("state", "0123456789abcdef"),
            ("aud", &format!("{base}/FHIR/R4")),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ]);
        let asked = Request::new("GET", &format!("/oauth/authorize?{}", query.finish()));
        let answer = connect(&mut sandbox).send(&asked).expect("there is an answer");
        let location = answer.header("location").unwrap_or_default();
        assert!(
            location.starts_with(&format!("{base}/simulated/{provider}/")),
            "{app}: {} {location}",
            answer.status
        );
    }
    // The key that the banner names is the key of demo-backend.
    let banner = sandbox.stdout();
    assert!(banner.contains("mine") && banner.contains("onbehalf-sandbox-backend.pem"), "{banner}");
    let pem = std::fs::read(folder.path("onbehalf-sandbox-backend.pem")).expect("the key");
    let key = jsonwebtoken::EncodingKey::from_ec_pem(&pem).expect("an EC key");
    let now = chrono::Utc::now().timestamp();
    let claims = serde_json::json!({
        "iss": "demo-backend", "sub": "demo-backend", "aud": format!("{base}/oauth/token"), "exp": now + 240, "iat": now, "jti": "1",
    });
    let header = jsonwebtoken::Header {
        kid: Some("demo-backend".to_owned()),
        ..jsonwebtoken::Header::new(jsonwebtoken::Algorithm::ES256)
    };
    let assertion = jsonwebtoken::encode(&header, &claims, &key).expect("a JWT");
    let asked = form(&[
        ("grant_type", "client_credentials"),
        ("scope", "system/Consent.rs"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", &assertion),
    ]);
    let answer = connect(&mut sandbox).send(&asked).expect("there is an answer");
    assert_eq!((answer.status, &answer.json()["scope"]), (200, &"system/Consent.rs".into()));
    // With the word sandbox an app registers itself; with another it does not.
    let register = |token: &str| {
        let metadata = serde_json::json!({
            "client_name": "New", "redirect_uris": ["http://localhost:3000/back"], "token_endpoint_auth_method": "none", "scope": "openid",
        });
        Request::new("POST", "/oauth/register")
            .header("Content-Type", "application/json")
            .bearer(token)
            .body(metadata)
    };
    for (token, status) in [("sandbox", 201), ("other", 401)] {
        let answer = connect(&mut sandbox).send(&register(token)).expect("there is an answer");
        assert_eq!(answer.status, status, "{}", answer.json());
    }
    assert!(banner.contains("/oauth/register with the initial access token: sandbox"), "{banner}");
    sandbox.kill();
    // The key is that of the next run as well, and another app may not take the name of the sandbox's own.
    let mut again = folder.start(&["sandbox", "--listen", "127.0.0.1:0"]);
    again.address();
    assert_eq!(std::fs::read(folder.path("onbehalf-sandbox-backend.pem")).expect("the key"), pem);
    again.kill();
    let text = std::fs::read_to_string(&config).expect("the settings").replace("\"mine\"", "\"demo-epr\"");
    let taken = folder.write("taken.toml", &text);
    let ended = folder.run(&["sandbox", "--listen", "127.0.0.1:0", "--config", &taken]);
    assert!(
        ended.code == Some(1) && ended.stderr.contains("demo-epr is an app of the sandbox itself"),
        "{}",
        ended.printed()
    );
}

// covers USE-6
#[rstest]
fn two_sandboxes_never_share_a_database(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (database, folder, other) = (TestDatabase::empty(backend), Folder::new(), Folder::new());
    let begin = ["sandbox", "--listen", "127.0.0.1:0", "--database", &database.url];
    let mut first = folder.start(&begin);
    end_role(&mut first);
    // Another port, another folder, or with --keep: the database of the first stays its own.
    for arguments in [&begin[..], &[&begin[..], &["--keep"]].concat()] {
        for place in [&folder, &other] {
            let ended = place.run(arguments);
            assert!(
                ended.code == Some(1) && ended.stderr.contains("another sandbox is running"),
                "{}",
                ended.printed()
            );
            assert_eq!(status_of_role(&mut first), "inactive");
        }
    }
    // Killed, it releases its claim.
    first.kill();
    let mut second = folder.start(&begin);
    assert_eq!(status_of_role(&mut second), "active");
}

#[test]
fn two_sandboxes_with_databases_of_their_own_run_beside_each_other() {
    let folder = Folder::new();
    let mut first = folder.start(&["sandbox", "--listen", "127.0.0.1:0"]);
    let mut second =
        folder.start(&["sandbox", "--listen", "127.0.0.1:0", "--database", "sqlite:second.sqlite"]);
    end_role(&mut first);
    assert_eq!(
        (status_of_role(&mut first).as_str(), status_of_role(&mut second).as_str()),
        ("inactive", "active")
    );
}

#[rstest]
fn sandbox_starts_empty_unless_keep_is_set(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
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
fn sandbox_refuses_a_production_database(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (database, folder) = (TestDatabase::migrated(backend), Folder::new());
    let data = folder.write("data.json", SANDBOX_DATA);
    let length = [("ONBEHALF__CONTRACT__NHS_NUMBER_CHECK", "length")];
    folder.run_in(&["seed", &data, "--database", &database.url], &length).well();
    let before = counts(&database.url);
    for flags in [&[][..], &["--keep"]] {
        let arguments = ["sandbox", "--listen", "127.0.0.1:0", "--database", &database.url];
        assert_one_sentence(&folder.run(&[&arguments[..], flags].concat()), "does not change it");
        assert_eq!(counts(&database.url), before);
    }
}

#[rstest]
fn sandbox_refuses_a_foreign_database(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (database, folder) = (TestDatabase::empty(backend), Folder::new());
    sql::execute(&database.url, "CREATE TABLE customers (name TEXT); INSERT INTO customers VALUES ('a')");
    let mut sandbox = folder.start(&["sandbox", "--listen", "127.0.0.1:0", "--database", &database.url]);
    let ended = crate::support::poll::poll("the sandbox to refuse or to listen", || {
        sandbox
            .has_ended()
            .map(|ended| ended.code())
            .or(sandbox.stderr().contains("listening").then_some(None))
    });
    assert_eq!(ended, Some(1), "the sandbox took over a database of {:?}", sql::tables(&database.url));
    assert_eq!(sql::tables(&database.url), ["customers"]);
}

// covers GAP-16
#[test]
fn the_sandbox_has_people_of_every_age_and_state_that_rules_depend_on() {
    let folder = Folder::new();
    let mut sandbox = folder.start(&["sandbox", "--listen", "127.0.0.1:0"]);
    let mut search = |path: &str| {
        let answer = connect(&mut sandbox).send(&Request::new("GET", &format!("/FHIR/R4{path}")));
        answer.expect("there is an answer").json()
    };
    let today = chrono::Utc::now().date_naive();
    for (number, age) in [("9000000201", 12), ("9000000202", 15), ("9000000203", 16)] {
        let born = search(&format!("/Patient/{number}"))["birthDate"].as_str().expect("a date").to_owned();
        let born: chrono::NaiveDate = born.parse().expect("a date");
        assert_eq!(today.years_since(born), Some(age), "{number}");
        assert!(born.checked_add_months(chrono::Months::new(12 * age + 10)).is_some_and(|day| day > today));
    }
    let total = |bundle: &Value| bundle["total"].as_i64().expect("a total");
    let cared_for = search("/Consent?performer:identifier=9000000212&status=active");
    assert_eq!(total(&cared_for), 4, "a carer of four");
    let ended = search("/Consent?performer:identifier=9000000231&patient=Patient/9000000232");
    assert_eq!((total(&ended), &ended["entry"][0]["resource"]["status"]), (1, &"inactive".into()));
    let mut practices = std::collections::BTreeSet::new();
    for patient in ["9000000221", "9000000222"] {
        let practice =
            search(&format!("/Patient/{patient}"))["generalPractitioner"][0]["identifier"]["value"].clone();
        practices.insert(practice.as_str().expect("a practice").to_owned());
    }
    assert_eq!(practices.len(), 2, "patients, and so staff, of two practices: {practices:?}");
    let file = format!("sqlite:{}", folder.path("onbehalf-sandbox.sqlite").display());
    let standing = "SELECT standing AS value FROM people WHERE nhs_number = '9000000230'";
    assert_eq!(sql::values(&file, standing), ["restricted"]);
}
