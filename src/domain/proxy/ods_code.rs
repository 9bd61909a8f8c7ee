//! ODS codes, which identify organisations.

use std::fmt;

/// A code of the Organisation Data Service, upper-case: 3 to 10 letters or digits that begin with a letter
/// and hold at least one digit (the contract defines no format; this is our decision).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OdsCode(String);

/// The text is not an ODS code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an ODS code: 3 to 10 letters or digits, beginning with a letter, at least one a digit")]
pub struct NotAnOdsCode;

impl OdsCode {
    /// Parses a code; surrounding blanks and letter case do not matter.
    ///
    /// # Errors
    ///
    /// [`NotAnOdsCode`] for anything else.
    pub fn parse(text: &str) -> Result<Self, NotAnOdsCode> {
        let code = text.trim();
        let well_formed = (3..=10).contains(&code.len())
            && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && code.starts_with(|first: char| first.is_ascii_alphabetic())
            && code.contains(|any: char| any.is_ascii_digit());
        if well_formed { Ok(Self(code.to_ascii_uppercase())) } else { Err(NotAnOdsCode) }
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OdsCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::OdsCode;

    #[test]
    fn ods_codes_of_the_contract_are_accepted_and_upper_cased() {
        for code in ["G8101234", "ODS12345", "A20047", "Y12345", "RX1"] {
            assert_eq!(OdsCode::parse(code).unwrap().as_str(), code);
        }
        assert_eq!(OdsCode::parse(" a20047 ").unwrap().as_str(), "A20047");
    }

    #[test]
    fn invalid_ods_code_is_rejected() {
        for code in ["", "   ", "BAD", "A1", "1AB", "A1234567890", "A2-04", "Á20047"] {
            assert!(OdsCode::parse(code).is_err(), "{code}");
        }
    }
}
