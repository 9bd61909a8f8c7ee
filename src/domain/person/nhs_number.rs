//! NHS numbers.
//!
//! Ten digits, the last a Modulus 11 check digit (NHS Data Dictionary). Most of the published sandbox data
//! fail the check, so its strictness is a setting.

use std::fmt;
use std::str;

/// An NHS number. Its `Debug` form hides the digits, so that it cannot reach a log by accident.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NhsNumber([u8; 10]);

/// How an NHS number is validated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberCheck {
    /// Ten digits with a correct check digit.
    Modulus11,
    /// Ten digits.
    Length,
}

/// The text is not an NHS number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an NHS number: ten digits whose last is the check digit")]
pub struct NotAnNhsNumber;

impl NhsNumber {
    /// Parses ten digits without spaces.
    ///
    /// # Errors
    ///
    /// [`NotAnNhsNumber`] when the text is anything else, or fails `check`.
    pub fn parse(text: &str, check: NumberCheck) -> Result<Self, NotAnNhsNumber> {
        let digits: [u8; 10] = text.as_bytes().try_into().or(Err(NotAnNhsNumber))?;
        let well_formed = digits.iter().all(u8::is_ascii_digit);
        let number = Self(digits);
        match check {
            _ if !well_formed => Err(NotAnNhsNumber),
            NumberCheck::Modulus11 if !number.has_valid_check_digit() => Err(NotAnNhsNumber),
            NumberCheck::Modulus11 | NumberCheck::Length => Ok(number),
        }
    }

    /// The ten digits.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Whether the tenth digit is the Modulus 11 check digit of the other nine. Where the remainder calls for
    /// the digit 10, no such number is issued.
    pub fn has_valid_check_digit(&self) -> bool {
        let digits = self.0.iter().map(|digit| u32::from(digit.saturating_sub(b'0')));
        let sum: u32 = digits.clone().zip((2..=10).rev()).map(|(digit, weight)| digit * weight).sum();
        let expected = (11 - sum % 11) % 11;
        digits.clone().nth(9) == Some(expected)
    }
}

impl fmt::Display for NhsNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for NhsNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NhsNumber(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::{NhsNumber, NumberCheck};

    fn accepts(text: &str, check: NumberCheck) -> bool {
        NhsNumber::parse(text, check).is_ok()
    }

    #[test]
    fn modulus_11_accepts_only_numbers_with_their_check_digit() {
        for valid in
            ["9000000009", "9000000017", "9000000025", "9000000033", "9000000041", "9730675929", "9736898644"]
        {
            assert!(accepts(valid, NumberCheck::Modulus11), "{valid}");
            for wrong in ('0'..='9').filter(|digit| !valid.ends_with(*digit)) {
                let changed = format!("{}{wrong}", &valid[..9]);
                assert!(!accepts(&changed, NumberCheck::Modulus11), "{changed}");
            }
        }
    }

    #[test]
    fn a_number_whose_check_digit_would_be_ten_is_never_valid() {
        let without =
            |prefix: &str| ('0'..='9').all(|d| !accepts(&format!("{prefix}{d}"), NumberCheck::Modulus11));
        assert!(without("900000006") || (0..1000).any(|n| without(&format!("{:09}", 900_000_000 + n))));
    }

    #[test]
    fn the_length_check_accepts_the_sandbox_numbers() {
        assert!(accepts("9000000002", NumberCheck::Length));
        assert!(!accepts("9000000002", NumberCheck::Modulus11));
    }

    #[test]
    fn nhs_number_is_ten_ascii_digits() {
        for text in
            ["", "900000001", "90000000177", "900 000 0017", "90000000１7", "900000001x", " 9000000017"]
        {
            assert!(!accepts(text, NumberCheck::Length), "{text}");
        }
    }

    #[test]
    fn debug_hides_the_digits() {
        let number = NhsNumber::parse("9000000017", NumberCheck::Modulus11).unwrap();
        assert!(!format!("{number:?}").contains('9'));
        assert_eq!(number.to_string(), "9000000017");
    }
}
