//! The pages of the authorization endpoint: a browser brings an app's request; the user logs in at a
//! provider, chooses for whom they act, approves, and returns to the app with a code.
//!
//! The pages need no script, and each change is a form with a token. A cookie binds a log-in to its browser;
//! a second log-in in the same browser replaces the first.

mod app;
mod approve;
mod authorize;
mod callback;
mod link;
mod log_in;
mod log_out;
mod page;
mod patient;
mod redirect;
mod request;
mod scope_description;
mod session;

use actix_web::HttpResponse;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::middleware::{Condition, from_fn};
use actix_web::web::{self, ServiceConfig};

use crate::route::row::Kind::{CountedPage, Page};
use crate::route::row::{GET, POST, Row, allow, by_path, with_routes};
use ::web::limit::limit_addresses;
use ::web::panic::catch_panics;
use domain::account::endpoints::{AUTHORIZE, END_SESSION};

use page::ErrorPage;

const FORM: &[&str] = &["application/x-www-form-urlencoded"];
const NONE: &[&str] = &[];

/// The table: the id (of those to which an app sends a browser), the kind, the methods and the path, the content types of the
/// body, and what carries it out.
#[rustfmt::skip]
pub(crate) static PAGES: &[Row] = &[
    Row { id: Some("authorize"), kind: CountedPage, methods: GET, path: &[AUTHORIZE], content_types: NONE,
        to: |route| route.to(authorize::by_get) },
    Row { id: Some("authorizeByPost"), kind: CountedPage, methods: POST, path: &[AUTHORIZE], content_types: FORM,
        to: |route| route.to(authorize::by_post) },
    Row { id: None, kind: Page, methods: GET, path: &[log_in::PATH], content_types: NONE,
        to: |route| route.to(log_in::show) },
    Row { id: None, kind: CountedPage, methods: GET, path: &[log_in::PATH, "/{provider}"], content_types: NONE,
        to: |route| route.to(log_in::depart) },
    Row { id: None, kind: Page, methods: GET, path: &[log_in::LINK_PATH], content_types: NONE,
        to: |route| route.to(link::show) },
    Row { id: None, kind: CountedPage, methods: GET, path: &[log_in::LINK_PATH, "/{provider}"], content_types: NONE,
        to: |route| route.to(link::depart) },
    Row { id: None, kind: CountedPage, methods: GET, path: &["/oauth/callback/{provider}"], content_types: NONE,
        to: |route| route.to(callback::handle_callback) },
    Row { id: None, kind: Page, methods: GET, path: &["/oauth/patient"], content_types: NONE,
        to: |route| route.to(patient::show) },
    Row { id: None, kind: Page, methods: POST, path: &["/oauth/patient"], content_types: FORM,
        to: |route| route.to(patient::choose) },
    Row { id: None, kind: Page, methods: GET, path: &["/oauth/approve"], content_types: NONE,
        to: |route| route.to(approve::show) },
    Row { id: None, kind: Page, methods: POST, path: &["/oauth/approve"], content_types: FORM,
        to: |route| route.to(approve::decide) },
    Row { id: Some("endSession"), kind: CountedPage, methods: GET, path: &[END_SESSION], content_types: NONE,
        to: |route| route.to(log_out::by_get) },
    Row { id: Some("endSessionByPost"), kind: CountedPage, methods: POST, path: &[END_SESSION], content_types: FORM,
        to: |route| route.to(log_out::by_post) },
    Row { id: None, kind: CountedPage, methods: POST, path: &[log_out::CONFIRM], content_types: FORM,
        to: |route| route.to(log_out::confirm) },
    Row { id: None, kind: Page, methods: POST, path: &["/oauth/leave"], content_types: FORM,
        to: |route| route.to(approve::cancel) },
];

/// Adds the pages.
pub(super) fn configure(config: &mut ServiceConfig) {
    for (path, rows) in by_path(PAGES) {
        let resource = web::resource(path).default_service(web::to(move || other_method(rows)));
        let is_counted = rows.iter().any(|row| row.kind == CountedPage);
        let resource = with_routes(resource, rows)
            .wrap(from_fn(catch_panics::<ErrorPage>))
            .wrap(Condition::new(is_counted, from_fn(limit_addresses::<ErrorPage>)));
        config.service(resource);
    }
}

#[expect(clippy::unused_async, reason = "a handler is a future")]
async fn other_method(rows: &'static [Row]) -> HttpResponse {
    let mut response = ErrorPage::new(405, "This page does not accept this request").render();
    if let Ok(allow) = HeaderValue::from_str(&allow(rows)) {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}
