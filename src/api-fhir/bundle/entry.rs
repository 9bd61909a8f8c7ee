//! Reads the entries of a Bundle as requests.

use actix_web::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::bundle::refusal::in_entry;
use crate::context::Context;
use crate::interaction::request::{Body, Conditions, FhirRequest, Handler, Prepared};
use crate::refusal::Refusal;
use crate::routes::resolve;
use crate::search::query::pairs;
use crate::url::normal;
use fhir::etag::Versions;
use fhir::format::{BodyFormat, body_format, read_json_patch};
use fhir::outcome::{Issue, IssueType};

/// A parsed entry.
#[derive(Clone, Debug)]
pub(crate) struct BundleEntry {
    /// Its index in the Bundle.
    pub(crate) number: usize,
    /// The fullUrl, by which other entries refer to it.
    pub(crate) full_url: Option<String>,
    /// The order of its method in a transaction.
    pub(super) rank: u8,
    /// Its request.
    pub(crate) request: FhirRequest,
    /// Why it is refused, if that is already known: in a batch the other entries go on.
    pub(crate) refused: Option<Refusal>,
}

impl BundleEntry {
    /// Whether it creates a resource that other entries of a transaction may refer to.
    pub(super) fn creates_under_name(&self) -> bool {
        self.rank == 1 && self.full_url.as_ref().is_some_and(|name| name.starts_with("urn:"))
    }
}

/// Reads all entries; each fails by itself.
pub(crate) fn read(
    mut bundle: Value,
    context: &Context,
    depth: usize,
) -> Result<Vec<Result<BundleEntry, Refusal>>, Refusal> {
    let entries = match bundle.get_mut("entry").map(Value::take) {
        Some(Value::Array(entries)) => entries,
        None => Vec::new(),
        Some(_) => {
            let message = "The entries of a Bundle must be an array.";
            return Err(Refusal::new(400, Issue::error(IssueType::Structure, message).at("Bundle.entry")));
        }
    };
    if entries.len() > MOST {
        let message = "Send fewer entries at a time: one thousand at most.";
        return Err(Refusal::new(413, Issue::error(IssueType::TooLong, message).at("Bundle.entry")));
    }
    let each =
        |(number, entry)| one(number, entry, context, depth).map_err(|refusal| in_entry(refusal, number));
    Ok(entries.into_iter().enumerate().map(each).collect())
}

fn one(number: usize, mut entry: Value, context: &Context, depth: usize) -> Result<BundleEntry, Refusal> {
    let resource = entry.get_mut("resource").map(Value::take);
    let text = |path: &str| entry.pointer(path).and_then(Value::as_str);
    let (Some(method), Some(url)) = (text("/request/method"), text("/request/url")) else {
        return Err(Refusal::invalid("Each entry needs a request with method and url."));
    };
    let method = Method::from_bytes(method.as_bytes())
        .or(Err(Refusal::invalid("The method of the request is not valid.")))?;
    let url = relative(context, url);
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let path = normal(path);
    let (route, target) = resolve(&method, &path)?;
    if matches!(method.as_str(), "POST" | "PUT") && resource.is_none() && !path.ends_with("_search") {
        return Err(Refusal::invalid("An entry that creates or updates needs a resource."));
    }
    let request = FhirRequest {
        route,
        target,
        params: pairs(query),
        path: path.into_owned(),
        body: resource.map(|resource| body(&method, resource, depth)).transpose()?,
        conditions: Conditions {
            if_match: text("/request/ifMatch").map(Versions::parse).transpose().map_err(bad_tag)?,
            if_none_match: text("/request/ifNoneMatch").map(Versions::parse).transpose().map_err(bad_tag)?,
            if_modified_since: text("/request/ifModifiedSince")
                .and_then(|at| base::date_time::FhirDateTime::parse(at).ok())
                .map(|at| at.earliest()),
            if_unmodified_since: None,
            if_none_exist: text("/request/ifNoneExist").map(str::to_owned),
        },
        prepared: Prepared::Nothing,
        new_id: None,
    };
    not_here(&request)?;
    Ok(BundleEntry {
        number,
        full_url: text("/fullUrl").map(str::to_owned),
        rank: rank(&method),
        request,
        refused: None,
    })
}

/// The body of an entry. A JSON Patch, which is not a resource, is the data of a Binary (B-07).
fn body(method: &Method, resource: Value, depth: usize) -> Result<Body, Refusal> {
    let text = |name: &str| resource.get(name).and_then(Value::as_str);
    if *method != Method::PATCH || text("resourceType") != Some("Binary") {
        return Ok(Body::Resource(resource));
    }
    if body_format(text("contentType"))? != BodyFormat::JsonPatch {
        let message = "A Binary with a patch must have the contentType application/json-patch+json.";
        let issue = Issue::error(IssueType::NotSupported, message).at("Binary.contentType");
        return Err(Refusal::new(415, issue));
    }
    let message = "The data of a Binary with a patch must be the JSON Patch in base64.";
    let wrong = || Refusal::new(400, Issue::error(IssueType::Structure, message).at("Binary.data"));
    // FHIR allows white space in base64.
    let data: String = text("data").ok_or_else(wrong)?.split_ascii_whitespace().collect();
    let patch = STANDARD.decode(data).or(Err(wrong()))?;
    Ok(Body::JsonPatch(read_json_patch(&patch, depth)?))
}

fn bad_tag<E>(_wrong: E) -> Refusal {
    Refusal::invalid("An entity tag must be written W/\"1\".")
}

/// The most entries of one Bundle (B-10).
const MOST: usize = 1000;

/// The order in which a transaction processes its entries (B-01).
fn rank(method: &Method) -> u8 {
    match method.as_str() {
        "DELETE" => 0,
        "POST" => 1,
        "PUT" | "PATCH" => 2,
        _ => 3,
    }
}

/// Refuses a request that cannot be an entry of a Bundle.
fn not_here(request: &FhirRequest) -> Result<(), Refusal> {
    if matches!(request.route.handler, Handler::Bundle | Handler::Capabilities) {
        return Err(Refusal::invalid("This request cannot be an entry of a Bundle."));
    }
    Ok(())
}

/// The URL of an entry's request, relative to the base of this API.
fn relative<'u>(context: &Context, url: &'u str) -> &'u str {
    context.relative(url).trim_start_matches('/')
}
