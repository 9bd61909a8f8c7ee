//! The web socket of subscriptions with the channel `websocket` (Backport, websocket channel; N-30).
//!
//! A subscriber opens it, sends `bind-with-token` and a token of `$get-ws-binding-token`, gets a handshake
//! for each subscription of the token, and then its notifications: the same Bundles, numbers and order as by
//! any other channel. Events that occur while no socket is open wait. R4's own channel is bound by `bind` and
//! the id, if the request that opened the socket had the owner's token; the server answers `bound` and the
//! id, and sends `ping` and the id for each event.
//!
//! An invalid token closes the socket with 1008, and so does the end of a binding: another socket has bound
//! the subscription, its owner has switched it off, or its grant has ended. A process that stops closes its
//! sockets with 1001; the events wait for the next socket, in any process.

use std::time::{Duration, Instant};

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, Session};
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream, LocalBoxStream};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::context::FhirSettings;
use crate::http::respond::refuse_plainly;
use crate::notification::FhirNotificationRenderer;
use crate::refusal::Refusal;
use ::web::caller::identify;
use ::web::gate::Gate;
use base::error::Error;
use base::ids;
use domain::account::Caller;
use domain::event::SubscriptionStatus;
use service::access;
use service::event::channel::sockets::{Frame, Sockets};
use service::event::{Opened, open_classic_socket, open_socket};

/// The longest message of a subscriber, in bytes.
const MOST_BYTES: usize = 4096;
/// How long a socket may stay open without a binding.
const UNBOUND: Duration = Duration::from_secs(30);
/// How often the socket is pinged, and its bindings are authorized again.
const TICK: Duration = Duration::from_secs(5);
/// After how much silence a subscriber counts as gone.
const SILENCE: Duration = Duration::from_secs(30);
/// How many notifications may wait for the socket.
const WAITING: usize = 16;

/// An input of a socket.
enum Input {
    Said(AggregatedMessage),
    Queued(Frame),
    Tick,
    Gone,
    Stopping,
}

struct Socket {
    gate: Data<Gate>,
    settings: Data<FhirSettings>,
    sockets: Data<Sockets>,
    id: Uuid,
    session: Session,
    /// The authenticated caller that opened it, if any.
    caller: Option<Caller>,
    frames: mpsc::Sender<Frame>,
    opened: Instant,
    heard: Instant,
    is_bound: bool,
}

/// Opens a socket.
pub(super) async fn open(
    gate: Data<Gate>,
    settings: Data<FhirSettings>,
    sockets: Data<Sockets>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let caller = identify(&gate, &request).ok();
    let Ok((response, session, messages)) = actix_ws::handle(&request, payload) else {
        return refuse_plainly(&Refusal::invalid("Open a WebSocket here (RFC 6455)."));
    };
    let (frames, queued) = mpsc::channel(WAITING);
    let messages =
        messages.max_frame_size(MOST_BYTES).aggregate_continuations().max_continuation_size(MOST_BYTES);
    let now = Instant::now();
    let inputs = inputs(messages, queued, Sockets::clone(&sockets));
    let socket = Socket {
        id: ids::new_uuid(gate.clock.now()),
        gate,
        settings,
        sockets,
        session,
        caller,
        frames,
        opened: now,
        heard: now,
        is_bound: false,
    };
    actix_web::rt::spawn(socket.serve(inputs));
    response
}

/// All inputs of a socket, in the order of their arrival.
fn inputs(
    messages: AggregatedMessageStream,
    queued: mpsc::Receiver<Frame>,
    sockets: Sockets,
) -> LocalBoxStream<'static, Input> {
    let said = messages.map(|message| message.map_or(Input::Gone, Input::Said));
    let said = said.chain(stream::iter([Input::Gone])).boxed_local();
    let queued: BoxStream<'static, Input> = stream::unfold(queued, |mut queued| async move {
        queued.recv().await.map(|frame| (Input::Queued(frame), queued))
    })
    .boxed();
    let ticks = stream::unfold(tokio::time::interval(TICK), |mut every| async move {
        every.tick().await;
        Some((Input::Tick, every))
    });
    let stopping = stream::once(async move {
        sockets.wait_for_stop().await;
        Input::Stopping
    });
    stream::select_all([said, queued.boxed_local(), ticks.boxed_local(), stopping.boxed_local()])
        .boxed_local()
}

/// Why a socket closes.
#[derive(Clone, Copy)]
enum End {
    /// The subscriber has gone, or cannot be served now.
    Gone,
    /// The subscriber may not use it, with the reason.
    Refused(&'static str),
    /// This process stops: the subscriber should open another socket.
    Stopping,
}

impl End {
    /// The close frame (RFC 6455 §7.4.1).
    fn reason(self) -> Option<CloseReason> {
        let (code, why) = match self {
            Self::Gone => return None,
            Self::Refused(why) => (CloseCode::Policy, why),
            Self::Stopping => (CloseCode::Away, "the server is stopping: open another socket"),
        };
        Some(CloseReason { code, description: Some(why.to_owned()) })
    }
}

impl Socket {
    async fn serve(mut self, mut inputs: LocalBoxStream<'static, Input>) {
        let end = loop {
            let done = match inputs.next().await {
                None | Some(Input::Gone) => Err(End::Gone),
                Some(Input::Stopping) => Err(End::Stopping),
                Some(Input::Queued(frame)) => self.tell(frame).await,
                Some(Input::Tick) => self.tick().await,
                Some(Input::Said(message)) => self.hear(message).await,
            };
            if let Err(end) = done {
                break end;
            }
        };
        drop(inputs);
        let (ids, process) = (self.sockets.unbind(self.id), self.sockets.process().to_owned());
        if !ids.is_empty() {
            let unbound = self.gate.store.write(move |tx| tx.unbind_deliveries(&ids, &process)).await;
            if let Err::<(), Error>(error) = unbound {
                tracing::warn!(
                    cause = error.cause(),
                    "unbinding a web socket failed; the binding will expire"
                );
            }
        }
        drop(self.session.close(end.reason()).await);
    }

    async fn tell(&mut self, frame: Frame) -> Result<(), End> {
        self.session.text(frame.text).await.or(Err(End::Gone))?;
        // The sender may have given up: then it sends again.
        let _given_up = frame.written.send(());
        Ok(())
    }

    async fn hear(&mut self, message: AggregatedMessage) -> Result<(), End> {
        self.heard = Instant::now();
        match message {
            AggregatedMessage::Text(text) => match text.trim().split_once(' ') {
                Some(("bind-with-token", token)) => self.bind(token.trim().to_owned()).await,
                Some(("bind", id)) => self.bind_classic(id.trim()).await,
                _ => Err(End::Refused("send bind-with-token, then a token")),
            },
            AggregatedMessage::Ping(bytes) => self.session.pong(&bytes).await.or(Err(End::Gone)),
            AggregatedMessage::Pong(_) => Ok(()),
            AggregatedMessage::Binary(_) => Err(End::Refused("send text, not binary")),
            AggregatedMessage::Close(_) => Err(End::Gone),
        }
    }

    async fn bind(&mut self, token: String) -> Result<(), End> {
        let (clock, renderer) =
            (self.gate.clock.clone(), FhirNotificationRenderer::new(FhirSettings::clone(&self.settings)));
        let opened = self.gate.store.write(move |tx| open_socket(tx, &*clock, &renderer, &token)).await;
        match opened {
            Ok(Some(opened)) if !opened.is_empty() => self.attach(opened).await,
            Ok(_) => Err(End::Refused("the token is not valid")),
            Err(error) => Err(fault(&error)),
        }
    }

    async fn bind_classic(&mut self, id: &str) -> Result<(), End> {
        const NOTHING: End = End::Refused("you have no such subscription");
        let (Some(caller), Ok(id)) = (self.caller.clone(), Uuid::parse_str(id)) else { return Err(NOTHING) };
        let clock = self.gate.clock.clone();
        let within = caller.clone();
        let opened =
            self.gate.write_as(caller, move |tx| open_classic_socket(tx, &*clock, &within, id)).await;
        match opened.map(|written| written.value) {
            Ok(Some(opened)) => self.attach(vec![opened]).await,
            Ok(None) => Err(NOTHING),
            Err(error) => Err(fault(&error)),
        }
    }

    /// Sends the handshakes, and from now on receives notifications.
    async fn attach(&mut self, opened: Vec<Opened>) -> Result<(), End> {
        for Opened { subscription, greeting } in &opened {
            self.session.text(greeting.as_str()).await.or(Err(End::Gone))?;
            self.sockets.bind(*subscription, self.id, self.frames.clone());
        }
        self.is_bound = true;
        let process = self.sockets.process().to_owned();
        let (now, lease) = (self.gate.clock.now(), self.settings.subscriptions.lease);
        let due = self.gate.store.write(move |tx| {
            opened.iter().try_for_each(|one| tx.bind_delivery(one.subscription, &process, now + lease, now))
        });
        due.await.map_err(|error: Error| fault(&error))
    }

    /// Pings the subscriber, and authorizes its bindings again.
    async fn tick(&mut self) -> Result<(), End> {
        if self.heard.elapsed() > SILENCE {
            return Err(End::Gone);
        }
        if !self.is_bound {
            return if self.opened.elapsed() > UNBOUND {
                Err(End::Refused("the socket was not bound in time"))
            } else {
                Ok(())
            };
        }
        let ids: Vec<String> = self.sockets.list_of(self.id).iter().map(Uuid::to_string).collect();
        let now = self.gate.clock.now();
        let live = self.gate.store.read(move |tx| {
            let mut live = false;
            for found in tx.list_subscriptions_by_id(&ids)? {
                let is_active = found.value.status == SubscriptionStatus::Active && !found.value.is_deleted;
                live |= is_active && access::check_granted(tx, &found.value.owner, now).is_ok();
            }
            Ok::<_, Error>(live)
        });
        match live.await {
            Ok(true) => self.session.ping(b"").await.or(Err(End::Gone)),
            Ok(false) => Err(End::Refused("the binding has ended")),
            Err(error) => Err(fault(&error)),
        }
    }
}

fn fault(error: &Error) -> End {
    tracing::error!(cause = error.cause(), "web socket closed after a fault");
    End::Gone
}
