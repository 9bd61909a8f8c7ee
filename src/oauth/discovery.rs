//! Discovery documents: SMART's configuration below the FHIR R4 API, those of OpenID and OAuth at the root.
//! All three have the same content.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use crate::problem::OAuthError;
use crate::state::authority;
use ::web::gate::Gate;
use domain::account::{GrantType, endpoints};
use jose::{assertion, dpop};
use service::authority::Authority;

/// The supported capabilities of SMART (SMART App Launch 2.2, "Capability Sets").
const CAPABILITIES: [&str; 14] = [
    "launch-standalone",
    "authorize-post",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-banner",
    "context-standalone-patient",
    "context-style",
    "permission-offline",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
];

/// Supported scopes; those over the other types of the FHIR R4 API are supported too.
const SCOPES: [&str; 13] = [
    "openid",
    "fhirUser",
    "profile",
    "launch/patient",
    "offline_access",
    "online_access",
    "delegation",
    "patient/*.rs",
    "patient/Consent.rs",
    "user/*.rs",
    "user/*.cruds",
    "system/*.rs",
    "system/*.cruds",
];

const METHODS: [&str; 4] = ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"];

/// The names of algorithms (RFC 7518 §3.1).
pub(super) fn names(algorithms: &[Algorithm]) -> Vec<String> {
    algorithms.iter().map(|algorithm| format!("{algorithm:?}")).collect()
}

/// SMART App Launch 2.2 "Metadata", OpenID Connect Discovery 1.0 §3 and RFC 8414 §2 in one.
fn metadata(authority: &Authority) -> Value {
    let grant_types = GrantType::ALL.map(GrantType::as_str);
    let assertions = names(&assertion::ALGORITHMS);
    json!({
        "issuer": authority.issuer(),
        "jwks_uri": authority.url(endpoints::JWKS),
        "authorization_endpoint": authority.url(endpoints::AUTHORIZE),
        "token_endpoint": authority.url(endpoints::TOKEN),
        "introspection_endpoint": authority.url(endpoints::INTROSPECT),
        "revocation_endpoint": authority.url(endpoints::REVOKE),
        "pushed_authorization_request_endpoint": authority.url(endpoints::PAR),
        "userinfo_endpoint": authority.url(endpoints::USERINFO),
        "end_session_endpoint": authority.url(endpoints::END_SESSION),
        "grant_types_supported": grant_types,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": SCOPES,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "sid", "fhirUser", "nhs_number",
            "identity_proofing_level", "delegations",
        ],
        "token_endpoint_auth_methods_supported": METHODS,
        "token_endpoint_auth_signing_alg_values_supported": assertions,
        "introspection_endpoint_auth_methods_supported": METHODS.get(1..).unwrap_or_default(),
        "introspection_endpoint_auth_signing_alg_values_supported": assertions,
        "revocation_endpoint_auth_methods_supported": METHODS,
        "revocation_endpoint_auth_signing_alg_values_supported": assertions,
        "dpop_signing_alg_values_supported": names(&dpop::ALGORITHMS),
        "authorization_response_iss_parameter_supported": true,
        // The default is true (OpenID Connect Discovery 1.0 §3). That of a pushed request works nevertheless
        // (RFC 9126 §5).
        "request_uri_parameter_supported": false,
        "request_parameter_supported": false,
        "claims_parameter_supported": false,
        "capabilities": CAPABILITIES,
    })
}

/// `GET` of each of the three.
pub(super) async fn document(gate: Data<Gate>) -> Result<HttpResponse, OAuthError> {
    let authority = authority(&gate)?;
    let mut metadata = metadata(authority);
    if let (Some(_), Some(members)) = (authority.initial_access(), metadata.as_object_mut()) {
        members.insert("registration_endpoint".to_owned(), authority.url(endpoints::REGISTER).into());
    }
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "public, max-age=300")).json(metadata))
}

/// `GET` of the metadata of the API at a path of this server, or of the server where the path is empty (RFC
/// 9728 §2). By it an app that knows only the URL of the API finds the authorization server.
#[expect(clippy::unused_async, reason = "a handler is a future")]
pub(super) async fn protected_resource(
    gate: Data<Gate>,
    base: &'static str,
) -> Result<HttpResponse, OAuthError> {
    let authority = authority(&gate)?;
    let metadata = json!({
        "resource": authority.url(base),
        "authorization_servers": [authority.issuer()],
        "scopes_supported": SCOPES,
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": names(&dpop::ALGORITHMS),
        "dpop_bound_access_tokens_required": false,
    });
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "public, max-age=300")).json(metadata))
}

/// `GET` of SMART's style document: the colours of the NHS.
pub(super) async fn style() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "public, max-age=86400")).json(json!({
        "color_background": "#f0f4f5",
        "color_error": "#d5281b",
        "color_highlight": "#005eb8",
        "color_modal_backdrop": "#212b32",
        "color_success": "#007f3b",
        "color_text": "#212b32",
        "dim_border_radius": "4px",
        "dim_font_size": "16px",
        "dim_spacing_size": "8px",
        "font_family_body": "Arial, sans-serif",
        "font_family_heading": "Arial, sans-serif",
    }))
}

/// `GET` of the public keys: the current and the previous ones (RS-02).
pub(super) async fn keys(gate: Data<Gate>) -> Result<HttpResponse, OAuthError> {
    let keys = authority(&gate)?.keys().public();
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "public, max-age=300")).json(keys))
}
