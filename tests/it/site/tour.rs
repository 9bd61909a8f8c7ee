//! The tour of the sandbox at `/`.

use std::collections::BTreeSet;

use rstest::rstest;
use serde_json::Value;

use super::{browse, links, sandbox, unescaped};
use crate::account::authorize::{sent, text};
use crate::account::oauth::kit;
use crate::support::{Backend, Options, Request, TestApp, bodies};
use crate::vrs::known::{CHILD, MOTHER, MOTHERS_ROLE, consent};

/// The texts between two marks.
fn between<'t>(text: &'t str, begin: &str, end: &str) -> Vec<&'t str> {
    text.split(begin).skip(1).filter_map(|rest| rest.split(end).next()).collect()
}

/// The rows of the table: the number of the proxy, that of the patient, the legal basis, the status.
fn rows(html: &str) -> BTreeSet<[String; 4]> {
    let body = between(html, "<tbody", "</tbody>").concat();
    let row = |row: &&str| {
        let cells = between(row, "<td class=\"nhsuk-table__cell\">", "</td>");
        let cell = |at: usize| {
            let text = cells[at].rsplit("</span>").next().expect("a text");
            text.rsplit("<br>").next().expect("a number").trim().to_owned()
        };
        [cell(0), cell(1), cell(2), cell(3)]
    };
    between(&body, "<tr", "</tr>").iter().map(row).collect()
}

/// The same, as the API answers for these proxies.
async fn answered(app: &TestApp, proxies: &BTreeSet<String>) -> BTreeSet<[String; 4]> {
    let mut all = BTreeSet::new();
    for proxy in proxies {
        let answer = app.get(&format!("/Consent?performer:identifier={proxy}")).await;
        assert_eq!(answer.status, 200);
        for entry in answer.json()["entry"].as_array().expect("entries") {
            let role = &entry["resource"];
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            all.insert([
                proxy.clone(),
                text(&role["patient"]["identifier"]["value"]),
                text(&role["policyRule"]["coding"][0]["display"]),
                text(&role["status"]),
            ]);
        }
    }
    all
}

#[rstest]
#[actix_web::test]
async fn the_table_and_the_picture_have_the_roles_that_the_api_answers(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = sandbox(backend).await;
    let page = browse(&app, "/").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let html = text(&page);
    let shown = rows(&html);
    let proxies: BTreeSet<String> = shown.iter().map(|row| row[0].clone()).collect();
    assert!(proxies.contains(MOTHER) && shown.len() >= 8, "{shown:?}");
    assert_eq!(shown, answered(&app, &proxies).await);
    // One drawing for each proxy, which says in words what it shows.
    assert_eq!(html.matches("<svg").count(), proxies.len());
    assert_eq!(html.matches("role=\"img\"").count(), proxies.len());
    assert_eq!(html.matches("fill=\"#212b32\">").count(), 2 * shown.len(), "two lines for each role");
    let described = between(&html, "<desc", "</desc>").concat();
    assert!(
        described.contains("Miss Jane Marie Anne Smith (Parental responsibility, active)"),
        "{described}"
    );

    // The practice ends the role: the page shows it.
    let end = bodies::move_to("inactive", &[bodies::reason("ROLE_DEACTIVATED_PATIENT_REQUEST")]);
    assert_eq!(app.patch(&consent(MOTHERS_ROLE), end).await.status, 200);
    let after = text(&browse(&app, "/").await);
    let row = |status: &str| [MOTHER, CHILD, "Parental responsibility", status].map(str::to_owned);
    assert!(shown.contains(&row("active")) && rows(&after).contains(&row("inactive")));
    assert_eq!(rows(&after), answered(&app, &proxies).await);
}

#[rstest]
#[actix_web::test]
async fn the_three_answers_are_what_the_apis_answer(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = sandbox(backend).await;
    for is_ended in [false, true] {
        let html = text(&browse(&app, "/").await);
        let commands = between(&html, "<pre class=\"onbehalf-code\"><code>", "</code>");
        let statuses = between(&html, "\">Answer: ", "</p>");
        let answers = between(&html, "onbehalf-code--answer\"", "</code>");
        assert_eq!((commands.len(), statuses.len(), answers.len()), (3, 3, 3), "{html}");
        for ((command, status), shown) in commands.iter().zip(statuses).zip(answers) {
            let command = unescaped(command);
            let url = command.rsplit('\'').nth(1).expect("a URL in quotes");
            let path = url.strip_prefix(&format!("http://{}", app.address)).expect("of this server");
            let header = between(&command, "-H '", "'")[0].split_once(": ").expect("a header");
            let answer = app.send(Request::new("GET", path).header(header.0, header.1)).await;
            assert_eq!(status, "200 OK", "{path}");
            assert_eq!(answer.status, 200);
            let shown = unescaped(shown.split_once("<code>").expect("a text").1);
            let shown: Value = serde_json::from_str(&shown).expect("JSON");
            assert_eq!(shown, answer.json(), "{path}");
        }
        if !is_ended {
            let end = bodies::move_to("inactive", &[bodies::reason("ROLE_DEACTIVATED_PATIENT_REQUEST")]);
            assert_eq!(app.patch(&consent(MOTHERS_ROLE), end).await.status, 200);
        }
    }
}

#[rstest]
#[actix_web::test]
async fn a_log_in_link_starts_the_log_in_of_its_person(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = sandbox(backend).await;
    let html = text(&browse(&app, "/").await);
    let all = links(&html);
    let links: Vec<&String> = all.iter().filter(|link| link.starts_with("/tour/log-in/")).collect();
    assert!(links.len() >= 4 && links.iter().any(|link| link.contains("/staff/")), "{links:?}");
    for link in links {
        let person = link.rsplit('/').next().expect("a person");
        let answer = app.send(Request::new("GET", link)).await;
        let url = answer.header("location").expect("a redirect").to_owned();
        let (start, request) = url.split_once('?').expect("a query");
        assert_eq!((answer.status, start), (303, format!("http://{}/oauth/authorize", app.address).as_str()));
        assert!(answer.header("set-cookie").is_some_and(|cookie| {
            cookie.starts_with(&format!("onbehalf-simulated-person={person}; Path=/simulated;"))
        }));
        let back = sent(&answer, "redirect_uri").expect("a redirect URI");
        assert!(back.starts_with(&format!("http://{}/tour/back/", app.address)), "{back}");
        // The provider of the app's kind of people has the person chosen.
        let kind = if link.contains("/staff/") { "cis2" } else { "nhs-login" };
        let asked = Request::new("GET", &format!("/oauth/authorize?{request}"));
        let answer = app.send(asked).await;
        let provider = answer.header("location").expect("a redirect").to_owned();
        let path = provider.strip_prefix(&format!("http://{}", app.address)).expect("of this server");
        assert!(path.starts_with(&format!("/simulated/{kind}/authorize?")), "{path}");
        let cookie = format!("onbehalf-simulated-person={person}");
        let page = text(&app.send(Request::new("GET", path).header("Cookie", &cookie)).await);
        assert_eq!(page.matches(" required checked>").count(), 2, "a person and a level: {person}");
        assert!(page.contains(&format!("value=\"{person}\" required checked>")), "{person}");
        let other = text(&app.send(Request::new("GET", path)).await);
        assert!(!other.contains(&format!("value=\"{person}\" required checked>")), "{person}");
    }
    for wrong in
        ["/tour/log-in/nobody/9000000017", "/tour/log-in/citizen/x", "/tour/log-in/citizen/9000000017%0d%0aX"]
    {
        assert_eq!(app.send(Request::new("GET", wrong)).await.status, 404, "{wrong}");
    }
}

#[rstest]
#[actix_web::test]
async fn the_page_to_which_a_log_in_comes_back_puts_nothing_but_a_code_into_its_command(
    #[values(Backend::Sqlite)] backend: Backend,
) {
    let app = sandbox(backend).await;
    for kind in ["citizen", "staff"] {
        let page = browse(&app, &format!("/tour/back/{kind}?code=aZ09-_&state=sandbox-tour")).await;
        let html = text(&page);
        assert_eq!(page.status, 200);
        assert!(html.contains("You are logged in") && html.contains("-d code=aZ09-_ "), "{html}");
        let denied = browse(&app, &format!("/tour/back/{kind}?error=access_denied")).await;
        assert_eq!(denied.status, 200);
        assert!(text(&denied).contains("The app has no access") && !text(&denied).contains("curl"));
    }
    for wrong in
        ["", "?code=", "?code=a%27%3Bid%3B%27", "?code=a%0Ab", "?code=%3Cb%3E", "?code=a&error=b", "?state=x"]
    {
        let page = browse(&app, &format!("/tour/back/citizen{wrong}")).await;
        assert_eq!(page.status, 404, "{wrong}");
        assert!(!text(&page).contains("curl"), "{wrong}");
    }
    assert_eq!(browse(&app, "/tour/back/other?code=a").await.status, 404);
}

#[rstest]
#[actix_web::test]
async fn a_page_of_the_tour_has_the_headers_of_every_page_and_its_links_answer(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = sandbox(backend).await;
    for path in ["/", "/about", "/tour/back/citizen?code=a"] {
        let page = browse(&app, path).await;
        for (name, value) in [
            (
                "content-security-policy",
                "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; form-action 'self'; \
                 frame-ancestors 'none'; base-uri 'none'",
            ),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
            ("vary", "Accept"),
        ] {
            assert_eq!(page.header(name), Some(value), "{path}");
        }
        let html = text(&page);
        assert!(html.starts_with("<!DOCTYPE html>\n<html lang=\"en-GB\">"), "{path}");
        for never in ["<script", "style=\"", "javascript:", "onclick"] {
            assert!(!html.contains(never), "{path}: {never}");
        }
        for link in links(&html) {
            let answer = browse(&app, &link).await;
            assert!(matches!(answer.status, 200 | 303), "{path}: {link}: {}", answer.status);
        }
        let ids: Vec<&str> = between(&html, " id=\"", "\"");
        let anchors = between(&html, "href=\"#", "\"");
        assert!(anchors.iter().all(|anchor| ids.contains(anchor)), "{path}: {anchors:?}");
        assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "{path}: {ids:?}");
    }
    let head = app.send(Request::new("HEAD", "/").header("Accept", "text/html")).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    // A program is answered as before.
    let told = app.send(Request::new("GET", "/")).await;
    assert_eq!((told.status, told.json()["service"].as_str()), (200, Some("OnBehalf")));
}

#[rstest]
#[actix_web::test]
async fn a_server_that_is_no_sandbox_has_no_tour(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let with_tokens = Options { registrations: kit::apps(), ..Options::default() };
    for app in [TestApp::start(backend, with_tokens).await, TestApp::strict(backend).await] {
        let html = text(&browse(&app, "/").await);
        assert!(html.contains("<h1>OnBehalf</h1>") && html.contains("href=\"/about\""), "{html}");
        assert!(!html.contains(MOTHER) && !html.contains("<svg"), "{html}");
        for path in ["/tour/log-in/citizen/9000000017", "/tour/back/citizen?code=a"] {
            assert_eq!(browse(&app, path).await.status, 404, "{path}");
        }
    }
}
