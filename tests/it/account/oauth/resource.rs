//! Tokens for some of our APIs (RFC 8707).

use rstest::rstest;
use serde_json::Value;

use super::kit::{
    CHILD, ME, SCOPES, TOKEN, claims, code, grant, keep, post, read, redeem, refused, start, tokens,
};
use crate::support::{Backend, Request, TestApp};

fn bases(server: &TestApp) -> (String, String) {
    let base = format!("http://{}", server.address);
    (format!("{base}/FHIR/R4"), format!("{base}/validated-relationships/FHIR/R4"))
}

fn refresh(token: &Value, resources: &[&str]) -> Request {
    let mut form = vec![
        ("grant_type", "refresh_token"),
        ("client_id", "portal"),
        ("refresh_token", token.as_str().unwrap()),
    ];
    form.extend(resources.iter().map(|url| ("resource", *url)));
    post(TOKEN, &form)
}

async fn vrs(server: &TestApp, token: &Value) -> u16 {
    let path =
        format!("/validated-relationships/FHIR/R4/RelatedPerson?identifier={ME}&patient:identifier={CHILD}");
    server.send(Request::new("GET", &path).with_id().bearer(token.as_str().unwrap())).await.status
}

async fn r4(server: &TestApp, token: &Value) -> u16 {
    read(server, &format!("/Patient/{ME}"), token.as_str().unwrap()).await.status
}

#[rstest]
#[actix_rt::test]
async fn token_with_resource_of_one_api_is_401_at_the_other(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let (r4_base, vrs_base) = bases(&server);
    let all = tokens(&server, "portal", SCOPES).await;
    assert_eq!(
        (r4(&server, &all["access_token"]).await, vrs(&server, &all["access_token"]).await),
        (200, 200)
    );
    let one = server.send(refresh(&all["refresh_token"], &[&r4_base])).await.json();
    assert_eq!(claims(&one["access_token"])["aud"], serde_json::json!([r4_base]));
    assert_eq!(
        (r4(&server, &one["access_token"]).await, vrs(&server, &one["access_token"]).await),
        (200, 401)
    );
    // Userinfo belongs to no API.
    let userinfo = Request::new("GET", "/oauth/userinfo").bearer(one["access_token"].as_str().unwrap());
    assert_eq!(server.send(userinfo).await.status, 200);
    let other = server.send(refresh(&one["refresh_token"], &[&format!("{vrs_base}/")])).await.json();
    assert_eq!(
        (r4(&server, &other["access_token"]).await, vrs(&server, &other["access_token"]).await),
        (401, 200)
    );
    let both = server.send(refresh(&other["refresh_token"], &[&vrs_base, &r4_base])).await.json();
    assert_eq!(
        (r4(&server, &both["access_token"]).await, vrs(&server, &both["access_token"]).await),
        (200, 200)
    );
    for wrong in
        ["https://other.example/FHIR/R4", "x", &format!("{r4_base}/Patient"), &format!("{r4_base}//")]
    {
        let answer = server.send(refresh(&both["refresh_token"], &[&r4_base, wrong])).await;
        assert_eq!(refused(&answer), (400, "invalid_target".into()), "{wrong}");
    }
    assert_eq!(server.send(refresh(&both["refresh_token"], &[])).await.status, 200, "nothing was spent");
}

#[rstest]
#[actix_rt::test]
async fn resource_of_a_grant_is_never_widened(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let (r4_base, vrs_base) = bases(&server);
    let base = grant(&server, "portal", SCOPES).await;
    let narrow = domain::account::Grant { id: uuid::Uuid::now_v7(), audience: vec![r4_base.clone()], ..base };
    keep(&server, narrow.clone()).await;
    let body = server.send(redeem("portal", &code(&server, &narrow).await)).await.json();
    assert_eq!(
        (r4(&server, &body["access_token"]).await, vrs(&server, &body["access_token"]).await),
        (200, 401)
    );
    let wider = server.send(refresh(&body["refresh_token"], &[&vrs_base])).await;
    assert_eq!(refused(&wider), (400, "invalid_target".into()));
    let exchange = |more: &[(&str, &str)]| {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("client_id", "portal"),
            ("subject_token", body["access_token"].as_str().unwrap()),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("patient", CHILD),
        ];
        post(TOKEN, &[&form, more].concat())
    };
    assert_eq!(refused(&server.send(exchange(&[("audience", &vrs_base)])).await).1, "invalid_target");
    let acting = server.send(exchange(&[])).await.json();
    assert_eq!(claims(&acting["access_token"])["aud"], serde_json::json!([r4_base]));
    assert_eq!(vrs(&server, &acting["access_token"]).await, 401);
    assert_eq!(
        read(&server, &format!("/Patient/{CHILD}"), acting["access_token"].as_str().unwrap()).await.status,
        200
    );
}
