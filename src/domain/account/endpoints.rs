//! Paths of the authorization server's endpoints. The R4 API publishes them too, so they are defined here,
//! below both.

/// The path of the R4 API, whose URL is the audience of an app's tokens.
pub const FHIR_BASE: &str = "/FHIR/R4";
/// The path of the Validated Relationships API, whose URL is an audience as well.
pub const VRS_BASE: &str = "/validated-relationships/FHIR/R4";
/// The SMART configuration, below the path of the R4 API (SMART App Launch 2.2, "Conformance").
pub const SMART_CONFIGURATION: &str = "/.well-known/smart-configuration";
/// OpenID Connect Discovery 1.0 §4.
pub const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
/// RFC 8414 §3.
pub const OAUTH_METADATA: &str = "/.well-known/oauth-authorization-server";
/// The metadata of a protected resource (RFC 9728 §3): the path of the resource follows it.
pub const PROTECTED_RESOURCE: &str = "/.well-known/oauth-protected-resource";
/// The public keys (RFC 7517).
pub const JWKS: &str = "/oauth/jwks";
/// The authorization endpoint, for browsers (RFC 6749 §3.1).
pub const AUTHORIZE: &str = "/oauth/authorize";
/// The token endpoint (RFC 6749 §3.2).
pub const TOKEN: &str = "/oauth/token";
/// Token introspection (RFC 7662).
pub const INTROSPECT: &str = "/oauth/introspect";
/// Token revocation (RFC 7009).
pub const REVOKE: &str = "/oauth/revoke";
/// Pushed authorization requests (RFC 9126).
pub const PAR: &str = "/oauth/par";
/// Userinfo (OpenID Connect Core §5.3).
pub const USERINFO: &str = "/oauth/userinfo";
/// The end-session endpoint, for browsers (OpenID Connect RP-Initiated Logout 1.0 §2).
pub const END_SESSION: &str = "/oauth/log-out";
/// The style of our own pages, for apps that adapt to it (SMART App Launch 2.2, "Styling").
pub const STYLE: &str = "/oauth/smart-style.json";
/// Dynamic client registration (RFC 7591).
pub const REGISTER: &str = "/oauth/register";
