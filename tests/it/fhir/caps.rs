//! Every list of parameters has a limit: at it the request is carried out, above it it is refused with the name of the list
//! and its limit.

use rstest::rstest;
use serde_json::{Value, json};

use super::search::{JANE, bundle};
use crate::fhir::subscription::{backport, classic, id_of};
use crate::support::{Backend, Request, Response, TestApp};

/// A search of a subscription, by the length of a list.
type Criteria = Box<dyn Fn(usize) -> String>;

/// A list, the request that gives it so many values, and its limit.
struct Case {
    name: &'static str,
    most: usize,
    asked: Box<dyn Fn(usize) -> Request>,
}

fn form(path: &str, body: &str) -> Request {
    Request::new("POST", &format!("/FHIR/R4/{path}/_search"))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(body)
}

fn read(path: &str) -> Request {
    Request::new("GET", &format!("/FHIR/R4/{path}"))
}

fn several(many: usize, one: impl Fn(usize) -> String, between: &str) -> String {
    (0..many).map(one).collect::<Vec<String>>().join(between)
}

/// Different references: each kind of resource has a few, alone and iterating.
fn include(at: usize) -> String {
    const VALUES: [&str; 12] = [
        "_include=Consent:patient",
        "_include=Consent:performer",
        "_include=Consent:actor",
        "_include=Consent:*",
        "_include=RelatedPerson:patient",
        "_include=*",
        "_revinclude=Consent:patient",
        "_revinclude=Consent:performer",
        "_revinclude=RelatedPerson:patient",
        "_revinclude=Provenance:target",
        "_revinclude=AuditEvent:entity",
        "_revinclude=QuestionnaireResponse:subject",
    ];
    let value = VALUES[at % VALUES.len()];
    if at < VALUES.len() { value.to_owned() } else { value.replacen('=', ":iterate=", 1) }
}

fn cases(subscription: &str) -> Vec<Case> {
    fn case(name: &'static str, most: usize, asked: impl Fn(usize) -> Request + 'static) -> Case {
        Case { name, most, asked: Box::new(asked) }
    }
    let inputs = format!("Subscription/$status?id={subscription}");
    vec![
        case("The parameters of a request", 1000, |n| {
            form("Consent", &vec!["_include=Consent:patient"; n].join("&"))
        }),
        case("The search parameters of a request", 50, |n| {
            form("Consent", &vec!["status=active"; n].join("&"))
        }),
        case("The search parameters of a request", 50, |n| {
            read(&format!("AuditEvent?{}", vec!["patient=9000000009"; n].join("&")))
        }),
        case("Chained parameters and _has", 10, |n| {
            form("Consent", &several(n, |at| format!("patient.name=a{at}"), "&"))
        }),
        case("Chained parameters and _has", 10, |n| {
            form("Patient", &vec!["_has:Consent:patient:status=active"; n].join("&"))
        }),
        case("The alternatives of a search parameter", 200, |n| {
            form("Consent", &format!("_id={}", several(n, |at| format!("i{at}"), ",")))
        }),
        case("The alternatives of a search parameter", 200, |n| {
            form("Consent", &format!("patient.name={}", several(n, |at| format!("n{at}"), ",")))
        }),
        case("The alternatives of all search parameters", 1000, |n| {
            let whole = several(n / 200, |_| format!("_id={}", vec!["a"; 200].join(",")), "&");
            let rest = vec!["a"; n % 200].join(",");
            form("Consent", &if rest.is_empty() { whole } else { format!("{whole}&_id={rest}") })
        }),
        case("_include and _revinclude", 20, |n| form("Consent", &several(n, include, "&"))),
        case("_sort", 3, |n| read(&format!("Consent?_sort={}", vec!["_lastUpdated"; n].join(",")))),
        case("_elements", 100, |n| {
            read(&format!("Consent?_elements={}", several(n, |at| format!("e{at}"), ",")))
        }),
        case("_type", 50, |n| read(&format!("?_type={}", vec!["Consent"; n].join(",")))),
        case("_type", 50, |n| {
            read(&format!("Patient/{JANE}/$everything?_type={}", vec!["Consent"; n].join(",")))
        }),
        case("start, end and _since", 10, |n| {
            read(&format!("Patient/{JANE}/$everything?{}", vec!["start=2020"; n].join("&")))
        }),
        case("start, end and _since", 10, |n| {
            let since = vec![json!({ "name": "_since", "valueInstant": "2020-01-01T00:00:00Z" }); n];
            Request::new("POST", &format!("/FHIR/R4/Patient/{JANE}/$everything"))
                .header("Content-Type", "application/fhir+json")
                .body(json!({ "resourceType": "Parameters", "parameter": since }))
        }),
        case("An input of the operation", 200, move |n| read(&format!("{inputs}{}", ",x".repeat(n - 1)))),
        case("An input of the operation", 200, |n| {
            read(&format!("Subscription/$status?status={}", vec!["active"; n].join(",")))
        }),
    ]
}

fn outcome_of(answer: &Response) -> Value {
    answer.json()["issue"][0].clone()
}

#[rstest]
#[actix_web::test]
async fn list_at_its_cap_is_200_and_above_it_400_with_its_name_and_cap(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let created = crate::fhir::client::post("/Subscription", &backport("proxy-role", "id-only", &[]));
    let subscription = id_of(&crate::fhir::client::send_well(&app, created, 201).await);
    for Case { name, most, asked } in cases(&subscription) {
        let before = app.store.statements();
        let answer = app.send(asked(most)).await;
        let shown = String::from_utf8_lossy(&answer.body).chars().take(600).collect::<String>();
        assert_eq!(answer.status, 200, "{name}: {shown}");
        let statements = app.store.statements() - before;
        assert!(statements <= 80, "{name}: {statements} statements");

        let answer = app.send(asked(most + 1)).await;
        let expected = format!("{name}: at most {most}. Given: {}.", most + 1);
        assert_eq!(
            (answer.status, outcome_of(&answer)["diagnostics"].clone()),
            (400, expected.into()),
            "{name}"
        );
        assert_eq!(outcome_of(&answer)["code"], "too-costly");
    }
}

#[rstest]
#[actix_web::test]
async fn links_of_a_chain_and_parameters_of_a_history_are_limited(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let has =
        |links: usize| format!("Patient?{}status=active", "_has:Consent:patient:patient.".repeat(links));
    let answer = app.send(read(&has(2).replace("patient.status", "status"))).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    let answer = app.send(read(&has(6).replace("patient.status", "status"))).await;
    assert_eq!((answer.status, outcome_of(&answer)["code"].clone()), (400, "too-costly".into()));
    let path = |n: usize| format!("Consent/_history?{}", several(n, |at| format!("x{at}=1"), "&"));
    assert_eq!(app.send(read(&path(1000))).await.status, 200);
    assert_eq!(app.send(read(&path(1001))).await.status, 400);
}

/// Equal includes are one, and cost as much.
#[rstest]
#[actix_web::test]
async fn equal_includes_cost_no_more_statements_than_one(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    // The first access of a process makes a file for its journal.
    assert_eq!(app.send(form("Consent", "_count=1")).await.status, 200);
    let mut costs = Vec::new();
    for many in [1, 800] {
        let body = vec!["_revinclude:iterate=Provenance:*"; many].join("&");
        let before = app.store.statements();
        let answer = app.send(form("Consent", &body)).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        costs.push(app.store.statements() - before);
    }
    assert_eq!(costs[0], costs[1]);
    let link = bundle(&app, "Consent?_include=Consent:patient&_include=Consent:patient").await;
    let link = link["link"][0]["url"].as_str().expect("a self link").to_owned();
    assert_eq!(link.matches("_include").count(), 1, "{link}");
}

/// What a request may send is counted over all entries of its Bundle.
#[rstest]
#[actix_web::test]
async fn request_of_more_statements_than_it_may_send_is_422_too_costly(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let iterating = several(
        20,
        |at| include(at).replacen('=', ":iterate=", 1).replace(":iterate:iterate", ":iterate"),
        "&",
    );
    let heavy = format!("?_total=accurate&{iterating}");
    let entry = json!({ "request": { "method": "GET", "url": heavy } });
    let batch = json!({ "resourceType": "Bundle", "type": "batch", "entry": vec![entry; 6] });
    let request = Request::new("POST", "/FHIR/R4").header("Content-Type", "application/fhir+json");
    let before = app.store.statements();
    let answer = app.send(request.body(&batch)).await;
    assert_eq!(answer.status, 200);
    let answers = answer.json();
    let all = answers["entry"].as_array().expect("entries");
    let refused: Vec<&Value> =
        all.iter().filter(|one| one["response"]["status"] == "422 Unprocessable Entity").collect();
    assert!(!refused.is_empty(), "{answers}");
    for one in refused {
        assert_eq!(one["response"]["outcome"]["issue"][0]["code"], "too-costly", "{one}");
    }
    let statements = app.store.statements() - before;
    // 50 + 6 × 20, and what begins and ends each, and writes it down.
    assert!(statements <= 50 + 6 * 20 + 6 * 12 + 10, "{statements}");
}

#[rstest]
#[actix_web::test]
async fn criteria_of_a_subscription_have_limits_of_their_own(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let create = async |criteria: String| {
        let answer = crate::fhir::client::send(
            &app,
            crate::fhir::client::post("/Subscription", &classic(&criteria, None)),
        );
        answer.await
    };
    let cases: [(usize, &str, Criteria); 4] = [
        (
            10,
            "The search parameters of a subscription's criteria",
            Box::new(|n| vec!["status=active"; n].join("&")),
        ),
        (
            3,
            "Chained parameters and _has of a subscription's criteria",
            Box::new(|n| vec!["patient.name:contains=a"; n].join("&")),
        ),
        (
            10,
            "The alternatives of a search parameter of a subscription's criteria",
            Box::new(|n| format!("_id={}", vec!["a"; n].join(","))),
        ),
        (
            10,
            "The alternatives of a search parameter of a subscription's criteria",
            Box::new(|n| format!("patient.name={}", vec!["a"; n].join(","))),
        ),
    ];
    for (most, name, query) in cases {
        let at_cap = create(format!("Consent?{}", query(most))).await;
        assert_eq!(at_cap.status, 201, "{name}: {}", at_cap.json());
        let above = create(format!("Consent?{}", query(most + 1))).await;
        let expected = format!("{name}: at most {most}. Given: {}.", most + 1);
        assert_eq!((above.status, outcome_of(&above)["diagnostics"].clone()), (422, expected.into()));
        assert_eq!(outcome_of(&above)["expression"], json!(["Subscription.criteria"]));
    }
}
