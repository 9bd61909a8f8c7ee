//! Rules that the manifests of the crates cannot state: which crates may name which, where a library may be
//! used, and size limits. That a crate uses only what its manifest names, and that there is no cycle of
//! crates, is checked by the compiler and by Cargo.

mod circles;
mod names;

use std::fs;
use std::path::{Path, PathBuf};

/// A source file: its path below the package, and its text without comments.
struct Source {
    path: String,
    text: String,
    lines: usize,
}

fn sources() -> Vec<Source> {
    sources_in("src")
}

fn sources_in(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join(folder)];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder can be read") {
            let path: PathBuf = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("build.rs")
            {
                let text = fs::read_to_string(&path).expect("a file can be read");
                let path = path.strip_prefix(root).expect("below the package").display().to_string();
                sources.push(Source { path, lines: text.lines().count(), text: without_comments(&text) });
            }
        }
    }
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(sources.len() > 50, "{folder} was not found");
    sources
}

/// Only whole lines of comment: a `//` within a line can be part of a URL.
fn without_comments(text: &str) -> String {
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    text.lines().filter(is_code).collect::<Vec<_>>().join("\n")
}

/// The crates of `src`, each with those of ours that it may depend on. An API never depends on another one;
/// delivery is above the FHIR API, which renders its notifications; the command line imports by way of it.
const CRATES: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("http-guard", &[]),
    ("sqlite-deadline", &[]),
    ("postgres-tls", &[]),
    ("fhir-codec", &[]),
    ("jose", &["base"]),
    ("domain", &["base"]),
    ("fhir", &["base", "domain"]),
    ("idp", &["base", "domain", "jose"]),
    ("store", &["base", "domain", "postgres-tls", "sqlite-deadline"]),
    ("service", &["base", "domain", "jose", "store"]),
    ("config", &["base", "domain", "idp", "jose", "service", "store"]),
    ("web", &["base", "config", "domain", "fhir", "jose", "service", "store"]),
    ("simulated-idp", &["base", "domain", "idp", "jose", "service", "store", "web"]),
    ("oauth", &["base", "domain", "idp", "jose", "service", "store", "web"]),
    ("api-fhir", &["base", "config", "domain", "fhir", "service", "store", "web"]),
    ("api-vrs", &["base", "config", "domain", "fhir", "fhir-codec", "service", "store", "web"]),
    ("api-registry", &["base", "config", "domain", "fhir", "service", "store", "web"]),
    ("delivery", &["api-fhir", "base", "config", "domain", "fhir", "service", "store", "web"]),
    ("server", ABOVE_APIS),
    ("cli", ABOVE_APIS),
];

const ABOVE_APIS: &[&str] = &[
    "api-fhir",
    "api-registry",
    "api-vrs",
    "base",
    "config",
    "delivery",
    "domain",
    "fhir",
    "http-guard",
    "idp",
    "jose",
    "oauth",
    "server",
    "service",
    "simulated-idp",
    "store",
    "web",
];

/// Libraries that only a few crates may use, and those crates.
const HOMES: &[(&str, &[&str])] = &[
    ("actix-http", &["server"]),
    ("actix-server", &["server"]),
    ("actix-service", &["server"]),
    (
        "actix-web",
        &["web", "oauth", "simulated-idp", "api-fhir", "api-vrs", "api-registry", "server", "http-guard"],
    ),
    ("askama", &["oauth", "server", "simulated-idp"]),
    ("async-nats", &["delivery"]),
    ("clap", &["cli"]),
    ("csv", &["cli"]),
    // The feature of base converts errors of the database to ours, which Rust allows nowhere else.
    ("diesel", &["base", "store"]),
    ("diesel_migrations", &["store"]),
    ("figment", &["config"]),
    ("governor", &["web"]),
    ("indicatif", &["cli"]),
    ("lapin", &["delivery"]),
    ("lettre", &["service"]),
    ("openidconnect", &["idp"]),
    ("prometheus", &["web"]),
    ("r2d2", &["store"]),
    ("reqwest", &["base", "delivery", "idp"]),
    ("rustls", &["delivery", "http-guard", "idp", "postgres-tls", "server"]),
    ("signal-hook", &["cli"]),
];

/// Libraries that only a part of a crate may use.
const PARTS: &[(&str, &str)] = &[
    ("sqlite_deadline", "src/store/db.rs"),
    ("postgres_tls", "src/store/db.rs"),
    ("lettre", "src/service/job/sender"),
    ("csv", "src/cli/import"),
    ("indicatif", "src/cli/import"),
    ("signal_hook", "src/cli"),
    ("diesel", "src/store"),
];

/// Libraries that the domain never uses.
const NOT_PURE: &[&str] = &["actix-web", "actix-rt", "diesel", "serde_json", "tokio", "tracing", "reqwest"];

/// The crates of `src`, each with the names of what it depends on (not for its tests).
fn manifests() -> Vec<(String, Vec<String>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut manifests = Vec::new();
    for entry in fs::read_dir(root).expect("a folder can be read") {
        let folder = entry.expect("an entry").path();
        let Ok(text) = fs::read_to_string(folder.join("Cargo.toml")) else { continue };
        let section = text.split("[dependencies]\n").nth(1).unwrap_or_default();
        let section = section.split("\n[").next().unwrap_or_default();
        let name = |line: &str| line.split(['.', ' ', '=']).next().map(str::to_owned);
        let names = section.lines().filter_map(name).filter(|name| !name.is_empty()).collect();
        manifests.push((folder.file_name().expect("a name").to_string_lossy().into_owned(), names));
    }
    manifests.sort();
    manifests
}

#[test]
fn crates_depend_only_on_lower_crates() {
    let manifests = manifests();
    let names: Vec<&str> = manifests.iter().map(|(name, _)| name.as_str()).collect();
    let mut known: Vec<&str> = CRATES.iter().map(|(name, _)| *name).collect();
    known.sort_unstable();
    assert_eq!(names, known);
    for (name, dependencies) in &manifests {
        let (_, below) = CRATES.iter().find(|(known, _)| known == name).expect("it is listed");
        let ours = dependencies.iter().filter(|dependency| names.contains(&dependency.as_str()));
        let above: Vec<_> = ours.filter(|dependency| !below.contains(&dependency.as_str())).collect();
        assert!(above.is_empty(), "{name} depends on {above:?}");
    }
}

#[test]
fn libraries_are_used_only_in_their_crates() {
    for (name, dependencies) in manifests() {
        for (library, homes) in HOMES {
            let is_named = dependencies.iter().any(|dependency| dependency == library);
            assert!(!is_named || homes.contains(&name.as_str()), "{name} depends on {library}");
        }
        if name == "domain" {
            let impure: Vec<_> =
                dependencies.iter().filter(|name| NOT_PURE.contains(&name.as_str())).collect();
            assert!(impure.is_empty(), "the domain depends on {impure:?}");
        }
    }
    for source in sources() {
        for (library, home) in PARTS {
            let is_home = source.path.starts_with(home) || source.path == "src/base/database.rs";
            assert!(is_home || !uses_library(&source.text, library), "{} uses {library}", source.path);
        }
        let is_async = source.path.starts_with("src/domain/") && source.text.contains("async ");
        assert!(!is_async, "{} is async", source.path);
    }
}

/// The steps of the request pipeline by the code that implements them, and the files that may contain it:
/// `web` has each step once, and an API supplies its rendering of errors. (A header that is only listed, as
/// CORS does, is not read.)
const STEPS: &[(&str, &[&str])] = &[
    // Authentication and the credentials of a request.
    ("AUTHORIZATION", &["src/web/credentials.rs"]),
    ("authentication::authenticate(", &["src/web/gate.rs"]),
    ("gate.authenticate(", &["src/web/caller.rs"]),
    ("CallerKind(", &["src/web/caller.rs", "src/web/observe/request_log.rs"]),
    // Rate limits of callers, clients and addresses.
    (".count_caller(", &["src/web/caller.rs"]),
    (".count_app(", &["src/oauth/client/mod.rs"]),
    (".count_address(", &["src/web/limit.rs"]),
    // The request id. http-guard restores the letter case of its name.
    (
        "\"x-request-id\"",
        &[
            "src/web/request_id.rs",
            "src/http-guard/head.rs",
            "src/http-guard/answer.rs",
            "src/http-guard/head_parser.rs",
        ],
    ),
    // Browser apps of other origins.
    ("ACCESS_CONTROL_", &["src/web/cors.rs"]),
    ("access-control-", &[]),
    // Panics: a worker and a job catch their own.
    ("request handler panicked", &["src/web/panic.rs"]),
    ("AssertUnwindSafe(next.", &["src/web/panic.rs"]),
    // Record, then answer.
    ("Journal::start(", &["src/web/gate.rs"]),
    ("journal.record(", &["src/web/gate.rs"]),
    // The memory and time limits of a body.
    ("payload.next()", &["src/web/body.rs"]),
];

#[test]
fn each_step_of_the_request_pipeline_is_written_once_in_web() {
    let sources = sources();
    for (step, homes) in STEPS {
        let naming = sources.iter().filter(|source| source.text.contains(step));
        let naming: Vec<&str> = naming.map(|source| source.path.as_str()).collect();
        let copies: Vec<_> = naming.iter().filter(|path| !homes.contains(path)).collect();
        assert!(copies.is_empty(), "{step} is written again: use web's in {copies:?}");
        let gone: Vec<_> = homes.iter().filter(|home| !naming.contains(home)).collect();
        assert!(gone.is_empty(), "{step} is no longer written in {gone:?}: this test would not see a copy");
    }
}

/// A connection of the test's own that does not wait for SQLite's lock fails now and then with "database is locked".
#[test]
fn a_test_opens_sqlite_only_where_the_lock_is_waited_for() {
    let opens = concat!("::esta", "blish(");
    let opening = sources_in("tests").into_iter().filter(|source| source.text.contains(opens));
    let homes: Vec<String> = opening.map(|source| source.path).collect();
    assert_eq!(homes, ["tests/it/support/backend.rs", "tests/it/support/sql.rs"]);
}

/// The HTTP guard takes a refusal without a body for one of the HTTP library's, and says that the request is not valid HTTP.
#[test]
fn no_handler_refuses_without_a_body() {
    const STATUSES: [&str; 8] = [
        "BadRequest",
        "Unauthorized",
        "Forbidden",
        "NotFound",
        "Conflict",
        "InternalServerError",
        "ServiceUnavailable",
        "TooManyRequests",
    ];
    let mut count = 0;
    for source in sources() {
        for status in STATUSES {
            for (at, built) in source.text.match_indices(&format!("HttpResponse::{status}()")) {
                let rest = &source.text[at + built.len()..];
                let end = rest.find([';', '}']).unwrap_or(rest.len());
                count += 1;
                assert!(!rest[..end].contains(".finish()"), "{}: {status} without a body", source.path);
            }
        }
    }
    assert!(count > 3, "refusals are not found any more: {count}");
}

/// The arguments of handlers: none of them is the state of everything.
#[test]
fn no_struct_of_web_has_more_than_eight_fields() {
    let mut count = 0;
    for source in sources().iter().filter(|source| source.path.starts_with("src/web/")) {
        for text in source.text.split("struct ").skip(1) {
            let (head, body) = text.split_once('{').unwrap_or((text, ""));
            if head.contains(['(', ';']) {
                continue;
            }
            let fields = body.split("\n}").next().unwrap_or_default();
            let fields =
                fields.lines().filter(|line| line.starts_with("    ") && line.contains(": ")).count();
            count += 1;
            let is_registry = head.trim() == "Inner" && source.path == "src/web/observe/metrics.rs";
            assert!(fields <= 8 || is_registry, "{}: {} has {fields} fields", source.path, head.trim());
        }
    }
    assert!(count > 5, "structs are not found any more: {count}");
}

/// Whether a text names a library: as the first part of a path, or in a `use`.
fn uses_library(text: &str, library: &str) -> bool {
    text.match_indices(library).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = &text[at + library.len()..];
        let begins = !before.is_some_and(|letter| letter.is_alphanumeric() || "_:\"".contains(letter));
        let is_used = text[..at].ends_with("use ") && after.starts_with(';');
        begins && (after.starts_with("::") || is_used)
    })
}

#[test]
fn no_file_is_longer_than_500_lines_but_the_schema() {
    let is_long = |source: &Source| source.lines > 500 && source.path != "src/store/schema.rs";
    let long: Vec<String> = sources().into_iter().filter(is_long).map(|source| source.path).collect();
    assert!(long.is_empty(), "{long:?}");
}

/// Functions with their lengths, signature and closing brace included. Goes by indentation, as the
/// formatter leaves it.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut functions = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let is_function = code.starts_with("fn ")
            || (code.contains(" fn ")
                && ["pub", "async ", "const "].iter().any(|start| code.starts_with(start)));
        if !is_function {
            continue;
        }
        let end = format!("{}}}", &line[..line.len() - code.len()]);
        let is_end = |line: &&str| {
            **line == end || line.ends_with(';') && line.trim_start().len() + end.len() - 1 == line.len()
        };
        if let Some(length) = lines[at..].iter().position(is_end) {
            functions.push((code.to_owned(), length + 1));
        }
    }
    functions
}

#[test]
fn no_function_is_longer_than_60_lines() {
    let mut long = Vec::new();
    let mut count = 0;
    for source in sources() {
        for (function, length) in functions(&source.text) {
            count += 1;
            if length > 60 {
                long.push(format!("{} {length}: {function}", source.path));
            }
        }
    }
    assert!(count > 200, "functions are not found any more: {count}");
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn no_folder_holds_more_than_15_files() {
    let mut folders: Vec<(String, usize)> = Vec::new();
    for source in sources() {
        let folder = Path::new(&source.path).parent().expect("a folder").display().to_string();
        match folders.iter_mut().find(|(known, _)| *known == folder) {
            Some((_, count)) => *count += 1,
            None => folders.push((folder, 1)),
        }
    }
    folders.retain(|(_, count)| *count > 15);
    assert!(folders.is_empty(), "{folders:?}");
}

/// SQL keywords in a string.
const SQL: &[&str] = &[
    "SELECT ",
    "INSERT INTO ",
    "DELETE FROM ",
    " WHERE ",
    " JOIN ",
    " LIKE ",
    "ORDER BY ",
    "GROUP BY ",
    "CASE WHEN ",
    "IS NULL",
    "IS NOT NULL",
    "EXISTS (",
    "EXISTS(",
    "LOWER(",
    "UPPER(",
    "SUBSTR(",
    "COALESCE(",
    "CAST(",
    "' || ",
    " || '",
];

/// The strings of a source, as they are written between their quotes.
fn strings(text: &str) -> Vec<String> {
    let mut strings = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'']) {
        let (before, begun) = rest.split_at(at);
        if begun.starts_with('\'') {
            // A letter, or a lifetime.
            let letter =
                ["'\"'", "'\\\"'", "'\\\\'", "'\\''"].into_iter().find(|letter| begun.starts_with(letter));
            rest = &begun[letter.map_or(1, str::len)..];
            continue;
        }
        let hashes = before.len() - before.trim_end_matches('#').len();
        let is_raw = before.trim_end_matches('#').ends_with('r');
        let (mut end, mut is_escape) = (None, false);
        let close = format!("\"{}", "#".repeat(if is_raw { hashes } else { 0 }));
        for (place, letter) in begun.char_indices().skip(1) {
            if !is_escape && begun[place..].starts_with(&close) {
                end = Some(place);
                break;
            }
            is_escape = !is_raw && letter == '\\' && !is_escape;
        }
        let Some(end) = end else { break };
        strings.push(begun[1..end].to_owned());
        rest = &begun[end + close.len()..];
    }
    strings
}

#[test]
fn sql_is_in_the_store_only() {
    let mut count = 0;
    let mut found = Vec::new();
    for source in sources() {
        // It ends statements of the SQLite library and is tested against that library.
        if source.path.starts_with("src/store/") || source.path == "src/sqlite-deadline/src/tests.rs" {
            continue;
        }
        for string in strings(&source.text) {
            count += 1;
            if SQL.iter().any(|word| string.contains(word)) {
                found.push(format!("{}: {string:?}", source.path));
            }
        }
    }
    assert!(count > 2000, "strings are not found any more: {count}");
    assert!(found.is_empty(), "name a field of the store instead:\n{}", found.join("\n"));
}

/// An API that could make a column, or join a table, from a text would write SQL.
#[test]
fn nothing_public_of_the_search_takes_sql() {
    let mut found = Vec::new();
    for source in sources().into_iter().filter(|source| source.path.starts_with("src/store/search/")) {
        for line in source.text.lines().map(str::trim_start) {
            let is_public =
                line.starts_with("pub ") || line.starts_with(|letter: char| letter.is_ascii_uppercase());
            if is_public
                && (line.contains("Column") && !line.contains("= Column::") || line.contains("'static str"))
            {
                found.push(format!("{}: {line}", source.path));
            }
        }
    }
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn architecture_parsers_find_known_items() {
    let text = r##"f('"', "a \" b", r"c\", r#"d " e"#, &'static str, b'\'', "\\", '\\', "g")"##;
    assert_eq!(strings(text), [r#"a \" b"#, r"c\", r#"d " e"#, r"\\", "g"]);
    assert!(
        uses_library("use diesel::prelude::*;", "diesel")
            && uses_library("    diesel::insert_into(x)", "diesel")
    );
    assert!(!uses_library("use diesel_migrations::x;", "diesel") && !uses_library("my_diesel::x", "diesel"));
    assert_eq!(functions("    fn a() {\n        1\n    }\n"), [("fn a() {".to_owned(), 3)]);
    let manifests = manifests();
    let store = manifests.iter().find(|(name, _)| name == "store").expect("the store");
    assert!(store.1.contains(&"diesel".to_owned()) && store.1.contains(&"base".to_owned()), "{store:?}");
}
