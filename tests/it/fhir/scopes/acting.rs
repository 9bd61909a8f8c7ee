//! A token that acts: `sub` is the patient, `act.sub` the proxy. The role behind it is read at every request.

use base::error::Error;
use chrono::TimeDelta;
use domain::account::claims::{ActorClaim, Confirmation};
use domain::account::{Principal, Proofing};
use domain::person::Standing;
use rstest::rstest;
use serde_json::json;

use super::{acting, citizen, issuing, system};
use crate::fhir::client::{get, patch, request, send, send_well};
use crate::fhir::visibility::stand;
use crate::support::token::registration;
use crate::support::{Backend, Options, TestApp, bodies};
use crate::vrs::callers::{guarded_options, id_of, number};
use crate::vrs::known::{ACTIVE, CHILD, LONER, MOTHER, MOTHERS_ROLE, PATIENTS, PROXY};

const ALL: &str = "patient/*.cruds user/*.cruds";

fn own_role() -> String {
    format!("/Consent/{MOTHERS_ROLE}")
}

// covers PX-04, PX-09, SC-07
#[rstest]
#[actix_web::test]
async fn acting_proxy_reads_only_data_of_both(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let token = app.token(&acting(), ALL).await;
    let list = async |path: &str| {
        let bundle = send_well(&app, get(path).bearer(&token), 200).await;
        let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
        (bundle["total"].clone(), entries)
    };
    let (total, roles) = list("/Consent?_total=accurate").await;
    assert_eq!((total, &roles[0]["resource"]["id"]), (1.into(), &MOTHERS_ROLE.into()));
    assert_eq!(send(&app, get(&format!("/Patient/{CHILD}")).bearer(&token)).await.status, 200);
    for path in
        [format!("/Consent/{ACTIVE}"), format!("/Patient/{}", PATIENTS[0]), format!("/Patient/{PROXY}")]
    {
        assert_eq!(send(&app, get(&path).bearer(&token)).await.status, 404, "{path}");
    }
    for path in [
        format!("/Consent?patient={CHILD}&performer:not={MOTHER}&_total=accurate"),
        format!("/Consent?patient={}&_total=accurate", PATIENTS[0]),
        "/Patient?_has:Consent:performer:status=rejected&_total=accurate".to_owned(),
    ] {
        let answer = send(&app, get(&path).bearer(&token)).await;
        assert!(answer.status == 400 || answer.json()["total"] == 0, "{path}: {}", answer.json());
    }
    // With patient/ alone, only the patient.
    let narrow = app.token(&acting(), "patient/*.rs").await;
    assert_eq!(send(&app, get(&format!("/Patient/{MOTHER}")).bearer(&narrow)).await.status, 404);
}

// covers PX-02, PX-08
#[rstest]
#[actix_web::test]
async fn suspended_role_is_401_on_the_next_request(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let token = app.token(&acting(), ALL).await;
    let gp = app.token(&system(), "system/Consent.cruds").await;
    let paths = [own_role(), format!("/Patient/{CHILD}"), "/Consent".to_owned()];
    for path in &paths {
        assert_eq!(send(&app, get(path).bearer(&token)).await.status, 200, "{path}");
    }
    send_well(&app, patch(&own_role(), &bodies::suspend()).bearer(&gp), 200).await;
    for path in &paths {
        let refused = send(&app, get(path).bearer(&token)).await;
        assert_eq!(refused.status, 401, "{path}");
        let challenge = refused.header("www-authenticate").expect("a challenge");
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    }
    // The other API, too.
    let both = format!("/RelatedPerson?identifier={MOTHER}&patient:identifier={CHILD}");
    let request = crate::support::Request::new("GET", &format!("{}{both}", api_vrs::BASE_PATH));
    let refused = app.send(request.with_id().bearer(&token)).await;
    assert_eq!(
        (refused.status, refused.json()["issue"][0]["details"]["coding"][0]["code"].clone()),
        (401, "ACCESS_DENIED".into())
    );
    // As themselves they continue.
    let own = app.token(&citizen(MOTHER), "user/*.rs").await;
    assert_eq!(send(&app, get(&own_role()).bearer(&own)).await.status, 200);
}

// covers PX-05
#[rstest]
#[actix_web::test]
async fn token_of_a_role_is_401_after_its_end_date(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let gp = app.token(&system(), "system/Consent.cruds").await;
    let today = json!([{ "op": "replace", "path": "/provision/period/end", "value": "2026-11-22" }]);
    send_well(&app, patch(&own_role(), &today).bearer(&gp), 200).await;
    app.clock.advance(TimeDelta::hours(11) + TimeDelta::minutes(57));
    let token = app.token(&acting(), ALL).await;
    assert_eq!(send(&app, get(&own_role()).bearer(&token)).await.status, 200);
    app.clock.advance(TimeDelta::minutes(4));
    assert_eq!(send(&app, get(&own_role()).bearer(&token)).await.status, 401);
}

// covers PX-02
#[rstest]
#[actix_web::test]
async fn hidden_person_neither_acts_nor_is_acted_for(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    for hidden in [MOTHER, CHILD] {
        let token = app.token(&acting(), ALL).await;
        stand(&app, hidden, Standing::Restricted).await;
        assert_eq!(send(&app, get(&own_role()).bearer(&token)).await.status, 401, "{hidden}");
        stand(&app, hidden, Standing::Current).await;
        assert_eq!(send(&app, get(&own_role()).bearer(&token)).await.status, 200, "{hidden}");
    }
}

// covers PX-03, RS-06, PX-07
#[rstest]
#[actix_web::test]
async fn token_that_contradicts_its_role_is_401(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    // A role of other people: the database has none between the two.
    let stolen = Principal::Proxy { proxy: number(LONER), patient: number(CHILD), role: id_of(MOTHERS_ROLE) };
    let stolen = app.token(&stolen, ALL).await;
    assert_eq!(send(&app, get(&format!("/Patient/{CHILD}")).bearer(&stolen)).await.status, 401);
    // A person never acts for themselves.
    let mut own = app.claims(&citizen(MOTHER), ALL).await;
    own.act = Some(ActorClaim { sub: MOTHER.to_owned(), iss: None });
    assert_eq!(send(&app, get("/Consent").bearer(&app.sign(&own))).await.status, 401);
    // An app never acts.
    let mut acting_app = app.claims(&system(), "system/*.rs").await;
    acting_app.act = Some(ActorClaim { sub: MOTHER.to_owned(), iss: None });
    assert_eq!(send(&app, get("/Consent").bearer(&app.sign(&acting_app))).await.status, 401);
}

// covers LA-11
#[rstest]
#[actix_web::test]
async fn revoked_grant_is_401_on_the_next_request(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let claims = app.claims(&citizen(MOTHER), "user/*.rs").await;
    let token = app.sign(&claims);
    assert_eq!(send(&app, get("/Consent").bearer(&token)).await.status, 200);
    let now = app.now();
    let revoked: Result<bool, Error> = app.store.write(move |tx| tx.revoke_grant(claims.grant, now)).await;
    revoked.expect("it can be revoked");
    assert_eq!(send(&app, get("/Consent").bearer(&token)).await.status, 401);
}

// covers RS-01, RS-03
#[rstest]
#[actix_web::test]
async fn access_token_requires_issuer_audience_and_time(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let good = app.claims(&citizen(MOTHER), "user/*.rs").await;
    let asks = async |token: &str| send(&app, get("/Consent").bearer(token)).await.status;
    assert_eq!(asks(&app.sign(&good)).await, 200);
    let other =
        TestApp::start(backend, Options { registrations: vec![registration()], ..guarded_options() }).await;
    for (row, token) in [
        (
            "issuer",
            app.sign(&{
                let mut bad = good.clone();
                bad.iss = "https://other.example".into();
                bad
            }),
        ),
        (
            "audience",
            app.sign(&{
                let mut bad = good.clone();
                bad.aud = vec!["https://other.example".into()];
                bad
            }),
        ),
        (
            "expired",
            app.sign(&{
                let mut bad = good.clone();
                bad.exp = app.now().timestamp();
                bad
            }),
        ),
        (
            "mode",
            app.sign(&{
                let mut bad = good.clone();
                bad.mode = "service".into();
                bad
            }),
        ),
        (
            "subject",
            app.sign(&{
                let mut bad = good.clone();
                bad.sub = "nobody".into();
                bad
            }),
        ),
        (
            "bound to a key",
            app.sign(&{
                let mut bad = good.clone();
                bad.cnf = Some(Confirmation { jkt: "x".into() });
                bad
            }),
        ),
        (
            "no such grant",
            app.sign(&{
                let mut bad = good.clone();
                bad.grant = id_of(ACTIVE);
                bad
            }),
        ),
        ("another server's", other.token(&citizen(MOTHER), "user/*.rs").await),
        ("no JWT", "abc".to_owned()),
        ("empty", String::new()),
    ] {
        assert_eq!(asks(&token).await, 401, "{row}");
    }
    // A token in the query string is not accepted, and does not become a search parameter that is echoed.
    let in_query = send(&app, get(&format!("/Consent?access_token={}", app.sign(&good)))).await;
    assert_eq!(in_query.status, 401);
}

// covers PX-01
#[rstest]
#[actix_web::test]
async fn citizen_below_p9_is_403(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = issuing(backend).await;
    for (proofing, status) in [(Proofing::P0, 403), (Proofing::P5, 403), (Proofing::P9, 200)] {
        let principal = Principal::Citizen { nhs_number: number(MOTHER), proofing };
        let token = app.token(&principal, "user/*.rs").await;
        assert_eq!(send(&app, get("/Consent").bearer(&token)).await.status, status, "{proofing}");
    }
}

// covers RS-05
#[rstest]
#[case(404, 404, 200)]
#[case(403, 403, 403)]
#[case(401, 401, 401)]
#[actix_web::test]
async fn status_for_another_patient_is_a_setting(
    #[case] setting: u16,
    #[case] read: u16,
    #[case] search: u16,
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let options = Options {
        registrations: vec![registration()],
        status_for_other_patient: setting,
        ..guarded_options()
    };
    let app = TestApp::start(backend, options).await;
    let token = app.token(&acting(), ALL).await;
    let other = PATIENTS[0];
    for (path, status) in [
        (format!("/Patient/{other}"), read),
        (format!("/Patient/{other}/$everything"), read),
        (format!("/Patient/{other}/Consent"), read),
        (format!("/Consent?patient={other}"), search),
        (format!("/Consent?patient:identifier=https://fhir.nhs.uk/Id/nhs-number|{other}"), search),
        (format!("/Consent?patient=Patient/{CHILD}"), 200),
        (format!("/Patient/{CHILD}"), 200),
    ] {
        assert_eq!(send(&app, get(&path).bearer(&token)).await.status, status, "{path}");
        let head = send(&app, request("HEAD", &path).bearer(&token)).await;
        assert_eq!(head.status, status, "HEAD {path}");
    }
}

// covers PX-07
#[rstest]
#[actix_web::test]
async fn outermost_act_claim_decides(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = issuing(backend).await;
    let claims = serde_json::to_value(app.claims(&acting(), ALL).await).unwrap();
    let authority = app.authority.clone().expect("it issues tokens");
    let with = |act: serde_json::Value| {
        let mut claims = claims.clone();
        claims["act"] = act;
        authority.sign(jose::key::KeyPurpose::AccessToken, "at+jwt", &claims).unwrap()
    };
    let nested = with(json!({ "sub": MOTHER, "act": { "sub": LONER } }));
    assert_eq!(send(&app, get(&own_role()).bearer(&nested)).await.status, 200);
    let hidden = with(json!({ "sub": LONER, "act": { "sub": MOTHER } }));
    assert_eq!(send(&app, get(&own_role()).bearer(&hidden)).await.status, 404, "it is not theirs");
}
