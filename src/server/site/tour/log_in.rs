//! The log-in of the tour: a link that begins it as one person, and the page to which it comes back.

use actix_web::http::header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY, SET_COOKIE};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use form_urlencoded::{Serializer, parse};

use super::app::TourApp;
use crate::nowhere::nothing_here;
use crate::site::answer::render;
use ::web::gate::Gate;
use ::web::page;
use domain::account::endpoints::{AUTHORIZE, FHIR_BASE};

/// The example of RFC 7636 Appendix B. It protects nothing: the tour is for invented people.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// `GET` of a link: the app's request to the authorization endpoint, as a portal sends it. The simulated provider has this
/// person chosen already.
pub(crate) async fn log_in(
    gate: Data<Gate>,
    request: HttpRequest,
    path: Path<(String, String)>,
) -> HttpResponse {
    let (app, person) = path.into_inner();
    let (Some(app), Some(cookie)) = (TourApp::parse(&app), simulated_idp::preselect(&person)) else {
        return nothing_here(request).await;
    };
    let public_url = &gate.public_url;
    let (redirect_uri, audience) = (app.redirect_uri(public_url), format!("{public_url}{FHIR_BASE}"));
    let query = Serializer::new(String::new())
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", app.client_id()),
            ("redirect_uri", redirect_uri.as_str()),
            ("scope", app.scope()),
            ("state", "sandbox-tour"),
            ("aud", audience.as_str()),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ])
        .finish();
    HttpResponse::SeeOther()
        .insert_header((LOCATION, format!("{public_url}{AUTHORIZE}?{query}")))
        .insert_header((SET_COOKIE, cookie))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .finish()
}

#[derive(Template)]
#[template(path = "tour_back.html")]
struct BackPage {
    style: String,
    /// The commands; `None` where the person has not allowed the app.
    commands: Option<Commands>,
    /// Whether the app acts for a patient.
    is_citizen: bool,
}

/// What to type next.
struct Commands {
    token: String,
    read: String,
    roles: String,
}

/// `GET` of the redirect URI: the authorization code, and how to redeem it.
pub(crate) async fn back(gate: Data<Gate>, request: HttpRequest, app: Path<String>) -> HttpResponse {
    let Some(app) = TourApp::parse(&app) else { return nothing_here(request).await };
    let value = |wanted: &str| {
        let mut pairs = parse(request.query_string().as_bytes());
        pairs.find_map(|(name, value)| (name == wanted).then(|| value.into_owned()))
    };
    let commands = match (value("code"), value("error")) {
        // The page shows it within a command, where anything else could do harm.
        (Some(code), None) if is_code(&code) => Some(commands(&gate.public_url, app, &code)),
        (None, Some(_)) => None,
        (_, _) => return nothing_here(request).await,
    };
    render(&BackPage { style: page::style_url(), commands, is_citizen: app == TourApp::Citizen })
}

/// Whether a text can be a code: letters and digits of base64url.
fn is_code(text: &str) -> bool {
    (1..=512).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn commands(public_url: &str, app: TourApp, code: &str) -> Commands {
    let read = match app {
        TourApp::Citizen => format!("{public_url}{FHIR_BASE}/Patient?_elements=name,birthDate"),
        TourApp::Staff => format!("{public_url}{FHIR_BASE}/QuestionnaireResponse?_summary=count"),
    };
    let roles = format!("{public_url}{FHIR_BASE}/Consent?_elements=status,patient,performer");
    let with_token = |url: &str| format!("curl -H \"Authorization: Bearer $TOKEN\" \\\n'{url}'");
    Commands {
        token: format!(
            "TOKEN=$(curl -s '{public_url}/oauth/token' \\\n  -d grant_type=authorization_code -d client_id={} \\\n  \
             -d redirect_uri={} \\\n  -d code_verifier={VERIFIER} \\\n  -d code={code} \\\n  \
             | sed -n 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/p')",
            app.client_id(),
            app.redirect_uri(public_url),
        ),
        read: with_token(&read),
        roles: with_token(&roles),
    }
}

#[cfg(test)]
mod tests {
    use super::is_code;

    #[test]
    fn only_letters_of_base64url_come_into_a_command() {
        assert!(is_code("aZ09-_"));
        for wrong in ["", "a b", "a'b", "a\"b", "$(id)", "a;b", "a\nb", "é", &"a".repeat(513)] {
            assert!(!is_code(wrong), "{wrong:?}");
        }
    }
}
