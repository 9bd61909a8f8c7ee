//! Responses when the service cannot answer: an OperationOutcome that says what to do and nothing of the
//! cause.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel::SqliteConnection;
use diesel::connection::SimpleConnection as _;
use rstest::rstest;
use store::DatabaseUrl;

use crate::account::oauth::kit;
use crate::fhir::bodies::role;
use crate::fhir::client::{get, post, send_well};
use crate::support::{
    Backend, Connection, Options, Response, SECRET_OF_PANIC, TestApp, on_server, sql, strict_contract,
};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{LONER, MOTHERS_ROLE, PATIENTS};

/// Status and code of an outcome with one issue and nothing of the cause.
#[track_caller]
fn outcome_of(answer: &Response) -> (u16, String) {
    let outcome = answer.json();
    assert_eq!(outcome["resourceType"], "OperationOutcome");
    let issues = outcome["issue"].as_array().expect("issues");
    assert_eq!((issues.len(), &issues[0]["severity"]), (1, &"error".into()));
    assert!(!issues[0]["diagnostics"].as_str().expect("a sentence").is_empty());
    let text = outcome.to_string().to_lowercase();
    for inside in
        ["sql", "table", "roles", "relation", "postgres", "diesel", "pool", ".rs", "panic", "locked"]
    {
        assert!(!text.contains(inside), "{inside}: {text}");
    }
    (answer.status, issues[0]["code"].as_str().expect("a code").to_owned())
}

fn retry_after(answer: &Response) -> Option<u32> {
    answer.header("retry-after").and_then(|seconds| seconds.parse().ok())
}

// covers G-17
#[rstest]
#[actix_web::test]
async fn body_that_does_not_arrive_is_408(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let mut options = Options::default();
    options.limits.request = Duration::from_secs(1);
    let app = TestApp::start(backend, options).await;
    let mut footprint = Footprint::of(&app);
    for (method, path) in [("POST", "/Consent"), ("POST", ""), ("PUT", "/Consent/1"), ("PATCH", "/Consent/1")]
    {
        let address = app.address;
        let head = format!(
            "{method} /FHIR/R4{path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/fhir+json\r\n\
             Content-Length: 1000\r\n\r\n{{\"resourceType\":"
        );
        let answer = tokio::task::spawn_blocking(move || {
            let mut connection = Connection::open(address).expect("a connection");
            connection.write(head.as_bytes()).expect("the beginning goes out");
            connection.read().expect("an answer")
        });
        let answer = answer.await.expect("an answer");
        assert_eq!(outcome_of(&answer), (408, "timeout".to_owned()), "{method} {path}");
    }
    footprint.check_untouched("late");
}

fn url_of(app: &TestApp) -> String {
    match app.store.url() {
        DatabaseUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
        DatabaseUrl::Postgres(url) => url.clone(),
    }
}

// covers G-17
#[rstest]
#[actix_web::test]
async fn internal_error_is_500_without_its_cause(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let url = url_of(&app);
    let path = format!("/Consent/{MOTHERS_ROLE}");
    send_well(&app, get(&path), 200).await;
    sql::execute(&url, "ALTER TABLE roles RENAME TO gone");
    for request in [
        get(&path),
        get("/Consent?status=active"),
        get(&format!("{path}/_history")),
        post("/Consent", &role(LONER, PATIENTS[0])),
        get(&path).header("Accept", "application/fhir+json"),
    ] {
        let answer = app.send(request).await;
        assert_eq!((outcome_of(&answer), retry_after(&answer)), ((500, "exception".to_owned()), None));
    }
    let xml = app.send(get(&path).header("Accept", "application/fhir+xml")).await;
    assert_eq!(xml.status, 500);
    assert!(xml.body.starts_with(b"<") && !String::from_utf8_lossy(&xml.body).contains("roles"));
    sql::execute(&url, "ALTER TABLE gone RENAME TO roles");
    send_well(&app, get(&path), 200).await;
}

/// Makes the database unavailable until the returned value is dropped: on SQLite another connection holds the
/// write lock; PostgreSQL ends every connection and accepts none.
enum Away {
    Locked { _holder: SqliteConnection },
    Closed { database: String },
}

impl Away {
    fn take(app: &TestApp) -> Self {
        match app.store.url() {
            DatabaseUrl::Sqlite(path) => {
                let path = path.to_str().expect("the path is text");
                let mut holder = sql::sqlite(path);
                holder.batch_execute("BEGIN IMMEDIATE").expect("the lock");
                Self::Locked { _holder: holder }
            }
            DatabaseUrl::Postgres(url) => {
                let (_, database) = url.rsplit_once('/').expect("the URL names a database");
                let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname";
                on_server(&format!(
                    "ALTER DATABASE {database} ALLOW_CONNECTIONS false; {end} = '{database}'"
                ));
                Self::Closed { database: database.to_owned() }
            }
        }
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        if let Self::Closed { database } = self {
            on_server(&format!("ALTER DATABASE {database} ALLOW_CONNECTIONS true"));
        }
    }
}

// covers G-17, G-18
#[rstest]
#[actix_web::test]
async fn unavailable_database_is_503_with_retry_after(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let options =
        Options { contract: strict_contract(), database_wait: Duration::from_secs(1), ..Options::default() };
    let app = TestApp::start(backend, options).await;
    let create = || post("/Consent", &role(LONER, PATIENTS[0]));
    let versions = || sql::number(&url_of(&app), "SELECT CAST(COUNT(*) AS TEXT) AS value FROM role_versions");
    let before = versions();
    let away = Away::take(&app);
    let answer = app.send(create()).await;
    assert_eq!((outcome_of(&answer), retry_after(&answer)), ((503, "transient".to_owned()), Some(1)));
    let read = app.send(get(&format!("/Consent/{MOTHERS_ROLE}"))).await;
    // The access is recorded before a read is answered.
    assert_eq!((outcome_of(&read), retry_after(&read)), ((503, "transient".to_owned()), Some(1)));
    drop(away);
    assert_eq!(versions(), before);
    let mut created = app.send(create()).await;
    for _ in 0..10 {
        if created.status != 503 {
            break;
        }
        created = app.send(create()).await;
    }
    assert_eq!(created.status, 201);
}

// covers G-17
#[rstest]
#[actix_web::test]
async fn panic_is_500_on_every_api_and_the_server_continues(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let fuse = Arc::new(AtomicBool::new(false));
    let registrations = kit::apps();
    let app =
        TestApp::start(backend, Options { fuse: Arc::clone(&fuse), registrations, ..Options::default() })
            .await;
    let path = format!("/Consent/{MOTHERS_ROLE}");
    let vrs = || crate::vrs::operations::get(&path);
    let form = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    let token = || kit::basic(kit::post(kit::TOKEN, &form), "web", kit::SECRET);
    let page = || crate::support::Request::new("GET", "/oauth/approve").header("Cookie", "onbehalf-login=x");
    send_well(&app, get(&path), 200).await;
    let mut footprint = Footprint::of(&app);
    fuse.store(true, Ordering::SeqCst);
    for request in [get(&path), get("/Consent"), post("/Consent", &role(LONER, PATIENTS[0]))] {
        let answer = app.send(request).await;
        assert_eq!((outcome_of(&answer), retry_after(&answer)), ((500, "exception".to_owned()), None));
        assert!(!String::from_utf8_lossy(&answer.body).contains(SECRET_OF_PANIC));
    }
    for request in [vrs(), token(), page()] {
        let answer = app.send(request).await;
        let body = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, 500, "{body}");
        assert!(!body.contains(SECRET_OF_PANIC) && !body.contains("panic"), "{body}");
    }
    fuse.store(false, Ordering::SeqCst);
    footprint.check_untouched("a panic");
    send_well(&app, get(&path), 200).await;
    assert_eq!(app.send(vrs()).await.status, 200);
}

// covers G-14, G-15
#[rstest]
#[actix_web::test]
async fn answer_to_a_panic_has_the_cors_headers_and_the_ids_of_its_request(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    const ORIGIN: &str = "https://app.example";
    const ID: &str = "60E0B220-8136-4CA5-AE46-1D97EF59D068";
    let fuse = Arc::new(AtomicBool::new(false));
    let registrations = kit::apps();
    let app =
        TestApp::start(backend, Options { fuse: Arc::clone(&fuse), registrations, ..Options::default() })
            .await;
    let path = format!("/Consent/{MOTHERS_ROLE}");
    let form = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    let token = kit::basic(kit::post(kit::TOKEN, &form), "web", kit::SECRET);
    fuse.store(true, Ordering::SeqCst);
    for (request, origin, echoes) in
        [(get(&path), ORIGIN, true), (crate::vrs::operations::get(&path), ORIGIN, true), (token, "*", false)]
    {
        let answer = app.send(request.header("Origin", ORIGIN).header("X-Correlation-ID", ID)).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (500, Some(origin)));
        assert_eq!(answer.header("x-correlation-id"), echoes.then_some(ID));
    }
}
