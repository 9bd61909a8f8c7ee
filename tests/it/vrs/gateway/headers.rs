//! Contract §1.3: the request headers and what is wrong with them.

use rstest::rstest;

use crate::support::{Backend, TestApp};
use crate::vrs::expected_error::{invalid_value, missing_header};
use crate::vrs::footprint::Footprint;
use crate::vrs::known::{ACCESS_REQUEST, MOTHER, MOTHERS_ROLE};
use crate::vrs::operations::{all, get};

const NOT_UUIDS: [&str; 8] = [
    "",
    "1",
    "60E0B220-8136-4CA5-AE46-1D97EF59D06",
    "60E0B220-8136-4CA5-AE46-1D97EF59D0688",
    "60E0B22081364CA5AE461D97EF59D068",
    "60E0B220_8136_4CA5_AE46_1D97EF59D068",
    "60E0B220-8136-4CA5-AE46-1D97EF59D06G",
    "{60E0B220-8136-4CA5-AE46-1D97EF59D068}",
];

#[rstest]
#[actix_web::test]
async fn every_operation_needs_a_request_id(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    for (operation, request) in all(ACCESS_REQUEST) {
        missing_header().check(operation, &app.send(request.without("X-Request-ID")).await);
    }
    footprint.check_untouched("all of them");
}

#[rstest]
#[actix_web::test]
async fn request_and_correlation_ids_must_be_uuids(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let mut footprint = Footprint::of(&app);
    for (operation, request) in all(ACCESS_REQUEST) {
        for value in NOT_UUIDS {
            for name in ["X-Request-ID", "X-Correlation-ID"] {
                let request = request.clone().without(name).header(name, value);
                let row = format!("{operation} with {name}: {value}");
                invalid_value().check(&row, &app.send(request).await);
            }
        }
    }
    footprint.check_untouched("all of them");
}

#[rstest]
#[actix_web::test]
async fn ids_may_be_in_either_letter_case_and_of_any_version(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    for id in [
        "60e0b220-8136-4ca5-ae46-1d97ef59d068",
        "60E0B220-8136-4CA5-AE46-1D97EF59D068",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-FFFF-ffff-FFFF-ffffffffffff",
    ] {
        let request = get(&format!("/Consent/{MOTHERS_ROLE}")).without("X-Request-ID");
        let request = request.header("X-Request-ID", id).header("X-Correlation-ID", id);
        assert_eq!(app.send(request).await.status, 200, "{id}");
    }
}

#[rstest]
#[actix_web::test]
async fn the_im1_header_is_a_token_and_an_ods_code_on_consent_searches_alone(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let search = format!("/Consent?performer:identifier={MOTHER}");
    let with = |path: &str, value: &str| get(path).header("X-IM1-Connection-Params", value);
    for wrong in ["", "token", ";", "token;", ";A20047", "token;A20047;", "a;b;c", ";;"] {
        invalid_value().check(wrong, &app.send(with(&search, wrong)).await);
    }
    for right in ["token;A20047", "a;b", "eyJ=.x/y;A 1"] {
        assert_eq!(app.send(with(&search, right)).await.status, 200, "{right}");
    }
    for elsewhere in [format!("/Consent/{MOTHERS_ROLE}"), format!("/RelatedPerson?identifier={MOTHER}")] {
        assert_eq!(app.send(with(&elsewhere, "wrong")).await.status, 200, "{elsewhere}");
    }
}

#[rstest]
#[actix_web::test]
async fn unknown_headers_are_ignored(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    for (operation, request) in all(ACCESS_REQUEST) {
        let request = request
            .header("X-Test-Routing-Flag", "nps-enabled=true;nam-cache-enabled=false")
            .header("X-Use-National-Proxy-Store", "False")
            .header("X-Migration-Run", "7");
        let status = app.send(request).await.status;
        assert!((200..300).contains(&status), "{operation}: {status}");
    }
}
