//! Reads a query string: the parameters that shape the result, and the criteria.

use crate::refusal::Refusal;
use crate::search::caps::{List, is_chained};
use crate::search::shape::Shape;
use fhir::outcome::{Issue, IssueType};

/// A search, parsed but not yet compiled.
#[derive(Clone, Debug)]
pub(crate) struct SearchQuery {
    /// The criteria: name with modifier or chain, and value.
    pub(crate) criteria: Vec<(String, String)>,
    /// `_sort`, in order; `true` means descending.
    pub(crate) sort: Vec<(String, bool)>,
    /// `_count`.
    pub(crate) count: i64,
    /// `_total`.
    pub(crate) total: Total,
    /// `_summary` and `_elements`.
    pub(crate) shape: Shape,
    /// `_include`: the value, and whether it iterates.
    pub(crate) includes: Vec<(String, bool)>,
    /// `_revinclude`.
    pub(crate) revincludes: Vec<(String, bool)>,
    /// The start of the page.
    pub(crate) page: Option<String>,
    /// Whether only the count is requested (S-10, S-13).
    pub(crate) is_count_only: bool,
    /// The used parameters, for the self link (S-04).
    pub(crate) used: Vec<(String, String)>,
}

/// The requested precision of the total (S-11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Total {
    /// Only if it is known anyway: when all matches fit on one page.
    IfKnown,
    /// No total.
    None,
    /// Exact. An estimate is exact here too.
    Accurate,
}

const DEFAULT_COUNT: i64 = 50;
/// The most matches of one page.
pub(crate) const MOST: i64 = 500;
/// Processed elsewhere; the links of a page keep them (S-04).
const ELSEWHERE: [&str; 3] = ["_format", "_pretty", "_type"];

impl SearchQuery {
    /// Reads decoded pairs. Empty parameters are ignored (S-06).
    pub(crate) fn read(pairs: &[(String, String)]) -> Result<Self, Refusal> {
        List::Parameters.check(pairs.len())?;
        let mut query = Self {
            criteria: Vec::new(),
            sort: Vec::new(),
            count: DEFAULT_COUNT,
            total: Total::IfKnown,
            shape: Shape::Whole,
            includes: Vec::new(),
            revincludes: Vec::new(),
            page: None,
            is_count_only: false,
            used: Vec::new(),
        };
        for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
            if base::json::has_control(name) || base::json::has_control(value) {
                return Err(bad("A search parameter contains a control character."));
            }
            if ELSEWHERE.contains(&name.as_str()) {
                query.used.push((name.clone(), value.clone()));
            } else {
                query.take(name, value)?;
            }
        }
        query.check()?;
        Ok(query)
    }

    /// Refuses lists that are too long, so that no later step need check them.
    fn check(&self) -> Result<(), Refusal> {
        List::Criteria.check(self.criteria.len())?;
        List::Chained.check(self.criteria.iter().filter(|(key, _)| is_chained(key)).count())?;
        let alternatives = self.criteria.iter().map(|(_, value)| value.split(',').count());
        List::AllAlternatives.check(alternatives.sum())?;
        List::SortKeys.check(self.sort.len())?;
        List::Includes.check(self.includes.len() + self.revincludes.len())?;
        match &self.shape {
            Shape::Elements(names) => List::Elements.check(names.len()),
            Shape::Whole | Shape::Summary | Shape::Text | Shape::Data => Ok(()),
        }
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        let (base, modifier) = name.split_once(':').unwrap_or((name, ""));
        if !RESULTS.contains(&base) {
            self.criteria.push((name.to_owned(), value.to_owned()));
            return Ok(());
        }
        let iterates = matches!(modifier, "iterate" | "recurse");
        let may_iterate = matches!(base, "_include" | "_revinclude") && iterates;
        if !modifier.is_empty() && !may_iterate {
            return Err(bad("This parameter does not have this modifier."));
        }
        match base {
            // Each once: a repetition includes nothing more.
            "_include" => add(&mut self.includes, (value.to_owned(), iterates)),
            "_revinclude" => add(&mut self.revincludes, (value.to_owned(), iterates)),
            "_page" => self.page = Some(value.to_owned()),
            _ => self.take_result(base, value)?,
        }
        if base != "_page" {
            self.used.push((name.to_owned(), value.to_owned()));
        }
        Ok(())
    }

    fn take_result(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        match name {
            "_sort" => self.sort = value.split(',').map(sort_key).collect(),
            "_count" => {
                let count: i64 = value.parse().or(Err(bad("_count must be a whole number.")))?;
                if count < 0 {
                    return Err(bad("_count must not be negative."));
                }
                self.is_count_only |= count == 0;
                self.count = count.min(MOST);
            }
            "_total" => {
                self.total = match value {
                    "none" => Total::None,
                    "estimate" | "accurate" => Total::Accurate,
                    _ => return Err(bad("_total must be none, estimate or accurate.")),
                };
            }
            "_summary" if value == "count" => self.is_count_only = true,
            "_summary" => self.shape = Shape::of_summary(value).ok_or_else(|| bad(BAD_SUMMARY))?,
            "_elements" => self.shape = Shape::of_elements(value),
            // If they were ignored, the result would be another than the one requested (S-17).
            "_contained" if value != "false" => {
                let message = "Contained resources are not searched here: _contained=true and _contained=both are \
                            not supported, _contained=false is.";
                return Err(Refusal::new(400, Issue::error(IssueType::NotSupported, message)));
            }
            "_containedType" if value != "container" => {
                let message = "Contained resources are not searched here: _containedType=contained is not \
                            supported, _containedType=container is.";
                return Err(Refusal::new(400, Issue::error(IssueType::NotSupported, message)));
            }
            _ => {}
        }
        Ok(())
    }
}

/// The parameters that shape the result; all others are criteria.
const RESULTS: [&str; 10] = [
    "_sort",
    "_count",
    "_total",
    "_summary",
    "_elements",
    "_include",
    "_revinclude",
    "_page",
    "_contained",
    "_containedType",
];
const BAD_SUMMARY: &str = "_summary must be true, text, data, count or false.";

/// Adds a value unless it is present. There are few: one more than the limit is enough to be refused.
fn add<T: PartialEq>(all: &mut Vec<T>, one: T) {
    if all.len() <= List::Includes.cap().1 && !all.contains(&one) {
        all.push(one);
    }
}

fn sort_key(key: &str) -> (String, bool) {
    match key.strip_prefix('-') {
        Some(name) => (name.to_owned(), true),
        None => (key.to_owned(), false),
    }
}

pub(super) fn bad(message: &'static str) -> Refusal {
    Refusal::new(400, Issue::error(IssueType::Value, message))
}

/// The alternatives of a value: separated by commas, unless escaped with `\` (S-07).
pub(super) fn alternatives(value: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ',' => all.push(String::new()),
            '\\' => {
                let escaped = letters.next();
                if let Some(last) = all.last_mut() {
                    // `\|` and `\$` keep their backslash until the token or composite is split.
                    if matches!(escaped, Some('|' | '$')) {
                        last.push('\\');
                    }
                    last.extend(escaped);
                }
            }
            letter => {
                if let Some(last) = all.last_mut() {
                    last.push(letter);
                }
            }
        }
    }
    all
}

/// The parameters of a query string.
pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.trim_start_matches('?').as_bytes()).into_owned().collect()
}

#[cfg(test)]
mod tests {
    use super::alternatives;

    #[test]
    fn commas_separate_alternatives_unless_escaped() {
        // covers S-07
        assert_eq!(alternatives("a,b"), ["a", "b"]);
        assert_eq!(alternatives(r"a\,b,c"), ["a,b", "c"]);
        assert_eq!(alternatives(r"a\\,b"), [r"a\", "b"]);
        assert_eq!(alternatives(r"a\|b"), [r"a\|b"]);
    }
}
