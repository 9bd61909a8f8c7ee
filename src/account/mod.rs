//! Who is calling and what they may do.
//!
//! [`admission`] makes a [`Caller`] of a request's headers; [`access`] decides. [`authority`] is the
//! authorization server's long-lived part, which issues tokens for [`grant`]s to the apps of
//! [`registration`] and reads them again; [`command`] holds its use cases, and [`oauth`] its endpoints.
//! [`proof`] checks what others have signed.

pub mod access;
pub mod admission;
pub mod authority;
pub mod caller;
pub mod claims;
pub mod code;
pub mod command;
pub mod endpoints;
pub mod grant;
pub mod identity;
pub mod key;
pub mod log_in;
pub mod oauth;
pub mod policy;
pub mod proof;
pub mod proofing;
pub mod registration;
pub mod scope;
pub mod upstream;

pub use access::{Action, Refusal};
pub use admission::{Denied, Shown};
pub use authority::{Authority, AuthoritySettings, BadToken, Lifetimes};
pub use caller::{Caller, Ceiling, Constraint, Who};
pub use code::{Code, Redeemed, RefreshToken, digest};
pub use grant::{Grant, GrantState, Lapsed, RoleState};
pub use key::{KeyRing, Purpose};
pub use log_in::{Acting, AuthorizationRequest, KnownPerson, LogIn, Stage};
pub use policy::{AccessPolicy, Disclosure, StaffReach, Token};
pub use proofing::{Proofing, Vector};
pub use registration::{ClientAuthentication, GrantType, Mode, Registration};
pub use scope::{Letter, Letters, ScopeContext, Scopes, Word};
