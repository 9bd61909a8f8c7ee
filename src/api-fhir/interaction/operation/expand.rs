//! `ValueSet/$expand`: the codes of a value set that this server publishes
//! (<https://hl7.org/fhir/R4/valueset-operation-expand.html>).

use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::interaction::reply::Reply;
use crate::interaction::request::{Body, FhirRequest, in_parameters};
use crate::refusal::Refusal;
use crate::resource::library_of;
use crate::resource::resource_type::ResourceType;
use crate::resource::stored_resource::StoredResource;
use base::date_time::render_instant;
use base::json::has_control;
use fhir::expansion::{Concept, Expansion, expand as expansion_of};
use fhir::outcome::{Issue, IssueType};
use fhir::profiles;
use store::{Tx, normalize};

/// The elements of the value set that the response repeats; its definition is left out.
const REPEATED: [&str; 8] =
    ["resourceType", "url", "version", "name", "title", "status", "date", "publisher"];

/// The parameters of a request.
#[derive(Default)]
struct Asked {
    url: Option<String>,
    filter: Option<String>,
    count: Option<usize>,
    offset: Option<usize>,
}

pub(crate) fn expand(_tx: &mut Tx<'_>, context: &Context, request: &FhirRequest) -> Result<Reply, Refusal> {
    let asked = Asked::read(request)?;
    let value_set = find(request, &asked)?;
    let tree = value_set.body.tree();
    let expansion = expansion_of(&tree).ok_or_else(|| {
        let message = "This server does not have all codes of this value set and cannot expand it.";
        Refusal::new(422, Issue::error(IssueType::NotSupported, message))
    })?;
    let repeated = REPEATED.iter().filter_map(|name| Some((*name, tree.get(*name)?.clone())));
    let mut body: Map<String, Value> = repeated.map(|(name, element)| (name.to_owned(), element)).collect();
    body.insert("expansion".to_owned(), asked.render(&expansion, &render_instant(context.now())));
    Ok(Reply::made_of(vec![value_set.disclosed()], Value::Object(body)))
}

/// The value set in the path or in `url`.
fn find(request: &FhirRequest, asked: &Asked) -> Result<&'static StoredResource, Refusal> {
    let mut all = library_of(ResourceType::ValueSet);
    match (&request.target.id, &asked.url) {
        (Some(_), Some(_)) => {
            Err(Refusal::invalid("The path names the value set: leave the parameter url out."))
        }
        (Some(id), None) => all.find(|stored| stored.id == *id).ok_or_else(Refusal::not_found),
        (None, Some(canonical)) => {
            let named = profiles::find_by_url(canonical).filter(|it| it.resource_type == "ValueSet");
            named.and_then(|named| all.find(|stored| stored.id == named.id)).ok_or_else(|| {
                let message = "This server publishes no ValueSet with this url and version. GET ValueSet lists those \
                            that it publishes.";
                Refusal::new(404, Issue::error(IssueType::NotFound, message))
            })
        }
        (None, None) => {
            let message =
                "Name the value set by the parameter url, or send the request to ValueSet/{id}/$expand.";
            Err(Refusal::new(400, Issue::error(IssueType::Required, message)))
        }
    }
}

impl Asked {
    /// Reads the parameters of the URL and of a Parameters resource. An unsupported one is refused: if it
    /// were ignored, the result would be another than the one requested.
    fn read(request: &FhirRequest) -> Result<Self, Refusal> {
        let mut asked = Self::default();
        for (name, value) in request.params.iter().filter(|(_, value)| !value.is_empty()) {
            if !matches!(name.as_str(), "_format" | "_pretty") {
                asked.take(name, Some(value))?;
            }
        }
        if let Some(Body::Resource(body)) = &request.body {
            if body.get("resourceType").and_then(Value::as_str) != Some("Parameters") {
                return Err(Refusal::invalid("Send the parameters as a Parameters resource."));
            }
            for (name, value) in in_parameters(body) {
                asked.take(name, value.as_deref())?;
            }
        }
        Ok(asked)
    }

    fn take(&mut self, name: &str, value: Option<&str>) -> Result<(), Refusal> {
        let is_new = match name {
            "url" => self.url.replace(text_of(value)?).is_none(),
            "filter" => self.filter.replace(text_of(value)?).is_none(),
            "count" => self.count.replace(number_of(value)?).is_none(),
            "offset" => self.offset.replace(number_of(value)?).is_none(),
            _ => {
                let message =
                    "$expand supports the parameters url, filter, count and offset. Leave any other out.";
                return Err(Refusal::new(422, Issue::error(IssueType::NotSupported, message)));
            }
        };
        if is_new { Ok(()) } else { Err(Refusal::invalid("Each parameter of $expand may be given once.")) }
    }

    /// The expansion, or the requested page of it.
    fn render(&self, expansion: &Expansion<'_>, timestamp: &str) -> Value {
        let wanted = self.filter.as_deref().map(normalize).unwrap_or_default();
        let has = |text: &str| normalize(text).contains(&wanted);
        let is_wanted = |concept: &&Concept<'_>| has(concept.code) || concept.display.is_some_and(has);
        let found: Vec<&Concept<'_>> = expansion.concepts.iter().filter(is_wanted).collect();
        let (offset, count) = (self.offset.unwrap_or_default(), self.count.unwrap_or(usize::MAX));
        let page: Vec<Value> =
            found.iter().skip(offset).take(count).map(|concept| contained(concept)).collect();
        let mut parameters: Vec<Value> = Vec::new();
        if let Some(filter) = &self.filter {
            parameters.push(json!({ "name": "filter", "valueString": filter }));
        }
        for (name, number) in [("count", self.count), ("offset", self.offset)] {
            parameters.extend(number.map(|number| json!({ "name": name, "valueInteger": number })));
        }
        let versions = expansion.code_systems.iter();
        parameters.extend(versions.map(|version| json!({ "name": "version", "valueUri": version })));
        let mut rendered = json!({ "timestamp": timestamp, "total": found.len() });
        if let Some(members) = rendered.as_object_mut() {
            if self.count.is_some() || self.offset.is_some() {
                members.insert("offset".to_owned(), offset.into());
            }
            // FHIR has no empty arrays.
            for (name, values) in [("parameter", parameters), ("contains", page)] {
                if !values.is_empty() {
                    members.insert(name.to_owned(), Value::Array(values));
                }
            }
        }
        rendered
    }
}

fn contained(concept: &Concept<'_>) -> Value {
    let mut contained = json!({ "system": concept.system, "code": concept.code });
    if let (Some(display), Some(members)) = (concept.display, contained.as_object_mut()) {
        members.insert("display".to_owned(), display.into());
    }
    contained
}

fn text_of(value: Option<&str>) -> Result<String, Refusal> {
    let text = value.filter(|text| !text.trim().is_empty() && !has_control(text));
    let message = "The parameters url and filter must be text without control characters.";
    text.map(str::to_owned).ok_or_else(|| Refusal::new(400, Issue::error(IssueType::Value, message)))
}

/// A whole number that FHIR's `integer` can hold.
fn number_of(value: Option<&str>) -> Result<usize, Refusal> {
    let number =
        value.and_then(|text| text.parse::<u32>().ok()).filter(|number| *number <= i32::MAX.unsigned_abs());
    let number = number.and_then(|number| usize::try_from(number).ok());
    let message = "The parameters count and offset must be whole numbers from 0 to 2147483647.";
    number.ok_or_else(|| Refusal::new(400, Issue::error(IssueType::Value, message)))
}
