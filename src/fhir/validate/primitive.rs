//! Values of the primitive types (<https://hl7.org/fhir/R4/datatypes.html#primitive>).

use chrono::NaiveDate;
use serde_json::Value;

use crate::structure::Primitive;

/// R4: "strings SHALL NOT exceed 1MB in size".
const LONGEST_STRING: usize = 1024 * 1024;

/// Why a value is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PrimitiveFault {
    /// Its JSON type is not this one.
    Json(&'static str),
    /// It is too long.
    TooLong,
    /// It breaks the rule of this sentence.
    Value(&'static str),
}

impl Primitive {
    /// Validates a value.
    pub(super) fn check(self, value: &Value) -> Result<(), PrimitiveFault> {
        match self {
            Self::Boolean => {
                value.is_boolean().then_some(()).ok_or(PrimitiveFault::Json("true or false, without quotes"))
            }
            Self::Integer => whole(value, i64::from(i32::MIN), "Give a whole number of 32 bits."),
            Self::UnsignedInt => whole(value, 0, "Give a whole number from 0 to 2147483647."),
            Self::PositiveInt => whole(value, 1, "Give a whole number from 1 to 2147483647."),
            Self::Decimal => {
                value.is_number().then_some(()).ok_or(PrimitiveFault::Json("a number, without quotes"))
            }
            Self::String
            | Self::Markdown
            | Self::Code
            | Self::Id
            | Self::Uri
            | Self::Url
            | Self::Canonical
            | Self::Oid
            | Self::Uuid
            | Self::Base64Binary
            | Self::Date
            | Self::DateTime
            | Self::Instant
            | Self::Time => self.check_text(value.as_str().ok_or(PrimitiveFault::Json("a text in quotes"))?),
        }
    }

    fn check_text(self, text: &str) -> Result<(), PrimitiveFault> {
        if text.is_empty() {
            return Err(PrimitiveFault::Value("Leave the element out instead of giving an empty text."));
        }
        if self != Self::Base64Binary && text.len() > LONGEST_STRING {
            return Err(PrimitiveFault::TooLong);
        }
        if is_text(text) && self.is_formed(text) { Ok(()) } else { Err(PrimitiveFault::Value(self.words())) }
    }

    fn is_formed(self, text: &str) -> bool {
        match self {
            Self::Code => is_code(text),
            Self::Id => {
                text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
            }
            Self::Uri | Self::Url | Self::Canonical => is_uri(text),
            Self::Oid => text.strip_prefix("urn:oid:").is_some_and(is_oid),
            Self::Uuid => text.strip_prefix("urn:uuid:").is_some_and(is_uuid),
            Self::Base64Binary => is_base64(text),
            Self::Date => is_date(text),
            Self::DateTime => is_date(text) || is_instant(text),
            Self::Instant => is_instant(text),
            Self::Time => is_time(text),
            Self::Boolean
            | Self::Integer
            | Self::UnsignedInt
            | Self::PositiveInt
            | Self::Decimal
            | Self::String
            | Self::Markdown => true,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Code => "Give a code: no space at either end, single spaces inside, no control character.",
            Self::Id => "Give an id: 1 to 64 letters A-Z a-z, digits, hyphens and dots.",
            Self::Uri | Self::Url | Self::Canonical => {
                "Give a URI without spaces; after urn:uuid: a UUID in lower case, after urn:oid: an OID."
            }
            Self::Oid => "Give an OID as urn:oid:1.2.3.",
            Self::Uuid => "Give a UUID as urn:uuid: and 36 characters in lower case.",
            Self::Base64Binary => "Give base64 with its padding.",
            Self::Date => "Give a day that exists as YYYY-MM-DD, or YYYY-MM, or YYYY.",
            Self::DateTime => {
                "Give YYYY, YYYY-MM, YYYY-MM-DD, or YYYY-MM-DDThh:mm:ss with Z or an offset such as +01:00."
            }
            Self::Instant => "Give YYYY-MM-DDThh:mm:ss with Z or an offset such as +01:00.",
            Self::Time => "Give a time of day as hh:mm:ss, without an offset.",
            Self::Boolean
            | Self::Integer
            | Self::UnsignedInt
            | Self::PositiveInt
            | Self::Decimal
            | Self::String
            | Self::Markdown => "Leave out control characters.",
        }
    }
}

/// A whole number as FHIR writes it: digits only, so that `1.0` and `1e2` are none.
fn whole(value: &Value, least: i64, words: &'static str) -> Result<(), PrimitiveFault> {
    let Value::Number(number) = value else {
        return Err(PrimitiveFault::Json("a whole number, without quotes"));
    };
    // R4's expression is `[0]|[-+]?[1-9][0-9]*`: a zero has no sign.
    let number =
        Some(number.as_str()).filter(|digits| *digits != "-0").ok_or(PrimitiveFault::Value(words))?;
    let number: i32 = number.parse().or(Err(PrimitiveFault::Value(words)))?;
    if i64::from(number) < least { Err(PrimitiveFault::Value(words)) } else { Ok(()) }
}

/// R4: no character below U+0020 but tab, carriage return and line feed.
fn is_text(text: &str) -> bool {
    text.bytes().all(|byte| byte >= b' ' || matches!(byte, b'\t' | b'\r' | b'\n'))
}

/// `[^\s]+(\s[^\s]+)*`.
fn is_code(text: &str) -> bool {
    text.split(char::is_whitespace).all(|word| !word.is_empty())
}

fn is_uri(text: &str) -> bool {
    let is_formed = match (text.strip_prefix("urn:uuid:"), text.strip_prefix("urn:oid:")) {
        (Some(uuid), _) => is_uuid(uuid),
        (_, Some(oid)) => is_oid(oid),
        (None, None) => true,
    };
    is_formed && !text.contains(char::is_whitespace)
}

fn is_uuid(text: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let is_placed =
        |(at, byte): (usize, u8)| if matches!(at, 8 | 13 | 18 | 23) { byte == b'-' } else { is_hex(byte) };
    text.len() == 36 && text.bytes().enumerate().all(is_placed)
}

fn is_oid(text: &str) -> bool {
    let is_arc = |arc: &str| !arc.is_empty() && is_digits(arc) && (arc == "0" || !arc.starts_with('0'));
    let (root, rest) = text.split_once('.').unwrap_or_default();
    matches!(root, "0" | "1" | "2") && rest.split('.').all(is_arc)
}

fn is_base64(text: &str) -> bool {
    let letters = || text.bytes().filter(|byte| !byte.is_ascii_whitespace());
    let padding = letters().rev().take_while(|byte| *byte == b'=').count();
    let count = letters().count();
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    count > 0 && count % 4 == 0 && padding <= 2 && letters().take(count - padding).all(is_letter)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn number(text: &str, length: usize) -> Option<u32> {
    (text.len() == length && is_digits(text)).then(|| text.parse().ok())?
}

fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let read = |part: Option<&str>| part.map_or(Some(1), |part| number(part, 2));
    let year = parts.next().and_then(|year| number(year, 4)).filter(|year| *year > 0);
    let (month, day, rest) = (read(parts.next()), read(parts.next()), parts.next());
    let (Some(year), Some(month), Some(day), None) = (year, month, day, rest) else { return false };
    i32::try_from(year).is_ok_and(|year| NaiveDate::from_ymd_opt(year, month, day).is_some())
}

fn is_instant(text: &str) -> bool {
    let Some((date, rest)) = text.split_once('T') else { return false };
    let zone = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
    let (time, zone) = rest.split_at_checked(zone).unwrap_or_default();
    date.len() == 10 && is_date(date) && is_time(time) && is_zone(zone)
}

fn is_zone(text: &str) -> bool {
    let offset = text.strip_prefix(['+', '-']).and_then(|offset| offset.split_once(':'));
    let (hours, minutes) = offset.map(|(h, m)| (number(h, 2), number(m, 2))).unwrap_or_default();
    text == "Z"
        || match (hours, minutes) {
            (Some(hours), Some(minutes)) => (hours < 14 && minutes < 60) || (hours == 14 && minutes == 0),
            (None, _) | (_, None) => false,
        }
}

fn is_time(text: &str) -> bool {
    let (clock, fraction) = text.split_once('.').map_or((text, None), |(clock, rest)| (clock, Some(rest)));
    let mut parts = clock.split(':').map(|part| number(part, 2));
    let read = (parts.next().flatten(), parts.next().flatten(), parts.next().flatten(), parts.next());
    let is_fraction = fraction.is_none_or(|digits| !digits.is_empty() && is_digits(digits));
    is_fraction && matches!(read, (Some(0..=23), Some(0..=59), Some(0..=60), None))
}

#[cfg(test)]
mod tests {
    use super::{Primitive, PrimitiveFault};
    use serde_json::{Value, json};

    type Row = (&'static str, Vec<Value>, Vec<Value>);

    fn assert_rows(rows: impl IntoIterator<Item = Row>) {
        for (name, good, bad) in rows {
            let primitive = Primitive::of_type(name).unwrap();
            for value in good {
                assert_eq!(primitive.check(&value), Ok(()), "{name} {value}");
            }
            for value in bad {
                assert!(primitive.check(&value).is_err(), "{name} {value}");
            }
        }
    }

    /// A zero has no sign in R4's whole numbers.
    fn signed_zero() -> Value {
        serde_json::from_str("-0").unwrap()
    }

    // covers FAULT-18
    #[test]
    fn truth_values_and_numbers_are_as_fhir_writes_them() {
        assert_rows([
            ("boolean", vec![json!(true)], vec![json!("true"), json!(1)]),
            (
                "integer",
                vec![json!(0), json!(-7), json!(i32::MAX)],
                vec![json!(1.0), json!(2_147_483_648_u32), json!("1"), signed_zero()],
            ),
            ("unsignedInt", vec![json!(0)], vec![json!(-1), signed_zero()]),
            ("positiveInt", vec![json!(1)], vec![json!(0), signed_zero()]),
            ("decimal", vec![json!(1.50), json!(-3), signed_zero()], vec![json!("1.5"), json!(false)]),
        ]);
    }

    #[test]
    fn texts_are_as_fhir_writes_them() {
        let digit_uuid = "urn:uuid:c757873d-ec9a-4326-a141-556f43239520";
        assert_rows([
            ("string", vec![json!("a b\n"), json!(" ")], vec![json!(""), json!("a\u{1}"), json!(1)]),
            ("markdown", vec![json!("# a")], vec![json!("")]),
            (
                "code",
                vec![json!("a"), json!("a b")],
                vec![json!(" a"), json!("a "), json!("a  b"), json!("")],
            ),
            ("id", vec![json!("A-1.b")], vec![json!("a_b"), json!("a".repeat(65)), json!("é")]),
            (
                "uri",
                vec![json!("a"), json!(digit_uuid)],
                vec![
                    json!("a b"),
                    json!("urn:uuid:C757873D-EC9A-4326-A141-556F43239520"),
                    json!("urn:oid:1.02"),
                ],
            ),
            ("url", vec![json!("http://a")], vec![json!("http://a b")]),
            ("canonical", vec![json!("http://a|1")], vec![json!("")]),
            (
                "oid",
                vec![json!("urn:oid:1.2.0.3")],
                vec![json!("1.2.3"), json!("urn:oid:3.1"), json!("urn:oid:1.")],
            ),
            ("uuid", vec![json!(digit_uuid)], vec![json!("c757873d-ec9a-4326-a141-556f43239520")]),
            (
                "base64Binary",
                vec![json!("YQ=="), json!("YWJj YWJj")],
                vec![json!("YQ="), json!("Y==="), json!("a*bc"), json!(" ")],
            ),
        ]);
    }

    #[test]
    fn dates_and_times_are_as_fhir_writes_them() {
        assert_rows([
            (
                "date",
                vec![json!("2024"), json!("2024-02"), json!("2024-02-29")],
                vec![
                    json!("2023-02-29"),
                    json!("2024-13"),
                    json!("24-01-01"),
                    json!("0000"),
                    json!("2024-1-1"),
                    json!("2024-01-01T00:00:00Z"),
                ],
            ),
            (
                "dateTime",
                vec![json!("2024"), json!("2024-01-01T10:00:00.123+14:00")],
                vec![
                    json!("2024-01-01T10:00:00"),
                    json!("2024-01-01T10:00Z"),
                    json!("2024-01-01T24:00:00Z"),
                    json!("2024-01-01T10:00:00+14:01"),
                    json!("2024-01-01T10:00:00.Z"),
                ],
            ),
            (
                "instant",
                vec![json!("2024-01-01T10:00:60Z")],
                vec![json!("2024-01-01"), json!("2024-01T10:00:00Z")],
            ),
            (
                "time",
                vec![json!("10:00:00"), json!("23:59:59.9")],
                vec![json!("10:00"), json!("24:00:00"), json!("10:00:00Z")],
            ),
        ]);
    }

    #[test]
    fn wrong_json_types_and_too_long_texts_are_distinguished() {
        assert_eq!(Primitive::of_type("Period"), None);
        assert_eq!(Primitive::String.check(&json!("a".repeat(1_048_577))), Err(PrimitiveFault::TooLong));
    }
}
