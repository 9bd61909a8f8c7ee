//! The pages and documents of the server itself: the tour of the sandbox, `/about`, the OpenAPI files.

mod about;
mod openapi;
mod tour;

use base::error::Error;
use domain::account::{AccessMode, Registration};
use server::TourApp;

use crate::account::authorize::{record_page, registration};
use crate::support::{Backend, Options, Request, Response, TestApp, token};

/// A sandbox with the simulated providers and the apps of the tour.
pub async fn sandbox(backend: Backend) -> TestApp {
    let registrations = vec![token::registration()];
    let app =
        TestApp::start(backend, Options { registrations, is_simulating: true, ..Options::default() }).await;
    let public_url = format!("http://{}", app.address);
    for (tour, mode) in [(TourApp::Citizen, AccessMode::Citizen), (TourApp::Staff, AccessMode::Staff)] {
        let redirect_uris = vec![tour.redirect_uri(&public_url)];
        let known = Registration { redirect_uris, ..registration(tour.client_id(), mode) };
        let now = app.now();
        let kept: Result<_, Error> = app.store.write(move |tx| tx.insert_app(&known, now)).await;
        kept.expect("the app is registered");
    }
    app
}

/// What a browser is answered.
pub async fn browse(app: &TestApp, path: &str) -> Response {
    let accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let answer = app.send(Request::new("GET", path).header("Accept", accept)).await;
    record_page(&answer);
    answer
}

/// The links of a page to this server, without anchors of the page itself.
pub fn links(html: &str) -> Vec<String> {
    let all = html.split("<a ").skip(1).filter_map(|rest| rest.split("href=\"").nth(1)?.split('"').next());
    all.filter(|link| link.starts_with('/')).map(str::to_owned).collect()
}

/// A text of a page, as it is read.
pub fn unescaped(text: &str) -> String {
    let entities = [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, letter)| text.replace(entity, letter))
}
