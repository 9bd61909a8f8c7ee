//! The walls of the house: reads `src` and fails where a room uses what does not stand below it, a
//! library is used outside its home, or something has grown too large.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file: its path below the package, and its text without comments.
struct Source {
    path: String,
    text: String,
    lines: usize,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder can be read") {
            let path: PathBuf = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a file can be read");
                let path = path.strip_prefix(root).expect("below the package").display().to_string();
                sources.push(Source { path, lines: text.lines().count(), text: without_comments(&text) });
            }
        }
    }
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(sources.len() > 50, "src was not found");
    sources
}

/// Only whole lines of comment: a `//` within a line can be part of a URL.
fn without_comments(text: &str) -> String {
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    text.lines().filter(is_code).collect::<Vec<_>>().join("\n")
}

/// The paths that a use tree names: `a::{b, c::{d, e}}` is `a::b`, `a::c::d`, `a::c::e`.
fn expand(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let end =
        tree.find(|letter: char| !(letter.is_alphanumeric() || "_:".contains(letter))).unwrap_or(tree.len());
    let (stem, rest) = tree.split_at(end);
    if !rest.starts_with('{') || !(stem.is_empty() || stem.ends_with("::")) {
        return vec![stem.trim_end_matches(':').to_owned()];
    }
    let (mut depth, mut start, mut paths) = (0, 1, Vec::new());
    for (at, letter) in rest.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' | ',' if depth == 1 => {
                let branch = rest[start..at].trim();
                if !branch.is_empty() {
                    paths.extend(expand(branch).into_iter().map(|path| format!("{stem}{path}")));
                }
                start = at + 1;
                if letter == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    paths
}

/// The paths below `crate::` that a text names, in `use` lines and elsewhere.
fn paths_used(text: &str) -> Vec<String> {
    let places = text.match_indices("crate::").filter(|(at, _)| !text[..*at].ends_with("pub(in "));
    places.flat_map(|(at, name)| expand(&text[at + name.len()..])).collect()
}

fn is_below(path: &str, room: &str) -> bool {
    path == room || path.strip_prefix(room).is_some_and(|rest| rest.starts_with("::"))
}

/// Whether a file belongs to a room: a folder, a file, or `folder/*.rs` for the files right in it.
fn is_in(file: &str, room: &str) -> bool {
    match room.strip_suffix("/*.rs") {
        Some(folder) => Path::new(file).parent() == Some(Path::new(folder)),
        None => file == room || file.starts_with(&format!("{room}/")),
    }
}

const ABOVE_FRONTS: &[&str] = &["cli", "server"];
const ABOVE_USE_CASES: &[&str] = &["cli", "server", "app", "vrs", "fhir", "inbox"];
const ABOVE_STORE: &[&str] = &[
    "cli",
    "server",
    "app",
    "vrs",
    "fhir",
    "inbox",
    "job",
    "person::command",
    "proxy::command",
    "proxy::query",
    "account::access",
];
const ABOVE_DOMAIN: &[&str] = &[
    "cli",
    "server",
    "app",
    "vrs",
    "fhir",
    "inbox",
    "job",
    "person::command",
    "proxy::command",
    "proxy::query",
    "account",
    "audit",
    "event",
    "store",
    "config",
    "observe",
    "json",
];
const ABOVE_COMMON: &[&str] = &[
    "cli",
    "server",
    "app",
    "vrs",
    "fhir",
    "inbox",
    "job",
    "proxy",
    "person",
    "account",
    "audit",
    "event",
    "store",
    "config",
    "observe",
    "json",
    "date_time",
];

/// The rooms, and what none of their files may use.
const WALLS: &[(&str, &[&str])] = &[
    ("src/vrs", ABOVE_FRONTS),
    ("src/vrs", &["fhir", "account::oauth", "account::upstream"]),
    ("src/account/oauth", ABOVE_FRONTS),
    ("src/account/oauth", &["fhir", "vrs", "store::schema"]),
    ("src/account/command", ABOVE_USE_CASES),
    ("src/account/command", &["account::oauth", "account::upstream"]),
    ("src/account/proof", ABOVE_USE_CASES),
    ("src/fhir", ABOVE_FRONTS),
    ("src/fhir", &["vrs", "account::oauth", "account::upstream", "store::schema"]),
    ("src/observe", ABOVE_USE_CASES),
    ("src/vrs", &["store::schema"]),
    ("src/app.rs", ABOVE_FRONTS),
    ("src/config", ABOVE_USE_CASES),
    ("src/proxy/command", ABOVE_USE_CASES),
    ("src/proxy/query.rs", ABOVE_USE_CASES),
    ("src/account/access.rs", ABOVE_USE_CASES),
    ("src/account/command", ABOVE_USE_CASES),
    ("src/account/upstream", ABOVE_FRONTS),
    ("src/account/upstream", &["vrs", "fhir", "store::schema"]),
    ("src/account/command", &["account::oauth", "account::upstream"]),
    ("src/account/oauth", ABOVE_FRONTS),
    ("src/account/oauth", &["vrs", "fhir", "store::schema"]),
    ("src/audit", ABOVE_USE_CASES),
    ("src/event", ABOVE_USE_CASES),
    ("src/event/channel", &["store"]),
    ("src/store", ABOVE_STORE),
    ("src/person/*.rs", ABOVE_DOMAIN),
    ("src/person/command", ABOVE_USE_CASES),
    ("src/person/command", &["job"]),
    ("src/proxy/command", &["job", "person::command"]),
    ("src/job", ABOVE_USE_CASES),
    ("src/inbox", ABOVE_FRONTS),
    ("src/inbox", &["vrs", "fhir", "account::oauth", "account::upstream", "store::schema"]),
    ("src/proxy/*.rs", ABOVE_DOMAIN),
    ("src/date_time.rs", ABOVE_DOMAIN),
    ("src/json.rs", ABOVE_COMMON),
    ("src/net", ABOVE_COMMON),
    ("src/clock.rs", ABOVE_COMMON),
    ("src/ids.rs", ABOVE_COMMON),
    ("src/error.rs", ABOVE_COMMON),
    ("src/secret.rs", ABOVE_COMMON),
];

#[test]
fn a_room_uses_only_what_stands_below_it() {
    let mut breaches = Vec::new();
    for source in sources() {
        for (room, above) in WALLS.iter().filter(|(room, _)| is_in(&source.path, room)) {
            // The query is a use case, though it stands beside the pure files.
            if *room == "src/proxy/*.rs" && source.path == "src/proxy/query.rs" {
                continue;
            }
            for path in paths_used(&source.text) {
                if above.iter().any(|wall| is_below(&path, wall)) {
                    breaches.push(format!("{} uses crate::{path}", source.path));
                }
            }
        }
    }
    breaches.dedup();
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

/// Libraries, and the rooms where each may be used.
const HOMES: &[(&str, &[&str])] = &[
    (
        "actix_web",
        &[
            "src/server",
            "src/vrs",
            "src/fhir",
            "src/observe",
            "src/body.rs",
            "src/credentials.rs",
            "src/inbox",
            "src/account/oauth",
            "src/account/upstream/simulated",
        ],
    ),
    ("actix_http", &["src/server"]),
    ("actix_service", &["src/server"]),
    ("actix_server", &["src/server"]),
    ("diesel", &["src/store"]),
    ("diesel_migrations", &["src/store"]),
    ("r2d2", &["src/store"]),
    ("sqlite_deadline", &["src/store/db.rs"]),
    ("fhir_codec", &["src/vrs", "src/fhir"]),
    ("figment", &["src/config"]),
    ("lettre", &["src/job/sender"]),
    ("clap", &["src/cli"]),
    ("csv", &["src/cli/import"]),
    ("indicatif", &["src/cli/import"]),
    ("signal_hook", &["src/cli/import"]),
    ("governor", &["src/app.rs"]),
    // The settings hold the keys of apps as they are registered.
    ("jsonwebtoken", &["src/account"]),
    ("aws_lc_rs", &["src/account", "src/secret.rs", "src/event"]),
    ("openidconnect", &["src/account/upstream"]),
    ("reqwest", &["src/net", "src/account/upstream", "src/event/channel"]),
    ("prometheus", &["src/observe"]),
    ("askama", &["src/account/oauth", "src/account/upstream/simulated"]),
    ("async_nats", &["src/event/channel"]),
    ("lapin", &["src/event/channel"]),
    ("rustls", &["src/server", "src/account/upstream", "src/event/channel"]),
];

/// Libraries that no pure file of the domain uses.
const NOT_PURE: &[&str] =
    &["actix_web", "actix_rt", "diesel", "serde_json", "serde", "fhir_codec", "tokio", "tracing", "figment"];

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
fn a_library_is_used_only_in_its_home() {
    let mut breaches = Vec::new();
    for source in sources() {
        for (library, homes) in HOMES.iter().filter(|(library, _)| uses_library(&source.text, library)) {
            if !homes.iter().any(|home| is_in(&source.path, home)) {
                breaches.push(format!("{} uses {library}", source.path));
            }
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn the_domain_is_pure() {
    let rooms = ["src/person/*.rs", "src/proxy/*.rs", "src/date_time.rs"];
    let mut breaches = Vec::new();
    for source in sources() {
        let is_pure =
            rooms.iter().any(|room| is_in(&source.path, room)) && source.path != "src/proxy/query.rs";
        for library in NOT_PURE.iter().filter(|library| is_pure && uses_library(&source.text, library)) {
            breaches.push(format!("{} uses {library}", source.path));
        }
        if is_pure && source.text.contains("async ") {
            breaches.push(format!("{} is async", source.path));
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
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

#[test]
fn the_reader_of_walls_sees_breaches() {
    assert_eq!(expand("a::{b, c::{d, e}, f};"), ["a::b", "a::c::d", "a::c::e", "a::f"]);
    assert_eq!(
        paths_used("use crate::{observe, vrs};\ncrate::store::Tx::new()"),
        ["observe", "vrs", "store::Tx::new"]
    );
    assert!(
        uses_library("use diesel::prelude::*;", "diesel")
            && uses_library("    diesel::insert_into(x)", "diesel")
    );
    assert!(!uses_library("use diesel_migrations::x;", "diesel") && !uses_library("my_diesel::x", "diesel"));
    assert!(is_below("store::schema", "store") && !is_below("stores", "store"));
    assert_eq!(functions("    fn a() {\n        1\n    }\n"), [("fn a() {".to_owned(), 3)]);
}
