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

use crate::bundle;
use crate::bundle::{BundleType, Entry, Plan};
use crate::context::Context;
use crate::http::api::{Api, Params, Writing, joined, writing};
use crate::interaction::judge;
use crate::interaction::request::{Body, Conditions, Handler, Prepared, Request, Route, Target};
use crate::refusal::Refusal;
use crate::trail;
use ::web::body::{BodyFault, Received};
use base::cpu_pool::INLINE;
use domain::audit::Access;
use fhir::etag;
use fhir::etag::{NotAnEtag, Versions};
use fhir::format;
use fhir::format::{BodyFormat, MediaFault, xml};
use fhir::outcome::{Issue, IssueType};

/// The request line, parsed.
pub(super) struct Asking {
    pub(super) route: &'static Route,
    pub(super) target: Target,
    pub(super) path: String,
    pub(super) query: Params,
}

/// A parsed request.
pub(super) enum Understood {
    /// One validated request.
    Request(Box<Request>),
    /// A batch: each entry by itself.
    Batch(Vec<Result<Entry, Refusal>>),
    /// A transaction: the accesses of its entries, and its plan.
    Transaction(Vec<Access>, Result<Plan, Refusal>),
}

/// Reads the body, parses and validates the request. Few Bundles are in memory as trees at a time: the permit
/// of one is returned beside it.
pub(super) async fn understand(
    api: Api<'_>,
    request: &HttpRequest,
    context: &Context,
    asking: Asking,
    payload: Payload,
    told: &mut Writing,
) -> (Option<OwnedSemaphorePermit>, Result<Understood, Refusal>) {
    let arrived = async {
        let bytes = api.bodies.read(request.headers(), payload).await?;
        let is_bundle = matches!(asking.route.handler, Handler::Bundle);
        let turn = if is_bundle { Some(api.turns.take().await?) } else { None };
        Ok::<_, Refusal>((bytes, turn))
    };
    let (bytes, turn) = match arrived.await {
        Ok(arrived) => arrived,
        Err(refusal) => return (None, Err(refusal)),
    };
    let read = async {
        let size = bytes.len();
        let arriving = Arriving::of(request, asking, bytes, api.bodies.limits.json_depth);
        let Read { form, understood } = if size <= INLINE {
            arriving.read(context)?
        } else {
            let context = context.clone();
            api.bodies.cpu.run(size, move || arriving.read(&context)).await??
        };
        // The form of a search may set the response format too, as its URL may.
        if let Some(params) = form {
            *told = writing(request, &params)?;
        }
        understood
    };
    (turn, read.await)
}

/// The parsed content of a request.
struct Read {
    /// The parameters of URL and form, where the body is a form.
    form: Option<Params>,
    understood: Result<Understood, Refusal>,
}

/// A request with its body, apart from its connection.
struct Arriving {
    asking: Asking,
    is_read: bool,
    content_type: Option<String>,
    conditions: Result<Conditions, Refusal>,
    bytes: Received,
    depth: usize,
}

impl Arriving {
    fn of(request: &HttpRequest, asking: Asking, bytes: Received, depth: usize) -> Self {
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_bundle = matches!(asking.route.handler, Handler::Bundle);
        Self {
            is_read: matches!(*request.method(), Method::GET | Method::HEAD),
            content_type: content_type.map(str::to_owned),
            conditions: if is_bundle { Ok(Conditions::default()) } else { conditions(request.headers()) },
            asking,
            bytes,
            depth,
        }
    }

    /// Parses and validates it.
    fn read(mut self, context: &Context) -> Result<Read, Refusal> {
        let mut params = std::mem::take(&mut self.asking.query);
        let is_form = self.is_form()?;
        let body = if is_form {
            params.extend(form_urlencoded::parse(&self.bytes).into_owned());
            None
        } else {
            self.read_body()?
        };
        let form = is_form.then(|| params.clone());
        Ok(Read { form, understood: self.understand(context, params, body) })
    }

    fn understand(
        self,
        context: &Context,
        params: Params,
        body: Option<Body>,
    ) -> Result<Understood, Refusal> {
        let Asking { route, target, path, .. } = self.asking;
        let (conditions, prepared) = (self.conditions?, Prepared::Nothing);
        let mut request = Request { route, target, params, path, body, conditions, prepared, new_id: None };
        if let (Some(_), true) = (&request.conditions.if_match, request.target == Target::default()) {
            return Err(Refusal::invalid("If-Match is only possible for a request on one resource."));
        }
        if matches!(route.handler, Handler::Bundle) {
            return read_bundle(context, request.body, self.depth);
        }
        if route.handler.is_write() {
            judge(context, &mut request)?;
        }
        Ok(Understood::Request(Box::new(request)))
    }

    fn has_body(&self) -> bool {
        !self.is_read && !self.bytes.is_empty()
    }

    fn is_search(&self) -> bool {
        matches!(self.asking.route.handler, Handler::Search(_))
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
        let patches = matches!(self.asking.route.handler, Handler::Patch(_));
        let body = match format::body_format(self.content_type.as_deref())? {
            BodyFormat::Json if !self.is_search() => Body::Resource(self.read_json()?),
            BodyFormat::Xml if !self.is_search() => Body::Resource(read_xml(&self.bytes, self.depth)?),
            BodyFormat::JsonPatch if patches => {
                Body::JsonPatch(format::read_json_patch(&self.bytes, self.depth)?)
            }
            BodyFormat::Form | BodyFormat::Json | BodyFormat::Xml | BodyFormat::JsonPatch => {
                let told = "This kind of body is not allowed for this request.";
                return Err(Refusal::new(415, Issue::error(IssueType::NotSupported, told)));
            }
        };
        Ok(Some(body))
    }
}

/// Parses a Bundle, and validates its entries: those of a batch each by itself, those of a transaction
/// together.
fn read_bundle(context: &Context, body: Option<Body>, depth: usize) -> Result<Understood, Refusal> {
    let Some(Body::Resource(bundle)) = body else {
        return Err(Refusal::invalid("Send a Bundle of type batch or transaction to this URL."));
    };
    let kind = bundle::type_of(&bundle)?;
    let mut entries = bundle::read(bundle, context, depth)?;
    match kind {
        BundleType::Batch => {
            for entry in entries.iter_mut().flatten().filter(|entry| entry.request.route.handler.is_write()) {
                entry.refused = judge(context, &mut entry.request).err();
            }
            Ok(Understood::Batch(entries))
        }
        BundleType::Transaction => {
            let entries = entries.into_iter().collect::<Result<Vec<_>, _>>()?;
            let each = |entry: &Entry| {
                let Request { route, target, params, .. } = &entry.request;
                trail::access(context, route, target, params)
            };
            let accesses = entries.iter().map(each).collect();
            Ok(Understood::Transaction(accesses, Plan::of(context, entries)))
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
        let (status, code, told) = match fault {
            BodyFault::TooLarge => (413, IssueType::TooLong, "The body is larger than this server accepts."),
            BodyFault::Encoded => {
                let told = "Send the body without a Content-Encoding.";
                let refusal = Self::new(415, Issue::error(IssueType::NotSupported, told));
                return Self { takes_no_encoding: true, ..refusal };
            }
            BodyFault::Incomplete => (400, IssueType::Invalid, "The body is incomplete."),
            BodyFault::Late => {
                (408, IssueType::Timeout, "The request did not arrive within the time allowed.")
            }
        };
        Self::new(status, Issue::error(code, told))
    }
}
