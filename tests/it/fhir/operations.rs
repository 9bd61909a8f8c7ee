//! `$meta`, `$versions`, and the parameters of `$everything` (§1.7).

use rstest::rstest;
use serde_json::{Value, json};

use crate::fhir::client::{entries, get, link, outcome_of, path_of, post, request, send, send_well};
use crate::support::{Backend, Request, TestApp};
use crate::vrs::callers::{NURSE, citizen, guarded};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{ACCESS_REQUEST, ACTIVE, CHILD, LONER, MOTHER, MOTHERS_ROLE, NOBODY};

const PROFILES: &str = "https://fhir.onbehalf.org.uk/R4/StructureDefinition";

fn returned(parameters: &Value) -> &Value {
    assert_eq!(parameters["resourceType"], "Parameters");
    &parameters["parameter"][0]["valueMeta"]
}

// covers G-01, C-01
#[rstest]
#[actix_web::test]
async fn versions_operation_is_public(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = guarded(backend).await;
    for method in ["GET", "POST"] {
        let content = send_well(&app, request(method, "/$versions"), 200).await;
        let version = |name: &str| json!({ "name": name, "valueCode": "4.0" });
        assert_eq!(content["resourceType"], "Parameters");
        assert_eq!(content["parameter"], json!([version("version"), version("default")]));
    }
    let xml = send(&app, get("/$versions?_format=xml")).await;
    assert_eq!(xml.header("content-type"), Some("application/fhir+xml; charset=UTF-8"));
    let refused = send(&app, request("PUT", "/$versions").bearer(NURSE)).await;
    assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD, POST")));
}

// covers V-08, S-19
#[rstest]
#[actix_web::test]
async fn meta_operation_returns_labels_of_instance_type_and_system(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    for path in [
        format!("/Consent/{MOTHERS_ROLE}"),
        format!("/Patient/{MOTHER}"),
        "/ValueSet/proxy-role-status".to_owned(),
    ] {
        let read = send_well(&app, get(&path), 200).await;
        for method in ["GET", "POST"] {
            let meta = send_well(&app, request(method, &format!("{path}/$meta")), 200).await;
            assert_eq!(returned(&meta), &read["meta"], "{path}");
        }
    }
    let all = ["ProxyRole", "ProxyRelationship", "AccessRequest"].map(|name| format!("{PROFILES}/{name}"));
    for (path, profiles) in [
        ("/Consent/$meta", &all[..1]),
        ("/RelatedPerson/$meta", &all[1..2]),
        ("/QuestionnaireResponse/$meta", &all[2..]),
        ("/$meta", &all[..]),
    ] {
        let meta = send_well(&app, get(path), 200).await;
        assert_eq!(returned(&meta), &json!({ "profile": profiles }), "{path}");
        assert_eq!(send_well(&app, request("POST", path), 200).await, meta, "{path}");
    }
    for path in ["/Patient/$meta", "/AuditEvent/$meta", "/CodeSystem/$meta", "/Person/$meta"] {
        let meta = send_well(&app, get(path), 200).await;
        assert_eq!(meta, json!({ "resourceType": "Parameters" }), "nothing is labelled: {path}");
    }
    for path in ["/Consent/none/$meta", "/Nothing/$meta", "/Consent/$meta-add", "/Consent/$meta-delete"] {
        assert_eq!(outcome_of(&send(&app, request("POST", path)).await).0, 404, "{path}");
    }
    footprint.check_untouched("nothing is written");
}

// covers G-16, S-16
#[rstest]
#[actix_web::test]
async fn meta_operation_omits_hidden_resources(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    for (token, path, status) in [
        (NURSE, format!("/Consent/{ACTIVE}/$meta"), 200),
        (&*citizen(MOTHER), format!("/Consent/{MOTHERS_ROLE}/$meta"), 200),
        (&*citizen(MOTHER), format!("/Consent/{ACTIVE}/$meta"), 404),
        (&*citizen(LONER), format!("/QuestionnaireResponse/{ACCESS_REQUEST}/$meta"), 404),
    ] {
        assert_eq!(send(&app, get(&path).bearer(token)).await.status, status, "{path}");
    }
    let of_loner = send_well(&app, get("/$meta").bearer(&citizen(LONER)), 200).await;
    assert_eq!(of_loner, json!({ "resourceType": "Parameters" }));
    let of_mother = send_well(&app, get("/$meta").bearer(&citizen(MOTHER)), 200).await;
    let profiles = ["ProxyRole", "ProxyRelationship"].map(|name| format!("{PROFILES}/{name}"));
    assert_eq!(returned(&of_mother), &json!({ "profile": profiles }));
    for path in ["/$meta", "/Consent/$meta", "/Patient/$everything"] {
        assert_eq!(send(&app, get(path)).await.status, 401, "{path}");
    }
}

/// Everything, page by page.
async fn pages(app: &TestApp, request: Request) -> (usize, Vec<Value>) {
    let (mut count, mut found) = (0, Vec::new());
    let mut page = Some(send_well(app, request, 200).await);
    while let Some(bundle) = page.take() {
        count += 1;
        found.extend(entries(&bundle));
        if let Some(next) = link(&bundle, "next") {
            page = Some(send_well(app, get(&path_of(app, &next)), 200).await);
        }
    }
    (count, found)
}

// covers S-02, S-04, S-10
#[rstest]
#[actix_web::test]
async fn everything_operation_pages_only_with_count(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let everything = format!("/Patient/{CHILD}/$everything");
    let (count, whole) = pages(&app, get(&everything)).await;
    assert_eq!((count, whole.len()), (1, 14));
    // Every read adds an audit record: the rest is compared.
    let rest = "_type=Patient,Consent,RelatedPerson,QuestionnaireResponse,Provenance";
    let (count, whole) = pages(&app, get(&format!("{everything}?{rest}"))).await;
    assert_eq!((count, whole.len()), (1, 11));
    let (count, paged) = pages(&app, get(&format!("{everything}?{rest}&_count=4"))).await;
    assert_eq!((count, &paged), (3, &whole));
    // The links keep the parameters: the second page has the same types and the same period.
    let narrowed = format!("{everything}?_since=2000-01-01T00:00:00Z&_type=Consent,Provenance&_count=2");
    let first = send_well(&app, get(&narrowed), 200).await;
    let own = link(&first, "self").expect("a link");
    assert!(own.contains("_since=2000") && own.contains("_type=Consent,Provenance"), "{own}");
    let (count, found) = pages(&app, get(&narrowed)).await;
    let wanted =
        |resource: &&Value| ["Consent", "Provenance"].iter().any(|kind| resource["resourceType"] == *kind);
    assert_eq!((count, found), (3, whole.iter().filter(wanted).cloned().collect()));
    let parameter = |name: &str, kind: &str, value: Value| json!({ "name": name, kind: value });
    let body = json!({ "resourceType": "Parameters", "parameter": [
        parameter("_type", "valueCode", "Consent".into()),
        parameter("_type", "valueCode", "Provenance".into()),
        parameter("_count", "valueInteger", 2.into()),
    ]});
    let (count, posted) = pages(&app, post(&everything, &body)).await;
    assert_eq!((count, posted.len()), (3, 6));
}

// covers V-09
#[rstest]
#[actix_web::test]
async fn everything_operation_supports_since_start_and_end(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let everything = format!("/Patient/{CHILD}/$everything");
    for (query, kind, found) in [
        ("start=2026-01-01", "Consent", 3),
        ("start=2200-01-01", "Consent", 0),
        ("end=1990-01-01", "Consent", 0),
        ("start=1990-01-01&end=2200-01-01", "Provenance", 3),
        ("start=2200-01-01", "AuditEvent", 0),
        ("end=1990", "Provenance", 0),
        ("end=1990-01-01", "RelatedPerson", 4),
        ("start=2200-01-01&end=1990-01-01", "Patient", 1),
        ("_since=2200-01-01T00:00:00Z", "Consent", 0),
        ("_since=2200-01-01T00:00:00Z", "Patient", 1),
    ] {
        let bundle = send_well(&app, get(&format!("{everything}?{query}")), 200).await;
        let of_kind = entries(&bundle).iter().filter(|resource| resource["resourceType"] == kind).count();
        assert_eq!(of_kind, found, "{query} {kind}");
    }
    for query in ["start=soon", "end=ge2020", "_since=yesterday", "_count=x", "_count=-1", "_page=x"] {
        let answer = send(&app, get(&format!("{everything}?{query}"))).await;
        assert_eq!(outcome_of(&answer).0, 400, "{query}");
    }
}

// covers S-16, S-11, G-16
#[rstest]
#[actix_web::test]
async fn everything_operation_on_type_returns_visible_patients(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    for (token, patients, roles, relationships) in [
        (NURSE, 48, 32, 14),
        (&*citizen(MOTHER), 3, 6, 4),
        (&*citizen(CHILD), 4, 3, 5),
        (&*citizen(LONER), 1, 0, 0),
    ] {
        let bundle = send_well(&app, get("/Patient/$everything").bearer(token), 200).await;
        let found = entries(&bundle);
        assert_eq!(bundle["total"], found.len());
        for (kind, wanted) in [("Patient", patients), ("Consent", roles), ("RelatedPerson", relationships)] {
            let of_kind = found.iter().filter(|resource| resource["resourceType"] == kind).count();
            assert_eq!(of_kind, wanted, "{kind} of {token}");
        }
    }
    let later = "/Patient/$everything?_since=2200-01-01T00:00:00Z";
    assert!(entries(&send_well(&app, get(later).bearer(NURSE), 200).await).is_empty());
    let rest = "/Patient/$everything?_type=Patient,Consent,RelatedPerson,Provenance";
    let counted = send_well(&app, get(&format!("{rest}&_count=0")).bearer(&citizen(CHILD)), 200).await;
    let whole = send_well(&app, get(rest).bearer(&citizen(CHILD)), 200).await;
    assert_eq!(counted["total"], whole["total"]);
    let unknown = get(&format!("/Patient/{}/$everything", NOBODY[0])).bearer(NURSE);
    assert_eq!(send(&app, unknown).await.status, 404);
    assert_eq!(send(&app, get("/Consent/$everything").bearer(NURSE)).await.status, 404);
}

const LEGAL_BASES: &str = "https://fhir.onbehalf.org.uk/R4/ValueSet/proxy-legal-basis";

/// The codes of an expansion.
fn codes(value_set: &Value) -> Vec<&str> {
    assert_eq!(value_set["resourceType"], "ValueSet");
    let contains = value_set["expansion"]["contains"].as_array().map_or(&[][..], Vec::as_slice);
    contains.iter().map(|concept| concept["code"].as_str().expect("a code")).collect()
}

// covers C-01
#[rstest]
#[actix_web::test]
async fn expand_operation_returns_codes_by_id_and_url(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = guarded(backend).await;
    let token = citizen(LONER);
    let sets = entries(&send_well(&app, get("/ValueSet?_count=200").bearer(&token), 200).await);
    assert!(!sets.is_empty());
    for set in &sets {
        let text = |name: &str| set[name].as_str().expect("a text");
        let (id, url, version) = (text("id"), text("url"), text("version"));
        let by_id = format!("/ValueSet/{id}/$expand");
        let mut first = send_well(&app, get(&by_id).bearer(&token), 200).await;
        let found = codes(&first);
        assert!(!found.is_empty() && first["expansion"]["total"] == found.len(), "{url}");
        assert_eq!((&first["url"], first.get("compose")), (&set["url"], None));
        assert!(first["expansion"]["timestamp"].is_string());
        // Each code is found by a search with `:in` or `code`.
        let search = format!("/ValueSet?url={url}&code={}", found[0]);
        assert_eq!(entries(&send_well(&app, get(&search).bearer(&token), 200).await).len(), 1, "{search}");
        let body = json!({ "resourceType": "Parameters", "parameter": [{ "name": "url", "valueUri": url }] });
        first["expansion"]["timestamp"] = Value::Null;
        for same in [
            request("POST", &by_id),
            get(&format!("/ValueSet/$expand?url={url}")),
            get(&format!("/ValueSet/$expand?url={url}|{version}")),
            post("/ValueSet/$expand", &body),
        ] {
            let mut answer = send_well(&app, same.bearer(&token), 200).await;
            answer["expansion"]["timestamp"] = Value::Null;
            assert_eq!(answer, first, "{url}");
        }
    }
    assert_eq!(send(&app, get("/ValueSet/proxy-legal-basis/$expand")).await.status, 401);
}

// covers S-10
#[rstest]
#[actix_web::test]
async fn expand_operation_filters_and_pages(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::sandbox(backend).await;
    let path = "/ValueSet/proxy-legal-basis/$expand";
    let whole = send_well(&app, get(path), 200).await;
    let all = codes(&whole);
    for (offset, count) in [(0, 0), (0, 2), (2, 2), (1, 500), (all.len(), 3), (2_147_483_647, 2_147_483_647)]
    {
        let page = send_well(&app, get(&format!("{path}?offset={offset}&count={count}")), 200).await;
        let wanted: Vec<&str> = all.iter().skip(offset).take(count).copied().collect();
        assert_eq!(codes(&page), wanted, "{offset} {count}");
        assert_eq!(
            (&page["expansion"]["total"], &page["expansion"]["offset"]),
            (&all.len().into(), &offset.into())
        );
    }
    let unknown = send_well(&app, get(&format!("{path}?filter=UNKN%C3%96WN")), 200).await;
    assert_eq!(codes(&unknown), ["UNK"]);
    assert_eq!(unknown["expansion"]["contains"][0]["display"], "Unknown");
    assert_eq!(unknown["expansion"]["parameter"][0]["valueString"], "UNKN\u{d6}WN");
    let none = send_well(&app, get(&format!("{path}?filter=zzz")), 200).await;
    assert_eq!((&none["expansion"]["total"], none["expansion"].get("contains")), (&0.into(), None));
    let entry =
        json!({ "request": { "method": "GET", "url": "ValueSet/proxy-legal-basis/$expand?filter=unk" } });
    let batch = json!({ "resourceType": "Bundle", "type": "batch", "entry": [entry] });
    assert_eq!(codes(&entries(&send_well(&app, post("", &batch), 200).await)[0]), ["UNK"]);
}

#[rstest]
#[actix_web::test]
async fn unsupported_expand_parameter_is_rejected(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::sandbox(backend).await;
    let by_id = "proxy-legal-basis/$expand";
    for (path, status, code) in [
        ("$expand", 400, "required"),
        (&*format!("$expand?url={LEGAL_BASES}|99"), 404, "not-found"),
        ("$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender", 404, "not-found"),
        ("nothing/$expand", 404, "not-found"),
        (&format!("{by_id}?url={LEGAL_BASES}"), 400, "invalid"),
        (&format!("{by_id}?count=1&count=2"), 400, "invalid"),
        (&format!("{by_id}?count=-1"), 400, "value"),
        (&format!("{by_id}?offset=many"), 400, "value"),
        (&format!("{by_id}?count=2147483648"), 400, "value"),
        (&format!("{by_id}?filter=%00"), 400, "value"),
        (&format!("{by_id}?activeOnly=true"), 422, "not-supported"),
        (&format!("{by_id}?displayLanguage=cy"), 422, "not-supported"),
    ] {
        let answer = outcome_of(&send(&app, get(&format!("/ValueSet/{path}"))).await);
        assert_eq!((answer.0, &*answer.1), (status, code), "{path}");
    }
    let set = json!({ "name": "valueSet", "resource": { "resourceType": "ValueSet", "status": "active" } });
    for (body, status) in [
        (json!({ "resourceType": "Parameters", "parameter": [set] }), 422),
        (
            json!({ "resourceType": "Parameters", "parameter": [{ "name": "count", "valueString": "x" }] }),
            400,
        ),
        (json!({ "resourceType": "Parameters", "parameter": [{ "name": "count" }] }), 400),
        (json!({ "resourceType": "ValueSet", "status": "active" }), 400),
    ] {
        assert_eq!(send(&app, post("/ValueSet/$expand", &body)).await.status, status, "{body}");
    }
    assert_eq!(send(&app, get("/CodeSystem/$expand")).await.status, 404);
}
