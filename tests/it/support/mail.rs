//! A mail server on localhost that accepts what a test allows (RFC 5321), and shows every message.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What the server does with the next letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// It takes them.
    Takes,
    /// Not now (450).
    Later,
    /// Never (550).
    Never,
    /// It hangs up when it has the letter, without a word.
    HangsUp,
}

/// A letter that the server has read to its end.
#[derive(Clone, Debug)]
pub struct Mail {
    pub to: String,
    pub text: String,
}

/// The server; its thread ends with the process.
pub struct MailServer {
    pub address: SocketAddr,
    state: Arc<State>,
}

type State = Mutex<(Mood, Vec<Mail>)>;

/// How a server that asks for TLS and a log-in does so.
#[derive(Clone)]
struct Guard {
    tls: Arc<ServerConfig>,
    /// TLS from the first byte (RFC 8314 section 3.3), or after STARTTLS (RFC 3207).
    is_wrapped: bool,
    /// The credentials of AUTH PLAIN (RFC 4616) that are accepted.
    words: String,
}

impl MailServer {
    pub fn start() -> Self {
        Self::listen(None)
    }

    /// One with this certificate, which accepts messages from clients with this name and password.
    pub fn guarded(
        made: &rcgen::CertifiedKey<rcgen::KeyPair>,
        is_wrapped: bool,
        name: &str,
        password: &str,
    ) -> Self {
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a certificate and its key");
        let words = STANDARD.encode(format!("\0{name}\0{password}"));
        Self::listen(Some(Guard { tls: Arc::new(tls), is_wrapped, words }))
    }

    fn listen(guard: Option<Guard>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new((Mood::Takes, Vec::new())));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _broken = serve(stream, &shared, guard.as_ref());
            }
        });
        Self { address, state }
    }

    pub fn becomes(&self, mood: Mood) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0 = mood;
    }

    /// The letters so far.
    pub fn messages(&self) -> Vec<Mail> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }
}

fn serve(mut stream: TcpStream, state: &State, guard: Option<&Guard>) -> std::io::Result<()> {
    let Some(guard) = guard else {
        stream.write_all(b"220 sink\r\n")?;
        return talk(stream, state, None);
    };
    if !guard.is_wrapped {
        stream.write_all(b"220 sink\r\n")?;
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        while lines.next().transpose()?.is_some_and(|line| !line.eq_ignore_ascii_case("STARTTLS")) {
            stream.write_all(b"250-sink\r\n250 STARTTLS\r\n")?;
        }
        stream.write_all(b"220 go on\r\n")?;
    }
    let connection = ServerConnection::new(Arc::clone(&guard.tls)).map_err(std::io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    if guard.is_wrapped {
        stream.write_all(b"220 sink\r\n")?;
    }
    talk(stream, state, Some(&guard.words))
}

/// Runs the session, after AUTH with the credentials if any are required.
fn talk<S: Read + Write>(stream: S, state: &State, words: Option<&str>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut to, mut is_known) = (String::new(), words.is_none());
    while let Some(line) = line_of(&mut stream)? {
        let (verb, rest) = line.split_at(line.len().min(4));
        let mood = state.lock().unwrap_or_else(PoisonError::into_inner).0;
        let answer: &[u8] = match (verb.to_ascii_uppercase().as_str(), mood) {
            ("EHLO" | "HELO", _) if words.is_some() => b"250-sink\r\n250 AUTH PLAIN\r\n",
            ("AUTH", _) => {
                is_known = rest.strip_prefix(" PLAIN ").is_some_and(|said| Some(said) == words);
                if is_known { b"235 welcome\r\n" } else { b"535 who is that\r\n" }
            }
            ("MAIL" | "RCPT" | "DATA", _) if !is_known => b"530 log in first\r\n",
            ("RCPT", Mood::Later) => b"450 later\r\n",
            ("RCPT", Mood::Never) => b"550 never\r\n",
            ("RCPT", _) => {
                rest.trim_start_matches([' ', 'T', 'O', ':', '<']).trim_end_matches('>').clone_into(&mut to);
                b"250 ok\r\n"
            }
            ("DATA", _) => {
                stream.get_mut().write_all(b"354 go on\r\n")?;
                let mut text = String::new();
                while let Some(line) = line_of(&mut stream)?.filter(|line| line != ".") {
                    text.push_str(&format!("{line}\n"));
                }
                let mail = Mail { to: to.clone(), text };
                state.lock().unwrap_or_else(PoisonError::into_inner).1.push(mail);
                if mood == Mood::HangsUp {
                    return Ok(());
                }
                b"250 taken\r\n"
            }
            ("QUIT", _) => return stream.get_mut().write_all(b"221 bye\r\n"),
            _ => b"250 ok\r\n",
        };
        stream.get_mut().write_all(answer)?;
        stream.get_mut().flush()?;
    }
    Ok(())
}

fn line_of<S: Read>(stream: &mut BufReader<S>) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    let count = stream.read_line(&mut line)?;
    Ok((count > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
}
