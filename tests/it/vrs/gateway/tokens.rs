//! Access tokens of the authorization server at this API: the operations of their scopes, and their lifetime.

use rstest::rstest;

use crate::fhir::scopes::{acting, citizen, issuing, system};
use crate::support::{Backend, bodies};
use crate::vrs::expected_error::{access_denied, forbidden};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{ACCESS_REQUEST, CHILD, MOTHER, MOTHERS_ROLE};
use crate::vrs::operations::{all, get, patch};

/// The scope that each operation needs, and who may ask for it.
const NEEDED: [(&str, &str, bool); 7] = [
    ("#1", "QuestionnaireResponse.c", true),
    ("#2", "QuestionnaireResponse.r", false),
    ("#3", "RelatedPerson.s", true),
    ("#4", "Consent.s", false),
    ("#5", "Consent.c", false),
    ("#6", "Consent.r", false),
    ("#7", "Consent.u", false),
];

#[rstest]
#[actix_web::test]
async fn insufficient_scope_is_403_and_changes_nothing(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let mut footprint = Footprint::of(&app);
    for ((row, request), (named, needed, is_citizens)) in all(ACCESS_REQUEST).into_iter().zip(NEEDED) {
        assert_eq!(row, named);
        let (principal, context) = if is_citizens { (citizen(MOTHER), "user") } else { (system(), "system") };
        let (kind, letter) = needed.split_once('.').unwrap();
        let others: String = "cruds".chars().filter(|other| !letter.contains(*other)).collect();
        let without = [
            format!("{context}/{kind}.{others}"),
            format!("{context}/Patient.cruds"),
            format!("{context}/{needed}?status=active"),
            "openid".to_owned(),
        ];
        for scope in without {
            let token = app.token(&principal, &scope).await;
            let answer = app.send(request.clone().bearer(&token)).await;
            forbidden().check(&format!("{row} {scope}"), &answer);
        }
    }
    footprint.check_untouched("a scope that does not reach");
    let national = "urn:nhsd:apim:app:level3:validated-relationships-service-api";
    for ((row, request), (_, needed, is_citizens)) in all(ACCESS_REQUEST).into_iter().zip(NEEDED) {
        let (principal, context) = if is_citizens { (citizen(MOTHER), "user") } else { (system(), "system") };
        let scope = if row == "#7" { national.to_owned() } else { format!("{context}/{needed}") };
        let token = app.token(&principal, &scope).await;
        let status = app.send(request.bearer(&token)).await.status;
        assert!((200..300).contains(&status), "{row} {scope} {status}");
    }
}

// covers PX-02, PX-08
#[rstest]
#[actix_web::test]
async fn token_of_a_proxy_is_401_on_the_vrs_api_after_its_role_ends(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let token = app.token(&acting(), "user/*.cruds patient/*.cruds").await;
    let read = || get(&format!("/Consent/{MOTHERS_ROLE}")).bearer(&token);
    assert_eq!(app.send(read()).await.status, 200);
    let gp = app.token(&system(), "system/Consent.cruds").await;
    let suspend = bodies::move_to("inactive", &[bodies::reason("ROLE_SUSPENDED_PENDING_REVIEW")]);
    let path = format!("/Consent/{MOTHERS_ROLE}");
    assert_eq!(app.send(patch(&path, &suspend).bearer(&gp)).await.status, 200);
    let mut footprint = Footprint::of(&app);
    let both = format!("performer:identifier={MOTHER}&patient:identifier={CHILD}");
    for request in [
        read(),
        get(&format!("/Consent?{both}")).bearer(&token),
        get(&format!("/RelatedPerson?identifier={MOTHER}&patient:identifier={CHILD}")).bearer(&token),
        patch(&path, &suspend).bearer(&token),
    ] {
        access_denied().check("after the role", &app.send(request).await);
    }
    footprint.check_untouched("a role that has ended");
}
