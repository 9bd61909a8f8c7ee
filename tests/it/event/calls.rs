//! Delivery calls go to the public internet only.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base::clock::StoppedClock;
use base::net::resolver::Lookup;
use chrono::TimeDelta;
use delivery::channel::RestHook;
use domain::event::ChannelType;
use service::event::channel::sender::{ChannelSender as _, OutboundMessage, SendResult};
use service::event::renderer::RenderedNotification;
use service::event::settings::Subscriptions;

use super::stage::{TestDns, settings};
use crate::support::{Receiver, beginning};

async fn call(endpoint: &str, settings: Subscriptions, lookup: Arc<dyn Lookup>) -> SendResult {
    let clock = Arc::new(StoppedClock::at(beginning()));
    let channel = RestHook::new(Arc::new(settings), clock, lookup).expect("a client");
    let message = RenderedNotification { id: "1".to_owned(), content_type: None, body: Vec::new() };
    let outbound = OutboundMessage {
        subscription: uuid::Uuid::nil(),
        kind: ChannelType::RestHook,
        endpoint: endpoint.to_owned(),
        headers: Vec::new(),
        message,
        timeout: TimeDelta::seconds(2),
    };
    channel.send(&outbound).await
}

fn code(sent: &SendResult) -> (&'static str, bool) {
    let failure = sent.outcome.as_ref().expect_err("it was refused");
    (failure.code, failure.is_final)
}

// covers N-03
#[actix_web::test]
async fn a_name_or_an_address_that_is_not_public_is_never_called() {
    let listener = Receiver::willing();
    let port = listener.address.port();
    let strict = || Subscriptions { loopback: false, ..settings() };
    let to = |addresses: &'static [&'static str]| {
        let found = move |_: &str| addresses.iter().map(|one| one.parse::<IpAddr>().unwrap()).collect();
        Arc::new(TestDns(Box::new(found)))
    };
    for addresses in [
        &["127.0.0.1"][..],
        &["::1"],
        &["::ffff:127.0.0.1"],
        &["64:ff9b::7f00:1"],
        &["10.0.0.1"],
        &["169.254.169.254"],
        &["fd00::1"],
        &["0.0.0.0"],
        // One of several addresses is enough: the choice between them is not ours.
        &["93.184.215.14", "127.0.0.1"],
    ] {
        for settings in [strict(), settings()] {
            let sent = call(&format!("https://consumer.example:{port}/"), settings, to(addresses)).await;
            assert_eq!(code(&sent), ("forbidden-address", true), "{addresses:?}");
        }
    }
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:7f00:1]",
        "localhost",
    ] {
        for scheme in ["http", "https"] {
            let sent = call(&format!("{scheme}://{host}:{port}/"), strict(), to(&["93.184.215.14"])).await;
            assert_eq!(code(&sent), ("forbidden-address", true), "{scheme} {host}");
        }
    }
    for endpoint in
        ["http://consumer.example/", "ftp://consumer.example/", "https://u:p@consumer.example/", ""]
    {
        let sent = call(endpoint, settings(), to(&["93.184.215.14"])).await;
        assert_eq!(code(&sent), ("forbidden-address", true), "{endpoint}");
    }
    let narrow = Subscriptions { allowed_hosts: vec!["*.nhs.uk".to_owned()], ..settings() };
    assert_eq!(
        code(&call("https://consumer.example/", narrow, to(&["93.184.215.14"])).await).0,
        "forbidden-address"
    );
    assert_eq!(code(&call("https://consumer.example/", settings(), to(&[])).await), ("dns", false));
    assert!(listener.all().is_empty(), "no address was called");
}

// covers N-03
#[actix_web::test]
async fn dns_rebinding_to_a_private_address_is_not_called() {
    let listener = Receiver::willing();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    // Public when it is checked (without a listener: TEST-NET would be refused), private at every later
    // lookup.
    let turning = move |_: &str| {
        let address = if count.fetch_add(1, Ordering::SeqCst) == 0 { "192.88.99.1" } else { "127.0.0.1" };
        vec![address.parse().unwrap()]
    };
    let lookup: Arc<dyn Lookup> = Arc::new(TestDns(Box::new(turning)));
    let endpoint = format!("https://consumer.example:{}/", listener.address.port());
    let first = call(&endpoint, settings(), lookup.clone()).await;
    assert!(["timeout", "connect"].contains(&code(&first).0), "{first:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 1, "the name is resolved once for a call");
    assert_eq!(code(&call(&endpoint, settings(), lookup).await), ("forbidden-address", true));
    assert!(listener.all().is_empty());
}
