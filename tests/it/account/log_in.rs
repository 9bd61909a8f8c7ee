//! Logging in: users, identities, accounts.

use base::error::Error;
use domain::account::Vector;
use domain::account::identity::{Proven, ProvenKind};
use domain::person::{NhsNumber, NumberCheck};
use domain::proxy::OdsCode;
use rstest::rstest;
use service::account::{LinkError, LogInError, LoggedIn, link_identity, log_in};

use crate::support::{Backend, TestApp, sql};

const LISA: &str = "9000000017";

fn citizen(subject: &str, number: Option<&str>, vot: &str) -> Proven {
    let nhs_number = number.map(|number| NhsNumber::parse(number, NumberCheck::Length).unwrap());
    let kind = ProvenKind::Citizen { nhs_number, vot: Vector::parse(vot).unwrap() };
    Proven { issuer: "https://login.example".to_owned(), subject: subject.to_owned(), kind, email: None }
}

fn staff(subject: &str) -> Proven {
    let organisation = OdsCode::parse("A20047").unwrap();
    let kind = ProvenKind::Staff { uid: subject.to_owned(), organisation };
    Proven { issuer: "https://cis2.example".to_owned(), subject: subject.to_owned(), kind, email: None }
}

async fn enter(app: &TestApp, proven: &Proven) -> Result<LoggedIn, LogInError> {
    let (clock, proven) = (app.clock.clone(), proven.clone());
    app.store.write(move |tx| log_in(tx, &*clock, &proven)).await
}

async fn link(app: &TestApp, first: &Proven, second: &Proven) -> Result<LoggedIn, LinkError> {
    let (clock, first, second) = (app.clock.clone(), first.clone(), second.clone());
    app.store.write(move |tx| link_identity(tx, &*clock, &first, &second)).await
}

async fn known(app: &TestApp, of: &LoggedIn) -> (usize, Vec<String>) {
    let user = of.user;
    app.look(move |tx| {
        let accounts = tx.list_accounts(user)?.iter().map(ToString::to_string).collect();
        Ok((tx.list_identities(user)?.len(), accounts))
    })
    .await
}

/// A user without an identity must never stay behind.
fn assert_no_empty_user(app: &TestApp) {
    let sql = "SELECT id AS value FROM users WHERE id NOT IN (SELECT user_id FROM identities)";
    assert!(sql::values(&app.database_url(), sql).is_empty(), "a user stayed behind");
}

#[rstest]
#[actix_rt::test]
async fn p9_identity_is_the_same_user_in_their_own_account(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let lisa = citizen("lisa", Some(LISA), "P9.Cp.Cd");
    let first = enter(&app, &lisa).await.unwrap();
    let again = enter(&app, &lisa).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(first.account.unwrap().as_str(), LISA);
    assert_eq!(known(&app, &first).await, (1, vec![LISA.to_owned()]));
    // Another identity of the same person is another user until they are linked, in the same account.
    let other = enter(&app, &citizen("lisa-2", Some(LISA), "P9.Cp.Cd")).await.unwrap();
    assert_ne!(other.user, first.user);
    assert_eq!(known(&app, &other).await, (1, vec![LISA.to_owned()]));
}

#[rstest]
#[actix_rt::test]
async fn an_identity_by_itself_grants_no_account(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let low = [
        citizen("a", None, "P9.Cp.Cd"),
        citizen("b", Some(LISA), "P5.Cp.Cd"),
        citizen("c", None, "P0.Cp"),
        staff("d"),
    ];
    for proven in low {
        let logged_in = enter(&app, &proven).await.unwrap();
        assert_eq!(logged_in.account, None, "{proven:?}");
        assert_eq!(known(&app, &logged_in).await, (1, Vec::new()));
    }
}

#[rstest]
#[case::unknown("9999999999", None)]
#[case::superseded(LISA, Some("superseded"))]
#[case::invalidated(LISA, Some("invalidated"))]
#[case::restricted(LISA, Some("restricted"))]
#[actix_rt::test]
async fn hidden_or_dead_person_cannot_log_in(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[case] number: &str,
    #[case] standing: Option<&str>,
) {
    let app = TestApp::sandbox(backend).await;
    if let Some(standing) = standing {
        let sql = format!("UPDATE people SET standing = '{standing}' WHERE nhs_number = '{number}'");
        sql::execute(&app.database_url(), &sql);
    }
    let proven = citizen("lisa", Some(number), "P9.Cp.Cd");
    assert!(matches!(enter(&app, &proven).await, Err(LogInError::NotCurrent)));
    let found: Result<_, Error> =
        app.store.read(|tx| tx.find_user_by_identity("https://login.example", "lisa")).await;
    assert_eq!(found.unwrap(), None, "nothing was kept");
    assert_no_empty_user(&app);
}

#[rstest]
#[actix_rt::test]
async fn identities_linked_in_one_session_are_one_user(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let (lisa, other) = (citizen("lisa", Some(LISA), "P9.Cp.Cd"), citizen("other", None, "P0.Cp"));
    let linked = link(&app, &lisa, &other).await.unwrap();
    assert_eq!(known(&app, &linked).await, (2, vec![LISA.to_owned()]));
    assert_eq!(enter(&app, &other).await.unwrap().user, linked.user);
    assert_eq!(link(&app, &lisa, &other).await.unwrap(), linked, "what is linked stays linked");
    // Another user's identity, and another person's, are not taken.
    let jack = citizen("jack", Some("9000000009"), "P9.Cp.Cd");
    enter(&app, &jack).await.unwrap();
    assert!(matches!(link(&app, &lisa, &jack).await, Err(LinkError::DifferentPeople)));
    let stranger = enter(&app, &citizen("stranger", None, "P0.Cp")).await.unwrap();
    let taken = link(&app, &lisa, &citizen("stranger", None, "P0.Cp")).await;
    assert!(matches!(taken, Err(LinkError::Taken)));
    assert_eq!(known(&app, &linked).await, (2, vec![LISA.to_owned()]));
    assert_eq!(known(&app, &stranger).await, (1, Vec::new()));
}

#[rstest]
#[actix_rt::test]
async fn concurrent_first_log_ins_are_one_user(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let lisa = citizen("lisa", Some(LISA), "P9.Cp.Cd");
    let (one, other) = futures_util::future::join(enter(&app, &lisa), enter(&app, &lisa)).await;
    assert_eq!(one.unwrap(), other.unwrap());
    assert_no_empty_user(&app);
}
