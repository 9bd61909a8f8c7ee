//! The issues of a validation, and their locations.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value};

use crate::outcome::{Issue, IssueType};

/// The most errors that are reported.
const MOST_ERRORS: usize = 100;
const MOST_WARNINGS: usize = 50;

/// A location in a document. It borrows its parents and becomes text only for an issue.
#[derive(Clone, Copy)]
pub(super) struct Path<'a> {
    above: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Name(&'a str),
    OfType(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    /// The root of a document.
    pub(super) const fn root(resource_type: &'a str) -> Self {
        Self { above: None, step: Step::Name(resource_type) }
    }

    /// An element.
    pub(super) const fn name<'b>(&'b self, name: &'b str) -> Path<'b> {
        Path { above: Some(self), step: Step::Name(name) }
    }

    /// The element with this one of its types.
    pub(super) const fn of_type<'b>(&'b self, type_name: &'b str) -> Path<'b> {
        Path { above: Some(self), step: Step::OfType(type_name) }
    }

    /// One of an element's values.
    pub(super) const fn index(&self, index: usize) -> Path<'_> {
        Path { above: Some(self), step: Step::Index(index) }
    }

    /// Whether this extension is inside another extension.
    pub(super) fn is_nested_extension(&self) -> bool {
        self.element().above.is_some_and(|parent| {
            matches!(parent.element().step, Step::Name("extension" | "modifierExtension"))
        })
    }

    /// The element that this is a value of.
    fn element(&self) -> &Path<'a> {
        match (self.above, self.step) {
            (Some(above), Step::Index(_)) => above,
            (_, Step::Index(_) | Step::Name(_) | Step::OfType(_)) => self,
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.above, self.step) {
            (None, Step::Name(name)) => f.write_str(name),
            (Some(above), Step::Name(name)) => write!(f, "{above}.{name}"),
            (Some(above), Step::OfType(name)) => write!(f, "{above}.ofType({name})"),
            (Some(above), Step::Index(index)) => write!(f, "{above}[{index}]"),
            (None, Step::OfType(_) | Step::Index(_)) => Ok(()),
        }
    }
}

/// An object of the document and its location.
#[derive(Clone, Copy)]
pub(super) struct Object<'a> {
    /// Its members.
    pub(super) members: &'a Map<String, Value>,
    /// Its location.
    pub(super) path: &'a Path<'a>,
}

impl<'a> Object<'a> {
    /// Whether the element is present: its value, or an extension in its place.
    pub(super) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
            || self.members.keys().any(|key| key.strip_prefix('_').is_some_and(|key| key == name))
    }

    /// Whether a choice element is present with any of its types.
    pub(super) fn has_choice(&self, name: &str) -> bool {
        self.choice(name).is_some()
    }

    /// The member of a choice element, with the name of its type: its value, or an extension in its place.
    pub(super) fn choice(&self, name: &str) -> Option<(&'a str, &'a Value)> {
        let find = |start: &str| {
            self.members.iter().find_map(|(key, value)| {
                let type_name = key.strip_prefix(start)?.strip_prefix(name)?;
                type_name.starts_with(|first: char| first.is_ascii_uppercase()).then_some((type_name, value))
            })
        };
        find("").or_else(|| find("_"))
    }

    /// A value.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name)
    }

    /// A text.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.get(name).and_then(Value::as_str)
    }

    /// The values of an element, of a list or a single one.
    pub(super) fn items(&self, name: &str) -> &'a [Value] {
        items(self.members, name)
    }
}

/// Whether a URI is absolute: it begins with a scheme (RFC 3986, section 3.1).
pub(super) fn is_absolute(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

/// The values of a member, of a list or a single one.
pub(super) fn items<'v>(members: &'v Map<String, Value>, name: &str) -> &'v [Value] {
    members.get(name).map(values).unwrap_or_default()
}

/// The values of a member of an object, of a list or a single one.
pub(super) fn values_of<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).map(values).unwrap_or_default()
}

/// A value as a list: its items, or itself.
pub(super) fn values(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            std::slice::from_ref(value)
        }
    }
}

/// The issues found so far.
#[derive(Default)]
pub(super) struct Report {
    issues: Vec<Issue>,
    errors: usize,
    warnings: usize,
    has_more: bool,
}

impl Report {
    /// Adds an error.
    pub(super) fn error(
        &mut self,
        code: IssueType,
        at: &dyn fmt::Display,
        words: impl Into<Cow<'static, str>>,
    ) {
        if self.errors < MOST_ERRORS {
            self.errors += 1;
            self.issues.push(Issue::error(code, words).at(at.to_string()));
        } else {
            self.has_more = true;
        }
    }

    /// Whether there are more errors than are reported: then the walk can stop.
    pub(super) fn is_full(&self) -> bool {
        self.has_more && self.errors >= MOST_ERRORS
    }

    /// Adds a warning.
    pub(super) fn warning(
        &mut self,
        code: IssueType,
        at: &dyn fmt::Display,
        words: impl Into<Cow<'static, str>>,
    ) {
        if self.warnings < MOST_WARNINGS {
            self.warnings += 1;
            self.issues.push(Issue::error(code, words).at(at.to_string()).as_warning());
        } else {
            self.has_more = true;
        }
    }

    /// Adds an error for an invariant that does not hold.
    pub(super) fn demand(&mut self, holds: bool, key: &str, at: &Path<'_>, words: &str) {
        if !holds {
            self.error(IssueType::Invariant, at, format!("{key}: {words}"));
        }
    }

    /// All issues.
    pub(super) fn into_issues(mut self) -> Vec<Issue> {
        if self.has_more {
            let words = "There are more issues than these: correct them and validate again.";
            self.issues.push(Issue::error(IssueType::TooCostly, words).as_warning());
        }
        self.issues
    }
}
