//! Token revocation (RFC 7009, LA-11).

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::client::request::ClientRequest;
use crate::problem::OAuthError;
use crate::state::authority;
use ::web::gate::Gate;
use domain::account::claims::AccessClaims;
use jose::key::KeyPurpose;
use service::account::revoke;
use service::account::revoke::{Revoked, TokenToRevoke};

/// `POST`: 200 also for an unknown or ended token (§2.2).
pub(super) async fn revoke(gate: Data<Gate>, request: ClientRequest) -> Result<HttpResponse, OAuthError> {
    let ClientRequest { form, client, .. } = request;
    let token = form.need("token", "token is required")?;
    // An expired access token still ends its grant.
    let claims = authority(&gate)?.read_signed::<AccessClaims>(token, KeyPurpose::AccessToken, "at+jwt");
    let shown = match claims {
        Ok(claims) => TokenToRevoke::Access(claims.grant),
        Err(_) => TokenToRevoke::Other(token.to_owned()),
    };
    let (now, client_id) = (gate.clock.now(), client.client_id.clone());
    let revoked = gate.store.write(move |tx| revoke::revoke(tx, &client_id, &shown, now)).await?;
    match revoked {
        Revoked::Done | Revoked::Nothing => Ok(HttpResponse::Ok().finish()),
        Revoked::NotTheirs => {
            Err(OAuthError::new(400, "invalid_grant", "the token was not issued to this app"))
        }
    }
}
