//! Proxy roles, relationships and access requests.
//!
//! The files of this folder are pure: the [`Role`] and its state machine, the [`Relationship`] that is its
//! evidence, the [`AccessRequest`] that asks for it. The use cases are in `service::proxy`.

pub mod access_request;
pub mod legal_basis;
pub mod mask;
pub mod milestone;
pub mod ods_code;
pub mod relationship;
pub mod role;
pub mod role_period;
pub mod role_state;
pub mod status_reason;

pub use access_request::{AccessRequest, Applicant, ReferenceCode};
pub use legal_basis::LegalBasis;
pub use milestone::{Milestone, MilestoneAction, Milestones};
pub use ods_code::OdsCode;
pub use relationship::Relationship;
pub use role::{EndChange, Role, RoleChange, RoleDraft, RoleError, Rules, Versioned};
pub use role_period::RolePeriod;
pub use role_state::{Lifecycle, ReasonCheck, Status};
pub use status_reason::{ReasonCode, StatusReason};
