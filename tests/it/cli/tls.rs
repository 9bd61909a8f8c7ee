//! TLS by the server itself.

use std::io::Read as _;
use std::net::TcpStream;

use super::configuration;
use crate::support::{Backend, Folder, TestDatabase};

#[actix_web::test]
async fn a_server_with_a_certificate_speaks_tls_and_nothing_else() {
    let (database, folder) = (TestDatabase::migrated(Backend::Sqlite), Folder::new());
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let certificate = folder.write("certificate.pem", &made.cert.pem());
    let key = folder.write("key.pem", &made.signing_key.serialize_pem());
    let files = format!("[server]\ntls_certificate = {certificate:?}\ntls_key = {key:?}");
    let text = configuration(&database.url).replace("[server]", &files);
    let config = folder.write("onbehalf.toml", &text);
    let mut server = folder.start(&["serve", "--config", &config]);
    let address = server.address();
    let trusted = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).expect("a certificate");
    let client = reqwest::Client::builder()
        .tls_certs_only([trusted])
        .resolve("localhost", address)
        .no_proxy()
        .build()
        .expect("a client");
    let answer = client.get(format!("https://localhost:{}/health", address.port())).send().await;
    assert_eq!(answer.expect("an answer").status(), 200);
    // A client that trusts others does not trust this server, and plain HTTP is answered nothing readable.
    let stranger =
        reqwest::Client::builder().resolve("localhost", address).no_proxy().build().expect("a client");
    assert!(stranger.get(format!("https://localhost:{}/health", address.port())).send().await.is_err());
    let mut plain = TcpStream::connect(address).expect("the server listens");
    std::io::Write::write_all(&mut plain, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").expect("it is sent");
    let mut told = Vec::new();
    let _closed = plain.read_to_end(&mut told);
    assert!(!told.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&told));
}

#[test]
fn files_that_are_no_certificate_stop_the_start() {
    let (database, folder) = (TestDatabase::migrated(Backend::Sqlite), Folder::new());
    let certificate = folder.write("certificate.pem", "no certificate");
    let files = format!("[server]\ntls_certificate = {certificate:?}\ntls_key = {certificate:?}");
    let config = folder.write("onbehalf.toml", &configuration(&database.url).replace("[server]", &files));
    let ended = folder.run(&["serve", "--config", &config]);
    assert_ne!(ended.code, Some(0));
    assert!(ended.printed().contains("certificate.pem"), "{}", ended.printed());
}
