//! The token endpoint (RFC 6749 §3.2).

mod authenticated_client;
mod exchange;
mod response;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::client::request::ClientRequest;
use crate::form::Form;
use crate::problem::OAuthError;
use crate::state::{authority, providers};
use crate::{audit, client};
use ::web::gate::Gate;
use authenticated_client::{AuthenticatedClient, write};
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
) -> Result<HttpResponse, OAuthError> {
    let ClientRequest { form, client, request_id, parameters: grant_type } = request;
    let found = Arc::new(AtomicBool::new(false));
    let result = ask(&gate, &http, (&client, &found), grant_type, &form).await;
    // A public client authenticates by its grant: invalid ones leave no audit record.
    let is_recorded =
        result.is_ok() || client.authentication.is_confidential() || found.load(Ordering::Relaxed);
    let issue = if is_recorded {
        audit::token(&gate, (&client, request_id), grant_type, result).await?
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
) -> Result<IssuedTokens, OAuthError> {
    let key = client::proved_key(gate, http)?;
    // Token exchange also has `audience` (RFC 8693 §2.1).
    let other = (grant_type == GrantType::TokenExchange).then_some("audience");
    let audience = form.audience(authority(gate)?, other)?;
    let (app, found, providers) = (Arc::clone(client), Arc::clone(found), providers(http)?);
    issue(gate, AuthenticatedClient { app, key, audience, found, providers }, grant_type, form).await
}

async fn issue(
    gate: &Gate,
    client: AuthenticatedClient,
    grant_type: GrantType,
    form: &Form,
) -> Result<IssuedTokens, OAuthError> {
    match grant_type {
        GrantType::AuthorizationCode => by_code(gate, client, form).await,
        GrantType::RefreshToken => by_refresh_token(gate, client, form).await,
        GrantType::ClientCredentials => {
            let scope = form.get("scope").map(str::to_owned);
            write(gate, client, move |tx, request| client_credentials(tx, request, scope.as_deref())).await
        }
        GrantType::TokenExchange => exchange::by_token(gate, client, form).await,
    }
}

async fn by_code(gate: &Gate, client: AuthenticatedClient, form: &Form) -> Result<IssuedTokens, OAuthError> {
    let text = |name: &str| form.get(name).unwrap_or_default().to_owned();
    let code = form.need("code", "code is required")?.to_owned();
    // A missing parameter counts as a wrong one, and uses up the code as well (LA-03).
    let shown = CodeRedemption { code, redirect_uri: text("redirect_uri"), verifier: text("code_verifier") };
    into_result(write(gate, client, move |tx, request| redeem_code(tx, request, &shown)).await?)
}

async fn by_refresh_token(
    gate: &Gate,
    client: AuthenticatedClient,
    form: &Form,
) -> Result<IssuedTokens, OAuthError> {
    let token = form.need("refresh_token", "refresh_token is required")?.to_owned();
    let scope = form.get("scope").map(str::to_owned);
    into_result(write(gate, client, move |tx, request| refresh(tx, request, &token, scope.as_deref())).await?)
}

fn into_result(outcome: TokenOutcome) -> Result<IssuedTokens, OAuthError> {
    match outcome {
        TokenOutcome::IssuedTokens(issue) => Ok(*issue),
        TokenOutcome::Spent(refusal) => Err(refusal.into()),
    }
}
