//! An OpenID provider on localhost with scripted responses: real HTTP, real signatures.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;

use jose::key::KeyPurpose;
use jose::key::SigningKey;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::app::beginning;

/// What a page answers.
#[derive(Clone, Debug)]
pub enum Answered {
    /// JSON with a status.
    Json(u16, Value),
    /// A JWT.
    Jwt(String),
    /// A redirect to somewhere.
    Redirect(String),
    /// So many bytes.
    Huge(usize),
    /// Nothing, and the connection stays open.
    Silence,
}

#[derive(Default)]
struct Script {
    pages: HashMap<&'static str, Answered>,
    asked: Vec<(String, String)>,
    held: Vec<TcpStream>,
}

/// The provider. It ends with the process; [`ScriptedProvider::fall_silent`] makes it go down.
pub struct ScriptedProvider {
    pub issuer: String,
    script: Arc<Mutex<Script>>,
}

/// Two RSA keys that all tests share: to make one takes long.
pub fn rsa_keys() -> &'static [SigningKey; 2] {
    static KEYS: LazyLock<[SigningKey; 2]> = LazyLock::new(|| {
        [(); 2].map(|()| SigningKey::generate(KeyPurpose::ClientAssertion, beginning()).expect("a key").0)
    });
    &KEYS
}

/// The set of some keys.
pub fn jwks(keys: &[&SigningKey]) -> Value {
    let set = JwkSet { keys: keys.iter().map(|key| key.public.clone()).collect() };
    serde_json::to_value(set).expect("JSON")
}

/// A token that a key signs, RS512.
pub fn sign(key: &SigningKey, claims: &Value) -> String {
    let mut header = Header::new(Algorithm::RS512);
    header.kid = Some(key.kid.clone());
    jsonwebtoken::encode(&header, claims, &key.signing).expect("it signs")
}

/// A token that a shared secret signs, under the name of a key.
pub fn sign_with_secret(kid: &str, secret: &[u8], claims: &Value) -> String {
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(kid.to_owned());
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(secret)).expect("it signs")
}

impl ScriptedProvider {
    /// A provider that publishes its documents and the first of [`rsa_keys`].
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let script = Arc::new(Mutex::new(Script::default()));
        let serving = Arc::clone(&script);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let script = Arc::clone(&serving);
                thread::spawn(move || answer(stream, &script));
            }
        });
        let provider = Self { issuer, script };
        provider.script("/.well-known/openid-configuration", Answered::Json(200, provider.metadata()));
        provider.script("/jwks", Answered::Json(200, jwks(&[&rsa_keys()[0]])));
        provider
    }

    /// What it publishes about itself.
    pub fn metadata(&self) -> Value {
        let issuer = &self.issuer;
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "userinfo_endpoint": format!("{issuer}/userinfo"),
            "jwks_uri": format!("{issuer}/jwks"),
        })
    }

    /// What a page answers from now on.
    pub fn script(&self, page: &'static str, answered: Answered) {
        self.script.lock().unwrap().pages.insert(page, answered);
    }

    /// Answers 503 everywhere.
    pub fn go_down(&self) {
        for page in ["/.well-known/openid-configuration", "/jwks", "/token", "/userinfo"] {
            self.script(page, Answered::Json(503, json!({})));
        }
    }

    /// How often a page was asked for.
    pub fn count(&self, page: &str) -> usize {
        self.script.lock().unwrap().asked.iter().filter(|(path, _)| path == page).count()
    }

    /// The body of the last request for a page, as form fields.
    pub fn last_form(&self, page: &str) -> HashMap<String, String> {
        let script = self.script.lock().unwrap();
        let (_, body) = script.asked.iter().rev().find(|(path, _)| path == page).expect("it was asked");
        form_urlencoded::parse(body.as_bytes()).into_owned().collect()
    }
}

/// Reads one request and answers it.
fn answer(mut stream: TcpStream, script: &Mutex<Script>) {
    let Some((path, body)) = read(&mut stream) else { return };
    let mut script = script.lock().unwrap();
    let answered = script.pages.get(path.as_str()).cloned();
    script.asked.push((path, body));
    let kind = if let Some(Answered::Jwt(_)) = answered { "jwt" } else { "json" };
    let (status, headers, body) = match answered {
        Some(Answered::Json(status, body)) => (status, String::new(), body.to_string()),
        Some(Answered::Jwt(token)) => (200, String::new(), token),
        Some(Answered::Redirect(to)) => (302, format!("Location: {to}\r\n"), String::new()),
        Some(Answered::Huge(size)) => (200, String::new(), format!("\"{}\"", "x".repeat(size))),
        Some(Answered::Silence) => {
            script.held.push(stream);
            return;
        }
        None => (404, String::new(), "{}".to_owned()),
    };
    drop(script);
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/{kind}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n"
    );
    let _gone = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}

/// The path and the body of a request.
fn read(stream: &mut TcpStream) -> Option<(String, String)> {
    let (mut bytes, mut chunk) = (Vec::new(), [0_u8; 8192]);
    loop {
        let count = stream.read(&mut chunk).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        if body.len() >= length.unwrap_or(0) {
            let path = head.split(' ').nth(1)?.split('?').next()?.to_owned();
            return Some((path, body.to_owned()));
        }
    }
}
