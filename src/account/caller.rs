//! Who is at the door.

use crate::person::NhsNumber;

/// One caller in one request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who it is.
    pub who: Who,
    /// The caller's own id for the request (`X-Request-ID`), for the audit record.
    pub request_id: Option<String>,
}

/// The kinds of caller, after the access modes of contract §1.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Anybody, in the sandbox: may do everything.
    Anyone,
    /// A citizen, proved by NHS login at level P9 (mode P).
    Citizen {
        /// Who they are; they reach only what they are a party to.
        nhs_number: NhsNumber,
    },
    /// A member of staff, proved by CIS2 at AAL3 (mode H).
    Staff {
        /// The name of the credential.
        name: String,
    },
    /// A system, by its own credential (mode A).
    System {
        /// The name of the credential.
        name: String,
    },
    /// This service itself: jobs and the command line.
    Service,
}

impl Caller {
    /// The service acting by itself.
    pub const SERVICE: Self = Self { who: Who::Service, request_id: None };
}

impl Who {
    /// The kind in one word, for logs, metrics and the audit record.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::Citizen { .. } => "citizen",
            Self::Staff { .. } => "staff",
            Self::System { .. } => "system",
            Self::Service => "service",
        }
    }

    /// Which caller of this kind. Personal for a citizen: for the audit record, never for a log.
    pub fn id(&self) -> Option<String> {
        match self {
            Self::Citizen { nhs_number } => Some(nhs_number.to_string()),
            Self::Staff { name } | Self::System { name } => Some(name.clone()),
            Self::Anyone | Self::Service => None,
        }
    }
}
