//! PostgreSQL over TLS, with a server that speaks it: its certificate is verified whatever the mode, and nothing is sent to a
//! server that does not prove its name.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use base::error::Error;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rstest::rstest;
use store::{DatabaseUrl, INDEX_ACCESSES_AFTER, Store, StoreOptions};
use tempfile::TempDir;

use crate::support::poll::poll;
use crate::support::{Backend, TestDatabase, sql};

/// The name in the certificate of the server. It resolves nowhere: `hostaddr` says where the server is.
const NAME: &str = "db.onbehalf.test";

/// The files that a client needs.
struct Files {
    folder: TempDir,
    port: String,
}

impl Files {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn issuer(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut parameters = CertificateParams::new(Vec::new()).expect("parameters");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().expect("a key")).expect("an authority")
}

/// The certificate and the key of a name, as PEM.
fn certificate(issuer: &CertifiedIssuer<'static, KeyPair>, name: &str) -> (String, String) {
    let mut parameters = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    parameters.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().expect("a key");
    (parameters.signed_by(&key, issuer).expect("a certificate").pem(), key.serialize_pem())
}

/// Turns TLS on at the test server, once, and says how to reach it.
fn server() -> &'static Files {
    static FILES: OnceLock<Files> = OnceLock::new();
    FILES.get_or_init(|| {
        let database = TestDatabase::empty(Backend::Postgres);
        let one = |name: &str| {
            sql::values(&database.url, &format!("SELECT current_setting('{name}') AS value")).remove(0)
        };
        let (data, port) = (one("data_directory"), one("port"));
        let (ours, other) = (issuer("ours"), issuer("other"));
        let folder = TempDir::new().expect("a folder");
        let (client, client_key) = certificate(&ours, "tls_by_certificate");
        let files = [
            ("ca.pem", ours.pem()),
            ("other.pem", other.pem()),
            ("client.pem", client),
            ("client.key", client_key),
        ];
        for (name, pem) in files {
            std::fs::write(folder.path().join(name), pem).expect("a file");
        }
        // The server's files are its own: it writes them itself.
        let write = |name: &str, pem: &str| {
            let lines = format!("SELECT unnest(string_to_array('{}', E'\\n'))", pem.trim());
            let program = format!("umask 077; cat > \"{data}/{name}\"");
            sql::execute(&database.url, &format!("COPY ({lines}) TO PROGRAM '{program}'"));
        };
        let (certificate, key) = certificate(&ours, NAME);
        write("tls.pem", &certificate);
        write("tls.key", &key);
        write("tls-ca.pem", &ours.pem());
        let rule = "hostssl all tls_by_certificate 127.0.0.1/32 cert";
        sql::execute(
            &database.url,
            &format!("COPY (SELECT 1) TO PROGRAM 'sed -i \"1i {rule}\" \"{data}/pg_hba.conf\"'"),
        );
        for setting in [
            "ssl_cert_file = 'tls.pem'",
            "ssl_key_file = 'tls.key'",
            "ssl_ca_file = 'tls-ca.pem'",
            "ssl = on",
        ] {
            sql::execute(&database.url, &format!("ALTER SYSTEM SET {setting}"));
        }
        sql::execute(&database.url, "CREATE ROLE tls LOGIN PASSWORD 'se/c?r@et'");
        sql::execute(&database.url, "CREATE ROLE tls_by_certificate LOGIN");
        sql::execute(&database.url, "SELECT pg_reload_conf()");

        poll("TLS at the test server", || {
            (sql::values(&database.url, "SELECT current_setting('ssl') AS value") == ["on"]).then_some(())
        });
        Files { folder, port }
    })
}

/// A database that both roles may write to, and its name.
fn database() -> (TestDatabase, String) {
    let database = TestDatabase::empty(Backend::Postgres);
    let name = database.url.rsplit('/').next().expect("a name").to_owned();
    let rights = "GRANT ALL ON SCHEMA public TO tls, tls_by_certificate";
    sql::execute(&database.url, rights);
    (database, name)
}

fn open(url: &str) -> Result<Store, Error> {
    let url: DatabaseUrl = url.parse().expect("the URL is right");
    Store::open(&StoreOptions {
        url,
        connections: 2,
        wait: Duration::from_secs(20),
        statement_deadline: None,
        has_pooler: false,
        index_accesses_after: INDEX_ACCESSES_AFTER,
        replica: None,
    })
}

fn refused(url: &str) -> String {
    let error = open(url).err().unwrap_or_else(|| panic!("{url} is refused"));
    format!("{}: {}", error.message(), error.cause())
}

/// How many connections to a database are encrypted, and how many are not.
fn connections(database: &TestDatabase, name: &str) -> (i64, i64) {
    let count = |condition: &str| {
        let query = format!(
            "SELECT count(*)::text AS value FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
             WHERE datname = '{name}' AND usename LIKE 'tls%' AND {condition}"
        );
        sql::number(&database.url, &query)
    };
    (count("ssl"), count("NOT ssl"))
}

#[rstest]
#[case::password("tls:se%2Fc%3Fr%40et", "")]
#[case::certificate("tls_by_certificate", "&sslcert={folder}/client.pem&sslkey={folder}/client.key")]
fn postgres_server_with_a_valid_certificate_is_used_over_tls(#[case] user: &str, #[case] more: &str) {
    let files = server();
    let (database, name) = database();
    let more = more.replace("{folder}", &files.folder.path().display().to_string());
    let (ca, port) = (files.path("ca.pem"), &files.port);
    for mode in ["verify-full", "verify-ca", "require"] {
        let url = format!(
            "postgres://{user}@{NAME}:{port}/{name}?hostaddr=127.0.0.1&sslmode={mode}&sslrootcert={}{more}",
            ca.display()
        );
        let store = open(&url).unwrap_or_else(|error| panic!("{mode}: {}", error.cause()));
        store.migrate_up().expect("migrations run");
        let (encrypted, plain) = connections(&database, &name);
        assert!(encrypted > 0 && plain == 0, "{mode}: {encrypted} and {plain}");
        // The server ends every connection: the relay passes that on, and the next ones are made.
        let end = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND usename LIKE 'tls%'"
        );
        sql::execute(&database.url, &end);
        let read = || store.read_here(|tx| tx.find_setting("sandbox"));
        assert!((0..5).any(|_| read().is_ok()), "{mode}: {:?}", read().err().map(|error| error.cause()));
    }
}

#[test]
fn postgres_server_with_an_invalid_certificate_is_rejected() {
    let files = server();
    let (database, name) = database();
    let port = &files.port;
    for mode in ["verify-full", "verify-ca", "require"] {
        for (host, ca, why) in [
            ("other.onbehalf.test", "ca.pem", "not valid for name"),
            (NAME, "other.pem", "UnknownIssuer"),
            (NAME, "missing.pem", "sslrootcert"),
        ] {
            let ca = files.path(ca);
            let url = format!(
                "postgres://tls:se%2Fc%3Fr%40et@{host}:{port}/{name}?hostaddr=127.0.0.1&sslmode={mode}&sslrootcert={}",
                ca.display()
            );
            let text = refused(&url);
            assert!(text.contains(why), "{mode} {host}: {text}");
            assert!(!text.contains("se%2Fc") && !text.contains("se/c"), "{text}");
        }
        assert_eq!(connections(&database, &name), (0, 0));
    }
    // The authorities of the system do not know ours.
    let url = format!(
        "postgres://tls:x@{NAME}:{port}/{name}?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=system"
    );
    let text = refused(&url);
    // A machine that has no authorities refuses before it connects.
    let whys = ["TLS with the database server failed", "TLS to the database cannot be set up"];
    assert!(whys.iter().any(|why| text.contains(why)), "{text}");
}

/// A server that answers the request for TLS with these bytes, and tells what else it was sent.
fn answering(bytes: &'static [u8]) -> (u16, thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let serve = move || {
        let (mut client, _): (TcpStream, _) = listener.accept().expect("a client");
        client.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
        let mut request = [0; 8];
        client.read_exact(&mut request).expect("a request");
        assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47], "SSLRequest comes first");
        client.write_all(bytes).expect("an answer");
        let mut rest = Vec::new();
        drop(client.read_to_end(&mut rest));
        rest
    };
    (port, thread::spawn(serve))
}

#[rstest]
#[case::without_tls(b"N", "offers no TLS")]
#[case::with_an_error(b"E", "offers no TLS")]
#[case::that_says_more_before_tls(b"SR\0\0\0\x08\0\0\0\0", "TLS with the database server failed")]
fn postgres_server_without_tls_is_rejected_before_any_data(#[case] answer: &'static [u8], #[case] why: &str) {
    let (port, served) = answering(answer);
    let url = format!("postgres://tls:secret@127.0.0.1:{port}/x?sslmode=require&connect_timeout=3");
    let text = refused(&url);
    assert!(text.contains(why), "{text}");
    let sent = served.join().expect("it was asked");
    let sent = String::from_utf8_lossy(&sent);
    assert!(!sent.contains("tls\0") && !sent.contains("secret"), "{sent}");
}

#[test]
fn unreachable_or_silent_postgres_server_is_reported() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let url = format!("postgres://tls@127.0.0.1:{port}/x?sslmode=require&connect_timeout=1");
    let text = refused(&url);
    assert!(text.contains("did not answer in time"), "{text}");
    drop(silent);
    let text = refused(&url);
    assert!(text.contains("cannot be reached"), "{text}");
    for (query, why) in [("sslmode=full", "sslmode"), ("sslmode=require&sslkey=x", "sslcert")] {
        let text = refused(&format!("postgres://tls:secret@127.0.0.1:{port}/x?{query}"));
        assert!(text.contains(why) && !text.contains("secret"), "{text}");
    }
}
