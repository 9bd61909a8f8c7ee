//! TLS by the server itself.

use std::io::Read as _;
use std::net::TcpStream;

use super::configuration;
use crate::support::poll::poll;
use crate::support::{Backend, Connection, Folder, Request, ServerProcess, TestDatabase};

// covers KIT-L-1, KIT-B-1
#[actix_web::test]
async fn server_with_a_certificate_accepts_tls_only() {
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
    // Versions below 1.2 are not supported: the answer to a ClientHello of TLS 1.1 is an alert.
    let mut old = TcpStream::connect(address).expect("the server listens");
    std::io::Write::write_all(&mut old, &greeting(1)).expect("it is sent");
    let mut found = Vec::new();
    let _closed = old.read_to_end(&mut found);
    assert!(found.first().is_none_or(|kind| *kind == ALERT), "{found:?}");
    let mut new = TcpStream::connect(address).expect("the server listens");
    std::io::Write::write_all(&mut new, &greeting(2)).expect("it is sent");
    let mut first = [0; 1];
    new.read_exact(&mut first).expect("TLS 1.2 is answered");
    assert_eq!(first, [HANDSHAKE], "the same greeting of TLS 1.2 is taken");
    // A client that trusts other authorities does not trust this server, and plain HTTP gets no readable
    // response.
    let stranger =
        reqwest::Client::builder().resolve("localhost", address).no_proxy().build().expect("a client");
    assert!(stranger.get(format!("https://localhost:{}/health", address.port())).send().await.is_err());
    let mut plain = TcpStream::connect(address).expect("the server listens");
    std::io::Write::write_all(&mut plain, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").expect("it is sent");
    let mut found = Vec::new();
    let _closed = plain.read_to_end(&mut found);
    assert!(!found.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&found));
}

/// The types of a TLS record (RFC 5246 §6.2.1).
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

/// A `ClientHello` of TLS 1.1 or 1.2 (RFC 5246 §7.4.1.2), with cipher suites and curves of today.
fn greeting(minor: u8) -> Vec<u8> {
    let version = [3, minor + 1];
    let mut hello = version.to_vec();
    hello.extend([7; 32]);
    hello.push(0);
    hello.extend([0, 4, 0xc0, 0x2b, 0xc0, 0x2f]);
    hello.extend([1, 0]);
    let groups = [0, 10, 0, 4, 0, 2, 0, 23];
    let points = [0, 11, 0, 2, 1, 0];
    let algorithms = [0, 13, 0, 6, 0, 4, 4, 3, 8, 4];
    let extensions = [&groups[..], &points, &algorithms].concat();
    hello.extend([0, u8::try_from(extensions.len()).expect("short")]);
    hello.extend(extensions);
    let length = u8::try_from(hello.len()).expect("short");
    let mut record = vec![HANDSHAKE, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(hello);
    record
}

#[test]
fn invalid_certificate_file_stops_serve() {
    let (database, folder) = (TestDatabase::migrated(Backend::Sqlite), Folder::new());
    let certificate = folder.write("certificate.pem", "no certificate");
    let files = format!("[server]\ntls_certificate = {certificate:?}\ntls_key = {certificate:?}");
    let config = folder.write("onbehalf.toml", &configuration(&database.url).replace("[server]", &files));
    let ended = folder.run(&["serve", "--config", &config]);
    assert_ne!(ended.code, Some(0));
    assert!(ended.printed().contains("certificate.pem"), "{}", ended.printed());
}

/// The certificate that a server shows.
fn shown(address: std::net::SocketAddr) -> Option<Vec<u8>> {
    let output = std::process::Command::new("openssl")
        .args(["s_client", "-connect", &address.to_string(), "-servername", "localhost"])
        .stdin(std::process::Stdio::null())
        .output()
        .expect("openssl is here");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let begin = text.find("-----BEGIN CERTIFICATE-----")?;
    let end = text.find("-----END CERTIFICATE-----")?;
    Some(text.get(begin..end)?.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect())
}

fn pem(certificate: &str) -> Vec<u8> {
    let end = certificate.find("-----END").expect("a certificate");
    certificate[..end].bytes().filter(|byte| !byte.is_ascii_whitespace()).collect()
}

fn hang_up(server: &ServerProcess) {
    let kill = format!("kill -HUP {}", server.id());
    assert!(
        std::process::Command::new("sh").args(["-c", &kill]).status().is_ok_and(|status| status.success())
    );
}

// covers USE-7, MISS-3
#[test]
fn sighup_reloads_the_certificate_and_keeps_it_on_failure() {
    let (database, folder) = (TestDatabase::migrated(Backend::Sqlite), Folder::new());
    let make = || rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let (first, second) = (make(), make());
    let certificate = folder.write("certificate.pem", &first.cert.pem());
    let key = folder.write("key.pem", &first.signing_key.serialize_pem());
    let files = format!("[server]\ntls_certificate = {certificate:?}\ntls_key = {key:?}");
    let text = configuration(&database.url).replace("[server]", &files);
    let config = folder.write("onbehalf.toml", &text);
    let mut server = folder.start(&["serve", "--config", &config]);
    let address = server.address();
    assert_eq!(shown(address), Some(pem(&first.cert.pem())));
    // The certificate alone, before its key is there, and no certificate at all: the present one stays.
    for broken in [second.cert.pem(), "no certificate".to_owned()] {
        folder.write("certificate.pem", &broken);
        let before = server.stderr().matches("the present one stays").count();
        hang_up(&server);
        poll("the refusal", || {
            (server.stderr().matches("the present one stays").count() > before).then_some(())
        });
        assert_eq!(shown(address), Some(pem(&first.cert.pem())));
    }
    folder.write("certificate.pem", &second.cert.pem());
    folder.write("key.pem", &second.signing_key.serialize_pem());
    hang_up(&server);
    poll("the new certificate", || (shown(address) == Some(pem(&second.cert.pem()))).then_some(()));
    assert!(server.stderr().contains("certificate reloaded"));
    assert!(server.has_ended().is_none());
}

// covers USE-7
#[test]
fn sighup_ends_no_process() {
    let (database, folder) = (TestDatabase::migrated(Backend::Sqlite), Folder::new());
    let config = folder.write("onbehalf.toml", &configuration(&database.url));
    for arguments in [&["serve", "--config", &config][..], &["sandbox", "--listen", "127.0.0.1:0"]] {
        let mut server = folder.start(arguments);
        let address = server.address();
        for _ in 0..3 {
            hang_up(&server);
        }
        poll("the signal to be heard", || server.stderr().contains("SIGHUP").then_some(()));
        let health = Connection::open(address).and_then(|mut one| one.send(&Request::new("GET", "/health")));
        assert_eq!(health.expect("an answer").status, 200, "{arguments:?}");
        assert!(server.has_ended().is_none());
        server.ask_to_stop();
        assert_eq!(server.wait().code(), Some(0), "{arguments:?}");
    }
}
