//! Token exchange: a user's token for one to act for a patient (RFC 8693), and never more than that.

use std::sync::atomic::AtomicBool;

use chrono::TimeDelta;
use domain::account::identity::{Proven, ProvenKind};
use domain::account::{Grant, RoleState, Vector};
use rstest::rstest;
use serde_json::Value;
use service::account::exchange::{ExchangeTarget, TokenSubject, exchange};
use service::account::{TokenError, TokenRequest};
use service::authority::Lifetimes;
use uuid::Uuid;

use super::kit::{
    CHILD, ME, ROLE, SCOPES, SECRET, TOKEN, apps, basic, claims, code, grant, keep, many_scopes, number,
    post, read, redeem, refused, start, tokens,
};
use crate::support::{Backend, Request, TestApp, sql};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";

fn ask(token: &Value, more: &[(&str, &str)]) -> Request {
    let mut form = vec![
        ("grant_type", GRANT),
        ("client_id", "portal"),
        ("subject_token", token.as_str().unwrap()),
        ("subject_token_type", ACCESS),
    ];
    form.extend(more);
    post(TOKEN, &form)
}

// covers PX-01, PX-02, PX-08
#[rstest]
#[actix_rt::test]
async fn exchanged_token_reads_the_patient_until_the_role_ends(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let me = tokens(&server, "portal", SCOPES).await;
    let used = || sql::values(&server.database_url(), "SELECT role_id AS value FROM role_uses");
    assert_eq!(used(), Vec::<String>::new());
    let answer = server.send(ask(&me["access_token"], &[("patient", CHILD)])).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(used(), [ROLE], "a role whose token was issued is in use");
    let content = answer.json();
    assert_eq!((&content["issued_token_type"], &content["patient"]), (&ACCESS.into(), &CHILD.into()));
    assert!(content.get("refresh_token").is_none() && content.get("id_token").is_none());
    assert_eq!(content["scope"], "fhirUser launch/patient patient/*.cruds user/*.rs");
    let said = claims(&content["access_token"]);
    assert_eq!((&said["sub"], &said["act"]["sub"]), (&CHILD.into(), &ME.into()));
    let consent = said["https://fhir.nhs.uk/claims/delegation"]["consent"].as_str().unwrap();
    assert_eq!(consent, format!("Consent/{ROLE}/_history/1"));
    let access = content["access_token"].as_str().unwrap();
    assert_eq!(read(&server, &format!("/Consent/{ROLE}"), access).await.status, 200);
    sql::execute(
        &server.database_url(),
        &format!("UPDATE roles SET status = 'inactive' WHERE id = '{ROLE}'"),
    );
    assert_eq!(read(&server, &format!("/Consent/{ROLE}"), access).await.status, 401);
    // The person's own token stays valid.
    let own = me["access_token"].as_str().unwrap();
    assert_eq!(read(&server, &format!("/Patient/{ME}"), own).await.status, 200);
}

#[rstest]
#[actix_rt::test]
async fn exchange_names_the_patient_by_nhs_number_reference_or_role(
    #[values(Backend::Sqlite)] backend: Backend,
) {
    let server = start(backend).await;
    let me = tokens(&server, "portal", SCOPES).await;
    let (by_reference, consent) = (format!("Patient/{CHILD}"), format!("Consent/{ROLE}"));
    for named in [
        vec![("patient", by_reference.as_str())],
        vec![("role", ROLE)],
        vec![("role", consent.as_str())],
        vec![("role", ROLE), ("patient", CHILD), ("scope", "patient/Consent.r unknown")],
    ] {
        let answer = server.send(ask(&me["access_token"], &named)).await;
        assert_eq!(answer.status, 200, "{named:?} {}", answer.json());
        assert_eq!(claims(&answer.json()["access_token"])["sub"], CHILD);
    }
}

// covers PX-03, PX-09
#[rstest]
#[actix_rt::test]
async fn invalid_target_is_the_same_with_and_without_a_role(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    let me = tokens(&server, "portal", SCOPES).await;
    let mut answers = Vec::new();
    for named in [
        // An unknown person, the proxy themselves, an invalid number.
        vec![],
        vec![("patient", ME)],
        vec![("patient", "x")],
        vec![("role", "x")],
        // Unknown, no role, a role that is proposed or inactive, a role of others.
        vec![("patient", "9999999999")],
        vec![("patient", "9000000042")],
        vec![("patient", "9000000020")],
        vec![("patient", "9000000006")],
        vec![("role", "4cd26846-d55c-5ed9-b3a5-df9a79e8ca99")],
        vec![("role", "e4ddf5a9-e31d-5f64-9f3a-034b08b26ea0")],
        vec![("role", "00000000-0000-0000-0000-000000000000")],
        // A role for one patient with another patient.
        vec![("role", ROLE), ("patient", "9000000005")],
        vec![("role", ROLE), ("patient", ME)],
    ] {
        let answer = server.send(ask(&me["access_token"], &named)).await;
        assert_eq!(refused(&answer), (400, "invalid_target".into()), "{named:?}");
        answers.push(answer.body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    let elsewhere = ask(&me["access_token"], &[("patient", CHILD), ("audience", "https://other.example")]);
    assert_eq!(refused(&server.send(elsewhere).await), (400, "invalid_target".into()));
    assert_eq!(sql::number(&server.database_url(), "SELECT CAST(COUNT(*) AS TEXT) AS value FROM grants"), 1);
}

// covers PX-05
#[rstest]
#[actix_rt::test]
async fn exchange_requires_the_role_period_to_be_current(#[values(Backend::Sqlite)] backend: Backend) {
    let server = start(backend).await;
    let me = tokens(&server, "portal", SCOPES).await;
    let set = |column: &str, by: i64| {
        let at = server.now().timestamp_millis() + by;
        sql::execute(
            &server.database_url(),
            &format!("UPDATE roles SET {column} = {at} WHERE id = '{ROLE}'"),
        );
    };
    set("start_at", 1);
    assert_eq!(refused(&server.send(ask(&me["access_token"], &[("role", ROLE)])).await).1, "invalid_target");
    set("start_at", 0);
    set("end_at", -1);
    assert_eq!(refused(&server.send(ask(&me["access_token"], &[("role", ROLE)])).await).1, "invalid_target");
    set("end_at", 0);
    assert_eq!(server.send(ask(&me["access_token"], &[("role", ROLE)])).await.status, 200);
}

// covers PX-07
#[rstest]
#[actix_rt::test]
async fn subject_token_of_another_app_or_actor_is_rejected(#[values(Backend::Sqlite)] backend: Backend) {
    let server = start(backend).await;
    let me = tokens(&server, "portal", SCOPES).await;
    let acting = server.send(ask(&me["access_token"], &[("patient", CHILD)])).await.json();
    let child = [("patient", CHILD)];
    // A token that acts is not exchanged again.
    let on = server.send(ask(&acting["access_token"], &child)).await;
    assert_eq!(refused(&on), (400, "invalid_request".into()));
    for wrong in ["x".into(), me["id_token"].clone(), me["refresh_token"].clone()] {
        assert_eq!(refused(&server.send(ask(&wrong, &child)).await), (400, "invalid_request".into()));
    }
    // Another app's.
    let form = [
        ("grant_type", GRANT),
        ("subject_token", me["access_token"].as_str().unwrap()),
        ("subject_token_type", ACCESS),
        ("patient", CHILD),
    ];
    let other = server.send(basic(post(TOKEN, &form), "web", SECRET)).await;
    assert_eq!(refused(&other), (400, "invalid_request".into()));
    // Without the scope, with an actor, of an unknown type, of a provider that is not there.
    let narrow = tokens(&server, "portal", "openid patient/*.rs").await;
    assert_eq!(refused(&server.send(ask(&narrow["access_token"], &child)).await).1, "invalid_scope");
    for (many, status) in [(50, 200), (51, 400)] {
        let scope = many_scopes("patient", many);
        let answer = server.send(ask(&me["access_token"], &[("patient", CHILD), ("scope", &scope)])).await;
        assert_eq!(answer.status, status, "{}", answer.json());
    }
    let with_actor = ask(&me["access_token"], &[("patient", CHILD), ("actor_token", "x")]);
    assert_eq!(refused(&server.send(with_actor).await).1, "invalid_request");
    for kind in ["urn:ietf:params:oauth:token-type:saml2", "urn:ietf:params:oauth:token-type:id_token"] {
        let form = [
            ("grant_type", GRANT),
            ("client_id", "portal"),
            ("subject_token", me["id_token"].as_str().unwrap()),
            ("subject_token_type", kind),
            ("patient", CHILD),
        ];
        assert_eq!(refused(&server.send(post(TOKEN, &form)).await), (400, "invalid_request".into()));
    }
    // One that has expired.
    server.clock.advance(TimeDelta::seconds(300));
    assert_eq!(refused(&server.send(ask(&me["access_token"], &child)).await).1, "invalid_request");
}

#[rstest]
#[actix_rt::test]
async fn exchange_below_p9_is_rejected(#[values(Backend::Sqlite)] backend: Backend) {
    let server = start(backend).await;
    let low = grant(&server, "portal", SCOPES).await;
    let low = Grant { id: Uuid::now_v7(), vot: Some(Vector::parse("P5.Cp.Cd").unwrap()), ..low };
    keep(&server, low.clone()).await;
    let me = server.send(redeem("portal", &code(&server, &low).await)).await.json();
    let answer = server.send(ask(&me["access_token"], &[("patient", CHILD)])).await;
    assert_eq!(refused(&answer), (400, "invalid_request".into()));
}

/// As the token endpoint does with a person whom a provider has authenticated.
async fn by_provider(
    server: &TestApp,
    subject: &str,
    acting: Option<&str>,
    target: Option<&str>,
) -> Result<Grant, TokenError> {
    let web = apps().remove(1);
    let (vot, now) = (Vector::parse("P9.Cp.Cd").unwrap(), server.now());
    // Of a composite token the subject is the patient, and the actor has authenticated.
    let nhs_number = Some(number(acting.unwrap_or(subject)));
    let patient = acting.map(|_| number(subject));
    let proven = Proven {
        issuer: "https://auth.login.nhs.uk".to_owned(),
        subject: "a-subject".to_owned(),
        kind: ProvenKind::Citizen { nhs_number, vot },
        email: None,
    };
    let target = ExchangeTarget { patient: target.map(number), role: None };
    server
        .store
        .write(move |tx| {
            let (lifetimes, found) = (Lifetimes::default(), AtomicBool::new(false));
            let asking = TokenRequest { app: &web, jkt: None, audience: &[], lifetimes, now, found: &found };
            let subject = TokenSubject::of_proven(tx, &asking, &proven, patient)?;
            Ok(exchange(tx, &asking, subject, target, None)?.grant)
        })
        .await
}

#[rstest]
#[actix_rt::test]
async fn provider_id_token_is_exchanged_by_the_same_rules(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = start(backend).await;
    // An id token of the proxy, and a composite one about the patient.
    for (subject, acting, target) in
        [(ME, None, Some(CHILD)), (CHILD, Some(ME), None), (CHILD, Some(ME), Some(CHILD))]
    {
        let grant = by_provider(&server, subject, acting, target).await.unwrap();
        assert_eq!((grant.patient, grant.proxy), (Some(number(CHILD)), Some(number(ME))));
        let state = server.look(move |tx| tx.find_grant_state(grant.id)).await.unwrap();
        assert!(matches!(state.role, RoleState::There { .. }));
    }
    for (subject, acting, target) in [
        (ME, None, None),
        (ME, Some(ME), None),
        (ME, None, Some(ME)),
        (CHILD, Some("9000000042"), None),
        (CHILD, Some(ME), Some("9000000005")),
    ] {
        let refused = by_provider(&server, subject, acting, target).await;
        assert!(matches!(refused, Err(TokenError::Target(_))), "{subject} {acting:?} {target:?}");
    }
}
