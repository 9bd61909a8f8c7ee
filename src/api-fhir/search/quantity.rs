//! Quantity parameters (<https://hl7.org/fhir/R4/search.html#quantity>): `[prefix]number`, optionally with
//! `|system|code` or `||unit`. Only definitions have quantities, so none of this becomes SQL.

use serde_json::Value;

use crate::refusal::Refusal;
use crate::search::date::{Prefix, prefixed};
use crate::search::query::bad;
use crate::search::token::split;

/// A parsed value.
pub(super) struct Wanted {
    prefix: Prefix,
    number: f64,
    /// Half of the value of the last digit: `5.4` means 5.35 up to 5.45 (S-26).
    margin: f64,
    /// `None`: any.
    system: Option<String>,
    /// `None`: any.
    code: Option<String>,
}

impl Wanted {
    pub(super) fn parse(value: &str) -> Result<Self, Refusal> {
        let message = "Give a number, optionally with the prefix eq, ne, gt, lt, ge, le, sa, eb or ap, and with |system|code \
                    after it.";
        let (prefix, rest) = prefixed(value);
        let parts: Vec<String> = split(rest, '|').collect();
        let (number, system, code) = match parts.as_slice() {
            [number] => (number, "", ""),
            [number, system, code] => (number, system.as_str(), code.as_str()),
            _ => return Err(bad(message)),
        };
        // Rust would parse `inf` and `nan` too.
        let is_plain = number.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
        let read = number.parse().ok().filter(|number: &f64| is_plain && number.is_finite());
        let read: f64 = read.ok_or_else(|| bad(message))?;
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Ok(Self { prefix, number: read, margin: margin(number), system: given(system), code: given(code) })
    }

    /// Whether a Quantity or a Range matches.
    pub(super) fn matches(&self, element: &Value) -> bool {
        let bounds = [element, element.get("low").unwrap_or(element), element.get("high").unwrap_or(element)];
        bounds.iter().any(|quantity| self.has_unit(quantity)) && self.lies(range(element))
    }

    fn has_unit(&self, quantity: &Value) -> bool {
        let is = |member: &str, wanted: &str| quantity.get(member).and_then(Value::as_str) == Some(wanted);
        let has_system = self.system.as_deref().is_none_or(|system| is("system", system));
        // A unit without a system may be the code or the text for people.
        let has_code = |code: &str| is("code", code) || (self.system.is_none() && is("unit", code));
        has_system && self.code.as_deref().is_none_or(has_code)
    }

    fn lies(&self, range: Option<(f64, f64)>) -> bool {
        let Some((from, to)) = range else { return false };
        let is_within = |margin: f64| from >= self.number - margin && to < self.number + margin;
        match self.prefix {
            Prefix::Eq => is_within(self.margin),
            Prefix::Ne => !is_within(self.margin),
            Prefix::Gt => to > self.number,
            Prefix::Lt => from < self.number,
            Prefix::Ge => to >= self.number,
            Prefix::Le => from <= self.number,
            Prefix::Sa => from > self.number,
            Prefix::Eb => to < self.number,
            Prefix::Ap => {
                let tenth = self.number.abs() / 10.0;
                from <= self.number + tenth && to >= self.number - tenth
            }
        }
    }
}

fn margin(number: &str) -> f64 {
    let (digits, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let places = digits.split_once('.').map_or(0, |(_, places)| i32::try_from(places.len()).unwrap_or(0));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    0.5 * 10f64.powi(exponent.saturating_sub(places))
}

/// The least and the greatest number of a Quantity or a Range.
fn range(element: &Value) -> Option<(f64, f64)> {
    let number = |quantity: &Value| quantity.get("value").and_then(Value::as_f64);
    if element.get("low").is_some() || element.get("high").is_some() {
        let bound = |name: &str| element.get(name).and_then(number);
        return Some((bound("low").unwrap_or(f64::NEG_INFINITY), bound("high").unwrap_or(f64::INFINITY)));
    }
    let value = number(element)?;
    Some(match element.get("comparator").and_then(Value::as_str) {
        Some("<" | "<=") => (f64::NEG_INFINITY, value),
        Some(">" | ">=") => (value, f64::INFINITY),
        Some(_) | None => (value, value),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Wanted;

    // covers S-26
    #[test]
    fn number_search_has_the_precision_of_its_digits() {
        let age = json!({ "value": 18, "unit": "years", "system": "http://unitsofmeasure.org", "code": "a" });
        let ages = json!({ "low": { "value": 18, "code": "a" }, "high": { "value": 25, "code": "a" } });
        let open = json!({ "high": { "value": 25 } });
        let at_least = json!({ "value": 18, "comparator": ">=" });
        for (wanted, element, is_found) in [
            ("18", &age, true),
            ("18.4", &age, false),
            ("18.0", &age, true),
            ("2e1", &age, true),
            ("20", &age, false),
            ("ne18", &age, false),
            ("gt18", &age, false),
            ("ge18", &age, true),
            ("lt18.1", &age, true),
            ("ap19", &age, true),
            ("ap25", &age, false),
            ("18|http://unitsofmeasure.org|a", &age, true),
            ("18|http://unitsofmeasure.org|", &age, true),
            ("18|http://elsewhere.example|a", &age, false),
            ("18||years", &age, true),
            ("18||a", &age, true),
            ("18||mo", &age, false),
            ("gt20", &ages, true),
            ("20||a", &ages, false),
            ("sa17||a", &ages, true),
            ("eb26", &ages, true),
            ("le-100", &open, true),
            ("sa-100", &open, false),
            ("gt100", &at_least, true),
            ("18", &json!({}), false),
        ] {
            let parsed = Wanted::parse(wanted).expect("it can be read");
            assert_eq!(parsed.matches(element), is_found, "{wanted} {element}");
        }
        for wrong in ["", "x", "gt", "inf", "nan", "1|2", "1|2|3|4", "1e999", "!=1", "12px"] {
            assert!(Wanted::parse(wrong).is_err(), "{wrong}");
        }
    }
}
