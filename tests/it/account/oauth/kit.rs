//! Apps with their keys, people with their grants, and the requests that they send.

use std::sync::LazyLock;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
};
use base::token::digest;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use domain::account::{
    AccessMode, ClientAuthentication, Code, Grant, GrantType, IntrospectionSubject, Registration, Scopes,
    Vector,
};
use domain::person::{NhsNumber, NumberCheck};
use jose::key::KeyPurpose;
use jose::key::SigningKey;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::support::{Backend, Options, Request, Response, TestApp, sql};

pub const ME: &str = "9000000017";
pub const CHILD: &str = "9000000009";
/// The active role of `ME` for `CHILD` in the sandbox.
pub const ROLE: &str = "986b2cfe-a9a7-517c-84fc-05d40298b1b3";
pub const REDIRECT: &str = "http://127.0.0.1:9/cb";
/// RFC 7636 appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub const SECRET: &str = "a secret: 100%+";
pub const TOKEN: &str = "/oauth/token";
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
pub const SCOPES: &str =
    "openid fhirUser profile launch/patient offline_access delegation patient/*.cruds user/*.rs";

/// A key of an app.
pub struct AppKey {
    pub signing: EncodingKey,
    pub public: Jwk,
    pub algorithm: Algorithm,
}

fn elliptic(curve: &'static EcdsaSigningAlgorithm, algorithm: Algorithm, id: &str) -> AppKey {
    let pair = EcdsaKeyPair::generate(curve).unwrap().to_pkcs8v1().unwrap();
    let signing = EncodingKey::from_ec_der(pair.as_ref());
    let mut public = Jwk::from_encoding_key(&signing, algorithm).unwrap();
    public.common.key_id = Some(id.to_owned());
    AppKey { signing, public, algorithm }
}

pub static ES256: LazyLock<AppKey> =
    LazyLock::new(|| elliptic(&ECDSA_P256_SHA256_FIXED_SIGNING, Algorithm::ES256, "p256"));
pub static ES384: LazyLock<AppKey> =
    LazyLock::new(|| elliptic(&ECDSA_P384_SHA384_FIXED_SIGNING, Algorithm::ES384, "p384"));
pub static RSA: LazyLock<AppKey> = LazyLock::new(|| {
    let (key, _) = SigningKey::generate(KeyPurpose::IdToken, chrono::DateTime::UNIX_EPOCH).unwrap();
    let mut public = key.public.clone();
    public.common.key_id = Some("rsa".to_owned());
    public.common.key_algorithm = None;
    AppKey { signing: key.signing, public, algorithm: Algorithm::RS384 }
});

pub fn secret(text: &str) -> ClientAuthentication {
    ClientAuthentication::Secret { sha256: Sha256::digest(text).into() }
}

pub fn app(client_id: &str, authentication: ClientAuthentication) -> Registration {
    Registration {
        client_id: client_id.to_owned(),
        name: client_id.to_owned(),
        mode: AccessMode::Citizen,
        authentication,
        redirect_uris: vec![REDIRECT.to_owned()],
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::TokenExchange],
        scopes: Scopes::parse(SCOPES).unwrap(),
        may_introspect: false,
        introspection_subject: IntrospectionSubject::Account,
        exchange_audiences: Vec::new(),
        logout_uris: Vec::new(),
        is_dpop_bound: false,
    }
}

/// A public portal, one with a secret, an EPR with keys, an API producer, and a portal whose tokens are bound.
pub fn apps() -> Vec<Registration> {
    let keys = [&ES256.public, &ES384.public, &RSA.public].map(Jwk::clone).to_vec();
    let by_keys = ClientAuthentication::PrivateKeyJwt { jwks: JwkSet { keys } };
    vec![
        app("portal", ClientAuthentication::None),
        app("web", secret(SECRET)),
        Registration {
            mode: AccessMode::System,
            grant_types: vec![GrantType::ClientCredentials],
            scopes: Scopes::parse("system/*.cruds").unwrap(),
            redirect_uris: Vec::new(),
            ..app("epr", by_keys)
        },
        Registration { may_introspect: true, grant_types: Vec::new(), ..app("producer", secret(SECRET)) },
        Registration { is_dpop_bound: true, ..app("bound", ClientAuthentication::None) },
    ]
}

pub async fn start(backend: Backend) -> TestApp {
    start_with(backend, apps()).await
}

pub async fn start_with(backend: Backend, registrations: Vec<Registration>) -> TestApp {
    let policy = service::policy::AccessPolicy::Tokens(Vec::new());
    TestApp::start(backend, Options { policy, registrations, ..Options::default() }).await
}

pub fn number(text: &str) -> NhsNumber {
    NhsNumber::parse(text, NumberCheck::Length).unwrap()
}

/// A grant of `ME` to an app, with a user.
pub async fn grant(server: &TestApp, client_id: &str, scope: &str) -> Grant {
    let user = Uuid::now_v7();
    sql::execute(
        &server.database_url(),
        &format!("INSERT INTO users (id, created_at, updated_at) VALUES ('{user}', 0, 0)"),
    );
    let grant = Grant {
        id: Uuid::now_v7(),
        app: client_id.to_owned(),
        mode: AccessMode::Citizen,
        user: Some(user),
        patient: Some(number(ME)),
        proxy: None,
        role: None,
        scopes: Scopes::parse(scope).unwrap(),
        vot: Some(Vector::parse("P9.Cp.Cd").unwrap()),
        staff: None,
        organisation: None,
        fhir_user: Some(format!("Patient/{ME}")),
        parent: None,
        audience: Vec::new(),
        created_at: server.now(),
        expires_at: server.now() + TimeDelta::days(1),
    };
    keep(server, grant.clone()).await;
    grant
}

pub async fn keep(server: &TestApp, grant: Grant) {
    let kept: Result<_, base::error::Error> = server.store.write(move |tx| tx.insert_grant(&grant)).await;
    kept.unwrap();
}

/// A code for a grant, as the authorization endpoint creates one.
pub async fn code(server: &TestApp, grant: &Grant) -> String {
    bound_code(server, grant, None).await
}

pub async fn bound_code(server: &TestApp, grant: &Grant, jkt: Option<&str>) -> String {
    let text = format!("code-{}", Uuid::now_v7());
    let code = Code {
        grant: grant.id,
        redirect_uri: REDIRECT.to_owned(),
        challenge: CHALLENGE.to_owned(),
        nonce: Some("the-nonce".to_owned()),
        dpop_jkt: jkt.map(str::to_owned),
        expires_at: server.now() + TimeDelta::seconds(60),
    };
    let key = digest(&text);
    let kept: Result<_, base::error::Error> = server.store.write(move |tx| tx.insert_code(&key, &code)).await;
    kept.unwrap();
    text
}

/// A form.
pub fn post(path: &str, pairs: &[(&str, &str)]) -> Request {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(pairs);
    Request::new("POST", path).header("Content-Type", "application/x-www-form-urlencoded").body(form.finish())
}

pub fn basic(request: Request, client_id: &str, secret: &str) -> Request {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let joined = STANDARD.encode(format!("{}:{}", encode(client_id), encode(secret)));
    request.header("Authorization", &format!("Basic {joined}"))
}

/// A public app's request with a code.
pub fn redeem(client_id: &str, code: &str) -> Request {
    post(
        TOKEN,
        &[
            ("grant_type", "authorization_code"),
            ("client_id", client_id),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ],
    )
}

/// The tokens of `ME` for an app.
pub async fn tokens(server: &TestApp, client_id: &str, scope: &str) -> Value {
    let code = code(server, &grant(server, client_id, scope).await).await;
    let answer = server.send(redeem(client_id, &code)).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()
}

/// Status and error code of a refusal, whose shape is OAuth's.
#[track_caller]
pub fn refused(answer: &Response) -> (u16, String) {
    let content = answer.json();
    assert!(content["error_description"].is_string(), "{content}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    (answer.status, content["error"].as_str().unwrap_or_default().to_owned())
}

/// A signed JWT; `null` removes a claim.
pub fn sign(key: &AppKey, header: Header, claims: &Value) -> String {
    let mut claims = claims.clone();
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    jsonwebtoken::encode(&header, &claims, &key.signing).unwrap()
}

pub fn header(key: &AppKey) -> Header {
    Header { kid: key.public.common.key_id.clone(), ..Header::new(key.algorithm) }
}

/// The claims of an assertion of the EPR.
pub fn assertion_claims(server: &TestApp) -> Value {
    let now = server.now().timestamp();
    json!({
        "iss": "epr", "sub": "epr", "aud": format!("http://{}{TOKEN}", server.address),
        "iat": now, "exp": now + 300, "jti": Uuid::now_v7().to_string(),
    })
}

/// The EPR's token request. So many different scopes over resources.
pub fn many_scopes(context: &str, many: usize) -> String {
    (0..many).map(|at| format!("{context}/Consent.rs?_id={at}")).collect::<Vec<String>>().join(" ")
}

pub fn backend(assertion: &str, scope: &str) -> Request {
    post(
        TOKEN,
        &[
            ("grant_type", "client_credentials"),
            ("scope", scope),
            ("client_assertion_type", JWT_BEARER),
            ("client_assertion", assertion),
        ],
    )
}

/// A part of a JWT.
pub fn part(token: &str, part: usize) -> Value {
    let text = token.split('.').nth(part).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

pub fn claims(token: &Value) -> Value {
    part(token.as_str().unwrap(), 1)
}

/// A JWT without a valid signature.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", encode(header), encode(claims))
}

/// Reads as the bearer of a token.
pub async fn read(server: &TestApp, path: &str, token: &str) -> Response {
    server.send(Request::new("GET", &format!("/FHIR/R4{path}")).bearer(token)).await
}
