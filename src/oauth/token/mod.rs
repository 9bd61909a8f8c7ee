//! The token endpoint (RFC 6749 §3.2).

mod asker;
mod exchange;
mod response;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::client::request::ClientRequest;
use crate::form::Form;
use crate::problem::Problem;
use crate::state::{authority, providers};
use crate::{client, trail};
use ::web::gate::Gate;
use asker::{Asker, write};
use domain::account::{GrantType, Registration};
use service::account::client_credentials::client_credentials;
use service::account::redeem_code::{CodeRedemption, redeem_code};
use service::account::refresh::refresh;
use service::account::{IssuedTokens, TokenOutcome};

/// `POST`: authenticates the client, then processes the grant.
pub(super) async fn token(
    gate: Data<Gate>,
    http: HttpRequest,
    request: ClientRequest<GrantType>,
) -> Result<HttpResponse, Problem> {
    let ClientRequest { form, client, request_id, parameters: grant_type } = request;
    let found = Arc::new(AtomicBool::new(false));
    let result = ask(&gate, &http, (&client, &found), grant_type, &form).await;
    // A public client authenticates by its grant: invalid ones leave no audit record.
    let is_recorded =
        result.is_ok() || client.authentication.is_confidential() || found.load(Ordering::Relaxed);
    let issue = if is_recorded {
        trail::token(&gate, (&client, request_id), grant_type, result).await?
    } else {
        result?
    };
    let issued_type = (grant_type == GrantType::TokenExchange).then_some(exchange::ACCESS_TOKEN);
    response::render(authority(&gate)?, &issue, issued_type, gate.clock.now())
}

/// Processes the grant of an authenticated client: every refusal from here on is recorded.
async fn ask(
    gate: &Gate,
    http: &HttpRequest,
    (client, found): (&Arc<Registration>, &Arc<AtomicBool>),
    grant_type: GrantType,
    form: &Form,
) -> Result<IssuedTokens, Problem> {
    let key = client::proved_key(gate, http)?;
    // Token exchange also has `audience` (RFC 8693 §2.1).
    let other = (grant_type == GrantType::TokenExchange).then_some("audience");
    let audience = form.audience(authority(gate)?, other)?;
    let (app, found, providers) = (Arc::clone(client), Arc::clone(found), providers(http)?);
    issue(gate, Asker { app, key, audience, found, providers }, grant_type, form).await
}

async fn issue(
    gate: &Gate,
    asker: Asker,
    grant_type: GrantType,
    form: &Form,
) -> Result<IssuedTokens, Problem> {
    match grant_type {
        GrantType::AuthorizationCode => by_code(gate, asker, form).await,
        GrantType::RefreshToken => by_refresh_token(gate, asker, form).await,
        GrantType::ClientCredentials => {
            let scope = form.get("scope").map(str::to_owned);
            write(gate, asker, move |tx, asking| client_credentials(tx, asking, scope.as_deref())).await
        }
        GrantType::TokenExchange => exchange::by_token(gate, asker, form).await,
    }
}

async fn by_code(gate: &Gate, asker: Asker, form: &Form) -> Result<IssuedTokens, Problem> {
    let text = |name: &str| form.get(name).unwrap_or_default().to_owned();
    let code = form.need("code", "code is required")?.to_owned();
    // A missing parameter counts as a wrong one, and uses up the code as well (LA-03).
    let shown = CodeRedemption { code, redirect_uri: text("redirect_uri"), verifier: text("code_verifier") };
    settle(write(gate, asker, move |tx, asking| redeem_code(tx, asking, &shown)).await?)
}

async fn by_refresh_token(gate: &Gate, asker: Asker, form: &Form) -> Result<IssuedTokens, Problem> {
    let token = form.need("refresh_token", "refresh_token is required")?.to_owned();
    let scope = form.get("scope").map(str::to_owned);
    settle(write(gate, asker, move |tx, asking| refresh(tx, asking, &token, scope.as_deref())).await?)
}

fn settle(outcome: TokenOutcome) -> Result<IssuedTokens, Problem> {
    match outcome {
        TokenOutcome::IssuedTokens(issue) => Ok(*issue),
        TokenOutcome::Spent(refusal) => Err(refusal.into()),
    }
}
