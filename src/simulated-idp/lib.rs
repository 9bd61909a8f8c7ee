//! A simulated NHS login and a simulated CIS2, for `onbehalf sandbox` only: any visitor can log in as any
//! person. `serve` never mounts them.
//!
//! They follow the specifications that the client in `idp` is written for: NHS login's External Interface
//! Specification 2.1 (RS512, vectors of trust, `private_key_jwt`, codes of 10 minutes, id tokens of 60,
//! access tokens of 5, errors as 400) and CIS2's (assurance levels, a selected role). They are routes under
//! `/simulated`; no other crate uses them except to mount them.
//!
//! They differ from the real ones where a sandbox must: there are no passwords, the user chooses the level of
//! proofing, the one client may redirect to this server only, and there are no refresh tokens.

mod authorize;
mod code;
mod document;
mod page;
mod person;
mod preselected;
mod refused;
mod settings;
mod simulated;
mod token;
mod which;

use actix_web::HttpResponse;
use actix_web::web::{self, Data, ServiceConfig};

pub use person::STAFF;
pub use preselected::preselect;
use refused::Refused;
pub use settings::settings;
pub use simulated::{CLIENT_ID, Simulated, issuer};
pub use which::Which;

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
