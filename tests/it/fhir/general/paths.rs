//! Paths with percent-encodings (RFC 3986, section 6.2.2.2): the same request as without.

use api_fhir::{BASE_PATH, every_route};
use rstest::rstest;
use serde_json::{Value, json};

use crate::fhir::bodies::{relationship, role};
use crate::fhir::bundle::{ask, bundle, give, statuses};
use crate::fhir::client::{get, post, request, send, send_well};
use crate::support::{Backend, Request, TestApp};
use crate::vrs::known::{CHILD, LONER, MOTHERS_ROLE, PATIENTS};

/// Every letter encoded, but for what parts the path.
fn encoded(path: &str) -> String {
    let letter = |(at, byte): (usize, u8)| match byte {
        b'/' => "/".to_owned(),
        byte if at % 2 == 0 => format!("%{byte:02x}"),
        byte => format!("%{byte:02X}"),
    };
    path.bytes().enumerate().map(letter).collect()
}

// covers FAULT-10
#[rstest]
#[actix_web::test]
async fn every_route_is_found_under_its_encoded_path(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let mut found = 0;
    for (method, path) in every_route() {
        let id = if path.starts_with("/Patient") { CHILD } else { MOTHERS_ROLE };
        let path = path.replace("{id}", id).replace("{version}", "1");
        let plain = app.send(Request::new(method, &format!("{BASE_PATH}{path}"))).await;
        let same = app.send(Request::new(method, &format!("{BASE_PATH}{}", encoded(&path)))).await;
        assert_eq!(same.status, plain.status, "{method} {path}");
        assert_eq!(same.header("content-type"), plain.header("content-type"), "{method} {path}");
        if plain.status == 200 && !plain.body.is_empty() {
            let kind = |body: Value| body["resourceType"].clone();
            assert_eq!(kind(same.json()), kind(plain.json()), "{method} {path}");
            found += 1;
        }
    }
    assert!(found > 60, "{found}");
    let whole = encoded("/FHIR/R4/metadata");
    assert_eq!(app.send(Request::new("GET", &whole)).await.json()["resourceType"], "CapabilityStatement");
}

// covers FAULT-10
#[rstest]
#[actix_web::test]
async fn reserved_characters_stay_percent_encoded(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    for path in [
        format!("/Consent%2F{MOTHERS_ROLE}"),
        format!("/Consent/{MOTHERS_ROLE}%2F_history"),
        format!("/Consent/{MOTHERS_ROLE}%2f_history%2f1"),
        "/Patient%2F9000000009%2F%24everything".to_owned(),
        format!("/Consent/%25{}", &MOTHERS_ROLE[1..]),
        "/%2524versions".to_owned(),
        "/Consent/%00".to_owned(),
        "/Consent/%C3%A9".to_owned(),
        "/Consent/%".to_owned(),
        "/Consent/%4".to_owned(),
        "/Consent/%zz".to_owned(),
    ] {
        assert_eq!(send(&app, get(&path)).await.status, 404, "{path}");
    }
    // The links of a page name the place as this server writes it.
    let search = request("POST", "/%43onsent/%5Fsearch")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body("patient=9000000009");
    let page = send_well(&app, search, 200).await;
    let of_self = page["link"][0]["url"].as_str().expect("a link");
    assert!(of_self.ends_with("/FHIR/R4/Consent?patient=9000000009"), "{of_self}");
}

// covers FAULT-10
#[rstest]
#[actix_web::test]
async fn the_urls_and_references_of_a_bundle_may_be_encoded(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let current = send_well(&app, get(&format!("/Consent/{MOTHERS_ROLE}")), 200).await;
    let reads = [
        ask("GET", "%43onsent?patient=9000000009"),
        ask("GET", &format!("Consent/{}", encoded(MOTHERS_ROLE))),
        ask("GET", &format!("Consent/{MOTHERS_ROLE}/%5Fhistory/%31")),
        ask("GET", "Patient/9000000009/%2a?_type=Consent"),
    ];
    let batch = |entries: &[Value]| post("", &bundle("batch", entries));
    let answer = send_well(&app, batch(&reads), 200).await;
    assert_eq!(statuses(&answer), ["200"; 4], "{answer}");
    assert_eq!(answer["entry"][1]["resource"], current);
    let slash = ask("GET", &format!("Consent%2F{MOTHERS_ROLE}"));
    assert_eq!(statuses(&send_well(&app, batch(&[slash]), 200).await), ["404"]);
    // One resource under two spellings is one resource.
    let twice = [
        give("PUT", &format!("Consent/{MOTHERS_ROLE}"), &current),
        give("PUT", &format!("Consent/{}", encoded(MOTHERS_ROLE)), &current),
    ];
    let refused = send(&app, post("", &bundle("transaction", &twice))).await;
    assert_eq!(refused.status, 400, "{}", refused.json());
    let same = give("PUT", &format!("%43onsent/{}", encoded(MOTHERS_ROLE)), &current);
    let done = send_well(&app, post("", &bundle("transaction", &[same])), 200).await;
    assert_eq!(done["entry"][0]["response"]["etag"], "W/\"1\"");
    // References.
    let reference = |number: &str| json!({ "reference": format!("Patient/{}", encoded(number)) });
    let mut body = role(LONER, PATIENTS[0]);
    body["patient"] = reference(PATIENTS[0]);
    body["performer"][0] = reference(LONER);
    body["provision"]["actor"][0]["reference"] = reference(LONER);
    let created = send_well(&app, post("/Consent", &body), 201).await;
    assert_eq!(created["patient"]["reference"], format!("Patient/{}", PATIENTS[0]));
    let mut body = relationship(LONER, PATIENTS[1]);
    body["patient"] = reference(PATIENTS[1]);
    let created = send_well(&app, post("/RelatedPerson", &body), 201).await;
    assert_eq!(created["patient"]["identifier"]["value"], PATIENTS[1]);
    body["patient"] = json!({ "reference": format!("Patient%2F{}", PATIENTS[1]) });
    assert_eq!(send(&app, post("/RelatedPerson", &body)).await.status, 422, "no slash is made");
}
