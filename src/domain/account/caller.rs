//! Who is at the door.

use std::sync::Arc;

use uuid::Uuid;

use crate::account::proofing::Proofing;
use crate::account::scope::{Letter, ScopeContext, Scopes, Word};
use crate::person::nhs_number::NhsNumber;
use crate::proxy::ods_code::OdsCode;

/// One caller in one request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who it is.
    pub who: Who,
    /// How much of what they may do was given to the app that asks for them.
    pub ceiling: Ceiling,
    /// The app (OAuth client) that asks, by its `client_id`.
    pub app: Option<Arc<str>>,
    /// The grant that the token was issued for. It must live for the request to be answered.
    pub grant: Option<Uuid>,
    /// The caller's own id for the request (`X-Request-ID`), for the audit record.
    pub request_id: Option<String>,
}

/// The kinds of caller, after the access modes of contract §1.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Anybody, in the sandbox: may do everything.
    Anyone,
    /// A citizen, as themselves (mode P).
    Citizen {
        /// Who they are; they reach only what they are a party to.
        nhs_number: NhsNumber,
        /// How surely that is known.
        proofing: Proofing,
    },
    /// A citizen, acting for a patient by a role.
    Proxy {
        /// Who acts.
        proxy: NhsNumber,
        /// For whom.
        patient: NhsNumber,
        /// By which role. It is read again at every request.
        role: Uuid,
    },
    /// A member of staff, proved by CIS2 at AAL3 (mode H).
    Staff {
        /// The name of the credential, or CIS2's user id.
        name: String,
        /// The organisation in whose name they work now.
        organisation: Option<OdsCode>,
    },
    /// A system, by its own credential (mode A).
    System {
        /// The name of the credential.
        name: String,
    },
    /// This service itself: jobs and the command line.
    Service,
}

/// How much an app was given of what its user may do. Never more than that: SMART scopes are a ceiling
/// (SC-08).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ceiling {
    /// All of it: a credential of the caller's own, not an app's.
    None,
    /// What these scopes let through.
    Scopes(Arc<Scopes>),
}

impl std::fmt::Display for Ceiling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("-"),
            Self::Scopes(scopes) => scopes.fmt(f),
        }
    }
}

impl Ceiling {
    /// The constraints under which this may be done to resources of a type, one for each scope that lets it
    /// through; an empty constraint is none. `None` without any such scope.
    pub fn constraints(&self, resource: &str, letter: Letter) -> Option<Vec<Constraint>> {
        let Self::Scopes(scopes) = self else { return Some(vec![Constraint::default()]) };
        let fitting =
            scopes.resources().filter(|scope| scope.is_about(resource) && scope.letters.has(letter));
        let fitting = fitting.map(|scope| Constraint {
            is_of_patient: scope.context == ScopeContext::Patient,
            is_of_user: false,
            params: scope.constraint.clone(),
        });
        let constraints: Vec<Constraint> =
            fitting.chain(who_has_logged_in(scopes, resource, letter)).collect();
        (!constraints.is_empty()).then_some(constraints)
    }
}

/// What `fhirUser` lets through: the resource that says who has logged in (LA-07).
fn who_has_logged_in(scopes: &Scopes, resource: &str, letter: Letter) -> Option<Constraint> {
    let is_given = letter == Letter::Read && (scopes.has(Word::FhirUser) || scopes.has(Word::Profile));
    match resource {
        "Person" if is_given => Some(Constraint { is_of_user: true, ..Constraint::default() }),
        "Patient" | "RelatedPerson" if is_given => {
            Some(Constraint { is_of_patient: true, ..Constraint::default() })
        }
        _ => None,
    }
}

/// Which resources a scope lets through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Constraint {
    /// Only those of the patient of the launch (`patient/…`).
    pub is_of_patient: bool,
    /// Only what says who has logged in.
    pub is_of_user: bool,
    /// Only those that match these search parameters.
    pub params: Vec<(String, String)>,
}

impl Caller {
    /// The service acting by itself.
    pub const SERVICE: Self =
        Self { who: Who::Service, ceiling: Ceiling::None, app: None, grant: None, request_id: None };

    /// A caller with a credential of their own: no app, no ceiling.
    pub const fn direct(who: Who) -> Self {
        Self { who, ceiling: Ceiling::None, app: None, grant: None, request_id: None }
    }
}

impl Who {
    /// The kind in one word, for logs, metrics and the audit record.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::Citizen { .. } => "citizen",
            Self::Proxy { .. } => "proxy",
            Self::Staff { .. } => "staff",
            Self::System { .. } => "system",
            Self::Service => "service",
        }
    }

    /// Which caller of this kind. Personal for a citizen: for the audit record, never for a log.
    pub fn id(&self) -> Option<String> {
        match self {
            Self::Citizen { nhs_number, .. } => Some(nhs_number.to_string()),
            Self::Proxy { proxy, .. } => Some(proxy.to_string()),
            Self::Staff { name, .. } | Self::System { name } => Some(name.clone()),
            Self::Anyone | Self::Service => None,
        }
    }

    /// The citizen who has logged in: themselves, or whoever acts.
    pub const fn user(&self) -> Option<NhsNumber> {
        match self {
            Self::Citizen { nhs_number, .. } => Some(*nhs_number),
            Self::Proxy { proxy, .. } => Some(*proxy),
            Self::Anyone | Self::Staff { .. } | Self::System { .. } | Self::Service => None,
        }
    }

    /// The patient in whose place the caller stands: themselves, or whom they act for.
    pub const fn patient(&self) -> Option<NhsNumber> {
        match self {
            Self::Citizen { nhs_number, .. } => Some(*nhs_number),
            Self::Proxy { patient, .. } => Some(*patient),
            Self::Anyone | Self::Staff { .. } | Self::System { .. } | Self::Service => None,
        }
    }
}
