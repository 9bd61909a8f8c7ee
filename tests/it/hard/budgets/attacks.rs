//! Several clients that send the most expensive requests at once, for as long as the attack lasts.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::bodies;
use super::callers::BudgetTarget;
use super::{compare, honest, measured, scale};
use crate::hard::service::memory_within;
use crate::support::Request;

/// How long an attack lasts.
fn lasts() -> Duration {
    Duration::from_secs(u64::try_from(scale(2, 15)).expect("seconds"))
}

/// Attacks from one client, which an honest one hardly notices; then from more clients than there are cores,
/// which share the cores with it.
fn attack(name: &str, target: &BudgetTarget, clients: usize, requests: &[Request]) {
    attack_from(name, target, 1, requests);
    attack_from(name, target, clients, requests);
}

/// Sends these in turn from several connections while an honest client asks, and compares what that client sees.
fn attack_from(name: &str, target: &BudgetTarget, clients: usize, requests: &[Request]) {
    let name = &format!("{name}, from {clients}");
    let without = honest(&target.service, lasts());
    let before = target.service.memory().0;
    let ends = Instant::now() + lasts();
    let (under, sent) = thread::scope(|scope| {
        let attackers: Vec<_> = (0..clients)
            .map(|first| {
                scope.spawn(move || {
                    let mut sent = 0_usize;
                    for request in requests.iter().cycle().skip(first) {
                        if Instant::now() >= ends {
                            break;
                        }
                        let status = target.service.ask(request).map_or(0, |answer| answer.status);
                        assert!(status < 500 || status == 503, "{name}: {status}");
                        sent += 1;
                    }
                    sent
                })
            })
            .collect();
        let under = honest(&target.service, lasts());
        let sent: usize = attackers.into_iter().map(|attacker| attacker.join().expect("an attacker")).sum();
        (under, sent)
    });
    measured(&format!("{name}: requests"), sent);
    measured(&format!("{name}: memory"), memory_within(400, before, target.service.memory().1));
    measured(&format!("{name}: honest client"), compare(&without, &under, clients == 1));
}

/// SEC-1, SEC-2, SEC-3: bodies whose comparison, ordering or validation was more than linear.
#[test]
fn bodies_of_each_kind_at_once_delay_others_little() {
    let target = BudgetTarget::start(2);
    let citizen = target.token("citizen");
    let requests: Vec<Request> = bodies::all(scale(60_000, 1_000_000))
        .into_iter()
        .map(|costly| costly.request.bearer(citizen))
        .collect();
    attack("expensive bodies of a citizen", &target, scale(3, 6), &requests);
    let reader = target.token("system without write");
    let requests: Vec<Request> = bodies::all(scale(60_000, 1_000_000))
        .into_iter()
        .filter(|costly| costly.what.starts_with("transaction"))
        .map(|costly| costly.request.bearer(reader))
        .collect();
    attack("transactions of a caller who may write nothing", &target, scale(3, 6), &requests);
}

/// SEC-7, SEC-11, SEC-17: queries that name everything many times.
#[test]
fn searches_that_name_everything_many_times_delay_others_little() {
    let target = BudgetTarget::start(2);
    let staff = target.token("staff");
    let names = vec!["a"; 190].join(",");
    let include = "_revinclude:iterate=AuditEvent:*&_include=*&".repeat(400);
    let sort = vec!["_lastUpdated"; 400].join(",");
    let chain = format!("patient.name:contains={names}&").repeat(5);
    let form = |body: String| {
        Request::new("POST", "/FHIR/R4/Consent/_search")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .bearer(staff)
            .body(body)
    };
    let requests = [
        form(include),
        form(format!("_sort={sort}")),
        form(chain),
        form(format!("_id={}", vec!["x"; 20_000].join(","))),
        form("_has:AuditEvent:entity:agent=x&".repeat(200)),
        form(format!("_elements={}", vec!["status"; 20_000].join(","))),
    ];
    attack("expensive searches", &target, scale(3, 8), &requests);
}

/// SEC-7: the criteria of many subscriptions are compared with each event.
#[test]
fn events_of_many_heavy_subscriptions_delay_others_little() {
    let target = BudgetTarget::start(2);
    let citizen = target.token("citizen");
    let subscription = |number: usize| {
        let names = ["a"; 10].join(",");
        let criteria = format!("Consent?patient.name:contains={names}&patient.family=x{number}");
        json!({
            "resourceType": "Subscription", "status": "requested", "reason": "test", "criteria": criteria,
            "channel": { "type": "rest-hook", "endpoint": "https://subscriber.example/hook", "payload": "application/fhir+json" },
        })
    };
    let mut made = 0;
    for number in 0..200 {
        let request = Request::post("/FHIR/R4/Subscription", subscription(number)).bearer(citizen);
        made += usize::from(target.service.ask(&request).is_some_and(|answer| answer.status == 201));
    }
    assert!((1..=20).contains(&made), "a citizen has {made} subscriptions");
    let form = Request::post(
        "/FHIR/R4/QuestionnaireResponse",
        include_str!("../../../../examples/access-request.json"),
    );
    attack("events for heavy subscriptions", &target, scale(2, 4), &[form.bearer(citizen)]);
}

/// SEC-6: requests whose lines end with LF alone, without waiting for answers.
#[test]
fn requests_with_bare_line_feeds_take_no_memory_and_delay_others_little() {
    let target = BudgetTarget::start(2);
    let without = honest(&target.service, lasts());
    let before = target.service.memory().0;
    let pipelined = "GET /FHIR/R4/metadata HTTP/1.1\nHost:x\n\n".repeat(1500);
    let mut hostile: Vec<TcpStream> = Vec::new();
    for _ in 0..scale(40, 1000) {
        let mut one = TcpStream::connect(target.service.address).expect("the server listens");
        one.set_write_timeout(Some(Duration::from_millis(200))).expect("a socket");
        let _refused_early = one.write_all(pipelined.as_bytes());
        hostile.push(one);
    }
    let under = honest(&target.service, lasts());
    let mut answered = 0;
    for one in &mut hostile {
        one.set_read_timeout(Some(Duration::from_secs(2))).expect("a socket");
        let mut heard = Vec::new();
        let _reset = one.read_to_end(&mut heard);
        answered += usize::from(String::from_utf8_lossy(&heard).contains("HTTP/1.1 200"));
    }
    assert_eq!(answered, 0, "a request with bare line feeds was answered");
    measured("bare line feeds: memory", memory_within(60, before, target.service.memory().1));
    measured("bare line feeds: honest client", compare(&without, &under, true));
}

/// SEC-15, SEC-16, SEC-10: unauthenticated requests take no memory budget from others, and leave no rows.
#[test]
fn unauthenticated_half_bodies_do_not_exhaust_the_body_budget() {
    let target = BudgetTarget::start(2);
    let without = honest(&target.service, lasts());
    let mut half = Vec::new();
    for number in 0..900 {
        let path =
            ["/oauth/token", "/oauth/par", "/oauth/introspect", "/oauth/register", "/events", "/FHIR/R4/"]
                [number % 6];
        let mut one = TcpStream::connect(target.service.address).expect("the server listens");
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 65000\r\n\r\n"
        );
        let _refused_early = one.write_all(format!("{head}{}", "x".repeat(17_000)).as_bytes());
        half.push(one);
    }
    let under = honest(&target.service, lasts());
    measured("half bodies: honest client", compare(&without, &under, true));
    // A large body of an honest client is accepted meanwhile.
    let padding = "x".repeat(20_000);
    let bundle = json!({ "resourceType": "Bundle", "type": "batch", "entry": [{
        "request": { "method": "GET", "url": "Questionnaire?_count=1" }, "fullUrl": format!("urn:x:{padding}"),
    }] });
    let began = Instant::now();
    let answer = target.service.ask(&Request::post("/FHIR/R4/", bundle).bearer(target.token("system")));
    let took = began.elapsed();
    assert!(answer.is_some_and(|answer| answer.status == 200));
    assert!(took < Duration::from_secs(1), "{took:?}");
    measured("half bodies: a body of 20 KB", format!("answered after {} ms", took.as_millis()));
}
