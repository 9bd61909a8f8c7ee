//! A mail server on loopback that takes what it is told to take (RFC 5321), and shows every letter.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

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
    state: Arc<Mutex<(Mood, Vec<Mail>)>>,
}

impl MailServer {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new((Mood::Takes, Vec::new())));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _broken = serve(stream, &shared);
            }
        });
        Self { address, state }
    }

    pub fn becomes(&self, mood: Mood) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0 = mood;
    }

    /// The letters so far.
    pub fn letters(&self) -> Vec<Mail> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }
}

fn serve(stream: TcpStream, state: &Mutex<(Mood, Vec<Mail>)>) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut lines = BufReader::new(stream).lines();
    let mut to = String::new();
    out.write_all(b"220 sink\r\n")?;
    while let Some(line) = lines.next() {
        let line = line?;
        let (verb, rest) = line.split_at(line.len().min(4));
        let mood = state.lock().unwrap_or_else(PoisonError::into_inner).0;
        match (verb.to_ascii_uppercase().as_str(), mood) {
            ("EHLO" | "HELO", _) => out.write_all(b"250 sink\r\n")?,
            ("RCPT", Mood::Later) => out.write_all(b"450 later\r\n")?,
            ("RCPT", Mood::Never) => out.write_all(b"550 never\r\n")?,
            ("RCPT", _) => {
                rest.trim_start_matches([' ', 'T', 'O', ':', '<']).trim_end_matches('>').clone_into(&mut to);
                out.write_all(b"250 ok\r\n")?;
            }
            ("DATA", _) => {
                out.write_all(b"354 go on\r\n")?;
                let mut text = String::new();
                for line in lines.by_ref() {
                    match line?.as_str() {
                        "." => break,
                        line => text.push_str(&format!("{line}\n")),
                    }
                }
                let mail = Mail { to: to.clone(), text };
                state.lock().unwrap_or_else(PoisonError::into_inner).1.push(mail);
                if mood == Mood::HangsUp {
                    return Ok(());
                }
                out.write_all(b"250 taken\r\n")?;
            }
            ("QUIT", _) => return out.write_all(b"221 bye\r\n"),
            _ => out.write_all(b"250 ok\r\n")?,
        }
    }
    Ok(())
}
