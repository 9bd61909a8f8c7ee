//! References between the entries of a transaction (B-04): a fullUrl becomes the URL of the created resource,
//! a conditional reference that of the one resource that it matches.
//!
//! Each body is scanned once, before the transaction: for the names that it refers to, and for its
//! conditional references. Names are looked up by their hash, so that the work is linear in the Bundle.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use crate::resource::resource_type::ResourceType;

/// The references of a body.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// The entries that it refers to.
    pub(super) entries: BTreeSet<usize>,
    /// The positions of its conditional references: JSON pointers (RFC 6901).
    pub(super) conditional: Vec<String>,
}

impl Links {
    /// Scans a body. `names` are the fullUrls, each with the index of its entry.
    pub(super) fn of(body: &Value, names: &HashMap<&str, usize>) -> Self {
        let mut links = Self::default();
        links.collect(body, &mut String::new(), Some(names));
        links
    }

    /// `names` is `None` within a canonical, which refers to a definition and not to an entry.
    fn collect(&mut self, value: &Value, pointer: &mut String, names: Option<&HashMap<&str, usize>>) {
        let length = pointer.len();
        match value {
            Value::String(text) => {
                if let Some(names) = names {
                    let quoted = quoted(text).map(|(_, name)| name);
                    self.entries.extend(quoted.chain([text.as_str()]).filter_map(|name| names.get(name)));
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    pointer.push('/');
                    pointer.push_str(&index.to_string());
                    self.collect(item, pointer, names);
                    pointer.truncate(length);
                }
            }
            Value::Object(members) => {
                for (key, member) in members {
                    pointer.push('/');
                    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                    if key == "reference" && member.as_str().is_some_and(|text| condition(text).is_some()) {
                        self.conditional.push(pointer.clone());
                    }
                    self.collect(member, pointer, names.filter(|_| !is_canonical(key)));
                    pointer.truncate(length);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// Whether a member is a canonical, which refers to a definition and not to a resource. The URL of an
/// extension is one in all but its type.
/// in all but its type.
fn is_canonical(member: &str) -> bool {
    matches!(member, "questionnaire" | "instantiatesCanonical" | "profile" | "url" | "valueCanonical")
}

/// The type and the query of a conditional reference.
pub(super) fn condition(reference: &str) -> Option<(ResourceType, &str)> {
    let (kind, query) = reference.split_once('?')?;
    Some((ResourceType::parse(kind)?, query))
}

/// The values of the attributes in a narrative, each with its position. Text between an opening and the next
/// quote counts as one too.
fn quoted(text: &str) -> impl Iterator<Item = (usize, &str)> {
    const OPENING: &str = "=\"";
    let is_linking = text.contains("href=\"") || text.contains("src=\"");
    let openings = text.match_indices(OPENING).filter(move |_| is_linking);
    openings.filter_map(|(at, _)| {
        let begin = at + OPENING.len();
        let (value, _) = text.get(begin..)?.split_once('"')?;
        Some((begin, value))
    })
}

/// Replaces each name by the URL of the created resource, wherever an element is a reference or a URI; a
/// canonical is not changed.
pub(super) fn rewrite(value: &mut Value, made: &HashMap<String, String>) {
    match value {
        Value::String(text) => {
            if let Some(url) = made.get(text.as_str()) {
                text.clone_from(url);
            } else if let Some(linked) = rewritten(text, made) {
                *text = linked;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite(item, made)),
        Value::Object(members) => {
            for (key, member) in members {
                if !is_canonical(key) {
                    rewrite(member, made);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A narrative with its links rewritten; `None` where none is to be.
fn rewritten(text: &str, made: &HashMap<String, String>) -> Option<String> {
    let mut linked = String::new();
    let mut done = 0;
    for (begin, name) in quoted(text) {
        if let Some(url) = made.get(name) {
            linked.push_str(text.get(done..begin)?);
            linked.push_str(url);
            done = begin + name.len();
        }
    }
    if done == 0 {
        return None;
    }
    linked.push_str(text.get(done..)?);
    Some(linked)
}

/// Replaces the conditional references at these positions by what they match.
pub(super) fn put(body: &mut Value, pointers: &[String], found: &HashMap<String, String>) {
    for pointer in pointers {
        if let Some(Value::String(reference)) = body.pointer_mut(pointer)
            && let Some(place) = found.get(reference)
        {
            reference.clone_from(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;

    use super::{Links, rewrite};

    #[test]
    fn names_are_found_and_rewritten_in_references_uris_and_narratives_but_not_in_canonicals() {
        let div = "<div><a href=\"urn:a\">a=\"urn:b</a><img src=\"urn:b\" alt=\"urn:c\"/></div>";
        let mut body = json!({
            "questionnaire": "urn:d", "source": { "reference": "urn:a" }, "x/~y": [{ "reference": "Patient?_id=1" }],
            "item": [{ "valueUri": "urn:b", "text": "not urn:c, nor a=\"urn:c\"" }], "text": { "div": div },
        });
        let names: HashMap<&str, usize> = ["urn:a", "urn:b", "urn:c", "urn:d"]
            .into_iter()
            .enumerate()
            .map(|(at, name)| (name, at))
            .collect();
        let links = Links::of(&body, &names);
        assert_eq!(links.entries.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(links.conditional, ["/x~1~0y/0/reference"]);
        assert!(body.pointer(&links.conditional[0]).is_some());

        let made = HashMap::from([("urn:a", "A/1"), ("urn:b", "B/2"), ("urn:d", "D/4")]);
        let made = made.into_iter().map(|(name, url)| (name.to_owned(), url.to_owned())).collect();
        rewrite(&mut body, &made);
        assert_eq!(body["questionnaire"], "urn:d");
        assert_eq!(body["source"]["reference"], "A/1");
        assert_eq!(body["item"][0]["valueUri"], "B/2");
        let expected = div.replace("href=\"urn:a\"", "href=\"A/1\"").replace("src=\"urn:b\"", "src=\"B/2\"");
        assert_eq!(body["text"]["div"], expected);
    }
}
