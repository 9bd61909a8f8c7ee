//! A service that delivers, with a minimal API: the additions of the R4 API are tested with that API.

use std::collections::HashSet;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base::error::Error;
use base::net::resolver::{Lookup, SystemLookup};
use chrono::{DateTime, TimeDelta, Utc};
use config::Sources;
use delivery::channel::{Brokers, Channels, RestHook};
use delivery::worker::{Worker, WorkerParts};
use domain::account::{Caller, Principal};
use domain::audit::Subject;
use domain::event::{
    Channel, ChannelType, Delivery, Event, Notice, Notification, Payload, PayloadContent, Style,
    Subscription, SubscriptionDraft, SubscriptionStatus, Topic,
};
use domain::person::{NhsNumber, NumberCheck};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use service::authority::Authority;
use service::event::channel::sockets::Sockets;
use service::event::create_subscription;
use service::event::numbering::assign_event_numbers;
use service::event::numbering::authorization::EventAuthorizations;
use service::event::renderer::{NotificationRenderer, RenderedNotification};
use service::event::settings::Subscriptions;
use store::{AttemptRecord, Store, Tx};
use uuid::Uuid;

use crate::fhir::subscription::TOPIC;
use crate::support::poll::poll;
use crate::support::{Backend, Options, Receiver, TestApp, bodies};
use crate::vrs::known::{CHILD, MOTHER, MOTHERS_ROLE};

/// An API with scripted answers.
#[derive(Default)]
pub struct Plain {
    /// Subscriptions for which it fails, and panics.
    pub failing: Mutex<HashSet<Uuid>>,
    pub panicking: Mutex<HashSet<Uuid>>,
    /// Those for which it must be called.
    pub asked: Mutex<HashSet<Uuid>>,
}

impl Plain {
    fn check(&self, id: Uuid) -> Result<(), Error> {
        assert!(!self.panicking.lock().expect("a lock").contains(&id), "a front that panics");
        if self.failing.lock().expect("a lock").contains(&id) {
            return Err(Error::fault("a front that fails"));
        }
        Ok(())
    }
}

impl NotificationRenderer for Plain {
    fn authorize_events(
        &self,
        _: &mut Tx<'_>,
        subscription: &Subscription,
        events: &[Event],
    ) -> Result<Vec<bool>, Error> {
        self.check(subscription.id)?;
        Ok(vec![true; events.len()])
    }

    fn authorization_key(&self, subscription: &Subscription) -> Option<String> {
        let needs_authorization = self.asked.lock().expect("a lock").contains(&subscription.id);
        needs_authorization.then(|| subscription.id.to_string())
    }

    fn masks_reasons(&self) -> bool {
        true
    }

    fn render(
        &self,
        _: &mut Tx<'_>,
        subscription: &Subscription,
        notification: &Notification,
    ) -> Result<RenderedNotification, Error> {
        self.check(subscription.id)?;
        let events = match &notification.notice {
            Notice::Events(events) => events.as_slice(),
            Notice::Handshake | Notice::Heartbeat => &[],
        };
        let event = |one: &domain::event::Numbered| json!({ "number": one.number, "id": one.event.id });
        let body = json!({
            "subscription": subscription.id,
            "type": notification.notice.kind(),
            "status": notification.status.as_str(),
            "since": notification.events_since_start,
            "events": events.iter().map(event).collect::<Vec<_>>(),
        });
        let content_type = subscription.channel.payload.map(domain::event::Payload::as_str);
        Ok(RenderedNotification {
            id: notification.id.clone(),
            content_type,
            body: body.to_string().into_bytes(),
        })
    }
}

/// A scripted resolver.
pub struct TestDns(pub Find);

/// Resolves a name.
type Find = Box<dyn Fn(&str) -> Vec<IpAddr> + Send + Sync>;

impl Lookup for TestDns {
    fn look_up(&self, host: String) -> BoxFuture<'_, io::Result<Vec<IpAddr>>> {
        let found = (self.0)(&host);
        async move { Ok(found) }.boxed()
    }
}

/// The service.
pub struct Stage {
    // It stops before its database is dropped.
    worker: Option<Worker>,
    pub app: TestApp,
    pub renderer: Arc<Plain>,
    pub settings: Arc<Subscriptions>,
    /// Workers started from now on know these apps; with `None` there are none.
    pub authority: Option<Arc<Authority>>,
}

/// The settings of the sandbox.
pub fn settings() -> Subscriptions {
    Sources { sandbox: true, ..Sources::default() }.load().expect("the settings are right").subscriptions
}

impl Stage {
    /// With the settings of the sandbox.
    pub async fn start(backend: Backend) -> Self {
        Self::with(backend, settings()).await
    }

    pub async fn with(backend: Backend, settings: Subscriptions) -> Self {
        let mut stage = Self::idle(backend, settings).await;
        stage.go_on();
        stage
    }

    /// With the R4 API.
    pub async fn real(backend: Backend, settings: Subscriptions) -> Self {
        let mut stage = Self::idle(backend, settings).await;
        let renderer = Arc::new(stage.app.renderer.clone());
        stage.worker = Some(stage.work_with(renderer, stage.app.store.clone(), Arc::new(SystemLookup)));
        stage
    }

    /// Starts delivery, as a new process does.
    pub fn go_on(&mut self) {
        self.worker = Some(self.work(self.app.store.clone(), Arc::new(SystemLookup)));
    }

    /// Without delivery.
    pub async fn idle(backend: Backend, settings: Subscriptions) -> Self {
        let options = Options { subscriptions: settings.clone(), ..Options::default() };
        let app = TestApp::start(backend, options).await;
        let renderer: Arc<Plain> = Arc::default();
        // The events of the sandbox data are delivered to no subscription.
        let stage = Self { app, renderer, settings: Arc::new(settings), worker: None, authority: None };
        stage.assign_event_numbers();
        stage
    }

    /// Another process that delivers: commits of the first do not wake it.
    pub fn another(&self) -> Worker {
        self.work(self.app.open_again(), Arc::new(SystemLookup))
    }

    /// Starts delivery with this resolver.
    fn work(&self, store: Store, lookup: Arc<dyn Lookup>) -> Worker {
        self.work_with(self.renderer.clone(), store, lookup)
    }

    fn work_with(
        &self,
        renderer: Arc<dyn NotificationRenderer>,
        store: Store,
        lookup: Arc<dyn Lookup>,
    ) -> Worker {
        // A second worker is a process of its own, without WebSockets.
        let sockets = if self.worker.is_none() {
            self.app.sockets.clone()
        } else {
            Sockets::new(&Uuid::new_v4().to_string())
        };
        let clock = self.app.clock.clone();
        let rest_hook = RestHook::new(self.settings.clone(), clock.clone(), lookup).expect("a client");
        Worker::start(WorkerParts {
            store,
            clock,
            settings: self.settings.clone(),
            vault: self.app.vault.clone(),
            renderer,
            sender: Arc::new(Channels {
                rest_hook,
                brokers: Brokers::new(self.settings.allowed_brokers.clone()),
                sockets: sockets.clone(),
            }),
            authority: self.authority.clone(),
            metrics: self.app.metrics.clone(),
            process: sockets.process().to_owned(),
        })
        .expect("the worker starts")
    }

    /// Stops delivery, as a stopping process does.
    pub fn stop(&mut self) {
        self.worker.take().expect("a worker runs").stop(Duration::from_secs(5));
    }

    /// Creates a subscription, as a system that receives the events of all people.
    pub fn subscribe(&self, draft: SubscriptionDraft) -> Uuid {
        self.subscribe_as(&Caller::direct(Principal::System { name: "test".to_owned() }), draft)
    }

    pub fn subscribe_as(&self, caller: &Caller, draft: SubscriptionDraft) -> Uuid {
        let (clock, vault) = (self.app.clock.clone(), self.app.vault.clone());
        let created = self.app.store.write_here(|tx| {
            create_subscription(tx, &*clock, &vault, caller, Uuid::now_v7(), draft, 1000).map_err(to_error)
        });
        created.expect("the subscription is kept").value.id
    }

    /// Publishes so many events about a mother and her child.
    pub fn publish(&self, count: i64) {
        let now = self.app.now();
        self.app.store.write_here(|tx| publish(tx, count, now)).expect("the events are written");
    }

    /// Numbers the published events.
    pub fn assign_event_numbers(&self) {
        let (clock, renderer) = (&self.app.clock, &self.renderer);
        self.app
            .store
            .write_here(|tx| assign_event_numbers(tx, &**clock, &**renderer, &EventAuthorizations::default()))
            .expect("the events are numbered");
    }

    /// Changes a role so often: it is ended, and re-activated.
    pub async fn change(&self, times: usize) {
        let path = format!("/Consent/{MOTHERS_ROLE}");
        for _ in 0..times {
            let role = self.app.get(&path).await.json();
            let is_active = role["entry"][0]["resource"]["status"] == "active";
            let (status, reason) = if is_active {
                ("inactive", "ROLE_DEACTIVATED_SAFEGUARDING")
            } else {
                ("active", "ROLE_REACTIVATED")
            };
            let change = bodies::move_to(status, &[bodies::reason(reason), bodies::grantor("A20047")]);
            let answer = self.app.patch(&path, change).await;
            assert_eq!(answer.status, 200, "{}", answer.json());
        }
    }

    pub fn find(&self, id: Uuid) -> (Subscription, Delivery) {
        let found: Result<_, Error> = self.app.store.read_here(|tx| {
            let subscription = tx.find_subscription(id)?.expect("it is there").value;
            Ok((subscription, tx.find_delivery(id)?.expect("it is there")))
        });
        found.expect("the database answers")
    }

    pub fn attempts(&self, id: Uuid) -> Vec<AttemptRecord> {
        let mut attempts: Vec<AttemptRecord> =
            self.app.store.read_here::<_, Error, _>(|tx| tx.list_attempts(id, 1000)).expect("an answer");
        attempts.reverse();
        attempts
    }

    #[track_caller]
    pub fn wait_for_status(&self, id: Uuid, status: SubscriptionStatus) -> Subscription {
        poll(status.as_str(), || Some(self.find(id).0).filter(|found| found.status == status))
    }

    #[track_caller]
    pub fn wait_for_failures(&self, id: Uuid, failures: i64) -> Delivery {
        poll("failures", || Some(self.find(id).1).filter(|delivery| delivery.failures >= failures))
    }

    #[track_caller]
    pub fn wait_for_sent(&self, id: Uuid, number: i64) -> Delivery {
        poll("events to be taken", || Some(self.find(id).1).filter(|delivery| delivery.sent_number >= number))
    }

    pub fn advance(&self, seconds: i64) {
        self.app.clock.advance(TimeDelta::seconds(seconds));
    }
}

/// Publishes so many events about a mother and her child.
pub fn publish(tx: &mut Tx<'_>, count: i64, now: DateTime<Utc>) -> Result<(), Error> {
    let number = |text| NhsNumber::parse(text, NumberCheck::Length).expect("a number");
    for version in 1..=count {
        let reference = format!("Consent/{}", Uuid::nil());
        let subject = Subject { reference, version, patient: number(CHILD), proxy: number(MOTHER) };
        tx.publish(Topic::RoleChanged, &subject, now)?;
    }
    Ok(())
}

pub fn to_error(error: service::event::SubscribeError) -> Error {
    Error::fault(error)
}

/// A subscription to changes of roles at this consumer.
pub fn draft(receiver: &Receiver) -> SubscriptionDraft {
    draft_to(&receiver.url("/notify"))
}

pub fn draft_to(endpoint: &str) -> SubscriptionDraft {
    SubscriptionDraft {
        style: Style::Backport,
        topics: vec![Topic::RoleChanged, Topic::RoleCreated],
        criteria: format!("{TOPIC}/proxy-role-changed"),
        filters: Vec::new(),
        channel: Channel {
            kind: ChannelType::RestHook,
            endpoint: Some(endpoint.to_owned()),
            payload: Some(Payload::FhirJson),
            content: PayloadContent::IdOnly,
            heartbeat: None,
            timeout: None,
            max_count: None,
        },
        headers: vec!["X-Own: of the subscriber".to_owned()],
        end: None,
        document: "{}".to_owned(),
        asked: SubscriptionStatus::Requested,
    }
}

/// A parameter of a notification's status; null where it is missing.
pub fn parameter<'v>(bundle: &'v Value, name: &str) -> &'v Value {
    let all = bundle["entry"][0]["resource"]["parameter"].as_array().expect("parameters");
    all.iter().find(|parameter| parameter["name"] == name).unwrap_or(&Value::Null)
}

/// The numbers of the events in what a consumer was sent, in order.
pub fn numbers(received: &[crate::support::ReceivedRequest]) -> Vec<i64> {
    let events = received.iter().flat_map(|one| one.json()["events"].as_array().cloned().unwrap_or_default());
    events.map(|event| event["number"].as_i64().expect("a number")).collect()
}
