//! Seed files for tests: any number of invented people whose NHS numbers are valid.

use serde_json::{Value, json};

/// The first `count` NHS numbers from 999 000 000 on that have a Modulus 11 check digit. Numbers that
/// begin with 999 are set aside for tests and are never issued.
pub fn nhs_numbers(count: usize) -> Vec<String> {
    let valid = |stem: u32| {
        let digits = format!("{stem}");
        let sum: u32 =
            digits.bytes().zip((2..=10).rev()).map(|(d, weight)| u32::from(d - b'0') * weight).sum();
        match 11 - sum % 11 {
            10 => None,
            11 => Some(format!("{digits}0")),
            check => Some(format!("{digits}{check}")),
        }
    };
    (999_000_000..).filter_map(valid).take(count).collect()
}

/// A seed file with these people and nothing else.
pub fn people(numbers: &[String]) -> Value {
    let person = |number: &String| {
        json!({
            "nhs_number": number,
            "name": { "use": "usual", "family": "Invented", "given": ["Test"] },
            "birth_date": "1980-01-31",
            "gp_ods": "A20047",
        })
    };
    json!({ "people": numbers.iter().map(person).collect::<Vec<_>>() })
}
