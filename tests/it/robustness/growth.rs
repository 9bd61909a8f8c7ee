//! Work that grows with a body grows no faster than the body: of each API, bodies that grow in one dimension are
//! sent in one size and in twice that size.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::BASE;
use crate::fhir::bundle::{ask, bundle, give};
use crate::fhir::scopes::{issuing, system};
use crate::fhir::subscription::backport;
use crate::registry_events;
use crate::support::{Backend, Request, TestApp, bodies};
use crate::vrs::known::{LONER, PATIENTS, SON};

/// How much longer twice as much may take, and by how much the times of a busy machine differ.
const MOST: f64 = 2.6;
const NOISE: Duration = Duration::from_millis(8);

/// A body that grows in one dimension.
struct Growth {
    name: &'static str,
    /// The size that is doubled.
    size: usize,
    request: fn(usize) -> Request,
}

fn fhir(method: &str, path: &str, body: &Value) -> Request {
    let kind = if method == "PATCH" { "application/json-patch+json" } else { "application/fhir+json" };
    Request::new(method, &format!("/FHIR/R4{path}")).header("Content-Type", kind).body(body)
}

fn numbered(count: usize, item: impl Fn(usize) -> Value) -> Value {
    (0..count).map(item).collect()
}

fn form(change: impl FnOnce(&mut Value)) -> Value {
    let mut form = bodies::access_request(LONER, SON);
    change(&mut form);
    form
}

fn add(form: &mut Value, item: Value) {
    form["item"].as_array_mut().expect("items").push(item);
}

/// A binary tree of items.
fn tree(depth: usize) -> Value {
    let mut item = json!({ "linkId": "leaf" });
    for _ in 0..depth {
        item = json!({ "linkId": "node", "item": [item, item] });
    }
    item
}

fn with_contained(count: usize) -> Value {
    form(|form| {
        form["contained"] = numbered(
            count,
            |n| json!({ "resourceType": "Basic", "id": format!("c{n}"), "code": { "text": "c" } }),
        );
        add(
            form,
            json!({ "linkId": "refs", "answer": numbered(count, |n| {
            json!({ "valueReference": { "reference": format!("#c{n}") } })
        }) }),
        );
    })
}

fn named_entries(count: usize) -> Value {
    let entries: Vec<Value> = (0..count)
        .map(|n| {
            let next = format!("urn:uuid:{:08}-0000-0000-0000-000000000000", n + 1);
            let form = form(|form| {
                add(
                    form,
                    json!({ "linkId": "next", "answer": [{ "valueReference": { "reference": next } }] }),
                );
            });
            let mut entry = give("POST", "QuestionnaireResponse", &form);
            entry["fullUrl"] = format!("urn:uuid:{n:08}-0000-0000-0000-000000000000").into();
            entry
        })
        .collect();
    // The last one refers to nothing, and one that is refused: nothing is written, the order is made all the same.
    bundle("transaction", &[entries, vec![ask("DELETE", "Consent/1"), ask("DELETE", "Consent/1")]].concat())
}

fn relationships(count: usize, codings: usize) -> Value {
    let coding = |n: usize| json!({ "system": "urn:x", "code": format!("c{n}") });
    let mut related = crate::fhir::bodies::relationship(LONER, SON);
    related["relationship"] = numbered(count, |n| json!({ "coding": vec![coding(n); codings] }));
    related
}

const OF_R4: [Growth; 16] = [
    Growth {
        name: "form, tree of items",
        size: 10,
        request: |n| {
            // One level more is twice as much.
            let depth = if n == 10 { 10 } else { 11 };
            fhir("POST", "/QuestionnaireResponse", &form(|form| add(form, tree(depth))))
        },
    },
    Growth {
        name: "form, items",
        size: 4000,
        request: |n| {
            fhir(
                "POST",
                "/QuestionnaireResponse",
                &form(|form| {
                    add(
                        form,
                        json!({ "linkId": "x", "item": numbered(n, |n| json!({ "linkId": format!("q{n}") })) }),
                    );
                }),
            )
        },
    },
    Growth {
        name: "form, depth",
        size: 6,
        request: |n| {
            fhir(
                "POST",
                "/QuestionnaireResponse",
                &form(|form| {
                    let chains = (0..400).map(|_| {
                        (0..n).fold(
                            json!({ "linkId": "x" }),
                            |inner, _| json!({ "linkId": "x", "item": [inner] }),
                        )
                    });
                    add(form, json!({ "linkId": "x", "item": chains.collect::<Vec<_>>() }));
                }),
            )
        },
    },
    Growth {
        name: "form, a long text",
        size: 400_000,
        request: |n| {
            fhir(
                "POST",
                "/QuestionnaireResponse",
                &form(|form| {
                    add(
                        form,
                        json!({ "linkId": "x", "answer": [{ "valueString": "x ".repeat(n / 2) + "x" }] }),
                    );
                }),
            )
        },
    },
    Growth {
        name: "form, contained and references",
        size: 1500,
        request: |n| fhir("POST", "/QuestionnaireResponse", &with_contained(n)),
    },
    Growth {
        name: "form, references to nothing",
        size: 4000,
        request: |n| {
            fhir(
                "POST",
                "/QuestionnaireResponse",
                &form(|form| {
                    form["contained"] =
                        numbered(n, |n| json!({ "resourceType": "Basic", "id": format!("c{n}") }));
                    add(
                        form,
                        json!({ "linkId": "x", "answer": numbered(n, |_| json!({ "valueReference": { "reference": "#zz" } })) }),
                    );
                }),
            )
        },
    },
    Growth {
        name: "form, extensions",
        size: 4000,
        request: |n| {
            fhir(
                "POST",
                "/QuestionnaireResponse",
                &form(|form| {
                    form["extension"] =
                        numbered(n, |n| json!({ "url": format!("urn:x:{n}"), "valueString": "x" }));
                }),
            )
        },
    },
    Growth {
        name: "form, narrative",
        size: 10_000,
        request: |n| {
            fhir(
                "POST",
                "/QuestionnaireResponse",
                &form(|form| {
                    let div = "<p class=\"a\">&amp;</p>".repeat(n);
                    form["text"] = json!({ "status": "additional", "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{div}</div>") });
                }),
            )
        },
    },
    Growth {
        name: "relationship, codes",
        size: 2000,
        request: |n| fhir("POST", "/RelatedPerson", &relationships(n, 1)),
    },
    Growth {
        name: "relationship, codes that are not held",
        size: 1500,
        request: |n| fhir("POST", "/RelatedPerson", &relationships(n, 2)),
    },
    Growth {
        name: "subscription, extensions",
        size: 3000,
        request: |n| {
            let mut body = backport("proxy-role-changed", "id-only", &[]);
            body["extension"] = numbered(
                n,
                |n| json!({ "url": "urn:x", "extension": [{ "url": format!("{n}"), "valueString": "x" }] }),
            );
            fhir("POST", "/Subscription", &body)
        },
    },
    Growth {
        name: "transaction, entries that name each other",
        size: 120,
        request: |n| fhir("POST", "", &named_entries(n)),
    },
    Growth {
        name: "transaction, texts and names",
        size: 20_000,
        request: |n| {
            let mut entries: Vec<Value> = (0..500).map(|n| {
            json!({ "fullUrl": format!("urn:n{n}"), "resource": { "a": 1 }, "request": { "method": "POST", "url": "Consent" } })
        }).collect();
            entries.push(give("POST", "Consent", &json!({ "a": numbered(n, |_| json!("x")) })));
            fhir("POST", "", &bundle("transaction", &entries))
        },
    },
    Growth {
        name: "batch, invalid entries",
        size: 300,
        request: |n| {
            fhir(
                "POST",
                "",
                &bundle("batch", &vec![give("POST", "Consent", &json!({ "resourceType": "Consent" })); n]),
            )
        },
    },
    Growth {
        name: "$validate, unknown members",
        size: 6000,
        request: |n| {
            let members = (0..n).map(|n| (format!("x{n}"), json!("x")));
            let mut body: Value = members.collect::<serde_json::Map<_, _>>().into();
            body["resourceType"] = "Consent".into();
            fhir("POST", "/Consent/$validate", &body)
        },
    },
    Growth {
        name: "patch, a large value",
        size: 6000,
        request: |n| {
            fhir(
                "PATCH",
                "/Consent/6b71ac92-baa3-4b76-b0f5-a601257e2722",
                &json!([{ "op": "add", "path": "/note", "value": numbered(n, |_| json!({ "text": "x" })) }]),
            )
        },
    },
];

const OF_VRS: [Growth; 5] = [
    Growth {
        name: "form, items",
        size: 3000,
        request: |n| {
            vrs(
                "POST",
                "/QuestionnaireResponse",
                &form(|form| {
                    add(
                        form,
                        json!({ "linkId": "x", "item": numbered(n, |n| json!({ "linkId": format!("q{n}") })) }),
                    );
                }),
            )
        },
    },
    Growth {
        name: "form, tree of items",
        size: 9,
        request: |n| {
            let depth = if n == 9 { 9 } else { 10 };
            vrs("POST", "/QuestionnaireResponse", &form(|form| add(form, tree(depth))))
        },
    },
    Growth {
        name: "form, contained and references",
        size: 1000,
        request: |n| vrs("POST", "/QuestionnaireResponse", &with_contained(n)),
    },
    Growth {
        name: "role, extensions",
        size: 3000,
        request: |n| {
            let mut role = bodies::consent(LONER, PATIENTS[0]);
            role["extension"] = numbered(n, |n| json!({ "url": format!("urn:x:{n}"), "valueString": "x" }));
            vrs("POST", "/Consent", &role)
        },
    },
    Growth {
        name: "patch, operations",
        size: 4000,
        request: |n| {
            Request::patch(
                &format!("{BASE}/Consent/6b71ac92-baa3-4b76-b0f5-a601257e2722"),
                numbered(n, |_| json!({ "op": "add", "path": "/extension/-", "value": { "url": "urn:x" } })),
            )
        },
    },
];

const OF_INBOX: [Growth; 3] = [
    Growth {
        name: "event, members of the data",
        size: 10_000,
        request: |n| {
            let mut event = registry_events::event("something-else-1", SON, 3);
            event["data"] = numbered(n, |n| json!({ "a": n }));
            registry_events::post(&event)
        },
    },
    Growth {
        name: "event, attributes",
        size: 10_000,
        request: |n| {
            let mut event = registry_events::event(registry_events::MOVED, SON, 3);
            for at in 0..n {
                event[format!("x{at}")] = "x".into();
            }
            registry_events::post(&event)
        },
    },
    Growth {
        name: "event, a long text",
        size: 400_000,
        request: |n| {
            let mut event = registry_events::event(registry_events::MOVED, SON, 3);
            event["data"] = json!({ "generalPractitioner": "x".repeat(n) });
            registry_events::post(&event)
        },
    },
];

fn vrs(method: &str, path: &str, body: &Value) -> Request {
    Request::new(method, &format!("{BASE}{path}"))
        .with_id()
        .header("Content-Type", "application/fhir+json")
        .body(body)
}

/// The shortest of several times, and the statements of one.
async fn cost(app: &TestApp, request: &Request) -> (Duration, u64) {
    let mut best = (Duration::MAX, 0);
    for _ in 0..5 {
        let (before, began) = (app.store.statements(), Instant::now());
        let answer = app.send(request.clone()).await;
        let (took, statements) = (began.elapsed(), app.store.statements() - before);
        assert!(answer.status < 500, "{} {}", answer.status, String::from_utf8_lossy(&answer.body));
        if took < best.0 {
            best = (took, statements);
        }
    }
    best
}

async fn check(all: &[Growth]) {
    let app = TestApp::sandbox(Backend::Sqlite).await;
    for Growth { name, size, request } in all {
        let (one, two) = (request(*size), request(2 * *size));
        let mut measured = Vec::new();
        let is_linear = loop {
            let (first, second) = (cost(&app, &one).await, cost(&app, &two).await);
            measured.push((first, second));
            assert!(second.1 <= 2 * first.1 + 20, "{name}: the statements of {measured:?}");
            if second.0 <= first.0.mul_f64(MOST) + NOISE {
                break true;
            }
            // Other work on this machine may have come between.
            if measured.len() == 3 {
                break false;
            }
        };
        assert!(is_linear, "{name}: twice as much took {measured:?}");
    }
}

#[actix_web::test]
async fn work_on_bodies_of_the_r4_api_is_linear() {
    check(&OF_R4).await;
}

#[actix_web::test]
async fn work_on_bodies_of_the_vrs_api_is_linear() {
    check(&OF_VRS).await;
}

#[actix_web::test]
async fn work_on_events_of_the_registry_is_linear() {
    check(&OF_INBOX).await;
}

/// SEC-2: the entries of a transaction are authorized before its order is worked out, and before the database is asked.
#[actix_web::test]
async fn a_transaction_of_a_caller_without_the_scope_is_403_before_anything_of_it_is_done() {
    let app = issuing(Backend::Sqlite).await;
    let token = app.token(&system(), "system/Questionnaire.rs").await;
    let mut entries: Vec<Value> = (0..900)
        .map(|n| json!({ "fullUrl": format!("urn:n{n}"), "resource": { "a": 1 }, "request": { "method": "POST", "url": "Consent" } }))
        .collect();
    entries.push(give("POST", "Consent", &json!({ "a": numbered(100_000, |_| json!("x")) })));
    let (before, began) = (app.store.statements(), Instant::now());
    let answer = app.send(fhir("POST", "", &bundle("transaction", &entries)).bearer(&token)).await;
    assert_eq!(answer.status, 403, "{}", String::from_utf8_lossy(&answer.body));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    // The records of the refusal alone, of 32 entries at a time.
    let statements = app.store.statements() - before;
    assert!(statements < 300, "{statements} statements");
}

/// SEC-3: while large invalid forms are judged, other requests are answered.
#[actix_web::test]
async fn reads_and_health_are_answered_while_large_bodies_are_validated() {
    let app = TestApp::sandbox(Backend::Sqlite).await;
    let heavy = fhir(
        "POST",
        "/QuestionnaireResponse",
        &form(|form| {
            form["contained"] = numbered(8000, |n| json!({ "resourceType": "Basic", "id": format!("c{n}") }));
            add(
                form,
                json!({ "linkId": "x", "answer": numbered(12_000, |_| json!({ "valueReference": { "reference": "#zz" } })) }),
            );
        }),
    );
    let heavy = (0..6).map(|_| app.send(heavy.clone()));
    let light = async {
        let mut worst = Duration::ZERO;
        for _ in 0..40 {
            let began = Instant::now();
            let answer =
                app.send(Request::new("GET", "/FHIR/R4/Consent/6b71ac92-baa3-4b76-b0f5-a601257e2722")).await;
            assert_eq!(answer.status, 200);
            worst = worst.max(began.elapsed());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        worst
    };
    let (answers, worst) = futures_util::future::join(futures_util::future::join_all(heavy), light).await;
    assert!(answers.iter().all(|answer| matches!(answer.status, 422 | 400)));
    assert!(worst < Duration::from_secs(1), "a read waited for {worst:?}");
}

/// Domain decision 3: one hundred conditional references in a Bundle, and not one statement for more.
#[actix_web::test]
async fn a_transaction_with_more_than_a_hundred_conditional_references_is_422() {
    let app = TestApp::sandbox(Backend::Sqlite).await;
    for (count, status) in [(100, 201), (101, 422)] {
        let form = form(|form| {
            let reference = format!("Patient?identifier={}|{SON}", bodies::NHS);
            add(
                form,
                json!({ "linkId": "x", "answer": numbered(count, |_| json!({ "valueReference": { "reference": reference } })) }),
            );
        });
        let before = app.store.statements();
        let answer = app
            .send(fhir("POST", "", &bundle("transaction", &[give("POST", "QuestionnaireResponse", &form)])))
            .await;
        let statements = app.store.statements() - before;
        let body = answer.json();
        if status == 201 {
            assert_eq!(answer.status, 200, "{body}");
            assert!(statements <= 50 + 20, "{statements} statements");
        } else {
            assert_eq!((answer.status, &body["issue"][0]["code"]), (422, &json!("too-costly")), "{body}");
        }
    }
}
