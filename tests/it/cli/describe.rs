//! Descriptions that the command line prints: JSON, completions, manual pages, default settings.

use rstest::rstest;
use serde_json::Value;

use super::{assert_one_sentence, configuration};
use crate::support::{Backend, Folder, TestDatabase, sql};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|fault| panic!("{fault}: {text}"))
}

/// Every command with `--json` prints one JSON document, with these members.
#[rstest]
fn each_command_that_lists_prints_one_json_document(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (database, folder) = (TestDatabase::migrated(backend), Folder::new());
    let config = folder.write("onbehalf.toml", &configuration(&database.url));
    let no_roles = folder.write("roles.ndjson", "{\"resourceType\":\"Consent\"}\n");
    folder.run(&["keys", "rotate", "--config", &config]).well();
    folder.run(&["jobs", "run", "purge", "--config", &config]).well();
    let rows: [(&[&str], i32, &[&str]); 6] = [
        (&["jobs"], 0, &["/0/name", "/5/name", "/5/dueAt"]),
        (
            &["jobs", "--json", "run", "purge"],
            0,
            &["/name", "/outcome", "/startedAt", "/finishedAt", "/done"],
        ),
        (&["keys", "list"], 0, &["/0/purpose", "/0/kid", "/0/signs"]),
        (&["subscriptions"], 0, &[]),
        (&["audit", "verify"], 0, &["/heads/0/chain", "/heads/0/sequence", "/heads/0/hash", "/breaks"]),
        (
            &["import", &no_roles],
            1,
            &["/run", "/isRehearsal", "/isDone", "/lines", "/tally/roles/refused", "/tally/by_grantor"],
        ),
    ];
    for (command, code, members) in rows {
        let json_flag: &[&str] = if command.contains(&"--json") { &[] } else { &["--json"] };
        let ended = folder.run(&[command, json_flag, &["--config", &config]].concat());
        assert_eq!(ended.code, Some(code), "{command:?}: {}", ended.printed());
        let document = json(&ended.stdout);
        for member in members {
            assert!(
                document.pointer(member).is_some_and(|value| !value.is_null()),
                "{command:?} {member}: {document}"
            );
        }
    }
    let signing = json(&folder.run(&["keys", "list", "--json", "--config", &config]).well());
    let signing = signing.as_array().expect("keys").iter().filter(|key| key["signs"] == true).count();
    assert_eq!(signing, 3, "one key of each purpose signs");
}

#[rstest]
fn migrate_down_without_a_terminal_needs_yes_and_status_names_migrations(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (database, folder) = (TestDatabase::migrated(backend), Folder::new());
    let migrate =
        |arguments: &[&str]| folder.run(&[&["migrate"], arguments, &["--database", &database.url]].concat());
    let applied = || {
        let query = "SELECT CAST(count(*) AS TEXT) AS value FROM __diesel_schema_migrations";
        sql::number(&database.url, query)
    };
    let before = applied();
    assert_one_sentence(&migrate(&["down"]), "--yes");
    assert_eq!(applied(), before, "nothing was undone");
    let status = migrate(&["status"]).well();
    assert!(status.lines().any(|line| line.ends_with(" people applied")), "{status}");
    migrate(&["down", "--yes"]).well();
    assert_eq!(applied(), before - 1);
}

#[test]
fn config_default_prints_every_setting_with_its_comment_and_is_a_configuration() {
    let folder = Folder::new();
    let printed = folder.run(&["config", "default"]).well();
    assert_eq!(printed.trim_end(), config::DEFAULTS.trim_end());
    let file = folder.write("default.toml", &printed);
    let shown = folder.run(&["config", "show", "--config", &file]).well();
    assert_eq!(shown, folder.run(&["config", "show"]).well());
}

#[test]
fn config_show_names_apps_and_providers_and_no_secret() {
    let folder = Folder::new();
    let settings = "[[oauth.apps]]\nclient_id = \"portal\"\nname = \"Northtown Portal\"\nmode = \"citizen\"\n\
        authentication = \"secret\"\nsecret_sha256 = \"feedbeef\"\nredirect_uris = [\"https://portal.example/callback?key=hidden\"]\n\
        scopes = \"openid patient/*.rs\"\n\
        [[oauth.providers]]\nid = \"nhs-login\"\nname = \"NHS login\"\nkind = \"nhs-login\"\n\
        issuer = \"https://auth.login.nhs.uk\"\nclient_id = \"us\"\nclient_secret_file = \"/etc/hidden\"\n";
    let config = folder.write("onbehalf.toml", settings);
    let shown = folder.run(&["config", "show", "--config", &config]).well();
    for named in ["portal", "Northtown Portal", "patient/*.rs", "nhs-login", "https://auth.login.nhs.uk"] {
        assert!(shown.contains(named), "{named}: {shown}");
    }
    assert!(!shown.contains("feedbeef") && !shown.contains("hidden"), "{shown}");
}

#[test]
fn completions_and_manual_pages_describe_every_command() {
    let folder = Folder::new();
    let help = folder.run(&["--help"]).well();
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.contains(&"serve") && commands.contains(&"man"), "{commands:?}");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = folder.run(&["completions", shell]).well();
        for command in &commands {
            assert!(script.contains(command), "{shell} {command}");
        }
    }
    assert!(folder.run(&["man"]).well().contains(".TH onbehalf 1"));
    let pages = folder.path("pages");
    std::fs::create_dir(&pages).expect("a folder");
    folder.run(&["man", "--folder", &pages.display().to_string()]).well();
    for command in &commands {
        let page = std::fs::read_to_string(pages.join(format!("onbehalf-{command}.1")));
        assert!(page.is_ok_and(|page| page.contains(".TH")), "{command}");
    }
    assert!(pages.join("onbehalf-migrate-down.1").exists());
}
