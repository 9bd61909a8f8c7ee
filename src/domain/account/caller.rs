//! The authenticated caller of a request.

use std::sync::Arc;

use uuid::Uuid;

use crate::account::proofing::Proofing;
use crate::account::scope::{NamedScope, Permission, ScopeContext, Scopes};
use crate::person::nhs_number::NhsNumber;
use crate::proxy::ods_code::OdsCode;

/// The authenticated caller of one request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The principal.
    pub principal: Principal,
    /// The scopes of the app's token: the most that the app may do for the caller.
    pub granted_scopes: GrantedScopes,
    /// The app (OAuth client) that sent the request, by its `client_id`.
    pub app: Option<Arc<str>>,
    /// The grant that the token was issued for. A request is answered only while the grant holds.
    pub grant: Option<Uuid>,
    /// The caller's own id for the request (`X-Request-ID`), for the audit record.
    pub request_id: Option<String>,
}

/// The kinds of caller, after the access modes of contract §1.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// No authentication, in the sandbox only: may do everything.
    Anyone,
    /// A citizen, as themselves (mode P).
    Citizen {
        /// Their NHS number; they reach only resources that they are a party to.
        nhs_number: NhsNumber,
        /// The level to which their identity was proved.
        proofing: Proofing,
    },
    /// A citizen, acting for a patient by a role.
    Proxy {
        /// The proxy's NHS number.
        proxy: NhsNumber,
        /// The patient's NHS number.
        patient: NhsNumber,
        /// The role's id. The role is read again at every request.
        role: Uuid,
    },
    /// A member of staff, authenticated by CIS2 at AAL3 (mode H).
    Staff {
        /// The name of the credential, or CIS2's user id.
        name: String,
        /// The organisation that they work for in this session.
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

/// The limit that an app's scopes set on what its user may do. SMART scopes only ever restrict (SC-08).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantedScopes {
    /// No limit: the credential is the caller's own, not an app's.
    None,
    /// These scopes.
    Scopes(Arc<Scopes>),
}

impl std::fmt::Display for GrantedScopes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("-"),
            Self::Scopes(scopes) => scopes.fmt(f),
        }
    }
}

impl GrantedScopes {
    /// The constraints under which this permission applies to resources of a type, one per scope that grants
    /// it; an empty constraint restricts nothing. `None` where no scope grants it.
    pub fn constraints(&self, resource: &str, permission: Permission) -> Option<Vec<ScopeConstraint>> {
        let Self::Scopes(scopes) = self else { return Some(vec![ScopeConstraint::default()]) };
        let fitting =
            scopes.resources().filter(|scope| scope.is_about(resource) && scope.permissions.has(permission));
        let fitting = fitting.map(|scope| ScopeConstraint {
            is_of_patient: scope.context == ScopeContext::Patient,
            is_of_user: false,
            params: scope.constraint.clone(),
        });
        let constraints: Vec<ScopeConstraint> =
            fitting.chain(logged_in_user_constraint(scopes, resource, permission)).collect();
        (!constraints.is_empty()).then_some(constraints)
    }
}

/// What `fhirUser` grants: reading the resource of the user who logged in (LA-07).
fn logged_in_user_constraint(
    scopes: &Scopes,
    resource: &str,
    permission: Permission,
) -> Option<ScopeConstraint> {
    let is_given = permission == Permission::Read
        && (scopes.has(NamedScope::FhirUser) || scopes.has(NamedScope::Profile));
    match resource {
        "Person" if is_given => Some(ScopeConstraint { is_of_user: true, ..ScopeConstraint::default() }),
        "Patient" | "RelatedPerson" if is_given => {
            Some(ScopeConstraint { is_of_patient: true, ..ScopeConstraint::default() })
        }
        _ => None,
    }
}

/// The resources that a scope covers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeConstraint {
    /// Only those of the patient of the launch (`patient/…`).
    pub is_of_patient: bool,
    /// Only the resource of the user who logged in.
    pub is_of_user: bool,
    /// Only those that match these search parameters.
    pub params: Vec<(String, String)>,
}

impl Caller {
    /// The service itself as the caller.
    pub const SERVICE: Self = Self {
        principal: Principal::Service,
        granted_scopes: GrantedScopes::None,
        app: None,
        grant: None,
        request_id: None,
    };

    /// A caller with a credential of their own: no app, no scope limit.
    pub const fn direct(principal: Principal) -> Self {
        Self { principal, granted_scopes: GrantedScopes::None, app: None, grant: None, request_id: None }
    }
}

impl Principal {
    /// The kind of caller as one word, for logs, metrics and the audit record.
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

    /// The caller's identifier within its kind. Personal for a citizen: for the audit record, never for a
    /// log.
    pub fn id(&self) -> Option<String> {
        match self {
            Self::Citizen { nhs_number, .. } => Some(nhs_number.to_string()),
            Self::Proxy { proxy, .. } => Some(proxy.to_string()),
            Self::Staff { name, .. } | Self::System { name } => Some(name.clone()),
            Self::Anyone | Self::Service => None,
        }
    }

    /// The citizen who logged in: the caller themselves, or the proxy.
    pub const fn user(&self) -> Option<NhsNumber> {
        match self {
            Self::Citizen { nhs_number, .. } => Some(*nhs_number),
            Self::Proxy { proxy, .. } => Some(*proxy),
            Self::Anyone | Self::Staff { .. } | Self::System { .. } | Self::Service => None,
        }
    }

    /// The patient whose account the caller uses: their own, or that of the patient they act for.
    pub const fn patient(&self) -> Option<NhsNumber> {
        match self {
            Self::Citizen { nhs_number, .. } => Some(*nhs_number),
            Self::Proxy { patient, .. } => Some(*patient),
            Self::Anyone | Self::Staff { .. } | Self::System { .. } | Self::Service => None,
        }
    }
}
