//! Levels of identity proofing and vectors of trust (NHS login's External Interface Specification 2.1; RFC
//! 8485).

use std::fmt;

use serde::{Deserialize, Serialize};

/// The level to which an identity was proved (DCB3051).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Proofing {
    /// No proofing: only the e-mail address was confirmed.
    P0,
    /// Basic details were found to belong together.
    P5,
    /// The identity was verified.
    P9,
}

impl Proofing {
    /// Parses `P0`, `P5` or `P9`.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::P0, Self::P5, Self::P9].into_iter().find(|level| level.as_str() == text)
    }

    /// The level's code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P0 => "P0",
            Self::P5 => "P5",
            Self::P9 => "P9",
        }
    }
}

impl fmt::Display for Proofing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A vector of trust: how well the identity was proved, and the credentials of this log-in, such as
/// `P9.Cp.Cd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vector {
    /// How well the identity was proved.
    pub proofing: Proofing,
    credentials: Vec<String>,
}

/// The text is not a vector of trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a vector of trust is written such as P9.Cp.Cd")]
pub struct NotAVector;

impl Vector {
    /// Parses a vector: a level of proofing, then at least one credential.
    ///
    /// # Errors
    ///
    /// [`NotAVector`].
    pub fn parse(text: &str) -> Result<Self, NotAVector> {
        let (level, rest) = text.split_once('.').ok_or(NotAVector)?;
        let proofing = Proofing::parse(level).ok_or(NotAVector)?;
        let is_credential = |part: &str| part.len() == 2 && part.starts_with('C');
        let credentials: Vec<String> = rest.split('.').map(str::to_owned).collect();
        if !credentials.iter().all(|part| is_credential(part)) {
            return Err(NotAVector);
        }
        Ok(Self { proofing, credentials })
    }

    /// Whether this vector meets one of those requested: the same credentials, and proofing that is not
    /// lower.
    pub fn satisfies(&self, asked: &[Self]) -> bool {
        asked.iter().any(|asked| {
            self.proofing >= asked.proofing
                && asked.credentials.iter().all(|credential| self.credentials.contains(credential))
        })
    }
}

impl fmt::Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.proofing, self.credentials.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::{NotAVector, Vector};

    #[test]
    fn vector_of_trust_satisfies_an_equal_or_lower_request() {
        let vector = |text| Vector::parse(text).unwrap();
        let asked = [vector("P9.Cp.Cd"), vector("P9.Cp.Ck"), vector("P9.Cm")];
        for enough in ["P9.Cp.Cd", "P9.Cp.Ck", "P9.Cm", "P9.Cd.Cp"] {
            assert!(vector(enough).satisfies(&asked), "{enough}");
        }
        for lacking in ["P5.Cp.Cd", "P0.Cp", "P9.Cp", "P9.Cd"] {
            assert!(!vector(lacking).satisfies(&asked), "{lacking}");
        }
        assert!(vector("P9.Cp.Cd").satisfies(&[vector("P5.Cp")]));
    }

    #[test]
    fn invalid_vector_of_trust_is_rejected() {
        for wrong in ["", "P9", "P9.", "P7.Cp", "Cp.P9", "P9.Cp.", "P9.X"] {
            assert_eq!(Vector::parse(wrong), Err(NotAVector), "{wrong}");
        }
    }
}
