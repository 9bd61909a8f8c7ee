//! The pages of the authorization endpoint, as a browser sees them.

mod approval;
mod callback;
mod link;
mod log_out;
mod patient;
mod refusals;
mod surroundings;

use base::clock::Clock as _;
use base::error::Error;
use base::token::digest;
use chrono::TimeDelta;
use domain::account::identity::{Departure, Proven, ProvenKind};
use domain::account::{
    AccessMode, Acting, AuthorizationRequest, ClientAuthentication, Code, Grant, GrantType,
    IntrospectionSubject, KnownPerson, LogIn, LogInStage, Redeemed, Registration, Scopes, Vector,
};
use domain::proxy::OdsCode;
use service::account as command;

use crate::proxy::role_create::number;
use crate::support::{Backend, Options, Request, Response, TestApp};

pub const REDIRECT: &str = "http://127.0.0.1:9000/callback";
pub const STATE: &str = "0123456789abcdef0123";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const HANDLE: &str = "handle-of-a-test-0123456789abcdefghijklmnop";

/// An app with everything that it may ask for.
pub fn registration(client_id: &str, mode: AccessMode) -> Registration {
    let scopes = "openid fhirUser launch launch/patient offline_access delegation patient/*.cruds user/*.cruds \
                  system/*.rs";
    Registration {
        client_id: client_id.to_owned(),
        name: format!("The <b>{client_id}</b> app"),
        mode,
        authentication: ClientAuthentication::None,
        redirect_uris: vec![REDIRECT.to_owned(), "com.example.portal:/back?from=us".to_owned()],
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        scopes: Scopes::parse(scopes).unwrap(),
        may_introspect: false,
        introspection_subject: IntrospectionSubject::Account,
        exchange_audiences: Vec::new(),
        logout_uris: Vec::new(),
        is_dpop_bound: false,
    }
}

pub async fn start(backend: Backend) -> TestApp {
    let no_codes = Registration {
        grant_types: vec![GrantType::ClientCredentials],
        ..registration("no-codes", AccessMode::Citizen)
    };
    let narrow = Registration {
        scopes: Scopes::parse("openid").unwrap(),
        ..registration("narrow", AccessMode::Citizen)
    };
    let registrations = vec![
        registration("portal", AccessMode::Citizen),
        registration("ward", AccessMode::Staff),
        registration("robot", AccessMode::System),
        no_codes,
        narrow,
    ];
    TestApp::start(backend, Options { registrations, ..Options::default() }).await
}

/// A browser with a cookie of a log-in, or without.
pub struct Browser<'a> {
    pub app: &'a TestApp,
    pub handle: Option<String>,
}

impl<'a> Browser<'a> {
    pub fn stranger(app: &'a TestApp) -> Self {
        Self { app, handle: None }
    }

    /// A browser whose log-in has reached this stage.
    pub async fn at(app: &'a TestApp, client: &str, scopes: &str, stage: LogInStage) -> Self {
        let request = AuthorizationRequest {
            redirect_uri: REDIRECT.to_owned(),
            state: STATE.to_owned(),
            scopes: Scopes::parse(scopes).unwrap(),
            challenge: CHALLENGE.to_owned(),
            nonce: Some("a nonce".to_owned()),
            dpop_jkt: None,
            audience: Vec::new(),
        };
        let expires_at = app.clock.now() + TimeDelta::minutes(15);
        let log_in = LogIn { app: client.to_owned(), request, stage, expires_at };
        let written = app.store.write(move |tx| tx.insert_log_in(&digest(HANDLE), &log_in)).await;
        let () = written.map_err(|error: Error| error.cause()).unwrap();
        Self { app, handle: Some(HANDLE.to_owned()) }
    }

    /// A browser whose user has logged in as this citizen and not yet chosen a patient.
    pub async fn citizen(app: &'a TestApp, nhs_number: &str, scopes: &str) -> Self {
        let acting = (!scopes.contains("launch/patient")).then_some(Acting::Oneself);
        let stage = LogInStage::Known { person: known(app, citizen(nhs_number)).await, acting };
        Self::at(app, "portal", scopes, stage).await
    }

    fn request(&self, method: &str, path: &str) -> Request {
        let request = Request::new(method, path);
        match &self.handle {
            Some(handle) => request.header("Cookie", &format!("other=1; onbehalf-login={handle}")),
            None => request,
        }
    }

    pub async fn get(&mut self, path: &str) -> Response {
        let answer = self.app.send(self.request("GET", path)).await;
        self.keep(answer)
    }

    /// Sends a form as it is.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        let form = query(fields);
        let request = self.request("POST", path).header("Content-Type", "application/x-www-form-urlencoded");
        let answer = self.app.send(request.body(form)).await;
        self.keep(answer)
    }

    /// Opens a page and sends its form, with these fields and the hidden one.
    pub async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Response {
        let page = self.get(path).await;
        assert_eq!(page.status, 200, "{}", text(&page));
        let token = form_token(&page);
        self.post(path, &[&[("token", token.as_str())], fields].concat()).await
    }

    fn keep(&mut self, answer: Response) -> Response {
        record_page(&answer);
        if let Some(cookie) = answer.header("set-cookie") {
            let (_, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.handle = (!value.is_empty()).then(|| value.to_owned());
        }
        answer
    }

    /// The state of this browser's log-in.
    pub async fn log_in(&self) -> Option<LogIn> {
        let (digest, now) = (digest(self.handle.as_deref().unwrap_or_default()), self.app.now());
        self.app.look(move |tx| tx.find_log_in(&digest, now)).await
    }
}

/// With `ONBEHALF_RECORD_PAGES=FOLDER`, keeps each page that a test has seen, for `tests/browser/run FOLDER`.
pub fn record_page(answer: &Response) {
    let Ok(folder) = std::env::var("ONBEHALF_RECORD_PAGES") else { return };
    if answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
        let path = std::path::Path::new(&folder).join(format!("{}.html", digest(&text(answer))));
        std::fs::write(path, &answer.body).expect("the page can be kept");
    }
}

pub fn citizen(nhs_number: &str) -> ProvenKind {
    ProvenKind::Citizen { nhs_number: Some(number(nhs_number)), vot: Vector::parse("P9.Cp.Cd").unwrap() }
}

pub fn staff() -> ProvenKind {
    let organisation = OdsCode::parse("A20047").unwrap();
    ProvenKind::Staff { uid: "555021935107".to_owned(), organisation }
}

/// A person who has logged in before.
pub async fn known(app: &TestApp, kind: ProvenKind) -> KnownPerson {
    let proven = Proven {
        issuer: "https://login.example".to_owned(),
        subject: "someone".to_owned(),
        kind,
        email: None,
    };
    let (clock, kept) = (app.clock.clone(), proven.clone());
    let logged_in = app.store.write(move |tx| command::log_in(tx, &*clock, &kept)).await;
    let user = logged_in.expect("they are logged in").user;
    KnownPerson { user, proven }
}

pub fn away(provider: &str) -> LogInStage {
    let departure = Departure {
        url: "https://login.example/authorize".to_owned(),
        state: "the-state-that-was-sent".to_owned(),
        nonce: "n".to_owned(),
        verifier: "v".to_owned(),
    };
    LogInStage::Away { provider: provider.to_owned(), departure }
}

pub fn query(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

pub fn text(answer: &Response) -> String {
    String::from_utf8(answer.body.clone()).unwrap()
}

/// The hidden field of a page's form.
pub fn form_token(page: &Response) -> String {
    let text = text(page);
    let (_, rest) = text.split_once("name=\"token\" value=\"").expect("a form with a token");
    rest.split('"').next().unwrap().to_owned()
}

/// The value of a parameter of the URL that an answer redirects to.
pub fn sent(answer: &Response, name: &str) -> Option<String> {
    let (_, query) = answer.header("location")?.split_once('?')?;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

pub fn goes_to(answer: &Response) -> (u16, &str) {
    (answer.status, answer.header("location").unwrap_or_default())
}

/// The grant of the code in a response.
pub async fn granted(app: &TestApp, answer: &Response) -> (Code, Grant) {
    let code = digest(&sent(answer, "code").expect("a code"));
    let now = app.now();
    let redeemed = app.store.write(move |tx| tx.redeem_code(&code, now)).await;
    let redeemed = redeemed.map_err(|error: Error| error.cause()).unwrap();
    let Redeemed::Once(code) = redeemed else { panic!("{redeemed:?}") };
    let grant = code.grant;
    (code, app.look(move |tx| tx.find_grant(grant)).await.expect("a grant"))
}
