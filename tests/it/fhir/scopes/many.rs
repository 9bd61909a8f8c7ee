//! The most constrained scopes that a token may have: no request with them is a 5xx.

use rstest::rstest;

use super::{citizen, issuing, system};
use crate::fhir::client::{get, request, send};
use crate::support::Backend;
use crate::vrs::known::{ACTIVE, MOTHER};

fn several(many: usize, one: impl Fn(usize) -> String, between: &str) -> String {
    (0..many).map(one).collect::<Vec<String>>().join(between)
}

/// Fifty scopes, each as wide as its form allows.
fn scopes(context: &str, constraint: impl Fn(usize) -> String) -> String {
    several(50, |at| format!("{context}/*.rs?{}", constraint(at)), " ")
}

/// A small generator, so that a failure can be run again.
struct Draw(u64);

impl Draw {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("it fits") % most
    }
}

/// A search of so many alternatives and chains.
fn query(draw: &mut Draw) -> String {
    let many = [1, 5, 190][draw.below(3)];
    let values = |permission: &str| several(many, |at| format!("{permission}{at}"), ",");
    let all = [
        format!("patient.name={}", values("a")),
        format!("patient.identifier={}", values("9")),
        format!("patient._has:Consent:patient:status={}", vec!["active"; many].join(",")),
        format!("_id={ACTIVE},{}", values("i")),
        format!("patient._has:RelatedPerson:patient:_id={}", values("r")),
        format!("patient.family:contains={}", values("b")),
        format!("_has:Provenance:target:_id={}", values("p")),
    ];
    let several: Vec<&str> = (0..=draw.below(5)).map(|_| all[draw.below(all.len())].as_str()).collect();
    several.join("&")
}

#[rstest]
#[actix_web::test]
async fn search_with_fifty_constrained_scopes_is_answered_or_too_costly(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let tokens = [
        app.token(&system(), &scopes("system", |at| format!("_id=a{at}"))).await,
        app.token(
            &system(),
            &scopes("system", |at| format!("_id={}", several(20, |n| format!("a{at}.{n}"), ","))),
        )
        .await,
        app.token(&system(), &scopes("system", |at| format!("_lastUpdated=ge20{}&_id=a{at}", 10 + at % 80)))
            .await,
        app.token(&citizen(MOTHER), &scopes("user", |at| format!("_lastUpdated=ge19{}", 50 + at))).await,
    ];
    let mut draw = Draw(7);
    let mut answered = 0;
    for round in 0..24 {
        let query = query(&mut draw);
        for token in &tokens {
            let search = request("POST", "/Consent/_search")
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body(&query)
                .bearer(token);
            let answer = send(&app, search).await;
            assert!(matches!(answer.status, 200 | 400 | 422), "{round}: {} {}", answer.status, answer.json());
            if answer.status == 200 {
                answered += 1;
            } else {
                assert_eq!(answer.json()["issue"][0]["code"], "too-costly", "{}", answer.json());
            }
        }
    }
    assert!(answered > 48, "{answered}");
    for token in &tokens {
        for path in [
            "/Consent",
            "/Consent/_history",
            "/Patient",
            "/AuditEvent",
            "/Subscription",
            &format!("/Consent/{ACTIVE}"),
        ] {
            let status = send(&app, get(path).bearer(token)).await.status;
            assert!(matches!(status, 200 | 404 | 422), "{path}: {status}");
        }
    }
}

/// A token from before the limit: as many as fit into the head of a request.
#[rstest]
#[actix_web::test]
async fn token_with_too_many_scopes_is_never_500(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = issuing(backend).await;
    let scope = several(200, |at| format!("system/*.rs?_id=a{at}"), " ");
    let token = app.token(&system(), &scope).await;
    let scope = several(150, |at| format!("system/*.rs?_lastUpdated=ge2020&_id=a{at}"), " ");
    let other = app.token(&system(), &scope).await;
    for token in [&token, &other] {
        for path in ["/Consent", "/Consent?patient.name=a", "/Patient?_has:Consent:patient:status=active"] {
            let answer = send(&app, get(path).bearer(token)).await;
            assert!(matches!(answer.status, 200 | 422), "{path}: {} {}", answer.status, answer.json());
        }
    }
}
