//! Search of the R4 API, through the whole service, on both databases.

mod compartments;
mod cost;
mod dates;
mod hostile;
mod includes;
mod links;
mod paging;
mod parameters;
pub mod plans;
mod references;
mod results;
mod scope;
mod strings;
mod tokens;

use serde_json::Value;

use crate::support::{Request, Response, TestApp};

/// The mother of two, a proxy for many.
pub const LISA: &str = "9000000017";
/// Her child, for whom two others act as well.
pub const JANE: &str = "9000000009";
/// A role that no test changes.
pub const ROLE: &str = "6b71ac92-baa3-4b76-b0f5-a601257e2722";

/// `GET` below the API's base.
pub async fn get(app: &TestApp, path: &str) -> Response {
    app.send(Request::new("GET", &format!("/FHIR/R4/{path}"))).await
}

/// The same, which must return a searchset.
pub async fn bundle(app: &TestApp, path: &str) -> Value {
    let answer = get(app, path).await;
    let shown = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, 200, "{path}: {shown}");
    let bundle = answer.json();
    assert_eq!(
        (&bundle["resourceType"], &bundle["type"]),
        (&"Bundle".into(), &"searchset".into()),
        "{path}: {shown}"
    );
    bundle
}

/// How many resources match.
pub async fn total(app: &TestApp, path: &str) -> i64 {
    let mark = if path.contains('?') { '&' } else { '?' };
    let bundle = bundle(app, &format!("{path}{mark}_summary=count")).await;
    assert!(bundle.get("entry").is_none(), "{path}");
    bundle["total"].as_i64().unwrap_or_else(|| panic!("no total: {path}"))
}

/// `Type/id` of the entries of a mode, in their order.
pub fn entries(bundle: &Value, mode: &str) -> Vec<String> {
    let all = bundle["entry"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of_mode = all.iter().filter(|entry| entry["search"]["mode"] == mode);
    let name = |entry: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        format!("{}/{}", text(&entry["resource"]["resourceType"]), text(&entry["resource"]["id"]))
    };
    of_mode.map(name).collect()
}

/// The path of a link, below the base; every link begins with the base.
pub fn link(app: &TestApp, bundle: &Value, relation: &str) -> Option<String> {
    let links = bundle["link"].as_array().map(Vec::as_slice).unwrap_or_default();
    let link = links.iter().find(|link| link["relation"] == relation)?;
    let base = format!("http://{}/FHIR/R4/", app.address);
    let url = link["url"].as_str().expect("a link has a URL");
    Some(url.strip_prefix(&base).unwrap_or_else(|| panic!("not ours: {url}")).to_owned())
}

/// Every match, page by page.
pub async fn all_pages(app: &TestApp, path: &str) -> Vec<String> {
    let (mut found, mut next) = (Vec::new(), Some(path.to_owned()));
    while let Some(path) = next {
        let page = bundle(app, &path).await;
        found.extend(entries(&page, "match"));
        next = link(app, &page, "next");
        assert!(found.len() < 2000, "the pages do not end: {path}");
    }
    found
}

/// Each query finds this many.
pub async fn assert_totals(app: &TestApp, table: &[(&str, i64)]) {
    let mut wrong = Vec::new();
    for (query, expected) in table {
        let found = total(app, query).await;
        if found != *expected {
            wrong.push(format!("{query}: {found}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each query finds these, identified by the beginning of their ids.
pub async fn assert_finds(app: &TestApp, table: &[(&str, &[&str])]) {
    for (query, expected) in table {
        let found = entries(&bundle(app, query).await, "match");
        let ids: Vec<&str> = found.iter().filter_map(|name| name.split('/').nth(1)).collect();
        let fits =
            ids.len() == expected.len() && ids.iter().zip(*expected).all(|(id, start)| id.starts_with(start));
        assert!(fits, "{query}: {ids:?}, not {expected:?}");
    }
}

/// Each query is refused with this status and an OperationOutcome with its cause.
pub async fn assert_refused(app: &TestApp, status: u16, queries: &[&str]) {
    for query in queries {
        let answer = get(app, query).await;
        assert_eq!(answer.status, status, "{query}: {}", String::from_utf8_lossy(&answer.body));
        let outcome = answer.json();
        assert_eq!(outcome["resourceType"], "OperationOutcome", "{query}");
        assert!(outcome["issue"][0]["diagnostics"].is_string(), "{query}");
    }
}
