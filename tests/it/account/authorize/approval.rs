//! Approval of an app's authorization request.

use chrono::TimeDelta;
use domain::account::{AccessMode, Acting, LogInStage};
use rstest::rstest;

use super::{
    Browser, CHALLENGE, REDIRECT, STATE, form_token, goes_to, granted, known, sent, staff, start, text,
};
use crate::proxy::role_create::number;
use crate::support::{Backend, bodies};
use crate::vrs::known::{CHILD, MOTHER, MOTHERS_ROLE};

const SCOPES: &str = "openid fhirUser launch/patient patient/Consent.rus offline_access";

// covers LA-01, LA-02
#[rstest]
#[actix_web::test]
async fn proxy_approves_an_app_for_the_patient(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let mut browser = Browser::citizen(&app, MOTHER, SCOPES).await;
    browser.submit("/oauth/patient", &[("patient", MOTHERS_ROLE)]).await;
    let page = text(&browser.get("/oauth/approve").await);
    for there in [
        "You are acting for Miss Jane Marie Anne Smith.",
        "<li>See who can act for Miss Jane Marie Anne Smith, and who Miss Jane Marie Anne Smith can act for</li>",
        "<li>End a role</li>",
        "<li>Keep this access for up to 30 days, even when you are not using the app</li>",
    ] {
        assert!(page.contains(there), "{there} {page}");
    }
    assert!(!page.contains("90000000"), "an NHS number is shown");
    let answer = browser.submit("/oauth/approve", &[("answer", "allow")]).await;
    assert!(goes_to(&answer).1.starts_with(&format!("{REDIRECT}?code=")));
    assert_eq!(sent(&answer, "state").as_deref(), Some(STATE));
    assert_eq!(sent(&answer, "iss"), Some(format!("http://{}", app.address)));
    assert!(browser.handle.is_none(), "the cookie is gone");
    let (code, grant) = granted(&app, &answer).await;
    assert_eq!((code.redirect_uri.as_str(), code.challenge.as_str()), (REDIRECT, CHALLENGE));
    assert_eq!(
        (code.nonce.as_deref(), code.expires_at),
        (Some("a nonce"), app.now() + TimeDelta::seconds(60))
    );
    assert_eq!((grant.app.as_str(), grant.mode), ("portal", AccessMode::Citizen));
    assert_eq!((grant.patient, grant.proxy), (Some(number(CHILD)), Some(number(MOTHER))));
    assert_eq!(grant.role, Some(MOTHERS_ROLE.parse().unwrap()));
    assert_eq!(grant.fhir_user.as_deref(), Some("RelatedPerson/BE974742"));
    assert_eq!(
        (grant.scopes.to_string().as_str(), grant.expires_at),
        (
            "openid fhirUser launch/patient patient/Consent.rus offline_access",
            app.now() + TimeDelta::days(30)
        )
    );
    assert!(grant.user.is_some() && grant.vot.is_some_and(|vot| vot.to_string() == "P9.Cp.Cd"));
}

// covers LA-02
#[rstest]
#[actix_web::test]
async fn authorization_without_patient_scope_is_for_the_user(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[values("openid user/Consent.rs delegation", "openid launch/patient patient/Consent.rs")] scopes: &str,
) {
    let app = start(backend).await;
    let mut browser = Browser::citizen(&app, MOTHER, scopes).await;
    if scopes.contains("launch/patient") {
        browser.submit("/oauth/patient", &[("patient", "self")]).await;
    }
    let answer = browser.submit("/oauth/approve", &[("answer", "allow")]).await;
    let (_, grant) = granted(&app, &answer).await;
    assert_eq!((grant.patient, grant.proxy, grant.role), (Some(number(MOTHER)), None, None));
    assert_eq!(grant.fhir_user, Some(format!("Patient/{MOTHER}")));
    assert_eq!(grant.expires_at, app.now() + TimeDelta::hours(12));
}

#[rstest]
#[actix_web::test]
async fn staff_approve_an_app_for_themselves(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = start(backend).await;
    let person = known(&app, staff()).await;
    let user = person.user;
    let stage = LogInStage::Known { person, acting: Some(Acting::Oneself) };
    let mut browser = Browser::at(&app, "ward", "openid user/Consent.rs", stage).await;
    assert_eq!(goes_to(&browser.get("/oauth/patient").await), (303, "/oauth/approve"));
    assert!(text(&browser.get("/oauth/approve").await).contains("See who can act for patients"));
    let answer = browser.submit("/oauth/approve", &[("answer", "allow")]).await;
    let (_, grant) = granted(&app, &answer).await;
    assert_eq!((grant.mode, grant.patient, grant.vot), (AccessMode::Staff, None, None));
    assert_eq!(grant.staff.as_deref(), Some("555021935107"));
    assert_eq!(grant.organisation.map(|code| code.as_str().to_owned()).as_deref(), Some("A20047"));
    assert_eq!(grant.fhir_user, Some(format!("Person/{user}")));
}

#[rstest]
#[actix_web::test]
async fn denied_approval_redirects_with_access_denied(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[values("/oauth/approve", "/oauth/leave")] path: &str,
) {
    let app = start(backend).await;
    let mut browser = Browser::citizen(&app, MOTHER, "openid user/Consent.rs").await;
    let token = form_token(&browser.get("/oauth/approve").await);
    let answer = browser.post(path, &[("token", token.as_str()), ("answer", "deny")]).await;
    assert!(goes_to(&answer).1.starts_with(&format!("{REDIRECT}?error=access_denied&")));
    assert_eq!(sent(&answer, "state").as_deref(), Some(STATE));
    assert_eq!((app.count_rows("grants"), app.count_rows("log_ins")), (0, 0));
    assert!(browser.handle.is_none());
}

// covers PX-02
#[rstest]
#[actix_web::test]
async fn approval_after_the_role_ended_is_refused(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = start(backend).await;
    let mut browser = Browser::citizen(&app, MOTHER, SCOPES).await;
    browser.submit("/oauth/patient", &[("patient", MOTHERS_ROLE)]).await;
    let end = bodies::move_to("inactive", &[bodies::reason("ROLE_DEACTIVATED_SAFEGUARDING")]);
    assert_eq!(app.patch(&format!("/Consent/{MOTHERS_ROLE}"), end).await.status, 200);
    let answer = browser.submit("/oauth/approve", &[("answer", "allow")]).await;
    assert_eq!(goes_to(&answer), (409, ""));
    let page = text(&answer);
    assert!(page.contains("You can no longer act for the person you chose.") && !page.contains(MOTHERS_ROLE));
    assert_eq!(app.count_rows("grants"), 0);
    let answer = browser.submit("/oauth/patient", &[("patient", "self")]).await;
    assert_eq!(goes_to(&answer), (303, "/oauth/approve"));
}

#[rstest]
#[actix_web::test]
async fn approval_form_is_accepted_once(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = start(backend).await;
    let mut browser = Browser::citizen(&app, MOTHER, "openid user/Consent.rs").await;
    let token = form_token(&browser.get("/oauth/approve").await);
    let fields = [("token", token.as_str()), ("answer", "allow")];
    let mut other = Browser { app: &app, handle: browser.handle.clone() };
    let both = futures_util::future::join(
        browser.post("/oauth/approve", &fields),
        other.post("/oauth/approve", &fields),
    );
    let (one, two) = both.await;
    let codes = [&one, &two].into_iter().filter(|answer| sent(answer, "code").is_some()).count();
    assert_eq!((codes, app.count_rows("grants")), (1, 1), "{one:?} {two:?}");
}

#[rstest]
#[actix_web::test]
async fn cross_site_form_post_is_rejected(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = start(backend).await;
    let mut browser = Browser::citizen(&app, MOTHER, SCOPES).await;
    for path in ["/oauth/approve", "/oauth/patient", "/oauth/leave"] {
        for token in ["", "guess", &"0".repeat(64)] {
            let fields = [("token", token), ("answer", "allow"), ("patient", "self")];
            assert_eq!(goes_to(&browser.post(path, &fields).await), (403, ""), "{path} {token}");
        }
        let mut stranger = Browser::stranger(&app);
        assert_eq!(goes_to(&stranger.post(path, &[("answer", "allow")]).await), (400, ""), "{path}");
    }
    let stage = browser.log_in().await.map(|log_in| log_in.stage);
    assert!(matches!(stage, Some(LogInStage::Known { acting: None, .. })));
    assert_eq!(app.count_rows("grants"), 0);
}

#[rstest]
#[actix_web::test]
async fn log_in_expires_after_15_minutes(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = start(backend).await;
    let mut browser = Browser::citizen(&app, MOTHER, "openid user/Consent.rs").await;
    let token = form_token(&browser.get("/oauth/approve").await);
    app.clock.advance(TimeDelta::minutes(15));
    let answer = browser.post("/oauth/approve", &[("token", token.as_str()), ("answer", "allow")]).await;
    assert_eq!(goes_to(&answer), (400, ""));
    assert!(text(&answer).contains("Your log-in has ended"));
    assert_eq!(app.count_rows("grants"), 0);
}
