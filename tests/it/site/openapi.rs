//! The OpenAPI files, compared with what the server does.

use std::collections::BTreeSet;

use rstest::rstest;
use serde_json::{Value, json};

use super::sandbox;
use crate::account::oauth::kit::{self, basic, post};
use crate::support::{Backend, Options, Request, Response, TestApp, bodies, token};
use crate::vrs::known::{ACCESS_REQUEST, ACTIVE, CHILD, MOTHER, NO_PRACTICE, NO_SUCH_ID, SON};
use domain::account::{Principal, Proofing};

const VRS: &str = "/openapi/validated-relationships.json";
const OAUTH: &str = "/openapi/oauth.json";
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

async fn file(app: &TestApp, path: &str) -> Value {
    let answer = app.send(Request::new("GET", path)).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{path}");
    answer.json()
}

/// The paths of a file, each with the methods that it has there.
fn described(file: &Value) -> Vec<(String, Vec<String>)> {
    let paths = file["paths"].as_object().expect("paths").iter();
    paths
        .map(|(path, item)| {
            (path.clone(), item.as_object().expect("a path").keys().map(|name| name.to_uppercase()).collect())
        })
        .collect()
}

/// An example of a path.
fn example(path: &str) -> String {
    path.replace("{id}", NO_SUCH_ID)
}

#[rstest]
#[actix_web::test]
async fn each_path_of_a_file_has_the_methods_that_are_described_and_no_other(
    #[values(Backend::Sqlite)] backend: Backend,
) {
    let app = sandbox(backend).await;
    let mut count = 0;
    for path in [VRS, OAUTH] {
        let file = file(&app, path).await;
        assert_eq!(
            (&file["openapi"], &file["info"]["version"]),
            (&"3.1.0".into(), &env!("CARGO_PKG_VERSION").into())
        );
        assert_eq!(file["servers"][0]["url"], format!("http://{}", app.address));
        assert!(!file.to_string().contains("server.example"), "{path} names the URL of its data file");
        for (path, methods) in described(&file) {
            for method in METHODS {
                let request = Request::new(method, &example(&path)).with_id();
                let answer = app.send(request).await;
                let is_described = methods.iter().any(|known| known == method);
                assert_eq!(answer.status != 405, is_described, "{method} {path}: {}", answer.status);
                if !is_described {
                    let allow = answer.header("allow").unwrap_or_default().replace("OPTIONS, ", "");
                    assert_eq!(allow, methods.join(", "), "{method} {path}");
                }
                count += 1;
            }
        }
    }
    assert!(count > 130, "{count}");
}

/// The files have each path that the API answers: those of the contract, and those of the metadata.
#[rstest]
#[actix_web::test]
async fn the_files_have_the_paths_of_the_contract_and_of_the_metadata(
    #[values(Backend::Sqlite)] backend: Backend,
) {
    let app = sandbox(backend).await;
    let paths = |file: &Value| described(file).into_iter().map(|(path, _)| path).collect::<BTreeSet<_>>();
    let vrs = paths(&file(&app, VRS).await);
    let contract =
        ["Consent", "Consent/{id}", "RelatedPerson", "QuestionnaireResponse", "QuestionnaireResponse/{id}"]
            .map(|path| format!("/validated-relationships/FHIR/R4/{path}"));
    let health = ["_ping", "_status"].map(|path| format!("/validated-relationships/{path}"));
    assert_eq!(vrs, contract.into_iter().chain(health).collect::<BTreeSet<_>>());
    let oauth = paths(&file(&app, OAUTH).await);
    let metadata = app.send(Request::new("GET", "/.well-known/oauth-authorization-server")).await.json();
    let base = format!("http://{}", app.address);
    let urls = metadata.as_object().expect("metadata").iter();
    let mut endpoints = 0;
    for (name, url) in urls.filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri") {
        let path = url.as_str().and_then(|url| url.strip_prefix(&base)).expect("of this server");
        assert!(oauth.contains(path), "{name}: {path} is not described");
        endpoints += 1;
    }
    assert_eq!(endpoints, 9, "{metadata}");
    for path in ["/.well-known/openid-configuration", "/FHIR/R4/.well-known/smart-configuration"] {
        assert!(oauth.contains(path), "{path}");
    }
    // The pages between are for no client.
    assert!(!oauth.iter().any(|path| path.contains("approve") || path.contains("callback")), "{oauth:?}");
}

/// What a file says of an answer's status and content type.
fn is_described(file: &Value, (method, path): (&str, &str), answer: &Response) -> bool {
    let operation = &file["paths"][path][method.to_lowercase()];
    let mut response = &operation["responses"][answer.status.to_string()];
    if let Some(name) = response["$ref"].as_str() {
        response = file.pointer(name.trim_start_matches('#')).expect("it is there");
    }
    let kind = answer.header("content-type").map(|kind| kind.split(';').next().unwrap_or_default().trim());
    response.is_object()
        && (answer.body.is_empty() || kind.is_some_and(|kind| response["content"][kind].is_object()))
}

#[rstest]
#[actix_web::test]
async fn each_answer_of_the_validated_relationships_api_is_described(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = sandbox(backend).await;
    let strict = TestApp::strict(backend).await;
    let file = file(&app, VRS).await;
    let base = "/validated-relationships/FHIR/R4";
    let get = |path: &str| Request::new("GET", path).with_id();
    let patch = |body: &str| Request::patch(&format!("{base}/Consent/{ACTIVE}"), body);
    let end = bodies::move_to("inactive", &[bodies::reason("ROLE_DEACTIVATED_PATIENT_REQUEST")]).to_string();
    let consent = format!("{base}/Consent");
    let request = format!("{base}/QuestionnaireResponse");
    let by_id = |path: &str| format!("{base}/{path}/{{id}}");
    let (role, form) = (by_id("Consent"), by_id("QuestionnaireResponse"));
    let related = format!("{base}/RelatedPerson");
    let posts = |body: Value| Request::post(&consent, body);
    for ((method, path), request, status) in [
        (("GET", &consent), get(&format!("{consent}?performer:identifier={MOTHER}")), 200),
        (("GET", &consent), get(&consent), 400),
        (("GET", &consent), Request::new("GET", &format!("{consent}?performer:identifier={MOTHER}")), 400),
        (("GET", &consent), get(&format!("{consent}?performer:identifier=9000000041")), 404),
        (("GET", &consent), get(&format!("{consent}?patient:identifier={NO_PRACTICE}")), 404),
        (("GET", &consent), get(&format!("{consent}?performer:identifier={MOTHER}&status=x")), 422),
        (("GET", &consent), get(&format!("{consent}?performer:identifier={MOTHER}")).bearer("x"), 401),
        (("POST", &consent), posts(bodies::consent(MOTHER, SON)), 201),
        (("POST", &consent), posts(bodies::consent(MOTHER, SON)), 409),
        (("POST", &consent), posts(json!({})), 400),
        (("POST", &consent), posts(bodies::consent(MOTHER, MOTHER)), 422),
        (("POST", &consent), posts(json!({})).without("content-type"), 415),
        (("GET", &role), get(&format!("{consent}/{ACTIVE}")), 200),
        (("GET", &role), get(&format!("{consent}/{NO_SUCH_ID}")), 404),
        (("GET", &role), get(&format!("{consent}/{ACTIVE}?x=y")), 422),
        (("PATCH", &role), patch("[]"), 400),
        (("PATCH", &role), patch("{"), 400),
        (("PATCH", &role), patch(&end), 200),
        (("PATCH", &role), patch(&end), 422),
        (("PATCH", &role), Request::patch(&format!("{consent}/{NO_SUCH_ID}"), &end), 404),
        (("PATCH", &role), patch(&end).without("content-type"), 415),
        (("GET", &related), get(&format!("{related}?identifier={MOTHER}")), 200),
        (("GET", &related), get(&related), 400),
        (("GET", &related), get(&format!("{related}?identifier=9000000041")), 404),
        (("POST", &request), Request::post(&request, bodies::access_request(MOTHER, "9000000033")), 200),
        (("POST", &request), Request::post(&request, bodies::access_request(MOTHER, CHILD)), 409),
        (("POST", &request), Request::post(&request, "{"), 400),
        (("POST", &request), Request::post(&request, "{").without("content-type"), 415),
        (("POST", &request), Request::post(&request, "x".repeat(2_000_000)), 413),
        (("GET", &form), get(&format!("{request}/{ACCESS_REQUEST}")), 200),
        (("GET", &form), get(&format!("{request}/x")), 400),
        (("GET", &form), get(&format!("{request}/{NO_SUCH_ID}")), 404),
        (("GET", &"/validated-relationships/_ping".to_owned()), get("/validated-relationships/_ping"), 200),
        (
            ("GET", &"/validated-relationships/_status".to_owned()),
            get("/validated-relationships/_status"),
            401,
        ),
    ] {
        let answer = app.send(request).await;
        let told = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, status, "{method} {path}: {told}");
        assert!(is_described(&file, (method, path), &answer), "{method} {path}: {status}: {told}");
    }
    let bad_id = strict.send(get(&format!("{consent}/x"))).await;
    assert_eq!(bad_id.status, 422);
    assert!(is_described(&file, ("GET", &role), &bad_id));
}

#[rstest]
#[actix_web::test]
async fn each_answer_of_the_authorization_server_is_described(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = kit::start(backend).await;
    let file = file(&app, OAUTH).await;
    let get = |path: &str| Request::new("GET", path);
    let grant = kit::grant(&app, "portal", kit::SCOPES).await;
    let code = kit::code(&app, &grant).await;
    let redeem = kit::redeem("portal", &code);
    let secret = |path: &str, pairs: &[(&str, &str)]| basic(post(path, pairs), "producer", kit::SECRET);
    let register = |body: Value| {
        let request = Request::new("POST", "/oauth/register").header("Content-Type", "application/json");
        request.bearer(crate::support::INITIAL_ACCESS).body(body)
    };
    let app_metadata = json!({ "client_name": "New", "redirect_uris": ["http://localhost:3000/back"],
        "token_endpoint_auth_method": "none", "scope": "openid" });
    let pushed = [
        ("client_id", "portal"),
        ("response_type", "code"),
        ("redirect_uri", kit::REDIRECT),
        ("scope", "openid"),
        ("state", "0123456789abcdef"),
        ("code_challenge", kit::CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let authorize = "/oauth/authorize";
    for ((method, path), request, status) in [
        (
            ("GET", "/.well-known/oauth-authorization-server"),
            get("/.well-known/oauth-authorization-server"),
            200,
        ),
        (("HEAD", "/oauth/jwks"), Request::new("HEAD", "/oauth/jwks"), 200),
        (("GET", "/oauth/smart-style.json"), get("/oauth/smart-style.json"), 200),
        (("GET", "/.well-known/oauth-protected-resource"), get("/.well-known/oauth-protected-resource"), 200),
        (("POST", "/oauth/token"), redeem.clone(), 200),
        (("POST", "/oauth/token"), redeem, 400),
        (("POST", "/oauth/token"), kit::redeem("unknown", "x"), 401),
        (("POST", "/oauth/token"), post("/oauth/token", &[("code", &"x".repeat(10_000))]), 413),
        (("POST", "/oauth/introspect"), secret("/oauth/introspect", &[("token", "x")]), 200),
        (
            ("POST", "/oauth/introspect"),
            post("/oauth/introspect", &[("token", "x"), ("client_id", "portal")]),
            403,
        ),
        (("POST", "/oauth/introspect"), post("/oauth/introspect", &[("token", "x")]), 401),
        (("POST", "/oauth/revoke"), post("/oauth/revoke", &[("token", "x"), ("client_id", "portal")]), 200),
        (("POST", "/oauth/revoke"), post("/oauth/revoke", &[("client_id", "portal")]), 400),
        (("POST", "/oauth/par"), post("/oauth/par", &pushed), 201),
        (("POST", "/oauth/par"), post("/oauth/par", &pushed[..2]), 400),
        (("POST", "/oauth/register"), register(app_metadata), 201),
        (("POST", "/oauth/register"), register(json!({})), 400),
        (("POST", "/oauth/register"), Request::new("POST", "/oauth/register"), 401),
        (("GET", "/oauth/userinfo"), get("/oauth/userinfo"), 401),
        (("POST", "/oauth/userinfo"), Request::new("POST", "/oauth/userinfo"), 401),
        (("GET", authorize), get(authorize), 400),
        (
            ("GET", authorize),
            get(&format!("{authorize}?client_id=portal&redirect_uri={}", kit::REDIRECT)),
            303,
        ),
        (("POST", authorize), Request::new("POST", authorize), 415),
        (("GET", "/oauth/log-out"), get("/oauth/log-out"), 200),
        (("GET", "/oauth/log-out"), get("/oauth/log-out?id_token_hint=x"), 400),
        (("POST", "/oauth/log-out"), post("/oauth/log-out", &[]), 200),
    ] {
        let answer = app.send(request).await;
        let told = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, status, "{method} {path}: {told}");
        assert!(is_described(&file, (method, path), &answer), "{method} {path}: {status}: {told}");
    }
}

/// The scopes of each operation: with one of them a caller of some kind passes, with any other none does.
#[rstest]
#[actix_web::test]
async fn an_operation_needs_one_of_the_scopes_that_are_described(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let policy = service::policy::AccessPolicy::Tokens(Vec::new());
    let registrations = vec![token::registration()];
    let app = TestApp::start(backend, Options { policy, registrations, ..Options::default() }).await;
    let file = file(&app, VRS).await;
    let callers = [
        ("patient", Principal::Citizen { nhs_number: kit::number(MOTHER), proofing: Proofing::P9 }),
        ("user", Principal::Staff { name: "555021935107".to_owned(), organisation: None }),
        ("system", Principal::System { name: "epr".to_owned() }),
    ];
    let mut operations = 0;
    for (path, item) in file["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("a path") {
            let security = operation["security"].as_array().expect("what it needs");
            let scopes: Vec<&str> = security.iter().filter_map(|one| one["onbehalf"][0].as_str()).collect();
            if scopes.is_empty() {
                continue;
            }
            operations += 1;
            let mut passed = 0;
            for (context, principal) in &callers {
                let scope = scopes.iter().find(|scope| scope.starts_with(context)).expect("one of each kind");
                for (scope, is_described) in [(*scope, true), (&*format!("{context}/Patient.cruds"), false)] {
                    let token = app.token(principal, scope).await;
                    let kind =
                        operation["requestBody"]["content"].as_object().and_then(|kinds| kinds.keys().next());
                    let mut request =
                        Request::new(&method.to_uppercase(), &example(path)).with_id().bearer(&token);
                    if let Some(kind) = kind {
                        request = request.header("Content-Type", kind).body("{}");
                    }
                    let answer = app.send(request).await;
                    assert_ne!(answer.status, 401, "{method} {path} {scope}");
                    assert!(
                        is_described || answer.status == 403,
                        "{method} {path} {scope}: {}",
                        answer.status
                    );
                    passed += usize::from(answer.status != 403);
                }
            }
            assert!(passed > 0, "{method} {path}: no caller passes with the scopes that are described");
        }
    }
    assert_eq!(operations, 7);
}

#[rstest]
#[actix_web::test]
async fn a_file_is_read_by_browser_apps_of_every_origin_and_not_written(
    #[values(Backend::Sqlite)] backend: Backend,
) {
    let app = sandbox(backend).await;
    for path in [VRS, OAUTH] {
        let answer = app.send(Request::new("GET", path).header("Origin", "https://tool.example")).await;
        let origin = answer.header("access-control-allow-origin").expect("an origin");
        assert!(matches!(origin, "*" | "https://tool.example"), "{origin}");
        let head = app.send(Request::new("HEAD", path)).await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        let refused = app.send(Request::new("POST", path)).await;
        assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD")), "{path}");
    }
    assert_eq!(app.send(Request::new("GET", "/openapi/other.json")).await.status, 404);
    let without = TestApp::strict(backend).await;
    assert_eq!(without.send(Request::new("GET", VRS)).await.status, 200);
    assert_eq!(without.send(Request::new("GET", OAUTH)).await.status, 404);
}
