//! Discovery documents (SMART App Launch 2.2 "Conformance", Inferno's discovery group).

use api_fhir as fhir;
use api_vrs as vrs;
use domain::account::GrantType;
use rstest::rstest;
use serde_json::{Value, json};

use super::kit::{CHALLENGE, REDIRECT, post, refused, start};
use crate::support::{Backend, Request, TestApp};

const SMART: &str = "/FHIR/R4/.well-known/smart-configuration";

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

// covers SM-01, SM-02, SM-03
#[rstest]
#[actix_rt::test]
async fn smart_openid_and_oauth_metadata_agree(#[values(Backend::Sqlite)] backend: Backend) {
    let server = start(backend).await;
    let issuer = format!("http://{}", server.address);
    let answer = server.send(Request::new("GET", SMART).header("Origin", "https://app.example")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let content = answer.json();
    assert_eq!(content["issuer"], issuer);
    assert_eq!(content["authorization_endpoint"], format!("{issuer}/oauth/authorize"));
    assert_eq!(content["token_endpoint"], format!("{issuer}/oauth/token"));
    assert_eq!(strings(&content["code_challenge_methods_supported"]), ["S256"]);
    assert!(strings(&content["grant_types_supported"]).contains(&"authorization_code"));
    assert!(strings(&content["token_endpoint_auth_signing_alg_values_supported"]).contains(&"ES384"));
    for capability in [
        "launch-standalone",
        "client-public",
        "client-confidential-symmetric",
        "client-confidential-asymmetric",
        "sso-openid-connect",
        "context-standalone-patient",
        "permission-offline",
        "permission-patient",
        "permission-user",
        "permission-v1",
        "permission-v2",
        "authorize-post",
    ] {
        assert!(strings(&content["capabilities"]).contains(&capability), "{capability}");
    }
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        assert_eq!(server.send(Request::new("GET", path)).await.json(), content, "{path}");
    }
    let head = server.send(Request::new("HEAD", SMART)).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}

// covers SM-01, RS-03
#[rstest]
#[actix_rt::test]
async fn each_api_has_protected_resource_metadata_and_a_401_names_it(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let issuer = format!("http://{}", server.address);
    let well_known = "/.well-known/oauth-protected-resource";
    let authorization_server = server.send(Request::new("GET", SMART)).await.json();
    let mut resources = Vec::new();
    for base in ["", fhir::BASE_PATH, vrs::BASE_PATH] {
        let path = format!("{well_known}{base}");
        let request = Request::new("GET", &path).header("Origin", "https://app.example");
        let answer = server.send(request).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
        let metadata = answer.json();
        // The URL of the metadata is made of that of the resource, and the client compares them (RFC 9728 §3.3).
        assert_eq!(metadata["resource"], format!("{issuer}{base}"), "{path}");
        assert_eq!(metadata["authorization_servers"], json!([authorization_server["issuer"]]), "{path}");
        assert_eq!(metadata["scopes_supported"], authorization_server["scopes_supported"], "{path}");
        assert_eq!(metadata["bearer_methods_supported"], json!(["header"]), "{path}");
        assert_eq!(metadata["dpop_bound_access_tokens_required"], false, "{path}");
        assert!(metadata.get("resource_documentation").is_none(), "{path}");
        resources.push(metadata["resource"].as_str().unwrap().to_owned());
        let head = server.send(Request::new("HEAD", &path)).await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        let refused = server.send(Request::post(&path, "{}")).await;
        assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD")), "{path}");
    }
    // The APIs' own base URLs are the audiences of tokens.
    assert_eq!(resources[1..], *server.authority.as_ref().unwrap().audiences());
    assert_eq!(server.send(Request::new("GET", &format!("{well_known}/FHIR/R5"))).await.status, 404);
    let named = format!("resource_metadata=\"{issuer}{well_known}/FHIR/R4\"");
    for request in [
        Request::new("GET", "/FHIR/R4/Consent"),
        Request::new("GET", "/FHIR/R4/Consent").bearer("wrong"),
        Request::post("/FHIR/R4/Consent", "{}"),
    ] {
        let answer = server.send(request).await;
        let challenge = answer.header("www-authenticate").unwrap();
        assert_eq!(answer.status, 401);
        assert!(challenge.starts_with("Bearer realm=") && challenge.ends_with(&named), "{challenge}");
    }
}

#[rstest]
#[actix_rt::test]
async fn jwks_has_an_rsa_key_and_no_private_member(#[values(Backend::Sqlite)] backend: Backend) {
    let server = start(backend).await;
    let keys = server.send(Request::new("GET", "/oauth/jwks")).await.json();
    let keys = keys["keys"].as_array().unwrap();
    assert!(keys.iter().any(|key| key["kty"] == "RSA") && keys.iter().any(|key| key["kty"] == "EC"));
    for member in ["d", "p", "q", "dp", "dq", "qi", "k"] {
        assert!(keys.iter().all(|key| key.get(member).is_none()), "{member}");
    }
}

// covers C-02
#[rstest]
#[actix_rt::test]
async fn capability_statement_has_oauth_uris(#[values(Backend::Sqlite)] backend: Backend) {
    let server = start(backend).await;
    let answer = server.send(Request::new("GET", "/FHIR/R4/metadata").header("Origin", "https://a.b")).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://a.b"));
    let security = &answer.json()["rest"][0]["security"];
    assert_eq!(
        (&security["cors"], &security["service"][0]["coding"][0]["code"]),
        (&true.into(), &"SMART-on-FHIR".into())
    );
    let uris = security["extension"][0]["extension"].as_array().unwrap().clone();
    let names: Vec<&str> = uris.iter().map(|uri| uri["url"].as_str().unwrap()).collect();
    assert_eq!(names, ["authorize", "token", "introspect", "revoke", "register"]);
    assert_eq!(uris[1]["valueUri"], format!("http://{}/oauth/token", server.address));
}

#[rstest]
#[actix_rt::test]
async fn oauth_endpoints_are_404_when_oauth_is_off(#[values(Backend::Sqlite)] backend: Backend) {
    let server = TestApp::sandbox(backend).await;
    let resource = "/.well-known/oauth-protected-resource";
    let of_fhir = format!("{resource}/FHIR/R4");
    for path in
        [SMART, "/.well-known/openid-configuration", "/oauth/jwks", "/oauth/userinfo", resource, &of_fhir]
    {
        assert_eq!(server.send(Request::new("GET", path)).await.status, 404, "{path}");
    }
    let metadata = server.send(Request::new("GET", "/FHIR/R4/metadata")).await.json();
    assert!(metadata["rest"][0]["security"].get("extension").is_none());
}

// covers LA-05, RS-03
#[rstest]
#[actix_rt::test]
async fn oauth_errors_have_error_and_error_description(#[values(Backend::Sqlite)] backend: Backend) {
    let server = start(backend).await;
    for path in ["/oauth/token", "/oauth/introspect", "/oauth/revoke", "/oauth/par", "/oauth/register"] {
        let answer = server.send(Request::new("GET", path)).await;
        assert_eq!(
            (refused(&answer), answer.header("allow")),
            ((405, "invalid_request".into()), Some("POST"))
        );
    }
    let json = Request::post("/oauth/token", "{}");
    assert_eq!(refused(&server.send(json).await), (400, "invalid_request".into()));
    let twice = post("/oauth/token", &[("grant_type", "x"), ("grant_type", "x")]);
    assert_eq!(refused(&server.send(twice).await), (400, "invalid_request".into()));
    let in_url = post("/oauth/token?client_secret=x", &[("grant_type", "client_credentials")]);
    assert_eq!(refused(&server.send(in_url).await), (400, "invalid_request".into()));
    let large = post("/oauth/token", &[("grant_type", &"x".repeat(70_000))]);
    assert_eq!(refused(&server.send(large).await).0, 413);
    let unknown = post("/oauth/token", &[("grant_type", "password"), ("client_id", "portal")]);
    assert_eq!(refused(&server.send(unknown).await), (400, "unsupported_grant_type".into()));
    let none = post("/oauth/token", &[("client_id", "portal")]);
    assert_eq!(refused(&server.send(none).await), (400, "invalid_request".into()));
    let preflight = Request::new("OPTIONS", "/oauth/token")
        .header("Origin", "https://app.example")
        .header("Access-Control-Request-Method", "POST");
    let allowed = server.send(preflight).await;
    assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (204, Some("*")));
}

#[rstest]
#[actix_rt::test]
async fn oversized_headers_are_rejected_and_the_server_continues(
    #[values(Backend::Sqlite)] backend: Backend,
) {
    let server = start(backend).await;
    for length in [10_000, 60_000, 200_000] {
        let long = "x".repeat(length);
        for request in [
            Request::new("GET", "/FHIR/R4/Consent").bearer(&long),
            Request::new("GET", "/oauth/userinfo").bearer(&long),
            post("/oauth/token", &[("grant_type", "client_credentials")]).header("DPoP", &long),
            post("/oauth/token", &[("grant_type", "client_credentials")]).header("Authorization", &long),
        ] {
            let status = server.send(request).await.status;
            assert!((400..500).contains(&status), "{length} {status}");
        }
    }
    assert_eq!(server.send(Request::new("GET", SMART)).await.status, 200);
}

/// Each member that has a default (OpenID Connect Discovery 1.0 §3; RFC 8414 §2; RFC 9126 §5; RFC 9207 §3; RFC 9101 §10.5; OpenID
/// Connect Front- and Back-Channel Logout 1.0), with the default and what this server does.
fn defaults() -> [(&'static str, Value, Value); 19] {
    let basic = || json!(["client_secret_basic"]);
    let methods = || json!(["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]);
    let proved = || json!(["client_secret_basic", "client_secret_post", "private_key_jwt"]);
    let grants = GrantType::ALL.map(GrantType::as_str);
    [
        ("response_modes_supported", json!(["query", "fragment"]), json!(["query"])),
        ("grant_types_supported", json!(["authorization_code", "implicit"]), json!(grants)),
        ("token_endpoint_auth_methods_supported", basic(), methods()),
        ("revocation_endpoint_auth_methods_supported", basic(), methods()),
        // Members without a default: a client could not know the value.
        ("introspection_endpoint_auth_methods_supported", Value::Null, proved()),
        // Omitted, it means that there is no PKCE.
        ("code_challenge_methods_supported", json!([]), json!(["S256"])),
        ("request_uri_parameter_supported", true.into(), false.into()),
        ("request_parameter_supported", false.into(), false.into()),
        ("claims_parameter_supported", false.into(), false.into()),
        ("require_request_uri_registration", false.into(), false.into()),
        ("require_signed_request_object", false.into(), false.into()),
        ("require_pushed_authorization_requests", false.into(), false.into()),
        ("authorization_response_iss_parameter_supported", false.into(), true.into()),
        ("tls_client_certificate_bound_access_tokens", false.into(), false.into()),
        ("frontchannel_logout_supported", false.into(), false.into()),
        ("frontchannel_logout_session_supported", false.into(), false.into()),
        ("backchannel_logout_supported", false.into(), false.into()),
        ("backchannel_logout_session_supported", false.into(), false.into()),
        ("claim_types_supported", json!(["normal"]), json!(["normal"])),
    ]
}

// covers FAULT-11
#[rstest]
#[actix_rt::test]
async fn server_behaviour_equals_its_oauth_metadata(#[values(Backend::Sqlite)] backend: Backend) {
    let server = start(backend).await;
    let content = server.send(Request::new("GET", SMART)).await.json();
    for (name, default, done) in defaults() {
        assert_eq!(content.get(name).unwrap_or(&default), &done, "{name}");
    }
    // The server behaves so: each parameter is refused at the app, by its own code.
    let aud = format!("http://{}/FHIR/R4", server.address);
    let asked = |changes: &[(&str, &str)]| {
        let usual = [
            ("response_type", "code"),
            ("client_id", "portal"),
            ("redirect_uri", REDIRECT),
            ("state", "0123456789abcdef0123"),
            ("scope", "openid"),
            ("aud", aud.as_str()),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let kept = usual.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(kept.chain(changes.iter().filter(|(_, value)| !value.is_empty())));
        Request::new("GET", &format!("/oauth/authorize?{}", query.finish()))
    };
    let object = "https://example.org/r.jwt";
    let cases: [(&[(&str, &str)], &str); 7] = [
        (&[("request_uri", object)], "request_uri_not_supported"),
        (&[("request_uri", "urn:example:other")], "request_uri_not_supported"),
        // The other parameters may be in the object only.
        (&[("request_uri", object), ("state", ""), ("code_challenge", "")], "request_uri_not_supported"),
        (&[("request", "e30.e30.")], "request_not_supported"),
        (&[("response_mode", "fragment")], "invalid_request"),
        (&[("response_type", "token")], "unsupported_response_type"),
        (&[("code_challenge_method", "plain")], "invalid_request"),
    ];
    for (changes, code) in cases {
        let answer = server.send(asked(changes)).await;
        let location = answer.header("location").unwrap_or_default();
        assert_eq!(answer.status, 303, "{changes:?}");
        assert!(location.starts_with(&format!("{REDIRECT}?error={code}&")), "{changes:?}: {location}");
    }
    for redirect_uri in ["", "https://elsewhere.example/"] {
        let answer = server.send(asked(&[("request_uri", object), ("redirect_uri", redirect_uri)])).await;
        assert_eq!((answer.status, answer.header("location")), (400, None), "{redirect_uri}");
    }
    // An unknown pushed request has no redirect URI that could be trusted: a page.
    let expired = format!("urn:ietf:params:oauth:request_uri:{}", "x".repeat(43));
    assert_eq!(server.send(asked(&[("request_uri", &expired)])).await.status, 400);
}
