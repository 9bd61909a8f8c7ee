//! Who is calling and what they may do.
//!
//! [`admission`] makes a [`Caller`] of a request's headers; [`access`] decides. [`authority`] is the
//! authorization server's long-lived part, which issues tokens for [`grant`]s to the apps of
//! [`registration`] and reads them again; [`command`] holds its use cases, and [`oauth`] its endpoints.
//! [`proof`] checks what others have signed.

pub mod caller;
pub mod claims;
pub mod code;
pub mod endpoints;
pub mod grant;
pub mod identity;
pub mod log_in;
pub mod proofing;
pub mod registration;
pub mod scope;

pub use caller::{Caller, Ceiling, Constraint, Who};
pub use code::{Code, Redeemed, RefreshToken};
pub use grant::{Grant, GrantState, Lapsed, RoleState};

pub use log_in::{Acting, AuthorizationRequest, KnownPerson, LogIn, Stage};

pub use proofing::{Proofing, Vector};
pub use registration::{ClientAuthentication, GrantType, Mode, Registration};
pub use scope::{Letter, Letters, ScopeContext, Scopes, Word};
