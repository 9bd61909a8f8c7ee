//! `onbehalf doctor`: each fault is reported with its fix, and each successful check too.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use rstest::rstest;
use serde_json::Value;

use super::configuration;
use crate::support::mail::MailServer;
use crate::support::{Backend, Ended, Folder, TestDatabase, sql};

/// What was found, as JSON.
fn findings(folder: &Folder, config: &str) -> (Ended, Vec<Value>) {
    findings_in(folder, config, &[])
}

fn findings_in(folder: &Folder, config: &str, environment: &[(&str, &str)]) -> (Ended, Vec<Value>) {
    let ended = folder.run_in(&["doctor", "--json", "--config", config], environment);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.printed()));
    let findings = report["findings"].as_array().expect("findings").clone();
    let wrong = findings.iter().filter(|finding| finding["state"] == "wrong").count();
    assert_eq!(report["wrong"], wrong);
    assert_eq!(ended.code, Some(i32::from(wrong > 0)), "{}", ended.printed());
    (ended, findings)
}

/// Checks that one finding has this state and text, and has a fix.
#[track_caller]
fn assert_found(findings: &[Value], state: &str, about: &str, says: &str) {
    let is_it = |finding: &&Value| {
        finding["about"] == about && finding["found"].as_str().is_some_and(|found| found.contains(says))
    };
    let found = findings.iter().find(is_it).unwrap_or_else(|| panic!("{about}: {says}: {findings:#?}"));
    assert_eq!(found["state"], state, "{found}");
    assert_eq!(found["mend"].is_string(), state != "ok", "{found}");
}

/// A deployment without faults.
fn sound(backend: Backend) -> (TestDatabase, Folder, String) {
    let (database, folder) = (TestDatabase::migrated(backend), Folder::new());
    folder.write("onbehalf.key", "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=");
    chmod(&folder, "onbehalf.key", 0o600);
    let text = configuration(&database.url);
    (database, folder, text)
}

fn chmod(folder: &Folder, name: &str, mode: u32) {
    let permissions = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(folder.path(name), permissions).expect("a mode");
}

#[rstest]
fn doctor_finds_no_fault_in_a_valid_deployment_and_changes_nothing(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (database, folder, text) = sound(backend);
    let config = folder.write("onbehalf.toml", &text);
    let before = super::counts(&database.url);
    let (_, found) = findings(&folder, &config);
    for (about, says) in [
        ("settings", "valid and consistent"),
        ("secrets", "contains a key"),
        ("database", "reachable and writable"),
        ("migrations", "all are applied"),
        ("audit", "every chain ends"),
    ] {
        assert_found(&found, "ok", about, says);
    }
    // Only SQLite has an access journal.
    let journal = found.iter().any(|finding| finding["found"].to_string().contains("access journal"));
    assert_eq!(journal, backend == Backend::Sqlite);
    let server = backend == Backend::Postgres;
    assert_eq!(found.iter().any(|finding| finding["about"] == "clock"), server);
    assert!(found.iter().all(|finding| finding["state"] != "wrong" || server), "{found:#?}");
    assert_eq!(super::counts(&database.url), before);
    // Without --json, a line each.
    let printed = folder.run(&["doctor", "--config", &config]).printed();
    assert!(printed.contains("ok       migrations   all are applied"), "{printed}");
}

/// The throw-away server of the tests does not flush: `doctor` reports it.
#[test]
fn doctor_reports_a_database_without_flush() {
    let (_database, folder, text) = sound(Backend::Postgres);
    let config = folder.write("onbehalf.toml", &text);
    let (_, found) = findings(&folder, &config);
    let flushes = found.iter().any(|finding| finding["found"] == "commits are flushed to disk");
    if !flushes {
        assert_found(&found, "wrong", "database", "fsync = off");
    }
}

#[test]
fn doctor_reports_every_configuration_fault_at_once() {
    let folder = Folder::new();
    let text = "[server]\nlisten = \"here\"\nwokers = 2\n[limits]\njson_depth = 1\n";
    let config = folder.write("onbehalf.toml", text);
    let (_, found) = findings(&folder, &config);
    for says in ["server.listen", "server.wokers", "limits.json_depth"] {
        assert_found(&found, "wrong", "settings", says);
    }
}

/// A change in a valid deployment, and the finding of `doctor`.
type Case = (&'static str, fn(&Folder, String) -> String, &'static str, &'static str, &'static str);

const CASES: &[Case] = &[
    (
        "nobody is let in",
        |_, text| text.replace("\"tokens\"", "\"none\""),
        "wrong",
        "settings",
        "no caller could authenticate",
    ),
    (
        "open to a network",
        |_, text| text.replace("127.0.0.1:0", "0.0.0.0:0"),
        "warning",
        "settings",
        "behind a reverse proxy",
    ),
    (
        "no TLS for tokens",
        |_, text| text.replace("[server]", "[server]\npublic_url = \"http://proxy.example\""),
        "warning",
        "settings",
        "not https",
    ),
    (
        "a key for everybody",
        |folder, text| {
            chmod(folder, "onbehalf.key", 0o644);
            text
        },
        "wrong",
        "secrets",
        "mode 644",
    ),
    (
        "no key",
        |folder, text| {
            std::fs::remove_file(folder.path("onbehalf.key")).expect("it is there");
            text
        },
        "warning",
        "secrets",
        "does not exist",
    ),
    (
        "a key that is none",
        |folder, text| {
            folder.write("onbehalf.key", "c2VjcmV0");
            text
        },
        "wrong",
        "secrets",
        "32 bytes",
    ),
    (
        "no database",
        |_, text| text.replace("url = \"sqlite:", "url = \"sqlite:no-such-file-in"),
        "wrong",
        "database",
        "does not exist",
    ),
    (
        "no server",
        |_, text| with_database(&text, "postgres://me:s3cret@127.0.0.1:1/x"),
        "wrong",
        "database",
        "cannot reach",
    ),
    (
        "few files",
        |_, text| text.replace("[server]", "[server]\nconnections = 1000000"),
        "warning",
        "files",
        "server.connections = 1000000",
    ),
    (
        "no certificate",
        |folder, text| {
            folder.write("c.pem", "x");
            folder.write("k.pem", "x");
            text.replace("[server]", "[server]\ntls_certificate = \"c.pem\"\ntls_key = \"k.pem\"")
        },
        "wrong",
        "certificate",
        "c.pem: no certificate",
    ),
    (
        "no mail server",
        |_, text| {
            format!(
                "{text}\n[smtp]\nhost = \"127.0.0.1\"\nport = 1\ntls = \"none\"\nfrom = \"a <a@b.example>\"\n"
            )
        },
        "wrong",
        "mail",
        "no response",
    ),
    (
        "no broker",
        |_, text| format!("{text}\n[subscriptions]\nallowed_brokers = [\"127.0.0.1:1\"]\n"),
        "wrong",
        "broker",
        "no response",
    ),
    (
        "staff without an organisation",
        |_, text| {
            let digest = "0".repeat(64);
            format!("{text}\n[[access.tokens]]\nname = \"desk\"\nmode = \"staff\"\nsha256 = \"{digest}\"\n")
        },
        "warning",
        "settings",
        "1 of staff without an organisation",
    ),
    (
        "no provider, no keys",
        |_, text| {
            let oauth = "[oauth]\nenabled = true\n[[oauth.providers]]\nid = \"x\"\nname = \"X\"\nkind = \"nhs-login\"\n\
                 issuer = \"https://127.0.0.1:1\"\nclient_id = \"c\"\nscopes = \"openid\"\n";
            format!(
                "{}\n{oauth}",
                text.replace("[server]", "[server]\npublic_url = \"https://proxy.example\"")
            )
        },
        "wrong",
        "provider",
        "/.well-known/openid-configuration",
    ),
];

fn with_database(text: &str, url: &str) -> String {
    let line = text.lines().find(|line| line.starts_with("url = ")).expect("a database");
    text.replace(line, &format!("url = {url:?}"))
}

#[test]
fn doctor_reports_each_fault_with_its_fix() {
    for (name, spoil, state, about, says) in CASES {
        let (_database, folder, text) = sound(Backend::Sqlite);
        let config = folder.write("onbehalf.toml", &spoil(&folder, text));
        let (ended, found) = findings(&folder, &config);
        println!("{name}");
        assert_found(&found, state, about, says);
        let printed = ended.printed();
        for secret in ["s3cret", "QUFB", "c2VjcmV0"] {
            assert!(!printed.contains(secret), "{name}: {printed}");
        }
    }
}

#[rstest]
fn doctor_reports_a_broken_audit_chain_and_pending_or_newer_migrations(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (database, folder, text) = sound(backend);
    let config = folder.write("onbehalf.toml", &text);
    sql::execute(&database.url, "UPDATE audit_chains SET sequence = 5, hash = 'x' WHERE chain = 0");
    assert_found(&findings(&folder, &config).1, "wrong", "audit", "chain 0");
    folder.run(&["migrate", "down", "--yes", "--config", &config]).well();
    assert_found(&findings(&folder, &config).1, "wrong", "migrations", "pending migrations: 1");
    folder.run(&["migrate", "up", "--config", &config]).well();
    sql::execute(&database.url, "INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')");
    assert_found(&findings(&folder, &config).1, "wrong", "migrations", "newer version");
}

#[test]
fn doctor_reports_missing_exposed_or_invalid_keys() {
    let (_database, folder, text) = sound(Backend::Sqlite);
    let text = text.replace("[server]", "[server]\npublic_url = \"https://proxy.example\"");
    let config = folder.write("onbehalf.toml", &format!("{text}\n[oauth]\nenabled = true\n"));
    assert_found(&findings(&folder, &config).1, "warning", "keys", "does not exist");
    folder.run(&["keys", "rotate", "--config", &config]).well();
    assert_found(&findings(&folder, &config).1, "ok", "keys", "access-token: 0 days old");
    let file = std::fs::read_dir(folder.path("onbehalf-keys")).expect("keys").next().expect("a key");
    let name = format!("onbehalf-keys/{}", file.expect("a file").file_name().display());
    chmod(&folder, &name, 0o640);
    assert_found(&findings(&folder, &config).1, "wrong", "keys", "mode 640");
    folder.write(&name, "nothing");
    assert_found(&findings(&folder, &config).1, "wrong", "keys", "PEM private key");
}

#[test]
fn doctor_reports_an_expired_or_mismatched_certificate() {
    let (_database, folder, text) = sound(Backend::Sqlite);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    drop(taken);
    for (name, year, state, says) in [
        ("proxy.example", 2020, "wrong", "it expired"),
        ("proxy.example", 2090, "ok", "belongs to the key"),
        ("other.example", 2090, "wrong", "it is not valid for proxy.example"),
    ] {
        let mut parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("a name");
        parameters.not_before = rcgen::date_time_ymd(2010, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(year, 1, 1);
        let key = rcgen::KeyPair::generate().expect("a key");
        let made = parameters.self_signed(&key).expect("a certificate");
        folder.write("c.pem", &made.pem());
        folder.write("k.pem", &key.serialize_pem());
        let files = "[server]\npublic_url = \"https://proxy.example\"\ntls_certificate = \"c.pem\"\ntls_key = \"k.pem\"";
        let config = folder.write("onbehalf.toml", &text.replace("[server]", files));
        assert_found(&findings(&folder, &config).1, state, "certificate", says);
        chmod(&folder, "k.pem", 0o640);
        assert_found(&findings(&folder, &config).1, "wrong", "certificate", "k.pem (mode 640)");
    }
}

/// Settings with the password of the database are for their owner only; without one, others may read them.
#[test]
fn doctor_reports_settings_with_a_password_that_others_can_read() {
    let (_database, folder, text) = sound(Backend::Sqlite);
    let config = folder.write("onbehalf.toml", &text);
    chmod(&folder, "onbehalf.toml", 0o644);
    let readable = "onbehalf.toml (mode 644)";
    let (_, found) = findings(&folder, &config);
    assert!(!found.iter().any(|finding| finding["found"].as_str().unwrap_or_default().contains(readable)));
    let (before, after) = text.split_once("sqlite:").expect("an SQLite database");
    let (_, after) = after.split_once('"').expect("the end of the URL");
    for url in [
        "postgres://onbehalf:secret@127.0.0.1:1/onbehalf",
        "postgres://127.0.0.1:1/onbehalf?user=a&password=b",
    ] {
        folder.write("onbehalf.toml", &format!("{before}{url}\"{after}"));
        chmod(&folder, "onbehalf.toml", 0o644);
        assert_found(&findings(&folder, &config).1, "wrong", "settings", readable);
        chmod(&folder, "onbehalf.toml", 0o600);
        let (_, found) = findings(&folder, &config);
        assert!(
            !found
                .iter()
                .any(|finding| finding["found"].as_str().unwrap_or_default().contains("onbehalf.toml"))
        );
    }
}

/// With a mail server whose certificate the system trusts, or does not, and with its password, or another.
#[rstest]
fn doctor_logs_in_to_the_mail_server_over_tls(#[values(true, false)] is_wrapped: bool) {
    let (_database, folder, text) = sound(Backend::Sqlite);
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let mail = MailServer::guarded(&made, is_wrapped, "onbehalf", "a password");
    let trusted = folder.write("trusted.pem", &made.cert.pem());
    let config = |password: &str| {
        let file = folder.write("password", password);
        let tls = if is_wrapped { "tls" } else { "starttls" };
        let smtp = format!(
            "[smtp]\nhost = \"localhost\"\nport = {}\ntls = \"{tls}\"\nusername = \"onbehalf\"\n\
             password_file = {file:?}\nfrom = \"a <a@b.example>\"\n",
            mail.address.port()
        );
        folder.write("onbehalf.toml", &format!("{text}\n{smtp}"))
    };
    let right = config("a password\n");
    let (_, found) = findings_in(&folder, &right, &[("SSL_CERT_FILE", &trusted)]);
    assert_found(&found, "ok", "mail", "accepts the login");
    let (ended, found) = findings_in(&folder, &right, &[]);
    assert_found(&found, "wrong", "mail", "certificate");
    assert!(!ended.printed().contains("a password"), "{}", ended.printed());
    let wrong = config("another password");
    let (ended, found) = findings_in(&folder, &wrong, &[("SSL_CERT_FILE", &trusted)]);
    assert_found(&found, "wrong", "mail", "who is that");
    assert!(!ended.printed().contains("another password"), "{}", ended.printed());
    assert_eq!(mail.messages().len(), 0, "nothing is sent");
}
