//! Names and words: docs/glossary.md has the names of the roles and of what they use.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::sources;

/// A public type is found by its name alone.
#[test]
fn public_type_names_are_unique() {
    const KINDS: [&str; 5] = ["pub struct ", "pub enum ", "pub trait ", "pub type ", "pub union "];
    let mut homes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources() {
        for line in source.text.lines() {
            let line = line.trim_start();
            let Some(rest) = KINDS.iter().find_map(|kind| line.strip_prefix(kind)) else { continue };
            let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
            let name = rest.split(|letter| !is_part(letter)).next().unwrap_or_default();
            // A macro's type has its name where the macro is used.
            if name.is_empty() {
                continue;
            }
            homes.entry(name.to_owned()).or_default().push(source.path.clone());
        }
    }
    assert!(homes.len() > 300, "types are not found any more: {}", homes.len());
    homes.retain(|_, paths| paths.len() > 1);
    assert_eq!(homes, BTreeMap::new());
}

/// Comments and messages name a role: "somebody" leaves open whether a client, a proxy or an operator is meant.
/// `tests/docs/prose.py` says the same of the documents.
#[test]
fn comments_and_messages_name_the_role_that_is_meant() {
    const WORDS: [&str; 3] = ["somebody", "nobody", "whoever"];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for source in sources() {
        let text = fs::read_to_string(root.join(&source.path)).expect("a file can be read");
        for (number, line) in text.lines().enumerate() {
            let lower = line.to_lowercase();
            let mut words = lower.split(|letter: char| !letter.is_alphanumeric());
            let found = words.find(|word| WORDS.contains(word));
            assert_eq!(found, None, "{}:{}", source.path, number + 1);
        }
    }
}
