//! An app gives a token back (RFC 7009, LA-11).

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::form::Form;
use crate::problem::Problem;
use crate::{authority, client};
use ::web::app::App;
use domain::account::claims::AccessClaims;
use jose::key::Purpose;
use service::account::revoke;
use service::account::revoke::{Revoked, Shown};

/// `POST`: 200 also for what is no token, or is worth nothing any more (§2.2).
pub(super) async fn revoke(
    app: Data<App>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let form = Form::read(&app, &request, payload).await?;
    let client = client::authenticate(&app, &request, &form).await?;
    let token = form.need("token", "name the token")?;
    // An access token that has expired still ends its grant.
    let claims = authority(&app)?.read_signed::<AccessClaims>(token, Purpose::AccessToken, "at+jwt");
    let shown = match claims {
        Ok(claims) => Shown::Access(claims.grant),
        Err(_) => Shown::Other(token.to_owned()),
    };
    let (now, client_id) = (app.clock.now(), client.client_id.clone());
    let revoked = app.store.write(move |tx| revoke::revoke(tx, &client_id, &shown, now)).await?;
    match revoked {
        Revoked::Done | Revoked::Nothing => Ok(HttpResponse::Ok().finish()),
        Revoked::NotTheirs => Err(Problem::new(400, "invalid_grant", "the token is not one of this app")),
    }
}
