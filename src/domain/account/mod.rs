//! Callers and what they may do.
//!
//! A [`Caller`] is the principal with the scopes of its token; a [`grant`] is one authorization of an app of
//! [`registration`]. In crate `service`, `admission` authenticates a request's headers, `access` authorizes,
//! and `authority` issues and validates tokens.

mod bit_set;
pub mod caller;
pub mod category;
pub mod claims;
pub mod code;
pub mod decision;
pub mod endpoints;
pub mod grant;
pub mod identity;
pub mod level;
pub mod log_in;
pub mod member;
pub mod proofing;
pub mod registration;
pub mod scope;

pub use caller::{Caller, GrantedScopes, Principal, ScopeConstraint};
pub use category::{Category, CategorySet, Sensitivity};
pub use code::{Code, Redeemed, RefreshToken};
pub use decision::{Decision, DecisionFacts, DecisionQuestion, DecisionRecord, decide};
pub use grant::{Grant, GrantState, Lapsed, RoleState};

pub use level::{
    AccessSet, AccountAction, ActionSet, Level, LevelVersion, MemberAccess, RequestedAccess, RoleLimits,
};
pub use log_in::{Acting, AuthorizationRequest, KnownPerson, LogIn, LogInStage};

pub use member::{Member, MemberOrigin, MemberState};
pub use proofing::{Proofing, Vector};
pub use registration::{AccessMode, ClientAuthentication, GrantType, IntrospectionSubject, Registration};
pub use scope::{NamedScope, Permission, Permissions, ScopeContext, Scopes};
