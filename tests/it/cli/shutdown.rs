//! Shutdown: running requests are finished, no new one is started.

use std::net::TcpStream;

use rstest::rstest;
use serde_json::json;

use super::{BASE, TOKEN, configuration};
use crate::support::poll::poll;
use crate::support::{
    Backend, Connection, Folder, REQUEST_ID, Request, ServerProcess, TestDatabase, bodies, seed,
};

/// A server with two people, and a section `[server]` with this setting more.
fn serve(folder: &Folder, database: &TestDatabase, setting: &str) -> ServerProcess {
    let text = configuration(&database.url).replace("[server]", &format!("[server]\n{setting}"));
    let config = folder.write("onbehalf.toml", &text);
    let people = folder.write("people.json", &seed::people(&seed::nhs_numbers(2)).to_string());
    folder.run(&["seed", &people, "--config", &config]).well();
    folder.start(&["serve", "--config", &config])
}

fn new_role() -> String {
    let numbers = seed::nhs_numbers(2);
    let mut body = bodies::consent(&numbers[0], &numbers[1]);
    body["provision"]["period"] = json!({ "start": "2020-01-01" });
    body.to_string()
}

/// Begins a POST and waits until the server asks for its body.
fn begin_slow_post(connection: &mut Connection, body: &str) {
    let head = format!(
        "POST {BASE}/Consent HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nX-Request-ID: {REQUEST_ID}\r\n\
         Content-Type: application/fhir+json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    connection.write(head.as_bytes()).expect("the server reads");
    assert_eq!(connection.read().expect("the server asks for the body").status, 100);
}

#[rstest]
fn a_running_request_is_finished_and_new_ones_are_refused(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (database, folder) = (TestDatabase::migrated(backend), Folder::new());
    let mut server = serve(&folder, &database, "");
    let address = server.address();
    let body = new_role();
    let (first, second) = body.split_at(body.len() / 2);
    let mut connection = Connection::open(address).expect("the server listens");
    begin_slow_post(&mut connection, &body);
    connection.write(first.as_bytes()).expect("the server reads");

    server.ask_to_stop();
    poll("new connections to be refused", || TcpStream::connect(address).is_err().then_some(()));
    assert!(server.has_ended().is_none(), "the server did not wait: {}", server.stderr());
    connection.write(second.as_bytes()).expect("the server reads");
    let answer = connection.read().expect("the request is answered");
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(server.wait().code(), Some(0), "{}", server.stderr());
    assert!(server.stderr().contains("stopped"), "{}", server.stderr());
    assert_eq!(super::counts(&database.url)[3], 1, "the role is in the database");
}

#[rstest]
fn shutdown_waits_for_a_running_request_up_to_the_setting(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (database, folder) = (TestDatabase::migrated(backend), Folder::new());
    let mut server = serve(&folder, &database, "shutdown_seconds = 1");
    let mut connection = Connection::open(server.address()).expect("the server listens");
    begin_slow_post(&mut connection, &new_role());
    server.ask_to_stop();
    assert_eq!(server.wait().code(), Some(0), "{}", server.stderr());
    assert_eq!(super::counts(&database.url)[3], 0, "half a request made a role");
}

#[test]
fn an_idle_connection_does_not_hold_up_a_shutdown() {
    let (database, folder) = (TestDatabase::migrated(Backend::Sqlite), Folder::new());
    let mut server = serve(&folder, &database, "");
    let mut idle = Connection::open(server.address()).expect("the server listens");
    let read = Request::new("GET", &format!("{BASE}/Consent")).with_id().bearer(TOKEN);
    assert_eq!(idle.send(&read).expect("there is an answer").status, 400);
    server.ask_to_stop();
    // The setting would allow 30 seconds, patience does not.
    assert_eq!(server.wait().code(), Some(0), "{}", server.stderr());
}

#[rstest]
fn draining_server_is_503_on_ready_and_serves_until_the_second_signal(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (database, folder) = (TestDatabase::migrated(backend), Folder::new());
    let mut server = serve(&folder, &database, "drain_seconds = 3600");
    let address = server.address();
    let ask = |path: &str, token: &str| {
        let mut connection = Connection::open(address).expect("the server listens");
        connection.send(&Request::new("GET", path).with_id().bearer(token)).expect("there is an answer")
    };
    assert_eq!(ask("/ready", TOKEN).status, 200);
    assert_eq!(ask("/health", TOKEN).header("connection"), None);

    server.ask_to_stop();
    poll("the server to be not ready", || (ask("/ready", TOKEN).status == 503).then_some(()));
    let mut connection = Connection::open(address).expect("the server listens still");
    let create = Request::post(&format!("{BASE}/Consent"), new_role()).with_id().bearer(TOKEN);
    let made = connection.send(&create).expect("there is an answer");
    assert_eq!(made.status, 201, "{}", String::from_utf8_lossy(&made.body));
    assert_eq!(made.header("connection"), Some("close"), "the client would send the next one here");
    assert!(connection.send(&create).is_none(), "the connection is still open");
    assert!(server.has_ended().is_none(), "the server did not drain: {}", server.stderr());

    server.ask_to_stop();
    assert_eq!(server.wait().code(), Some(0), "{}", server.stderr());
    assert_eq!(super::counts(&database.url)[3], 1, "the role is in the database");
}
