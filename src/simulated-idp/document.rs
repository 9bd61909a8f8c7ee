//! The published documents of a simulated provider.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use jsonwebtoken::jwk::JwkSet;
use serde_json::json;

use crate::refused::{Refused, answer_json};
use crate::simulated::Simulated;
use crate::which::Which;

/// The metadata (OpenID Connect Discovery 1.0 §3).
pub(super) async fn metadata(
    simulated: Data<Simulated>,
    which: Path<String>,
) -> Result<HttpResponse, Refused> {
    let which = Which::parse(&which)?;
    let scopes = match which {
        Which::NhsLogin => {
            "openid profile basic_demographics email phone landline profile_extended \
             gp_registration_details gp_integration_credentials client_metadata"
        }
        Which::Cis2 => {
            "openid profile email nhsperson associatedorgs nationalrbacaccess professionalmemberships \
             organisationalmemberships selectedrole"
        }
    };
    let body = json!({
        "issuer": simulated.issuer(which),
        "authorization_endpoint": simulated.url(which, "authorize"),
        "token_endpoint": simulated.url(which, "token"),
        "userinfo_endpoint": simulated.url(which, "userinfo"),
        "jwks_uri": simulated.url(which, ".well-known/jwks.json"),
        "scopes_supported": scopes.split_whitespace().collect::<Vec<_>>(),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["pairwise"],
        "code_challenge_methods_supported": ["S256"],
        "id_token_signing_alg_values_supported": ["RS512"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS512"],
        // CIS2 sends `iss` in authorization responses; NHS login does not.
        "authorization_response_iss_parameter_supported": which == Which::Cis2,
    });
    Ok(answer_json(StatusCode::OK, &body))
}

/// The public keys (RFC 7517).
pub(super) async fn keys(simulated: Data<Simulated>, which: Path<String>) -> Result<HttpResponse, Refused> {
    Which::parse(&which)?;
    let keys = JwkSet { keys: vec![simulated.key.public.clone()] };
    Ok(answer_json(StatusCode::OK, &serde_json::to_value(keys).or(Err(Refused::FAULT))?))
}
