//! Parses and validates an event (CloudEvents 1.0, <https://cloudevents.io>).

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use crate::problem::Problem;
use base::date_time::{from_millis, to_millis};
use base::json;
use base::json::JsonFault;
use domain::person::{NhsNumber, NumberCheck};
use domain::proxy::OdsCode;

/// The longest `id`, `source` or `type`, in bytes.
const LONGEST: usize = 256;
/// How far a sender's clock may be ahead. Every later event would count as older than an event from the far
/// future.
const AHEAD: TimeDelta = TimeDelta::minutes(5);

/// The content mode of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContentMode {
    /// The whole event is the body.
    Structured,
    /// The attributes are headers, the data is the body.
    Binary,
}

/// A validated event.
pub(super) struct RegistryEvent {
    pub(super) id: String,
    pub(super) source: String,
    pub(super) kind: String,
    pub(super) time: DateTime<Utc>,
    /// The person, and the fact about them; `None` where the type is not supported.
    pub(super) fact: Option<(NhsNumber, Fact)>,
}

/// A fact about a person.
pub(super) enum Fact {
    Death,
    NewNumber(NhsNumber),
    Invalidation,
    Restriction,
    Lifting,
    Practice(Option<OdsCode>),
}

/// The content mode of a request, by its content type.
pub(super) fn mode(request: &HttpRequest) -> Result<ContentMode, Problem> {
    let header =
        request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = header.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/cloudevents+json") {
        Ok(ContentMode::Structured)
    } else if request.headers().contains_key("ce-specversion")
        && (media_type.is_empty() || media_type.eq_ignore_ascii_case("application/json"))
    {
        Ok(ContentMode::Binary)
    } else {
        Err(Problem::media_type())
    }
}

/// Parses a body; `None` for an empty one.
pub(super) fn parse(body: &[u8], depth: usize) -> Result<Option<Value>, Problem> {
    if body.is_empty() {
        return Ok(None);
    }
    json::parse(body, depth).map(Some).map_err(Problem::json)
}

impl RegistryEvent {
    /// Reads the event of a request. `body` is the result of [`parse`].
    pub(super) fn read(
        request: &HttpRequest,
        mode: ContentMode,
        body: Result<Option<Value>, Problem>,
        number_check: NumberCheck,
    ) -> Result<Self, Problem> {
        let (attributes, data) = match mode {
            ContentMode::Structured => {
                let Value::Object(mut event) = body?.ok_or_else(|| Problem::json(JsonFault::Malformed))?
                else {
                    return Err(Problem::wrong("event", "must be a JSON object"));
                };
                let data = event.remove("data").unwrap_or_default();
                (event, data)
            }
            ContentMode::Binary => (headers(request)?, body?.unwrap_or_default()),
        };
        let text = |name: &'static str| text(&attributes, name);
        if text("specversion")? != "1.0" {
            return Err(Problem::wrong("specversion", "must be 1.0"));
        }
        let (id, source, kind) = (text("id")?, text("source")?, text("type")?);
        let time = DateTime::parse_from_rfc3339(text("time")?)
            .map_err(|_wrong| Problem::wrong("time", "must be an RFC 3339 date and time"))?;
        let fact = match kind {
            "pds-death-notification-1" => Some(Fact::Death),
            "pds-nhs-number-change-1" => Some(new_number(&data, number_check)?),
            "pds-nhs-number-invalidation-1" => Some(Fact::Invalidation),
            "pds-restriction-1" => Some(Fact::Restriction),
            "pds-restriction-lifted-1" => Some(Fact::Lifting),
            "pds-change-of-gp-1" => Some(Fact::Practice(practice(&data)?)),
            _ => None,
        };
        let fact = fact
            .map(|fact| Ok::<_, Problem>((subject(text("subject")?, number_check)?, fact)))
            .transpose()?;
        if let Some((person, Fact::NewNumber(new))) = &fact
            && person == new
        {
            return Err(Problem::wrong("data.newNhsNumber", "must differ from the subject"));
        }
        Ok(Self {
            id: id.to_owned(),
            source: source.to_owned(),
            kind: kind.to_owned(),
            time: from_millis(to_millis(time.to_utc())),
            fact,
        })
    }

    /// Whether the event's time is possible.
    pub(super) fn check_time(&self, now: DateTime<Utc>) -> Result<(), Problem> {
        if self.time > now + AHEAD {
            return Err(Problem::wrong("time", "must not be in the future"));
        }
        Ok(())
    }
}

fn subject(text: &str, number_check: NumberCheck) -> Result<NhsNumber, Problem> {
    let number = NhsNumber::parse(text, number_check);
    number.or(Err(Problem::wrong("subject", "must be an NHS number")))
}

/// The attributes in headers; each may occur once.
fn headers(request: &HttpRequest) -> Result<Map<String, Value>, Problem> {
    let mut attributes = Map::new();
    for name in ["specversion", "id", "source", "type", "time", "subject"] {
        let mut values = request.headers().get_all(format!("ce-{name}"));
        let (first, second) = (values.next(), values.next());
        let Some(value) = first else { continue };
        let text = value.to_str().ok().filter(|_| second.is_none());
        let text = text.ok_or_else(|| Problem::wrong(name, "must occur once, in ASCII"))?;
        attributes.insert(name.to_owned(), text.into());
    }
    Ok(attributes)
}

fn text<'m>(attributes: &'m Map<String, Value>, name: &'static str) -> Result<&'m str, Problem> {
    let text = attributes.get(name).and_then(Value::as_str);
    let is_good = |text: &&str| !text.is_empty() && text.len() <= LONGEST;
    text.filter(is_good).ok_or_else(|| Problem::wrong(name, "is required: a text of at most 256 bytes"))
}

/// The number that superseded another. With an adoption the new number is ignored: the old one is
/// invalidated.
fn new_number(data: &Value, number_check: NumberCheck) -> Result<Fact, Problem> {
    match data.get("reason").map(Value::as_str) {
        Some(Some("adoption")) => return Ok(Fact::Invalidation),
        None | Some(Some("supersession")) => {}
        Some(_) => {
            return Err(Problem::wrong("data.reason", "must be \"supersession\" or \"adoption\""));
        }
    }
    let number = data.get("newNhsNumber").and_then(Value::as_str);
    let number = number.and_then(|text| NhsNumber::parse(text, number_check).ok());
    number.map(Fact::NewNumber).ok_or_else(|| Problem::wrong("data.newNhsNumber", "must be an NHS number"))
}

/// The person's new practice. The absence of a practice must be explicit.
fn practice(data: &Value) -> Result<Option<OdsCode>, Problem> {
    match (data.get("generalPractitioner"), data.get("deregistered")) {
        (None, Some(Value::Bool(true))) => Ok(None),
        (Some(Value::String(code)), None | Some(Value::Bool(false))) => {
            let code = OdsCode::parse(code);
            code.map(Some).or(Err(Problem::wrong("data.generalPractitioner", "must be an ODS code")))
        }
        _ => Err(Problem::wrong(
            "data.generalPractitioner",
            "must be an ODS code, or data.deregistered must be true",
        )),
    }
}
