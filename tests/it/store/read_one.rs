//! Reads of one statement, without a transaction around it.

use base::error::{Error, ErrorKind};
use domain::account::Caller;
use rstest::rstest;
use store::DatabaseUrl;

use crate::account::oauth::kit;
use crate::fhir::client::{get, send_well};
use crate::support::{Backend, TestApp, on_server, sql};
use crate::vrs::known::MOTHERS_ROLE;

/// Whose role it is.
const PATIENT: &str = "9000000009";

#[rstest]
#[actix_web::test]
async fn role_read_is_one_statement_with_access_filter(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let read = || get(&format!("/Consent/{MOTHERS_ROLE}"));
    // The first access of a process makes a file for its journal.
    send_well(&app, read(), 200).await;
    let before = app.store.statements();
    let role = send_well(&app, read(), 200).await;
    assert_eq!(app.store.statements() - before, 1 + backend.statements_of_an_access());
    assert_eq!(role["patient"]["identifier"]["value"], PATIENT);

    sql::execute(
        &app.database_url(),
        &format!("UPDATE people SET standing = 'restricted' WHERE nhs_number = '{PATIENT}'"),
    );
    send_well(&app, read(), 404).await;
}

#[rstest]
#[actix_web::test]
async fn grant_that_ends_during_a_read_is_401(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let server = kit::start(backend).await;
    let grant = kit::grant(&server, "public", "openid").await;
    let caller = Caller { grant: Some(grant.id), ..Caller::SERVICE };
    let text: Result<_, Error> = server.gate.read_one_as(caller.clone(), |_tx| Ok("told")).await;
    assert_eq!(text.expect("the grant holds"), "told");

    let end = format!("UPDATE grants SET revoked_at = 1 WHERE id = '{}'", grant.id);
    let url = server.database_url();
    let text: Result<_, Error> = server
        .gate
        .read_one_as(caller, move |_tx| {
            sql::execute(&url, &end);
            Ok("told")
        })
        .await;
    assert_eq!(text.expect_err("the grant has ended").kind(), ErrorKind::Unauthenticated);
}

#[actix_web::test]
async fn connections_are_replaced_after_a_database_restart() {
    let app = TestApp::sandbox(Backend::Postgres).await;
    let read = || get(&format!("/Consent/{MOTHERS_ROLE}"));
    send_well(&app, read(), 200).await;
    let DatabaseUrl::Postgres(url) = app.store.url() else { unreachable!("it is PostgreSQL") };
    let (_, database) = url.rsplit_once('/').expect("the URL names a database");
    for _ in 0..3 {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname";
        on_server(&format!("{end} = '{database}'"));
        send_well(&app, read(), 200).await;
    }
}
