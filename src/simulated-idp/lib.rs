//! A simulated NHS login and a simulated CIS2, for `onbehalf sandbox` only: whoever reaches them may be
//! anybody. `serve` never mounts them.
//!
//! They stand here, beside the client that they are for, because both follow the same specifications: NHS
//! login's External Interface Specification 2.1 (RS512, vectors of trust, `private_key_jwt`, codes of 10
//! minutes, id tokens of 60, access tokens of 5, errors as 400) and CIS2's (assurance levels, a selected
//! role). They are a front: routes under `/simulated`, nothing that another room uses.
//!
//! They differ from the real ones where a sandbox must: nobody has a password, the level of proofing is the
//! visitor's choice, the one client may send people back to this server only, and there are no refresh tokens.

mod authorize;
mod code;
mod document;
mod page;
mod person;
mod settings;
mod token;

use std::fmt;
use std::sync::Mutex;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, PRAGMA};
use actix_web::web::{self, Data, ServiceConfig};
use chrono::{DateTime, Utc};
use serde_json::json;

use code::Codes;
use idp::{KeySource, UpstreamError};
use jose::key::{Purpose, SigningKey};
pub use settings::settings;

/// Who we are at the simulated providers.
pub const CLIENT_ID: &str = "onbehalf-sandbox";

/// The simulated providers.
pub struct Simulated {
    /// The URL of this server, without a path.
    public_url: String,
    /// The key with which they sign: 2048 bits, made for this process.
    key: SigningKey,
    /// The keys of their one client.
    client_keys: KeySource,
    codes: Mutex<Codes>,
}

impl fmt::Debug for Simulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulated").field("public_url", &self.public_url).finish_non_exhaustive()
    }
}

/// Which provider is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// NHS login.
    NhsLogin,
    /// CIS2.
    Cis2,
}

impl Which {
    /// Both.
    pub const ALL: [Self; 2] = [Self::NhsLogin, Self::Cis2];

    /// The last part of its issuer identifier.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NhsLogin => "nhs-login",
            Self::Cis2 => "cis2",
        }
    }

    fn parse(text: &str) -> Result<Self, Refused> {
        Self::ALL.into_iter().find(|which| which.as_str() == text).ok_or(Refused::NOT_HERE)
    }
}

impl Simulated {
    /// The providers of a server. `client_keys` gives the keys with which its client signs assertions.
    ///
    /// # Errors
    ///
    /// [`UpstreamError::Fault`] where no key can be made.
    pub fn new(public_url: &str, client_keys: KeySource, now: DateTime<Utc>) -> Result<Self, UpstreamError> {
        let key = SigningKey::generate(Purpose::ClientAssertion, now);
        let (key, _) = key.or(Err(UpstreamError::Fault("a key cannot be made")))?;
        Ok(Self { public_url: public_url.to_owned(), key, client_keys, codes: Mutex::default() })
    }

    /// The issuer identifier of a provider.
    pub fn issuer(&self, which: Which) -> String {
        issuer(&self.public_url, which)
    }

    fn url(&self, which: Which, end: &str) -> String {
        format!("{}/{end}", self.issuer(which))
    }
}

/// The issuer identifier of a simulated provider of the server with this URL.
pub fn issuer(public_url: &str, which: Which) -> String {
    format!("{public_url}/simulated/{}", which.as_str())
}

/// The routes.
pub fn configure(config: &mut ServiceConfig, simulated: Data<Simulated>) {
    config.service(
        web::scope("/simulated/{provider}")
            .app_data(simulated)
            .route("/.well-known/openid-configuration", web::get().to(document::metadata))
            .route("/.well-known/jwks.json", web::get().to(document::keys))
            .route("/authorize", web::get().to(authorize::ask))
            .route("/authorize", web::post().to(authorize::answer))
            .route("/token", web::post().to(token::token))
            .route("/userinfo", web::get().to(token::userinfo))
            .default_service(web::to(|| async { Err::<HttpResponse, Refused>(Refused::NOT_HERE) })),
    );
}

/// A refusal, in OAuth's shape (RFC 6749 §5.2). NHS login answers 400 to whatever is wrong with a token
/// request.
#[derive(Clone, Copy, Debug)]
struct Refused {
    status: u16,
    error: &'static str,
    description: &'static str,
}

impl Refused {
    const NOT_HERE: Self =
        Self { status: 404, error: "not_found", description: "there is no such simulated provider or page" };
    const FAULT: Self = Self { status: 503, error: "server_error", description: "try again" };

    const fn new(error: &'static str, description: &'static str) -> Self {
        Self { status: 400, error, description }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description)
    }
}

impl actix_web::ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST)
    }

    fn error_response(&self) -> HttpResponse {
        let body = json!({ "error": self.error, "error_description": self.description });
        answer_json(self.status_code(), &body)
    }
}

/// JSON that nobody keeps.
fn answer_json(status: StatusCode, body: &serde_json::Value) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((PRAGMA, "no-cache"))
        .content_type("application/json")
        .body(body.to_string())
}
