//! The permissions of a scope: the letters `cruds`.

use std::fmt;

/// One permission of a scope (SMART App Launch 2.2, "Scopes for requesting FHIR Resources").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// create.
    Create,
    /// read, vread, history of an instance.
    Read,
    /// update, also where it creates, and patch.
    Update,
    /// delete.
    Delete,
    /// search and history of a type or of everything.
    Search,
}

impl Permission {
    const ALL: [Self; 5] = [Self::Create, Self::Read, Self::Update, Self::Delete, Self::Search];

    /// The letter, as it stands in a scope.
    pub const fn as_char(self) -> char {
        match self {
            Self::Create => 'c',
            Self::Read => 'r',
            Self::Update => 'u',
            Self::Delete => 'd',
            Self::Search => 's',
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Create => 1,
            Self::Read => 2,
            Self::Update => 4,
            Self::Delete => 8,
            Self::Search => 16,
        }
    }
}

/// A set of permissions; at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Permissions(u8);

impl Permissions {
    /// Parses letters in the order `cruds`, or a word of version 1.
    pub fn parse(text: &str) -> Option<Self> {
        let text = match text {
            "read" => "rs",
            "write" => "cud",
            "*" => "cruds",
            permissions => permissions,
        };
        let mut rest = text;
        let mut bits = 0;
        for permission in Permission::ALL {
            if let Some(after) = rest.strip_prefix(permission.as_char()) {
                bits |= permission.bit();
                rest = after;
            }
        }
        (rest.is_empty() && bits != 0).then_some(Self(bits))
    }

    /// Whether this permission is in the set.
    pub const fn has(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Whether all of `others` are in the set.
    pub const fn contain(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for permission in Permission::ALL.into_iter().filter(|permission| self.has(*permission)) {
            write!(f, "{}", permission.as_char())?;
        }
        Ok(())
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_char())
    }
}
