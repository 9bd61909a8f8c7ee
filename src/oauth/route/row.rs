//! A row of a table of routes.

use actix_web::http::Method;
use actix_web::{Resource, Route, guard};

pub(crate) const GET: &[Method] = &[Method::GET];
pub(crate) const POST: &[Method] = &[Method::POST];
/// Of a document.
pub(crate) const READ: &[Method] = &[Method::GET, Method::HEAD];

/// What surrounds the handler of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A document that any client may read.
    Document,
    /// An endpoint where the client is not known yet, so that addresses are counted.
    Counted,
    /// An endpoint to which a token is shown: its app is counted, as at the other APIs.
    Token,
    /// A page of the log-in.
    Page,
    /// A page that needs no log-in, so that addresses are counted.
    CountedPage,
}

/// A row.
pub(crate) struct Row {
    /// The `operationId` of the OpenAPI file; `None` for the pages between, which no client calls.
    pub(crate) id: Option<&'static str>,
    /// The methods.
    pub(crate) methods: &'static [Method],
    /// The parts of the path.
    pub(crate) path: &'static [&'static str],
    /// What surrounds it.
    pub(crate) kind: Kind,
    /// The content types of its body.
    pub(crate) content_types: &'static [&'static str],
    /// What carries it out.
    pub(crate) to: fn(Route) -> Route,
}

impl Row {
    /// The path.
    pub(crate) fn path(&self) -> String {
        self.path.concat()
    }
}

/// The rows of each path, in the order of the table.
pub(crate) fn by_path(rows: &'static [Row]) -> Vec<(String, &'static [Row])> {
    rows.chunk_by(|one, other| one.path == other.path)
        .filter_map(|rows| Some((rows.first()?.path(), rows)))
        .collect()
}

/// The methods of some rows, as `Allow` lists them.
pub(crate) fn allow(rows: &[Row]) -> String {
    let methods: Vec<&str> = rows.iter().flat_map(|row| row.methods).map(Method::as_str).collect();
    methods.join(", ")
}

/// A resource with the routes of some rows.
pub(crate) fn with_routes(resource: Resource, rows: &'static [Row]) -> Resource {
    rows.iter().fold(resource, |resource, row| {
        let is_one = guard::fn_guard(move |context| row.methods.contains(&context.head().method));
        resource.route((row.to)(actix_web::web::route().guard(is_one)))
    })
}
