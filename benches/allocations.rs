//! Allocations of the server per request: `cargo bench --bench allocations`, or, because the numbers hardly depend
//! on optimization, `cargo bench --profile dev --bench allocations`, which builds faster.
//!
//! The program makes a folder with settings, an SQLite database and invented people, by running itself as
//! `onbehalf migrate up` and `onbehalf seed`. Then it runs itself as `onbehalf serve`, with a thread beside the server
//! that sends requests over one connection and counts. That thread sends bytes that were made before and reads into one
//! buffer, so that all allocations between two requests are the server's: those of its workers, of the access
//! journal and of its indexing, and of the events. What SQLite and aws-lc allocate in C is not counted.
//!
//! All that it calls of the workspace is `cli::run`, so that it can be copied to an earlier commit, with the
//! `[[bench]]` and `stats_alloc` of `Cargo.toml`, to compare both.

use std::alloc::System;
use std::env;
use std::error::Error;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{self, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How many requests of each kind are counted, and how many are sent before.
const COUNTED: usize = 2_000;
const WARM_UP: usize = 200;
/// Proxies and patients of the creates: each pair gets one role.
const CROWD: usize = 48;
/// Settings as in `benches/server.py`; the invented numbers have no check digit. The secret is "bench".
const SETTINGS: &str = r#"
server.public_url = "http://127.0.0.1:8080"
contract.nhs_number_check = "length"
limits = { requests_per_minute = 0, log_in_requests_per_minute = 0 }
jobs.enabled = false
[oauth]
enabled = true
[[oauth.apps]]
client_id = "bench"
name = "The load"
mode = "system"
authentication = "secret"
secret_sha256 = "1b32c28cb38c05480eccc1bd60ff97029b57a05c96718b96dad7e9d84894f549"
grants = ["client_credentials"]
scopes = "system/*.cruds"
introspection = true
"#;
const BASIC: &str = "Basic YmVuY2g6YmVuY2g=";
/// The ids of the roles, but for their last digit.
const ROLE: &str = "5d1c0c1e-9a58-4b4e-8f0e-0a4f5a3f7c2";
const CONSENT: &str = include_str!("../examples/consent-create.json");
const FHIR: &str = "application/fhir+json";
const FORM: &str = "application/x-www-form-urlencoded";
const NHS: &str = "https://fhir.nhs.uk/Id/nhs-number";

type Requests = Vec<Vec<u8>>;
type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<ExitCode> {
    if env::args().nth(1).is_none_or(|first| first != "--config") {
        return prepare_and_serve();
    }
    if let Some(address) = env::args().skip_while(|argument| argument != "--listen").nth(1) {
        thread::spawn(move || {
            let outcome = measure(&address).inspect_err(|error| drop(writeln!(std::io::stderr(), "{error}")));
            process::exit(i32::from(outcome.is_err()));
        });
    }
    Ok(cli::run())
}

/// Makes the database and runs the server on it, each in a process of its own.
fn prepare_and_serve() -> Outcome<ExitCode> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("log");
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    fs::write(folder.path().join("onbehalf.toml"), SETTINGS)?;
    fs::write(folder.path().join("seed.json"), seed().to_string())?;
    for arguments in ["migrate up", "seed seed.json", &format!("serve --listen {address}")] {
        let mut command = Command::new(env::current_exe()?);
        command.args(["--config", "onbehalf.toml", "--database", "sqlite:bench.sqlite"]);
        command.args(arguments.split(' ')).current_dir(folder.path()).stderr(File::create(&log)?);
        if !arguments.starts_with("serve") {
            command.stdout(Stdio::null());
        }
        if !command.status()?.success() {
            let log = fs::read_to_string(&log)?;
            let end: Vec<&str> = log.lines().rev().take(9).collect();
            return Err(format!("`onbehalf {arguments}` failed; the log, last line first: {end:#?}").into());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn proxy(number: usize) -> String {
    format!("91000{number:05}")
}

fn patient(number: usize) -> String {
    format!("92000{number:05}")
}

/// A proxy (the last) with three roles and a relationship, and the people of the creates.
fn seed() -> Value {
    let people = (0..CROWD + 3).flat_map(|number| [proxy(number), patient(number)]).map(|nhs_number| {
        let name = json!({ "use": "usual", "given": ["Ada"], "family": "Example" });
        json!({ "nhs_number": nhs_number, "name": name, "birth_date": "1986-04-12", "gp_ods": "A20047" })
    });
    let roles = (0..3).map(|number| {
        json!({
            "id": format!("{ROLE}{number}"), "performer": proxy(CROWD), "patient": patient(CROWD + number), "status": "active",
            "status_reason": { "code": "ROLE_CREATED" }, "legal_basis": "parental-responsibility",
            "grantor_ods": "A20047", "period": { "start": "2025-02-11" }, "date_time": "2025-02-11",
            "last_updated": "2025-02-11T09:30:00Z",
        })
    });
    let code = json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "MTH", "display": "mother" });
    let relationship = json!({
        "id": "EXAMPLE1", "proxy": proxy(CROWD), "patient": patient(CROWD), "relationship": [code], "verified": true,
    });
    json!({
        "people": people.collect::<Vec<_>>(), "relationships": [relationship], "consents": roles.collect::<Vec<_>>(),
    })
}

/// The bytes of a request.
fn request(line: &str, caller: &str, content: Option<(&str, &str)>) -> Vec<u8> {
    let (kind, body) = content.map_or((String::new(), ""), |(kind, body)| {
        (format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len()), body)
    });
    let head = format!("{line} HTTP/1.1\r\nHost: bench\r\nAccept: {FHIR}\r\nAuthorization: {caller}\r\n");
    format!("{head}{kind}\r\n{body}").into_bytes()
}

/// The kinds of requests, by their names in `docs/performance.md`, each with its requests.
fn kinds(token: &str) -> Outcome<Vec<(&'static str, Requests)>> {
    let get = |path: &str| vec![request(&format!("GET /FHIR/R4/{path}"), &format!("Bearer {token}"), None)];
    let searched = format!("{NHS}|{}", proxy(CROWD));
    let includes = format!(
        "Consent?performer:identifier={searched}&_include=Consent:performer&_include=Consent:patient"
    );
    let introspection = format!("token={token}");
    let mut consent: Value = serde_json::from_str(CONSENT)?;
    // The FHIR R4 API holds the proxy by identifier alone.
    let reference = consent.pointer_mut("/provision/actor/0/reference").and_then(Value::as_object_mut);
    reference.ok_or("the example has no actor")?.remove("type");
    let consent = consent.to_string();
    let creates = (0..COUNTED + WARM_UP).map(|number| {
        let body = consent.replace("9000000017", &proxy(number / CROWD));
        let body = body.replace("9000000025", &patient(number % CROWD));
        request("POST /FHIR/R4/Consent", &format!("Bearer {token}"), Some((FHIR, &body)))
    });
    Ok(vec![
        ("Consent read", get(&format!("Consent/{ROLE}0"))),
        ("Consent search by proxy, both includes, 3 roles", get(&includes)),
        ("RelatedPerson search by person", get(&format!("RelatedPerson?identifier={searched}"))),
        ("introspection", vec![request("POST /oauth/introspect", BASIC, Some((FORM, &introspection)))]),
        ("role create", creates.collect()),
        ("/metadata", vec![b"GET /FHIR/R4/metadata HTTP/1.1\r\nHost: bench\r\n\r\n".to_vec()]),
    ])
}

/// A connection to the server, and a buffer for a response.
struct Client(TcpStream, Vec<u8>);

impl Client {
    /// Connects, once the server listens.
    fn connect(address: &str) -> Outcome<Self> {
        for _ in 0..600 {
            if let Ok(stream) = TcpStream::connect(address) {
                stream.set_nodelay(true)?;
                return Ok(Self(stream, vec![0; 1 << 20]));
            }
            thread::sleep(Duration::from_millis(100));
        }
        Err("the server does not listen".into())
    }

    /// The body of the response to a request. Allocates only if the request fails.
    fn send(&mut self, request: &[u8]) -> Outcome<&[u8]> {
        let Self(stream, buffer) = self;
        stream.write_all(request)?;
        let mut filled = 0;
        loop {
            let read = stream.read(buffer.get_mut(filled..).unwrap_or_default())?;
            filled += read;
            let received = buffer.get(..filled).unwrap_or_default();
            match complete(received)? {
                Some((200 | 201, body)) => return Ok(buffer.get(body..filled).unwrap_or_default()),
                None if read > 0 => {}
                _ => return Err(String::from_utf8_lossy(received).into()),
            }
        }
    }
}

/// The status of a complete response, and the place where its body begins.
fn complete(received: &[u8]) -> Outcome<Option<(u16, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 48];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(received)? else { return Ok(None) };
    let status = response.code.unwrap_or_default();
    let length = headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length: usize = std::str::from_utf8(length.ok_or("no Content-Length")?.value)?.parse()?;
    Ok((received.len() >= head + length).then_some((status, head)))
}

/// Sends the requests of each kind, and prints what each has allocated.
fn measure(address: &str) -> Outcome<()> {
    let mut client = Client::connect(address)?;
    let form = "grant_type=client_credentials&scope=system/*.cruds";
    let issued = client.send(&request("POST /oauth/token", BASIC, Some((FORM, form))))?;
    let issued: Value = serde_json::from_slice(issued)?;
    let token = issued.get("access_token").and_then(Value::as_str).ok_or("no access token")?;
    let mut out = std::io::stdout();
    writeln!(out, "| operation | allocations | bytes |\n|---|---|---|")?;
    for (name, requests) in kinds(token)? {
        let mut requests = requests.iter().cycle();
        for request in requests.by_ref().take(WARM_UP) {
            client.send(request)?;
        }
        settle();
        let region = Region::new(ALLOCATOR);
        for request in requests.take(COUNTED) {
            client.send(request)?;
        }
        // What the requests leave to be done afterwards is part of their cost: accesses that are indexed, events.
        settle();
        let counted = region.change();
        let allocations = counted.allocations + counted.reallocations;
        writeln!(out, "| {name} | {} | {} |", allocations / COUNTED, counted.bytes_allocated / COUNTED)?;
    }
    Ok(())
}

/// Waits until the server does nothing more; its idle workers allocate now and then.
fn settle() {
    loop {
        let region = Region::new(ALLOCATOR);
        thread::sleep(Duration::from_millis(500));
        if region.change().allocations < 500 {
            return;
        }
    }
}
