//! Reads typed values from the merged settings and collects their faults.

use std::fmt::Write as _;

use figment::Figment;
use figment::providers::{Format, Toml};
use figment::value::{Dict, Num, Value};

/// The documented defaults.
pub const DEFAULTS: &str = include_str!("default.toml");

/// Every fault of a configuration, a sentence each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Faults(pub Vec<String>);

/// The merged settings, and the faults found so far.
pub(crate) struct Reader {
    values: Dict,
    faults: Vec<String>,
}

impl Reader {
    pub(crate) fn new(figment: &Figment) -> Result<Self, Faults> {
        let values = whole(figment)?;
        let known = whole(&Figment::from(Toml::string(DEFAULTS)))?;
        let mut reader = Self { values, faults: Vec::new() };
        reader.check_keys(&known);
        Ok(reader)
    }

    fn check_keys(&mut self, known: &Dict) {
        for (section, values) in &self.values {
            match (known.get(section).and_then(Value::as_dict), values.as_dict()) {
                (Some(known), Some(values)) => {
                    let unknown = values.keys().filter(|key| !known.contains_key(*key));
                    self.faults
                        .extend(unknown.map(|key| format!("{section}.{key}: there is no such setting")));
                }
                (Some(_), None) => self.faults.push(format!("{section}: must be a section")),
                (None, _) => self.faults.push(format!("{section}: there is no such section")),
            }
        }
    }

    /// Reports a fault of a key.
    pub(crate) fn fault(&mut self, key: &str, what: impl std::fmt::Display) {
        self.faults.push(format!("{key}: {what}"));
    }

    fn find(&self, key: &str) -> Option<&Value> {
        let (section, key) = key.split_once('.')?;
        self.values.get(section)?.as_dict()?.get(key)
    }

    /// A text; the environment may give it as a number.
    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        match self.find(key) {
            Some(Value::String(_, text)) => Some(text.clone()),
            Some(Value::Num(_, number)) => Some(render(number)),
            _ => {
                self.fault(key, "must be a text");
                None
            }
        }
    }

    /// A text that `parse` accepts.
    pub(crate) fn parsed<T, E: std::fmt::Display>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(key)?;
        parse(&text).map_err(|error| self.fault(key, error)).ok()
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<String> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            self.fault(key, format!("must be one of {}", names.join(", ")));
        }
        found
    }

    /// A whole number within limits.
    pub(crate) fn number(&mut self, key: &str, within: std::ops::RangeInclusive<u32>) -> Option<u32> {
        let number = match self.find(key) {
            Some(Value::Num(_, number)) => whole_number(number).and_then(|number| u32::try_from(number).ok()),
            _ => None,
        };
        let number = number.filter(|number| within.contains(number));
        if number.is_none() {
            let what = format!("must be a whole number from {} to {}", within.start(), within.end());
            self.fault(key, what);
        }
        number
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        let text = |item: &Value| item.as_str().map(str::to_owned);
        self.list(key, text, "must be a list of texts")
    }

    /// A list of whole numbers within limits.
    pub(crate) fn numbers(&mut self, key: &str, within: std::ops::RangeInclusive<u32>) -> Option<Vec<u32>> {
        let number = |item: &Value| {
            let Value::Num(_, number) = item else { return None };
            let number = whole_number(number).and_then(|number| u32::try_from(number).ok());
            number.filter(|number| within.contains(number))
        };
        let what = format!("must be a list of whole numbers from {} to {}", within.start(), within.end());
        self.list(key, number, &what)
    }

    fn list<T>(&mut self, key: &str, item: impl Fn(&Value) -> Option<T>, what: &str) -> Option<Vec<T>> {
        let list: Option<Vec<T>> = match self.find(key) {
            Some(Value::Array(_, items)) => items.iter().map(item).collect(),
            _ => None,
        };
        if list.is_none() {
            self.fault(key, what);
        }
        list
    }

    /// True or false.
    pub(crate) fn switch(&mut self, key: &str) -> Option<bool> {
        let value = self.find(key).and_then(Value::to_bool);
        if value.is_none() {
            self.fault(key, "must be true or false");
        }
        value
    }

    /// A list of tables.
    pub(crate) fn tables(&mut self, key: &str) -> Option<Vec<Dict>> {
        self.list(key, |item| item.as_dict().cloned(), "must be a list of tables")
    }

    /// All faults, or none.
    pub(crate) fn finish(self) -> Result<(), Faults> {
        if self.faults.is_empty() { Ok(()) } else { Err(Faults(self.faults)) }
    }

    /// The settings as TOML, without secrets.
    pub(crate) fn show(&self) -> String {
        let mut text = String::new();
        for (section, values) in &self.values {
            let _infallible = writeln!(text, "[{section}]");
            for (key, value) in values.as_dict().into_iter().flatten() {
                let shown = match (section.as_str(), key.as_str()) {
                    ("access", "tokens") => {
                        let count = value.as_array().map_or(0, <[Value]>::len);
                        format!("[] # {count} configured, not shown")
                    }
                    ("oauth", "apps" | "providers") => render_named(value),
                    ("health", "status_key_sha256" | "metrics_token_sha256")
                    | ("oauth", "registration_token_sha256") => "\"\" # not shown".to_owned(),
                    ("database", "url" | "replica_url") => {
                        let url = value.as_str().and_then(|url| url.parse::<store::DatabaseUrl>().ok());
                        url.map_or_else(|| "\"\"".to_owned(), |url| format!("{:?}", url.to_string()))
                    }
                    _ => render_value(value),
                };
                let _infallible = writeln!(text, "{key} = {shown}");
            }
            text.push('\n');
        }
        text
    }
}

fn whole(figment: &Figment) -> Result<Dict, Faults> {
    // After its first line, an error's text quotes the faulty line, with any secret in it.
    let first_line = |error: figment::Error| error.to_string().lines().next().unwrap_or_default().to_owned();
    figment.extract().map_err(|errors| Faults(errors.into_iter().map(first_line).collect()))
}

/// A list of tables with names and permissions only: no secret, and no file or URL that may hold one.
fn render_named(value: &Value) -> String {
    const SHOWN: [&str; 11] = [
        "client_id",
        "id",
        "name",
        "mode",
        "kind",
        "issuer",
        "authentication",
        "grants",
        "scopes",
        "introspection",
        "dpop",
    ];
    let table = |item: &Value| {
        let members = item.as_dict().into_iter().flatten().filter(|(key, _)| SHOWN.contains(&key.as_str()));
        let members: Vec<String> =
            members.map(|(key, value)| format!("{key} = {}", render_value(value))).collect();
        format!("{{ {} }}", members.join(", "))
    };
    let tables: Vec<String> = value.as_array().into_iter().flatten().map(table).collect();
    format!("[{}] # without secrets, keys and addresses", tables.join(", "))
}

fn whole_number(number: &Num) -> Option<i128> {
    number.to_i128().or(number.to_u128().and_then(|number| i128::try_from(number).ok()))
}

fn render(number: &Num) -> String {
    let fraction = || number.to_f64().unwrap_or_default().to_string();
    whole_number(number).map_or_else(fraction, |whole| whole.to_string())
}

fn render_value(value: &Value) -> String {
    match value {
        Value::String(_, text) => format!("{text:?}"),
        Value::Num(_, number) => render(number),
        Value::Bool(_, switch) => switch.to_string(),
        Value::Array(_, items) => {
            format!("[{}]", items.iter().map(render_value).collect::<Vec<_>>().join(", "))
        }
        Value::Dict(_, members) => {
            let members: Vec<String> =
                members.iter().map(|(key, value)| format!("{key} = {}", render_value(value))).collect();
            format!("{{ {} }}", members.join(", "))
        }
        Value::Char(..) | Value::Empty(..) => "\"\"".to_owned(),
    }
}

pub(crate) fn list(table: &Dict, key: &str) -> Result<Vec<String>, String> {
    let Some(value) = table.get(key) else { return Ok(Vec::new()) };
    let texts = value.as_array().and_then(|items| {
        items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<String>>>()
    });
    texts.ok_or_else(|| format!("{key} must be a list of texts"))
}
