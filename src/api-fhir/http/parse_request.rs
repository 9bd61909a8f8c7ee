//! Parses a request: reads its body, and validates it as far as possible without the database. For a large
//! body this runs on the CPU pool, as one piece of work.

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{
    CONTENT_TYPE, HeaderMap, HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE,
};
use actix_web::web::Payload;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use crate::audit;
use crate::bundle;
use crate::bundle::{BundleEntry, BundleType, Plan};
use crate::context::Context;
use crate::http::api::{Api, QueryParams, ResponseFormat, joined, writing};
use crate::interaction::authorize_and_prepare;
use crate::interaction::request::{Body, Conditions, FhirRequest, Handler, Prepared, RequestTarget, Route};
use crate::refusal::Refusal;
use ::web::body::{BodyFault, RequestBody};
use base::cpu_pool::INLINE;
use domain::audit::Access;
use fhir::etag;
use fhir::etag::{NotAnEtag, Versions};
use fhir::format;
use fhir::format::{BodyFormat, MediaFault, xml};
use fhir::outcome::{Issue, IssueType};

/// The request line, parsed.
pub(super) struct RequestLine {
    pub(super) route: &'static Route,
    pub(super) target: RequestTarget,
    pub(super) path: String,
    pub(super) query: QueryParams,
}

/// A parsed request.
pub(super) enum ParsedRequest {
    /// One validated request.
    Request(Box<FhirRequest>),
    /// A batch: each entry by itself.
    Batch(Vec<Result<BundleEntry, Refusal>>),
    /// A transaction: the accesses of its entries, and its plan.
    Transaction(Vec<Access>, Result<Plan, Refusal>),
}

/// Reads the body, parses and validates the request. Few Bundles are in memory as trees at a time: the permit
/// of one is returned beside it.
pub(super) async fn parse_request(
    api: Api<'_>,
    request: &HttpRequest,
    context: &Context,
    request_line: RequestLine,
    payload: Payload,
    format: &mut ResponseFormat,
) -> (Option<OwnedSemaphorePermit>, Result<ParsedRequest, Refusal>) {
    let arrived = async {
        let bytes = api.bodies.read(request.headers(), payload).await?;
        let is_bundle = matches!(request_line.route.handler, Handler::Bundle);
        let turn = if is_bundle { Some(api.turns.take().await?) } else { None };
        Ok::<_, Refusal>((bytes, turn))
    };
    let (bytes, turn) = match arrived.await {
        Ok(arrived) => arrived,
        Err(refusal) => return (None, Err(refusal)),
    };
    let read = async {
        let size = bytes.len();
        let request_bytes = RequestBytes::of(request, request_line, bytes, api.bodies.limits.json_depth);
        let Read { form, parsed } = if size <= INLINE {
            request_bytes.read(context)?
        } else {
            let context = context.clone();
            api.bodies.cpu.run(size, move || request_bytes.read(&context)).await??
        };
        // The form of a search may set the response format too, as its URL may.
        if let Some(params) = form {
            *format = writing(request, &params)?;
        }
        parsed
    };
    (turn, read.await)
}

/// The parsed content of a request.
struct Read {
    /// The parameters of URL and form, where the body is a form.
    form: Option<QueryParams>,
    parsed: Result<ParsedRequest, Refusal>,
}

/// A request with its body, apart from its connection.
struct RequestBytes {
    request_line: RequestLine,
    is_read: bool,
    content_type: Option<String>,
    conditions: Result<Conditions, Refusal>,
    bytes: RequestBody,
    depth: usize,
}

impl RequestBytes {
    fn of(request: &HttpRequest, request_line: RequestLine, bytes: RequestBody, depth: usize) -> Self {
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_bundle = matches!(request_line.route.handler, Handler::Bundle);
        Self {
            is_read: matches!(*request.method(), Method::GET | Method::HEAD),
            content_type: content_type.map(str::to_owned),
            conditions: if is_bundle { Ok(Conditions::default()) } else { conditions(request.headers()) },
            request_line,
            bytes,
            depth,
        }
    }

    /// Parses and validates it.
    fn read(mut self, context: &Context) -> Result<Read, Refusal> {
        let mut params = std::mem::take(&mut self.request_line.query);
        let is_form = self.is_form()?;
        let body = if is_form {
            params.extend(form_urlencoded::parse(&self.bytes).into_owned());
            None
        } else {
            self.read_body()?
        };
        let form = is_form.then(|| params.clone());
        Ok(Read { form, parsed: self.parse_request(context, params, body) })
    }

    fn parse_request(
        self,
        context: &Context,
        params: QueryParams,
        body: Option<Body>,
    ) -> Result<ParsedRequest, Refusal> {
        let RequestLine { route, target, path, .. } = self.request_line;
        let (conditions, prepared) = (self.conditions?, Prepared::Nothing);
        let mut request =
            FhirRequest { route, target, params, path, body, conditions, prepared, new_id: None };
        if let (Some(_), true) = (&request.conditions.if_match, request.target == RequestTarget::default()) {
            return Err(Refusal::invalid("If-Match is only possible for a request on one resource."));
        }
        if matches!(route.handler, Handler::Bundle) {
            return read_bundle(context, request.body, self.depth);
        }
        if route.handler.is_write() {
            authorize_and_prepare(context, &mut request)?;
        }
        Ok(ParsedRequest::Request(Box::new(request)))
    }

    fn has_body(&self) -> bool {
        !self.is_read && !self.bytes.is_empty()
    }

    fn is_search(&self) -> bool {
        matches!(self.request_line.route.handler, Handler::Search(_))
    }

    /// Whether the body is a form, whose parameters are added to those of the URL.
    fn is_form(&self) -> Result<bool, Refusal> {
        if !self.has_body() || !self.is_search() {
            return Ok(false);
        }
        Ok(format::body_format(self.content_type.as_deref())? == BodyFormat::Form)
    }

    fn read_json(&self) -> Result<Value, Refusal> {
        Ok(format::read_json(&self.bytes, self.depth)?)
    }

    /// Parses the body: a resource or a patch.
    fn read_body(&self) -> Result<Option<Body>, Refusal> {
        if !self.has_body() {
            return Ok(None);
        }
        let patches = matches!(self.request_line.route.handler, Handler::Patch(_));
        let body = match format::body_format(self.content_type.as_deref())? {
            BodyFormat::Json if !self.is_search() => Body::Resource(self.read_json()?),
            BodyFormat::Xml if !self.is_search() => Body::Resource(read_xml(&self.bytes, self.depth)?),
            BodyFormat::JsonPatch if patches => {
                Body::JsonPatch(format::read_json_patch(&self.bytes, self.depth)?)
            }
            BodyFormat::Form | BodyFormat::Json | BodyFormat::Xml | BodyFormat::JsonPatch => {
                let message = "This kind of body is not allowed for this request.";
                return Err(Refusal::new(415, Issue::error(IssueType::NotSupported, message)));
            }
        };
        Ok(Some(body))
    }
}

/// Parses a Bundle, and validates its entries: those of a batch each by itself, those of a transaction
/// together.
fn read_bundle(context: &Context, body: Option<Body>, depth: usize) -> Result<ParsedRequest, Refusal> {
    let Some(Body::Resource(bundle)) = body else {
        return Err(Refusal::invalid("Send a Bundle of type batch or transaction to this URL."));
    };
    let kind = bundle::type_of(&bundle)?;
    let mut entries = bundle::read(bundle, context, depth)?;
    match kind {
        BundleType::Batch => {
            for entry in entries.iter_mut().flatten().filter(|entry| entry.request.route.handler.is_write()) {
                entry.refused = authorize_and_prepare(context, &mut entry.request).err();
            }
            Ok(ParsedRequest::Batch(entries))
        }
        BundleType::Transaction => {
            let entries = entries.into_iter().collect::<Result<Vec<_>, _>>()?;
            let each = |entry: &BundleEntry| {
                let FhirRequest { route, target, params, .. } = &entry.request;
                audit::access(context, route, target, params)
            };
            let accesses = entries.iter().map(each).collect();
            Ok(ParsedRequest::Transaction(accesses, Plan::of(context, entries)))
        }
    }
}

fn read_xml(bytes: &[u8], depth: usize) -> Result<Value, Refusal> {
    xml::parse(bytes, depth)
        .map_err(|fault| Refusal::new(400, Issue::error(IssueType::Structure, fault.to_string())))
}

/// The conditional headers.
pub(super) fn conditions(headers: &HeaderMap) -> Result<Conditions, Refusal> {
    let tags = |name: &str, parse: fn(&str) -> Result<Versions, NotAnEtag>| {
        let tags = joined(headers, name).map(|text| parse(&text)).transpose();
        tags.map_err(|_wrong| Refusal::invalid("An entity tag must be written W/\"1\"."))
    };
    // A date that cannot be parsed is ignored (RFC 9110 §13.1.3, §13.1.4).
    let date = |name: HeaderName| {
        headers.get(name).and_then(|value| value.to_str().ok()).and_then(etag::parse_http_date)
    };
    Ok(Conditions {
        if_match: tags(IF_MATCH.as_str(), Versions::parse)?,
        if_none_match: tags(IF_NONE_MATCH.as_str(), Versions::parse_known)?,
        if_modified_since: date(IF_MODIFIED_SINCE),
        if_unmodified_since: date(IF_UNMODIFIED_SINCE),
        if_none_exist: headers.get("if-none-exist").and_then(|value| value.to_str().ok()).map(str::to_owned),
    })
}

impl From<MediaFault> for Refusal {
    fn from(fault: MediaFault) -> Self {
        Self::new(fault.status(), fault.issue())
    }
}

impl From<BodyFault> for Refusal {
    fn from(fault: BodyFault) -> Self {
        let (status, code, message) = match fault {
            BodyFault::TooLarge => (413, IssueType::TooLong, "The body is larger than this server accepts."),
            BodyFault::Encoded => {
                let message = "Send the body without a Content-Encoding.";
                let refusal = Self::new(415, Issue::error(IssueType::NotSupported, message));
                return Self { takes_no_encoding: true, ..refusal };
            }
            BodyFault::Incomplete => (400, IssueType::Invalid, "The body is incomplete."),
            BodyFault::Late => {
                (408, IssueType::Timeout, "The request did not arrive within the time allowed.")
            }
        };
        Self::new(status, Issue::error(code, message))
    }
}
