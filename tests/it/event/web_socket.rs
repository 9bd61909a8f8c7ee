//! The channel `websocket`, with a client of RFC 6455 that this file writes itself.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use api_fhir::BASE_PATH;
use rstest::rstest;
use serde_json::{Value, json};

use super::stage::{Stage, parameter, settings};
use crate::fhir::client::{get, post, request, send_well};
use crate::fhir::subscription::{BACKPORT, backport, classic, id_of};
use crate::support::poll::poll;
use crate::support::{Backend, TestApp};
use crate::vrs::known::MOTHERS_ROLE;

/// What a WebSocket sends.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Text(String),
    Closed(Option<u16>),
}

struct Client(TcpStream);

impl Client {
    fn open(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(40))).expect("a timeout");
        let hello = format!(
            "GET {BASE_PATH}/$subscription-ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Authorization: Bearer anything\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        stream.write_all(hello.as_bytes()).expect("it is sent");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("an answer");
            head.extend(byte);
        }
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 101"), "{head}");
        // RFC 6455 §1.3 has this example.
        assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
        Self(stream)
    }

    fn say(&mut self, opcode: u8, payload: &[u8]) {
        let length = u8::try_from(payload.len()).expect("a short text");
        let mut frame = vec![0x80 | opcode];
        if length < 126 {
            frame.push(0x80 | length);
        } else {
            frame.extend([0x80 | 0x7e, 0, length]);
        }
        // A mask of zeros is a mask.
        frame.extend([0; 4]);
        frame.extend(payload);
        self.0.write_all(&frame).expect("it is sent");
    }

    /// The next text, or the end. Pings are answered.
    fn hear(&mut self) -> Said {
        loop {
            let mut head = [0; 2];
            if self.0.read_exact(&mut head).is_err() {
                return Said::Closed(None);
            }
            let length = match head[1] & 0x7f {
                126 => {
                    let mut more = [0; 2];
                    self.0.read_exact(&mut more).expect("a length");
                    usize::from(u16::from_be_bytes(more))
                }
                127 => {
                    let mut more = [0; 8];
                    self.0.read_exact(&mut more).expect("a length");
                    usize::try_from(u64::from_be_bytes(more)).expect("a length")
                }
                short => usize::from(short),
            };
            let mut payload = vec![0; length];
            self.0.read_exact(&mut payload).expect("a payload");
            match head[0] & 0x0f {
                1 => return Said::Text(String::from_utf8(payload).expect("text")),
                8 => {
                    return Said::Closed(payload.get(..2).map(|code| u16::from_be_bytes([code[0], code[1]])));
                }
                9 => self.say(10, &payload),
                _ => {}
            }
        }
    }

    fn hear_json(&mut self) -> Value {
        match self.hear() {
            Said::Text(text) => serde_json::from_str(&text).expect("JSON"),
            Said::Closed(code) => panic!("the socket was closed: {code:?}"),
        }
    }
}

/// On a thread of its own: the server runs on this one.
async fn talk<T: Send + 'static>(talk: impl FnOnce() -> T + Send + 'static) -> T {
    actix_rt::task::spawn_blocking(talk).await.expect("the talk ends")
}

async fn token(app: &TestApp, id: &str) -> String {
    let answer =
        send_well(app, request("POST", &format!("/Subscription/{id}/$get-ws-binding-token")), 200).await;
    let all = answer["parameter"].as_array().expect("parameters");
    let token = all.iter().find(|parameter| parameter["name"] == "token").expect("a token");
    token["valueString"].as_str().expect("a text").to_owned()
}

async fn status(app: &TestApp, id: &str) -> String {
    let read = send_well(app, get(&format!("/Subscription/{id}")), 200).await;
    read["status"].as_str().expect("a status").to_owned()
}

fn for_sockets(mut body: Value) -> Value {
    body["channel"]["type"] = json!("websocket");
    body["channel"].as_object_mut().expect("a channel").remove("endpoint");
    body["channel"].as_object_mut().expect("a channel").remove("header");
    body
}

// covers N-15, N-30
#[rstest]
#[actix_web::test]
async fn websocket_gets_handshake_and_missed_events(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::real(backend, settings()).await;
    let body = for_sockets(backport("proxy-role-changed", "id-only", &[]));
    let id = id_of(&send_well(&stage.app, post("/Subscription", &body), 201).await);
    stage.change(2).await;
    let (address, bind) = (stage.app.address, token(&stage.app, &id).await);
    let used = bind.clone();
    let (mut client, heard) = talk(move || {
        let mut client = Client::open(address);
        client.say(1, format!("bind-with-token {bind}").as_bytes());
        let heard = [client.hear_json(), client.hear_json()];
        (client, heard)
    })
    .await;
    let kinds = heard.each_ref().map(|bundle| parameter(bundle, "type")["valueCode"].clone());
    assert_eq!(kinds, ["handshake", "event-notification"]);
    let numbers = |bundle: &Value| -> Vec<String> {
        let all = bundle["entry"][0]["resource"]["parameter"].as_array().expect("parameters");
        let events = all.iter().filter(|parameter| parameter["name"] == "notification-event");
        events.map(|event| event["part"][0]["valueString"].as_str().expect("a number").to_owned()).collect()
    };
    assert_eq!(numbers(&heard[1]), ["1", "2"]);
    assert_eq!(status(&stage.app, &id).await, "active");
    stage.change(2).await;
    let later = talk(move || {
        let mut all = Vec::new();
        while all.len() < 2 {
            all.extend(numbers(&client.hear_json()));
        }
        drop(client);
        all
    })
    .await;
    assert_eq!(later, ["3", "4"]);
    // A token is single-use.
    let again = talk(move || {
        let mut client = Client::open(address);
        client.say(1, format!("bind-with-token {used}").as_bytes());
        client.hear()
    });
    assert_eq!(again.await, Said::Closed(Some(1008)));
}

// covers USE-12, N-27
#[rstest]
#[actix_web::test]
async fn websocket_heartbeat_comes_a_full_period_after_the_handshake(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::real(backend, settings()).await;
    let mut body = for_sockets(backport("proxy-role-changed", "empty", &[]));
    body["channel"]["extension"] = serde_json::json!([
        { "url": format!("{BACKPORT}/backport-heartbeat-period"), "valueUnsignedInt": 3600 },
    ]);
    let id = id_of(&send_well(&stage.app, post("/Subscription", &body), 201).await);
    let hear = async |first: bool| {
        let (address, bind) = (stage.app.address, token(&stage.app, &id).await);
        let client = talk(move || {
            let mut client = Client::open(address);
            client.say(1, format!("bind-with-token {bind}").as_bytes());
            assert_eq!(parameter(&client.hear_json(), "type")["valueCode"], "handshake", "{first}");
            client
        });
        let mut client = client.await;
        stage.change(1).await;
        talk(move || parameter(&client.hear_json(), "type")["valueCode"].clone()).await
    };
    // Also where the same subscription is bound again, long after the last notification.
    assert_eq!(hear(true).await, "event-notification");
    stage.advance(4000);
    assert_eq!(hear(false).await, "event-notification");
}

/// One event at a time: each has a lease of its own, for which the authorization is checked again.
#[rstest]
#[actix_web::test]
async fn websocket_successes_do_not_open_the_circuit_breaker(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::real(backend, settings()).await;
    let body = for_sockets(backport("proxy-role-changed", "empty", &[]));
    let id = id_of(&send_well(&stage.app, post("/Subscription", &body), 201).await);
    let (address, bind) = (stage.app.address, token(&stage.app, &id).await);
    let client = talk(move || {
        let mut client = Client::open(address);
        client.say(1, format!("bind-with-token {bind}").as_bytes());
        assert_eq!(parameter(&client.hear_json(), "type")["valueCode"], "handshake");
        client
    })
    .await;
    let id = id.parse().expect("an id");
    // More than the consecutive failures that open the circuit breaker.
    for number in 1..=i64::from(stage.settings.circuit_failures) + 2 {
        stage.change(1).await;
        stage.wait_for_sent(id, number);
    }
    drop(client);
}

// covers N-30
#[rstest]
#[actix_web::test]
async fn r4_classic_websocket_binds_by_id_and_gets_a_ping_per_event(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::real(backend, settings()).await;
    let body = for_sockets(classic(&format!("Consent?_id={MOTHERS_ROLE}"), None));
    let id = id_of(&send_well(&stage.app, post("/Subscription", &body), 201).await);
    let (address, bind) = (stage.app.address, format!("bind {id}"));
    let (mut client, bound) = talk(move || {
        let mut client = Client::open(address);
        client.say(1, bind.as_bytes());
        let bound = client.hear();
        (client, bound)
    })
    .await;
    assert_eq!(bound, Said::Text(format!("bound {id}")));
    stage.change(2).await;
    let pings = talk(move || [client.hear(), client.hear()]).await;
    assert_eq!(pings, [0, 1].map(|_| Said::Text(format!("ping {id}"))));
}

// covers N-30
#[rstest]
#[actix_web::test]
async fn websocket_binding_ends_with_off_and_moves_to_another_websocket(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::real(backend, settings()).await;
    let body = for_sockets(backport("proxy-role-changed", "empty", &[]));
    let id = id_of(&send_well(&stage.app, post("/Subscription", &body), 201).await);
    let address = stage.app.address;
    let mut clients = Vec::new();
    for _ in 0..2 {
        let bind = token(&stage.app, &id).await;
        let bound = talk(move || {
            let mut client = Client::open(address);
            client.say(1, format!("bind-with-token {bind}").as_bytes());
            assert_eq!(parameter(&client.hear_json(), "type")["valueCode"], "handshake");
            client
        });
        clients.push(bound.await);
    }
    let mut second = clients.pop().expect("two sockets");
    let mut first = clients.pop().expect("two sockets");
    stage.change(2).await;
    let heard = talk(move || {
        let heard = second.hear_json();
        (second, parameter(&heard, "type")["valueCode"].clone())
    });
    let (mut second, kind) = heard.await;
    assert_eq!(kind, "event-notification");
    let started = Instant::now();
    assert_eq!(talk(move || first.hear()).await, Said::Closed(Some(1008)));
    assert!(started.elapsed() < Duration::from_secs(30));
    let deleted = stage.app.send(request("DELETE", &format!("/Subscription/{id}"))).await;
    assert_eq!(deleted.status, 204);
    let last = talk(move || {
        loop {
            if let Said::Closed(code) = second.hear() {
                return code;
            }
        }
    });
    assert_eq!(last.await, Some(1008));
}

#[rstest]
#[actix_web::test]
async fn stopping_process_closes_its_websockets(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::real(backend, settings()).await;
    let body = for_sockets(backport("proxy-role-changed", "empty", &[]));
    let id = id_of(&send_well(&stage.app, post("/Subscription", &body), 201).await);
    let (address, bind) = (stage.app.address, token(&stage.app, &id).await);
    let mut client = talk(move || {
        let mut client = Client::open(address);
        client.say(1, format!("bind-with-token {bind}").as_bytes());
        assert_eq!(parameter(&client.hear_json(), "type")["valueCode"], "handshake");
        client
    })
    .await;
    let id = id.parse().expect("an id");
    poll("the socket to be bound", || stage.find(id).1.is_bound.then_some(()));
    let stopped = stage.app.stop_serving();
    assert_eq!(talk(move || client.hear()).await, Said::Closed(Some(1001)));
    stopped.await;
    assert!(!stage.find(id).1.is_bound, "another process may have it at once");
}

#[rstest]
#[actix_web::test]
async fn websocket_with_an_invalid_message_is_closed_1008(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let stage = Stage::real(backend, settings()).await;
    let address = stage.app.address;
    for (opcode, said) in [
        (1, "hello"),
        (1, "bind-with-token nonsense"),
        (1, "bind 00000000-0000-0000-0000-000000000000"),
        (2, "x"),
    ] {
        let end = talk(move || {
            let mut client = Client::open(address);
            client.say(opcode, said.as_bytes());
            client.hear()
        });
        assert_eq!(end.await, Said::Closed(Some(1008)), "{said}");
    }
    let plain = stage.app.send(get("/$subscription-ws")).await;
    assert_eq!((plain.status, plain.json()["resourceType"].clone()), (400, json!("OperationOutcome")));
}
