//! Settings: their sources, their faults, and secrets that are never printed.

use config::DEFAULTS;

use super::{configuration, token_digest};
use crate::support::{Ended, Folder};

#[track_caller]
fn assert_faults(ended: &Ended, named: &[&str]) {
    assert_eq!(ended.code, Some(2), "{}", ended.printed());
    for name in named {
        assert!(ended.stderr.contains(name), "{name} is not named: {}", ended.stderr);
    }
}

#[test]
fn serve_without_an_authentication_method_is_refused() {
    assert_faults(&Folder::new().run(&["serve"]), &["access.policy", "no caller could authenticate"]);
}

#[test]
fn sqlite_has_neither_a_replica_nor_a_pooler() {
    let folder = Folder::new();
    for setting in ["pooler = \"transaction\"", "replica_url = \"postgres://onbehalf@replica/onbehalf\""] {
        let config = folder.write("onbehalf.toml", &format!("[database]\n{setting}\n"));
        assert_faults(&folder.run(&["config", "check", "--config", &config]), &["database.url"]);
    }
    let secret = "replica_url = \"postgres://onbehalf:s3cret@replica/onbehalf\"";
    let config =
        folder.write("onbehalf.toml", &format!("[database]\nurl = \"postgres://one/two\"\n{secret}\n"));
    let shown = folder.run(&["config", "show", "--config", &config]).well();
    assert!(shown.contains("postgres://onbehalf@replica/onbehalf") && !shown.contains("s3cret"), "{shown}");
}

/// Every kind of fault in one file.
const FAULTY: &str = r#"
[server]
lisen = "127.0.0.1:1"
workers = "many"
shutdown_seconds = 100000
public_url = "ftp://example.org"
listen = "here"
[database]
url = "mysql://root:s3cret@db/name"
connections = 0
wait_seconds = 1.5
[access]
policy = "tokens"
[[access.tokens]]
name = ""
mode = "king"
sha256 = "s3cret"
[[access.tokens]]
name = "a citizen"
mode = "citizen"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
nhs_number = "90000000180"
token = "s3cret"
[contract]
nhs_number_check = "sometimes"
proposed_lifecycle = "perhaps"
status_for_bad_path = 418
[limits]
body_bytes = -1
json_depth = 1000
[log]
level = "loud"
format = 5
[health]
status_key_sha256 = "s3cret"
[nonsense]
key = 1
"#;

const FAULTS: &[&str] = &[
    "server.lisen",
    "server.workers",
    "server.shutdown_seconds",
    "server.public_url",
    "server.listen",
    "database.url",
    "database.connections",
    "database.wait_seconds",
    "access.tokens, table 1: sha256",
    "access.tokens, table 1: name",
    "access.tokens, table 1: mode",
    "access.tokens, table 2: nhs_number",
    "access.tokens, table 2: knows only",
    "contract.nhs_number_check",
    "contract.proposed_lifecycle",
    "contract.status_for_bad_path",
    "limits.body_bytes",
    "limits.json_depth",
    "log.level",
    "log.format",
    "health.status_key_sha256",
    "nonsense",
];

#[test]
fn every_configuration_fault_is_reported_at_once_without_secrets() {
    let folder = Folder::new();
    let file = folder.write("faulty.toml", FAULTY);
    for verb in [&["serve"][..], &["sandbox"], &["config", "check"], &["migrate", "up"], &["seed", "x.json"]]
    {
        let ended = folder.run(&[verb, &["--config", &file]].concat());
        assert_faults(&ended, FAULTS);
        assert!(!ended.printed().contains("s3cret"), "{}", ended.printed());
        assert!(!ended.printed().contains("900000001"), "{}", ended.printed());
    }
}

#[test]
fn invalid_toml_is_reported_without_its_secrets() {
    let folder = Folder::new();
    for text in [
        "[database]\nurl = \"postgres://me:s3cret@db/name\n",
        "[database]\nurl = postgres://me:s3cret@db/name\n",
        "database.url = \"postgres://me:s3cret@db/name\" x\n",
    ] {
        let file = folder.write("broken.toml", text);
        let ended = folder.run(&["config", "check", "--config", &file]);
        assert_eq!(ended.code, Some(2), "{}", ended.printed());
        assert!(!ended.printed().contains("s3cret"), "{}", ended.printed());
    }
}

#[test]
fn missing_file_is_reported() {
    let ended = Folder::new().run(&["config", "check", "--config", "nowhere.toml"]);
    assert_faults(&ended, &["nowhere.toml"]);
}

#[test]
fn misspelt_environment_variable_is_a_configuration_fault() {
    let folder = Folder::new();
    let ended = folder.run_in(&["config", "check"], &[("ONBEHALF__SERVER__LISEN", "127.0.0.1:1")]);
    assert_faults(&ended, &["server.lisen"]);
    let ended = folder.run_in(&["config", "check"], &[("ONBEHALF__LIMITS__JSON_DEPTH", "deep")]);
    assert_faults(&ended, &["limits.json_depth"]);
}

/// The value of a key in what `config show` printed.
fn shown<'t>(text: &'t str, section: &str, key: &str) -> Option<&'t str> {
    let (_, after) = text.split_once(&format!("[{section}]\n"))?;
    let section = after.split_once("\n[").map_or(after, |(section, _)| section);
    section.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))
}

#[test]
fn config_show_prints_every_setting() {
    let text = Folder::new().run(&["config", "show"]).well();
    let mut section = "";
    // What is indented belongs to the value of the line before it.
    for line in DEFAULTS.lines().filter(|line| !line.starts_with(['#', ' '])) {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some((key, value)) = line.split_once(" = ") {
            let printed = shown(&text, section, key).unwrap_or_else(|| panic!("{section}.{key}: {text}"));
            assert!(printed.starts_with(value), "{section}.{key} is shown as {printed}, not {value}");
        }
    }
}

#[test]
fn config_show_prints_no_secret() {
    let folder = Folder::new();
    for password in ["s3cret", "s3cret?more", "s3c@s3cret", "s3cret:x", "%73s3cret"] {
        let url = format!("postgres://me:{password}@db.example:5432/name?password=s3cret&passfile=s3cret");
        let status_key = format!("[health]\nstatus_key_sha256 = \"{}\"\n", "5e".repeat(32));
        let file = folder.write("secret.toml", &format!("{}{status_key}", configuration(&url)));
        let text = folder.run(&["config", "show", "--config", &file]).well();
        for secret in ["s3c", "5e5e5e", &token_digest()] {
            assert!(!text.contains(secret), "{secret} of {url} is shown: {text}");
        }
    }
}

#[test]
fn config_show_output_is_a_valid_configuration() {
    let folder = Folder::new();
    let text = folder.run(&["config", "show", "--listen", "127.0.0.1:99"]).well();
    let file = folder.write("shown.toml", &text);
    folder.run(&["config", "check", "--config", &file]).well();
    assert_eq!(folder.run(&["config", "show", "--config", &file]).well(), text);
}

#[test]
fn the_environment_overrides_the_file_and_flags_override_both() {
    let folder = Folder::new();
    let file = folder.write(
        "file.toml",
        "[server]\nlisten = \"127.0.0.1:1\"\nworkers = 3\n[database]\nurl = \"sqlite:file\"\n[log]\nlevel = \"warn\"\n",
    );
    let environment = [
        ("ONBEHALF__SERVER__LISTEN", "127.0.0.1:2"),
        ("ONBEHALF__DATABASE__URL", "sqlite:environment"),
        ("ONBEHALF__LOG__LEVEL", "debug"),
    ];
    let show = |arguments: &[&str], environment: &[(&str, &str)]| {
        let text = folder.run_in(&[&["config", "show"], arguments].concat(), environment).well();
        ["server listen", "database url", "log level", "server workers"].map(|name| {
            let (section, key) = name.split_once(' ').unwrap();
            shown(&text, section, key).unwrap().trim_matches('"').to_owned()
        })
    };
    assert_eq!(show(&[], &[]), ["127.0.0.1:8080", "sqlite:onbehalf.sqlite", "info", "0"]);
    assert_eq!(show(&["--config", &file], &[]), ["127.0.0.1:1", "sqlite:file", "warn", "3"]);
    assert_eq!(show(&["--config", &file], &environment), ["127.0.0.1:2", "sqlite:environment", "debug", "3"]);
    let flags = ["--config", &file, "--listen", "127.0.0.1:3", "--database", "sqlite:flag"];
    assert_eq!(show(&flags, &environment), ["127.0.0.1:3", "sqlite:flag", "debug", "3"]);
}

#[test]
fn too_wide_redirect_uri_or_jwks_uri_is_a_configuration_fault() {
    let folder = Folder::new();
    let check = |redirect: &str, jwks: &str| {
        let app = format!(
            "[server]\npublic_url = \"https://proxy.example\"\n[oauth]\nenabled = true\n[[oauth.apps]]\n\
             client_id = \"portal\"\nname = \"Portal\"\nmode = \"citizen\"\nauthentication = \"private_key_jwt\"\n\
             jwks_uri = {jwks:?}\nredirect_uris = [{redirect:?}]\ngrants = [\"authorization_code\"]\n\
             scopes = \"openid\"\n"
        );
        folder.run(&["config", "check", "--config", &folder.write("onbehalf.toml", &app)])
    };
    let (back, keys) = ("https://app.example/callback", "https://app.example/jwks");
    let good = check(back, keys);
    assert_eq!(good.code, Some(0), "{}", good.printed());
    for wide in [
        "https://*.example/callback",
        "https://app.example/*",
        "https://app.example/callback#fragment",
        "https://app.example@evil.example/",
        "http://app.example/callback",
        "https://",
        "javascript:alert(1)",
        "/callback",
        "",
    ] {
        assert_faults(&check(wide, keys), &["oauth.apps, table 1", "redirect_uris"]);
    }
    for inside in [
        "http://app.example/jwks",
        "http://127.0.0.1/jwks",
        "https://10.1.2.3/jwks",
        "https://169.254.169.254/jwks",
        "https://[::1]/jwks",
        "https://user:secret@app.example/jwks",
    ] {
        assert_faults(&check(back, inside), &["oauth.apps, table 1", "jwks_uri"]);
    }
}

// covers FAULT-3
#[test]
fn the_subject_of_introspection_is_the_account_or_the_user() {
    let folder = Folder::new();
    let check = |line: &str| {
        let app = format!(
            "[[oauth.apps]]\nclient_id = \"producer\"\nname = \"Producer\"\nmode = \"system\"\nauthentication = \"none\"\n\
             grants = [\"client_credentials\"]\nscopes = \"system/*.rs\"\nintrospection = true\n{line}\n"
        );
        folder.run(&["config", "check", "--config", &folder.write("onbehalf.toml", &app)])
    };
    for good in ["", "introspection_subject = \"account\"", "introspection_subject = \"user\""] {
        assert_eq!(check(good).code, Some(0), "{good}: {}", check(good).printed());
    }
    assert_faults(
        &check("introspection_subject = \"patient\""),
        &["oauth.apps, table 1", "introspection_subject"],
    );
}

// SEC-14.
#[test]
fn exchange_audiences_of_providers_and_apps_must_match() {
    let folder = Folder::new();
    let settings = |provider: &str, app: &str, authentication: &str| {
        format!(
            "[[oauth.providers]]\nid = \"p\"\nname = \"P\"\nkind = \"nhs-login\"\nissuer = \"https://p.example\"\n\
             client_id = \"c\"\nscopes = \"openid\"\nexchange_audiences = [{provider}]\n\
             [[oauth.apps]]\nclient_id = \"portal\"\nname = \"Portal\"\nmode = \"citizen\"\n{authentication}\n\
             redirect_uris = [\"https://portal.example/cb\"]\ngrants = [\"token_exchange\"]\nscopes = \"openid\"\n\
             exchange_audiences = [{app}]\n"
        )
    };
    let public = "authentication = \"none\"";
    let secret = format!("authentication = \"secret\"\nsecret_sha256 = \"{}\"", token_digest());
    let check = |provider: &str, app: &str, authentication: &str| {
        let config = folder.write("onbehalf.toml", &settings(provider, app, authentication));
        folder.run(&["config", "check", "--config", &config])
    };
    // As a file is from before apps had lists.
    assert_faults(&check("\"c-1\"", "", &secret), &["oauth.providers", "c-1", "[[oauth.apps]]"]);
    assert_faults(&check("", "\"c-1\"", &secret), &["oauth.apps", "c-1", "[[oauth.providers]]"]);
    assert_faults(&check("\"c-1\"", "\"c-1\"", public), &["exchange_audiences", "authenticate"]);
    assert_ne!(check("\"c-1\"", "\"c-1\"", &secret).code, None);
    assert!(!check("\"c-1\"", "\"c-1\"", &secret).stderr.contains("exchange_audiences"));
}
