//! Reads the catalogue of data categories and access levels from `fhir-profiles/`, so that the files which clients read
//! are the ones that decide. It writes array expressions to `OUT_DIR`: `categories.rs`, `levels.rs` and
//! `requested_access.rs`, which `account::category` and `account::level` include.
//!
//! A code that the enums of those modules do not have does not compile, and a file of another form stops the build.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io::{Error, Result};
use std::path::Path;

use serde_json::Value;

/// From this crate's folder.
const FOLDER: &str = "../../fhir-profiles";
/// The properties of a level that name an action.
const ACTIONS: [&str; 6] = ["read", "search", "create", "update", "delete", "notify"];

#[expect(clippy::disallowed_methods, reason = "this is how Cargo says where to read and write")]
fn main() -> Result<()> {
    let variable = |name: &str| env::var(name).map_err(Error::other);
    let folder = Path::new(&variable("CARGO_MANIFEST_DIR")?).join(FOLDER);
    let out = variable("OUT_DIR")?;
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={FOLDER}/code-system");
    println!("cargo::rerun-if-changed={FOLDER}/concept-map");
    let categories = read(&folder.join("code-system/data-category.json"))?;
    let scopes = read(&folder.join("concept-map/data-category-to-smart-scope.json"))?;
    let requested = read(&folder.join("concept-map/requested-access-to-data-category.json"))?;
    fs::write(Path::new(&out).join("categories.rs"), category_table(&categories, &scopes)?)?;
    fs::write(Path::new(&out).join("requested_access.rs"), requested_table(&requested)?)?;
    fs::write(Path::new(&out).join("levels.rs"), level_table(&folder.join("code-system"))?)
}

fn read(path: &Path) -> Result<Value> {
    serde_json::from_str(&fs::read_to_string(path)?).map_err(Error::other)
}

fn missing(what: &str) -> Error {
    Error::other(format!("a file of the catalogue has no {what}"))
}

fn text<'v>(value: &'v Value, name: &str) -> Result<&'v str> {
    value.get(name).and_then(Value::as_str).ok_or_else(|| missing(name))
}

fn list<'v>(value: &'v Value, name: &str) -> Result<&'v Vec<Value>> {
    value.get(name).and_then(Value::as_array).ok_or_else(|| missing(name))
}

/// The variant of an enum for a code: `blood-pressure` is `BloodPressure`, `APPT` is `Appt`.
fn variant(code: &str) -> String {
    let part = |part: &str| {
        let (first, rest) = part.split_at(part.len().min(1));
        first.to_uppercase() + &rest.to_lowercase()
    };
    code.split('-').map(part).collect()
}

/// The property of a concept with this code, by the name of its value.
fn property<'v>(concept: &'v Value, code: &str, name: &str) -> Option<&'v Value> {
    let mut properties = concept.get("property")?.as_array()?.iter();
    properties.find(|it| it.get("code").and_then(Value::as_str) == Some(code))?.get(name)
}

fn property_text<'v>(concept: &'v Value, code: &str, name: &str) -> Result<&'v str> {
    property(concept, code, name).and_then(Value::as_str).ok_or_else(|| missing(code))
}

fn confidentiality(concept: &Value, code: &str) -> Result<&'static str> {
    let coding = property(concept, code, "valueCoding").ok_or_else(|| missing(code))?;
    match text(coding, "code")? {
        "N" => Ok("Sensitivity::Normal"),
        "R" => Ok("Sensitivity::Restricted"),
        "V" => Ok("Sensitivity::VeryRestricted"),
        _ => Err(missing("confidentiality N, R or V")),
    }
}

/// The codes that a map has for a code.
fn targets<'v>(map: &'v Value, code: &str) -> Result<Vec<&'v str>> {
    let mut all = Vec::new();
    for group in list(map, "group")? {
        for element in list(group, "element")?.iter().filter(|it| text(it, "code").is_ok_and(|it| it == code))
        {
            for target in list(element, "target")? {
                all.push(text(target, "code")?);
            }
        }
    }
    Ok(all)
}

fn category_table(categories: &Value, scopes: &Value) -> Result<String> {
    let mut table = String::from("[\n");
    for concept in list(categories, "concept")? {
        let code = text(concept, "code")?;
        let masked = property(concept, "masked-view-of", "valueCode").and_then(Value::as_str);
        let masked = masked.map_or("None".to_owned(), |of| format!("Some(Category::{})", variant(of)));
        let is_off = property(concept, "default-off", "valueBoolean").and_then(Value::as_bool);
        let mut selectors = String::new();
        for scope in targets(scopes, code)? {
            write!(selectors, "{}, ", selector(scope)?).map_err(Error::other)?;
        }
        writeln!(
            table,
            "    CategoryEntry {{ category: Category::{}, code: {code:?}, display: {:?}, definition: {:?}, \
             sensitivity: {}, group: {:?}, is_default_off: {}, minimum_proofing: Proofing::{}, \
             masked_view_of: {masked}, selectors: &[{selectors}] }},",
            variant(code),
            text(concept, "display")?,
            text(concept, "definition")?,
            confidentiality(concept, "sensitivity")?,
            property_text(concept, "group", "valueString")?,
            is_off.ok_or_else(|| missing("default-off"))?,
            property_text(concept, "minimum-proofing", "valueString")?,
        )
        .map_err(Error::other)?;
    }
    table.push_str("]\n");
    Ok(table)
}

/// A SMART scope, taken apart: `patient/Observation.rs?category=x`.
fn selector(scope: &str) -> Result<String> {
    let (path, constraint) = scope.split_once('?').unwrap_or((scope, ""));
    let path = path.strip_prefix("patient/").ok_or_else(|| missing("scope of the patient"))?;
    let (kind, letters) = path.split_once('.').ok_or_else(|| missing("letters of a scope"))?;
    Ok(format!(
        "Selector {{ resource_type: {kind:?}, letters: {letters:?}, constraint: {constraint:?}, scope: {scope:?} }}"
    ))
}

fn requested_table(map: &Value) -> Result<String> {
    let mut table = String::from("[\n");
    for group in list(map, "group")? {
        for element in list(group, "element")? {
            let code = text(element, "code")?;
            let categories: Vec<String> =
                targets(map, code)?.iter().map(|code| format!("Category::{}", variant(code))).collect();
            let categories = categories.join(", ");
            writeln!(table, "    (RequestedAccess::{}, CategorySet::of(&[{categories}])),", variant(code))
                .map_err(Error::other)?;
        }
    }
    table.push_str("]\n");
    Ok(table)
}

/// Every version of every level: each `access-level*.json` is one version.
fn level_table(folder: &Path) -> Result<String> {
    let mut table = String::from("&[\n");
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        files.push(entry?.path());
    }
    files.sort();
    let is_level = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("access-level") && path.extension().is_some_and(|extension| extension == "json")
    };
    for path in files.iter().filter(|path| is_level(path)) {
        let system = read(path)?;
        let version = text(&system, "version")?.split('.').next().unwrap_or_default();
        let concepts = list(&system, "concept")?;
        for concept in concepts {
            if property(concept, "add-on", "valueBoolean").and_then(Value::as_bool) == Some(true) {
                continue;
            }
            let (code, display) = (text(concept, "code")?, text(concept, "display")?);
            writeln!(
                table,
                "    LevelEntry {{ level: Level::{}, version: {version}, code: {code:?}, display: {display:?}, \
                 highest_label: {}, access: {} }},",
                variant(code),
                confidentiality(concept, "highest-label")?,
                access(&grants(concepts, code, 0)?),
            )
            .map_err(Error::other)?;
        }
    }
    table.push_str("]\n");
    Ok(table)
}

/// The (action, category) pairs of a level and of those that it extends.
fn grants(concepts: &[Value], code: &str, depth: usize) -> Result<Vec<(&'static str, String)>> {
    let mut concepts_of = concepts.iter().filter(|it| text(it, "code").is_ok_and(|it| it == code));
    let concept = concepts_of.next().filter(|_| depth < concepts.len()).ok_or_else(|| missing(code))?;
    let mut all = match property(concept, "extends", "valueCode").and_then(Value::as_str) {
        Some(base) => grants(concepts, base, depth + 1)?,
        None => Vec::new(),
    };
    for it in list(concept, "property")? {
        let name = text(it, "code")?;
        if let Some(action) = ACTIONS.into_iter().find(|action| *action == name) {
            let coding = it.get("valueCoding").ok_or_else(|| missing("valueCoding"))?;
            all.push((action, variant(text(coding, "code")?)));
        }
    }
    Ok(all)
}

fn access(grants: &[(&str, String)]) -> String {
    let pair = |(action, category): &(&str, String)| {
        format!("(Category::{category}, AccountAction::{})", variant(action))
    };
    let pairs: Vec<String> = grants.iter().map(pair).collect();
    format!("AccessSet::of(&[{}])", pairs.join(", "))
}
