//! Refusals of apps: one log line for each, and an audit record only where the app authenticated.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rstest::rstest;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::account::oauth::kit::{JWT_BEARER, post, unsigned};
use crate::cli::configuration;
use crate::support::{Backend, Connection, Folder, Request, Response, ServerProcess, TestDatabase, sql};

const SECRET: &str = "s3cr3t-of-the-app";
const WRONG: &str = "s3cr3t-that-is-wrong";
const INITIAL: &str = "s3cr3t-to-register";
const STRANGER: &str = "s3cr3t-9000000017";

fn digest(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn start(folder: &Folder, database: &TestDatabase) -> ServerProcess {
    let app = |id: &str, more: &str| {
        format!(
            "[[oauth.apps]]\nclient_id = \"{id}\"\nname = \"{id}\"\nscopes = \"openid system/*.rs user/*.rs\"\n{more}\n"
        )
    };
    let secret = format!("authentication = \"secret\"\nsecret_sha256 = \"{}\"", digest(SECRET));
    let browser = "redirect_uris = [\"https://app.example/cb\"]\ngrants = [\"authorization_code\", \"refresh_token\", \"token_exchange\"]";
    let system = "mode = \"system\"\ngrants = [\"client_credentials\"]";
    let apps = [
        app("portal", &format!("mode = \"citizen\"\nauthentication = \"none\"\n{browser}")),
        app("web", &format!("mode = \"citizen\"\n{secret}\n{browser}")),
        app("robot", &format!("{system}\n{secret}")),
        app("keyed", &format!("{system}\nauthentication = \"private_key_jwt\"\njwks = '{{\"keys\":[]}}'")),
    ];
    let text =
        configuration(&database.url).replace("[server]", "[server]\npublic_url = \"http://127.0.0.1:1\"");
    let text = format!(
        "{text}\n[log]\nformat = \"json\"\nlevel = \"info\"\n[oauth]\nenabled = true\nkeys = \"{}\"\nregistration_token_sha256 = \"{}\"\n{}",
        folder.path("keys").display(),
        digest(INITIAL),
        apps.concat()
    );
    let config = folder.write("onbehalf.toml", &text);
    folder.start(&["serve", "--config", &config])
}

/// A refusal: the request, its status and code, the app and the reason of the line, and whether it is recorded.
struct Case {
    request: Request,
    answer: (u16, &'static str),
    app: &'static str,
    reason: &'static str,
    is_recorded: bool,
}

fn case(request: Request, answer: (u16, &'static str), app: &'static str, reason: &'static str) -> Case {
    Case { request, answer, app, reason, is_recorded: false }
}

fn recorded(request: Request, answer: (u16, &'static str), app: &'static str, reason: &'static str) -> Case {
    Case { is_recorded: true, ..case(request, answer, app, reason) }
}

fn basic(request: Request, app: &str, secret: &str) -> Request {
    request.header("Authorization", &format!("Basic {}", STANDARD.encode(format!("{app}:{secret}"))))
}

/// Refusals of clients that have not authenticated.
fn strangers() -> Vec<Case> {
    const CODE: (&str, &str) = ("grant_type", "authorization_code");
    const INVALID: (u16, &str) = (401, "invalid_client");
    let token = |form: &[(&str, &str)]| post("/oauth/token", &[&[CODE], form].concat());
    let forged =
        unsigned(&json!({ "alg": "none", "kid": STRANGER }), &json!({ "iss": "keyed", "sub": "keyed" }));
    let assertion = [("client_assertion_type", JWT_BEARER), ("client_assertion", forged.as_str())];
    let other_type = [("client_assertion_type", STRANGER), ("client_assertion", forged.as_str())];
    let mut all = vec![
        case(token(&[]), INVALID, "unknown", "the request has no client_id"),
        case(token(&[("client_id", STRANGER)]), INVALID, "unknown", "no app has this client_id"),
        case(
            token(&[("client_id", "web")]),
            INVALID,
            "web",
            "the app is registered for client_secret_basic, and the request has none",
        ),
        case(token(&assertion), INVALID, "keyed", "the assertion: its algorithm is not allowed"),
        case(token(&other_type), INVALID, "unknown", "the client_assertion_type is not that of a JWT"),
        case(
            basic(token(&[("client_id", "portal")]), "web", SECRET),
            INVALID,
            "unknown",
            "client_id differs from that of the credential",
        ),
        case(
            post("/oauth/token", &[("grant_type", STRANGER)]),
            (400, "unsupported_grant_type"),
            "unknown",
            "the grant_type is not supported",
        ),
        case(
            token(&[("client_id", "portal"), ("code", STRANGER)]),
            (400, "invalid_grant"),
            "portal",
            "there is no such code",
        ),
        case(
            post(&format!("/oauth/token?client_secret={SECRET}"), &[CODE]),
            (400, "invalid_request"),
            "unknown",
            "send parameters in the body",
        ),
        case(
            Request::new("GET", "/oauth/token"),
            (405, "invalid_request"),
            "unknown",
            "the method is not allowed for this endpoint",
        ),
        case(
            Request::post("/oauth/token", "{}").without("X-Request-ID"),
            (400, "invalid_request"),
            "unknown",
            "send a form",
        ),
        case(
            Request::new("GET", "/oauth/userinfo").bearer(STRANGER),
            (401, "invalid_token"),
            "unknown",
            "the token was not issued here",
        ),
        case(Request::new("GET", "/oauth/userinfo"), (401, "invalid_token"), "unknown", "no token was shown"),
        case(register(None, json!({})), (401, "invalid_token"), "unknown", "send a valid access token"),
        case(
            register(Some(WRONG), json!({})),
            (401, "invalid_token"),
            "unknown",
            "the initial access token is wrong",
        ),
    ];
    for path in ["/oauth/token", "/oauth/introspect", "/oauth/revoke", "/oauth/par"] {
        let wrong = basic(post(path, &[("grant_type", "refresh_token"), ("token", STRANGER)]), "web", WRONG);
        all.push(case(wrong, INVALID, "web", "the client_secret is wrong"));
    }
    all
}

fn register(token: Option<&str>, metadata: Value) -> Request {
    let request =
        Request::new("POST", "/oauth/register").header("Content-Type", "application/json").body(metadata);
    token.map(|token| request.clone().bearer(token)).unwrap_or(request)
}

/// Refusals of clients that have authenticated.
fn known() -> Vec<Case> {
    let web = |path: &str, form: &[(&str, &str)]| basic(post(path, form), "web", SECRET);
    let robot = |form: &[(&str, &str)]| basic(post("/oauth/token", form), "robot", SECRET);
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", STRANGER)];
    let exchange = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("subject_token", STRANGER),
        ("patient", "9000000009"),
    ];
    let (for_role, for_patient) = (
        [&exchange[..3], &[("role", STRANGER)]].concat(),
        [&exchange[..3], &[("patient", STRANGER)]].concat(),
    );
    vec![
        recorded(
            web("/oauth/token", &refresh),
            (400, "invalid_grant"),
            "web",
            "there is no such refresh token",
        ),
        recorded(
            web("/oauth/token", &refresh).header("DPoP", STRANGER),
            (400, "invalid_dpop_proof"),
            "web",
            "the DPoP proof: it is not a JWT",
        ),
        recorded(
            web("/oauth/token", &[refresh[0], ("resource", "https://elsewhere.example")]),
            (400, "invalid_target"),
            "web",
            "resource is not the base URL",
        ),
        recorded(
            web("/oauth/token", &exchange),
            (400, "invalid_request"),
            "web",
            "the subject_token: the token was not issued here",
        ),
        recorded(
            web("/oauth/token", &for_role),
            (400, "invalid_target"),
            "web",
            "role is not the id of a role",
        ),
        recorded(
            web("/oauth/token", &for_patient),
            (400, "invalid_target"),
            "web",
            "patient is not an NHS number",
        ),
        recorded(
            web("/oauth/token", &[("grant_type", "client_credentials")]),
            (400, "unauthorized_client"),
            "web",
            "not registered for this grant_type",
        ),
        recorded(
            robot(&[("grant_type", "client_credentials"), ("scope", "user/Consent.rs")]),
            (400, "invalid_scope"),
            "robot",
            "registered for none of these scopes",
        ),
        recorded(
            web("/oauth/introspect", &[("token", STRANGER)]),
            (403, "unauthorized_client"),
            "web",
            "the app is not registered for introspection",
        ),
        case(web("/oauth/revoke", &[]), (400, "invalid_request"), "web", "token is required"),
        case(
            web("/oauth/par", &[("response_type", "token")]),
            (400, "unsupported_response_type"),
            "web",
            "response_type must be code",
        ),
        case(
            web("/oauth/par", &[("response_type", "code"), ("redirect_uri", STRANGER)]),
            (400, "invalid_request"),
            "web",
            "redirect_uri must be exactly one of the registered ones",
        ),
        case(
            register(Some(INITIAL), json!([STRANGER])),
            (400, "invalid_client_metadata"),
            "unknown",
            "as a JSON object",
        ),
        case(
            register(Some(INITIAL), json!({ "client_name": STRANGER, "redirect_uris": ["http://x/*"] })),
            (400, "invalid_redirect_uri"),
            "unknown",
            "without *",
        ),
    ]
}

fn send(server: &mut ServerProcess, request: &Request) -> Response {
    Connection::open(server.address()).and_then(|mut one| one.send(request)).expect("an answer")
}

fn lines(log: &str, message: &str, id: &str) -> Vec<Value> {
    let all = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    all.filter(|line| line["message"] == message && line["request_id"] == id).collect()
}

// covers MISS-9, SEC-10, USE-13
#[rstest]
#[actix_web::test]
async fn every_refusal_of_an_app_is_logged_with_its_reason_and_recorded_where_the_app_authenticated(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (database, folder) = (TestDatabase::migrated(backend), Folder::new());
    let mut server = start(&folder, &database);
    let mut wanted = Vec::new();
    let cases: Vec<Case> = strangers().into_iter().chain(known()).collect();
    for (number, case) in cases.iter().enumerate() {
        let id = format!("bbbbbbbb-bbbb-4bbb-8bbb-b{number:05x}bbbbbb");
        let answer = send(&mut server, &case.request.clone().header("X-Request-ID", &id));
        let error = answer.json()["error"].as_str().unwrap_or_default().to_owned();
        assert_eq!((answer.status, error.as_str()), case.answer, "{}", case.reason);
        assert_eq!(answer.header("x-request-id"), Some(id.as_str()));
        wanted.extend(case.is_recorded.then(|| format!("{} {} {id}", case.app, case.answer.1)));
    }
    // A request without an id gets one, by which the two lines and the answer can be brought together.
    let given = send(&mut server, &post("/oauth/token", &[("grant_type", "refresh_token")]));
    let given = given.header("x-request-id").expect("an id").to_owned();
    server.ask_to_stop();
    assert_eq!(server.wait().code(), Some(0));
    let log = server.stderr();
    for (number, case) in cases.iter().enumerate() {
        let id = format!("bbbbbbbb-bbbb-4bbb-8bbb-b{number:05x}bbbbbb");
        let found = lines(&log, "app request refused", &id);
        let [line] = found.as_slice() else { panic!("{}: {found:?}", case.reason) };
        assert_eq!(
            (line["app"].as_str(), line["error"].as_str()),
            (Some(case.app), Some(case.answer.1)),
            "{line}"
        );
        assert!(line["reason"].as_str().is_some_and(|reason| reason.contains(case.reason)), "{line}");
        assert!(line["endpoint"].as_str().is_some_and(|path| path.starts_with("/oauth/")), "{line}");
        assert_eq!(lines(&log, "request", &id).len(), 1, "{line}");
    }
    assert_eq!(
        (lines(&log, "request", &given).len(), lines(&log, "app request refused", &given).len()),
        (1, 1)
    );
    assert!(!log.contains("s3cr3t"), "a secret is in the log");
    let records = sql::values(
        &database.url,
        "SELECT caller_id || ' ' || refusal || ' ' || request_id AS value FROM audit_records ORDER BY request_id",
    );
    assert_eq!(
        records, wanted,
        "a record of each refusal of a client that authenticated, and of nothing else"
    );
}
