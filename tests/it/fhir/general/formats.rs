//! Formats of requests and responses.

use fhir::format::xml;
use rstest::rstest;
use serde_json::Value;

use crate::fhir::bodies::{access_request, fhirpath_replace, relationship, role};
use crate::fhir::client::{get, outcome_of, post, put, request, resource, send, send_well};
use crate::support::{Backend, Request, Response, TestApp};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{LONER, MOTHERS_ROLE, PATIENTS, SON};

const JSON: &str = "application/fhir+json; charset=UTF-8";
const XML: &str = "application/fhir+xml; charset=UTF-8";

fn kind(answer: &Response) -> Option<&str> {
    answer.header("content-type")
}

// covers G-04, G-05, G-06, G-17
#[rstest]
#[actix_web::test]
async fn accept_and_format_select_the_format_of_every_response(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let there = format!("/Consent/{MOTHERS_ROLE}");
    for path in [there.as_str(), "/Consent", "/metadata", "/Consent/none", "/Nowhere", "/_history"] {
        for (accept, format, wanted) in [
            ("", "", JSON),
            ("*/*", "", JSON),
            ("application/fhir+json", "", JSON),
            ("application/json", "", JSON),
            ("text/json", "", JSON),
            ("application/fhir+json; fhirVersion=4.0", "", JSON),
            ("application/fhir+xml", "", XML),
            ("application/xml", "", XML),
            ("text/xml", "", XML),
            ("application/fhir+xml", "json", JSON),
            ("application/fhir+json", "xml", XML),
            ("text/html", "application/fhir+json", JSON),
            ("text/html", "application/fhir%2Bxml", XML),
            ("text/html", "application/json", JSON),
        ] {
            let mut request = get(&format!("{path}?_format={format}"));
            if !accept.is_empty() {
                request = request.header("Accept", accept);
            }
            let answer = send(&app, request).await;
            assert_eq!(kind(&answer), Some(wanted), "{path} {accept} {format}");
        }
        for (accept, format) in [
            ("text/html", ""),
            ("application/pdf", ""),
            ("application/fhir+json; fhirVersion=3.0", ""),
            ("application/fhir+json; fhirVersion=5.0", ""),
            ("*/*", "html"),
            ("*/*", "application/fhir%2Bturtle"),
        ] {
            let request = get(&format!("{path}?_format={format}")).header("Accept", accept);
            let answer = send(&app, request).await;
            assert_eq!((outcome_of(&answer).0, kind(&answer)), (406, Some(JSON)), "{path} {accept} {format}");
        }
    }
    let json = send(&app, get(&there)).await;
    let xml = send(&app, get(&there).header("Accept", XML)).await;
    assert_eq!(resource(&xml), resource(&json));
}

fn as_xml(request: Request, body: &Value) -> Request {
    request.header("Content-Type", "application/fhir+xml").bytes(xml::render(body, false).into_bytes())
}

// covers G-05, G-07, R-10, R-20, R-31, R-32
#[rstest]
#[actix_web::test]
async fn every_write_accepts_xml(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    for (path, body) in [
        ("/QuestionnaireResponse", access_request(LONER, SON)),
        ("/Consent", role(LONER, PATIENTS[0])),
        ("/RelatedPerson", relationship(LONER, PATIENTS[0])),
    ] {
        let answer = send(&app, as_xml(request("POST", path).header("Accept", XML), &body)).await;
        let created = resource(&answer);
        assert_eq!((answer.status, kind(&answer)), (201, Some(XML)), "{path}: {created}");
        let place = format!("{path}/{}", created["id"].as_str().expect("an id"));
        assert_eq!(send_well(&app, get(&place), 200).await, created);
        let same = send(&app, as_xml(request("PUT", &place), &created)).await;
        assert_eq!((same.status, same.header("etag")), (200, Some("W/\"1\"")), "{path}");
    }
    let end = fhirpath_replace("Consent.provision.period.end", "valueDateTime", "2027-02-02".into());
    let patched = send(&app, as_xml(request("PATCH", &format!("/Consent/{MOTHERS_ROLE}")), &end)).await;
    assert_eq!(patched.status, 200, "{}", patched.json());
    let validated = as_xml(request("POST", "/Consent/$validate"), &role(LONER, PATIENTS[1]));
    assert_eq!(send(&app, validated).await.status, 200);
    let mut footprint = Footprint::of(&app);
    for text in [
        "",
        "<",
        "<Consent/>",
        "<Consent xmlns=\"http://hl7.org/fhir\"><status/></Consent>",
        "<Consent xmlns=\"http://hl7.org/fhir\"><colour value=\"red\"/></Consent>",
        "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><Consent xmlns=\"http://hl7.org/fhir\"/>",
    ] {
        let sent = request("POST", "/Consent").header("Content-Type", "application/fhir+xml").body(text);
        assert!(matches!(send(&app, sent).await.status, 400 | 422), "{text}");
        footprint.check_untouched(text);
    }
}

// covers G-06, G-07
#[rstest]
#[actix_web::test]
async fn body_of_another_media_type_is_415(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    let body = role(LONER, PATIENTS[0]);
    for (kind, status) in [
        ("text/plain", 415),
        ("text/html", 415),
        ("application/fhir+json; fhirVersion=3.0", 415),
        ("application/fhir+json; fhirVersion=5.0", 415),
        ("application/fhir+json; charset=iso-8859-1", 415),
        ("application/json-patch+json", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data", 415),
        ("nonsense", 415),
        ("", 415),
        ("application/fhir+xml", 400),
        ("application/json", 201),
    ] {
        for path in ["/Consent", "/Consent/$validate", ""] {
            if status == 201 && path != "/Consent" {
                continue;
            }
            let sent = request("POST", path).header("Content-Type", kind).body(&body);
            let answer = send(&app, sent).await;
            assert_eq!(answer.status, status, "{path} {kind}");
            if status != 201 {
                footprint.check_untouched(kind);
            }
        }
    }
    let form =
        request("POST", "/Consent/_search").header("Content-Type", "application/fhir+json").body(&body);
    assert_eq!(send(&app, form).await.status, 415);
    let two = put(&format!("/Consent/{MOTHERS_ROLE}"), &body)
        .header("Accept", "application/fhir+json; fhirVersion=5.0");
    assert_eq!(send(&app, two).await.status, 406);
}

// covers G-08
#[rstest]
#[actix_web::test]
async fn pretty_parameter_indents_the_response(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    for format in ["json", "xml"] {
        let path = format!("/Consent/{MOTHERS_ROLE}?_format={format}");
        let lines = |answer: &Response| String::from_utf8_lossy(&answer.body).matches('\n').count();
        let plain = send(&app, get(&path)).await;
        let pretty = send(&app, get(&format!("{path}&_pretty=true"))).await;
        assert!(lines(&plain) <= 1 && lines(&pretty) > 20, "{format}");
        assert_eq!(resource(&plain), resource(&pretty));
        assert_eq!(send(&app, get(&format!("{path}&_pretty=false"))).await.body, plain.body);
        assert!(lines(&send(&app, post("/Consent?_pretty=true", &Value::Null)).await) > 3);
    }
}
