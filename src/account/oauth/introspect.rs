//! What a token is worth now (RFC 7662, LA-10): for API producers, who may ask about every app's.

use actix_web::http::header::{CACHE_CONTROL, PRAGMA};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};

use crate::account::claims::AccessClaims;
use crate::account::command::introspect;
use crate::account::oauth::form::Form;
use crate::account::oauth::problem::Problem;
use crate::account::oauth::{authority, client};
use crate::app::App;
use crate::error::Error;

/// `POST`: the live truth, or that the token is worth nothing, and then nothing else (§2.2).
pub(super) async fn introspect(
    app: Data<App>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let form = Form::read(&app, &request, payload).await?;
    let client = client::authenticate(&app, &request, &form).await?;
    if !client.may_introspect || !client.authentication.is_confidential() {
        return Err(Problem::new(403, "unauthorized_client", "the app may not ask what tokens are worth"));
    }
    let token = form.need("token", "name the token")?;
    let told = told(&app, token).await?.unwrap_or_else(|| json!({ "active": false }));
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-store")).insert_header((PRAGMA, "no-cache"));
    Ok(response.json(told))
}

async fn told(app: &App, token: &str) -> Result<Option<Value>, Problem> {
    let now = app.clock.now();
    let authority = authority(app)?;
    if let Ok(claims) = authority.read_access_token(token, now) {
        let grant = claims.grant;
        let is_live = app.store.read(move |tx| introspect::is_live(tx, grant, now)).await?;
        return Ok(if is_live { render(&claims) } else { None });
    }
    let refresh = token.to_owned();
    let found: Result<_, Error> =
        app.store.read(move |tx| introspect::find_refresh_token(tx, &refresh, now)).await;
    let Some((token, grant)) = found? else { return Ok(None) };
    let mut told = json!({
        "active": true,
        "token_type": "refresh_token",
        "scope": grant.scopes.to_string(),
        "client_id": grant.app,
        "exp": token.expires_at.min(grant.expires_at).timestamp(),
        "iss": authority.issuer(),
    });
    if let (Some(user), Some(told)) = (grant.user, told.as_object_mut()) {
        told.insert("sub".to_owned(), user.to_string().into());
    }
    Ok(Some(told))
}

/// The claims as they are, and what RFC 7662 §2.2 adds.
fn render(claims: &AccessClaims) -> Option<Value> {
    let Ok(Value::Object(claims)) = serde_json::to_value(claims) else { return None };
    let kind = if claims.contains_key("cnf") { "DPoP" } else { "Bearer" };
    let mut told = Map::new();
    told.insert("active".to_owned(), true.into());
    told.insert("token_type".to_owned(), kind.into());
    told.extend(claims);
    Some(Value::Object(told))
}
