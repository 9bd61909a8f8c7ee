//! Where the endpoints of the authorization server are. The R4 front tells of them too, so that the paths
//! are here, below both.

/// The path of the R4 front, whose URL is the audience of an app's tokens.
pub const FHIR_BASE: &str = "/FHIR/R4";
/// The path of the Validated Relationships API, whose URL is an audience as well.
pub const VRS_BASE: &str = "/validated-relationships/FHIR/R4";
/// What SMART apps read first, below the path of the R4 front (SMART App Launch 2.2, "Conformance").
pub const SMART_CONFIGURATION: &str = "/.well-known/smart-configuration";
/// OpenID Connect Discovery 1.0 §4.
pub const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
/// RFC 8414 §3.
pub const OAUTH_METADATA: &str = "/.well-known/oauth-authorization-server";
/// The metadata of a protected resource (RFC 9728 §3): the path of the resource follows it.
pub const PROTECTED_RESOURCE: &str = "/.well-known/oauth-protected-resource";
/// The public keys (RFC 7517).
pub const JWKS: &str = "/oauth/jwks";
/// Where a browser is sent (RFC 6749 §3.1).
pub const AUTHORIZE: &str = "/oauth/authorize";
/// Where tokens are got (RFC 6749 §3.2).
pub const TOKEN: &str = "/oauth/token";
/// What a token is worth (RFC 7662).
pub const INTROSPECT: &str = "/oauth/introspect";
/// Where tokens are given back (RFC 7009).
pub const REVOKE: &str = "/oauth/revoke";
/// Where authorization requests are left beforehand (RFC 9126).
pub const PAR: &str = "/oauth/par";
/// Who has logged in (OpenID Connect Core §5.3).
pub const USERINFO: &str = "/oauth/userinfo";
/// Where a browser is sent to log out (OpenID Connect RP-Initiated Logout 1.0 §2).
pub const END_SESSION: &str = "/oauth/log-out";
/// How an app may look beside our own pages (SMART App Launch 2.2, "Styling").
pub const STYLE: &str = "/oauth/smart-style.json";
/// Where apps register themselves (RFC 7591).
pub const REGISTER: &str = "/oauth/register";
