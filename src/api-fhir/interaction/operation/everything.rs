//! `Patient/{id}/$everything`: a person, and what is recorded about them; `Patient/$everything`: the same for
//! all people whom the caller may see (<https://hl7.org/fhir/R4/operation-patient-everything.html>).
//!
//! One response has everything, up to the largest page. With `_count`, or when there is more, links continue.

use crate::authorize;
use crate::context::Context;
use crate::interaction::read;
use crate::interaction::reply::Reply;
use crate::interaction::request::{Body, FhirRequest, in_parameters};
use crate::refusal::Refusal;
use crate::resource::resource_type::{COMPARTMENT, ResourceType};
use crate::search;
use crate::search::SearchScope;
use crate::search::caps::List;
use crate::search::filter::criterion::of_patient;
use crate::search::filter::filter_of;
use crate::search::query::{MOST, SearchQuery};
use domain::account::Permission;
use store::Tx;
use store::search::Filter;

/// The parameters of the operation, and those of every response.
const PARAMETERS: &[&str] = &["start", "end", "_since", "_type", "_count", "_page", "_format", "_pretty"];

pub(crate) fn everything(
    tx: &mut Tx<'_>,
    context: &Context,
    request: &FhirRequest,
) -> Result<Reply, Refusal> {
    let id = request.target.id.as_deref();
    if let Some(id) = id {
        read::find(tx, context, ResourceType::Patient, id, Permission::Read)?
            .ok_or_else(Refusal::not_found)?;
    }
    let mut asked = request.params.clone();
    if let Some(Body::Resource(body)) = &request.body {
        let named = in_parameters(body).into_iter();
        asked.extend(named.filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
    List::Parameters.check(asked.len())?;
    asked.retain(|(name, value)| PARAMETERS.contains(&name.as_str()) && !value.is_empty());
    let paging = |(name, _): &&(String, String)| matches!(name.as_str(), "_count" | "_page");
    let mut query = SearchQuery::read(&asked.iter().filter(paging).cloned().collect::<Vec<_>>())?;
    if !asked.iter().any(|(name, _)| name == "_count") {
        query.count = MOST;
    }
    let types: Vec<&str> = values(&asked, "_type").flat_map(|value| value.split(',')).collect();
    List::Types.check(types.len())?;
    List::Times.check(["start", "end", "_since"].map(|name| values(&asked, name).count()).iter().sum())?;
    let all = [ResourceType::Patient].into_iter().chain(COMPARTMENT.iter().copied());
    let wanted = all.filter(|kind| types.is_empty() || types.contains(&kind.name()));
    let wanted = wanted.filter(|kind| authorize::permits(context, *kind, Permission::Search));
    let kinds = wanted.map(|kind| Ok((kind, part(kind, id, &asked, context)?)));
    let kinds = kinds.collect::<Result<_, Refusal>>()?;
    asked.retain(|(name, _)| name != "_page");
    query.used = asked;
    let found = SearchScope { kinds, path: &request.path };
    let (disclosed, bundle) = search::search(tx, context, &found, &query)?;
    Ok(Reply::made_of(disclosed, bundle))
}

fn values<'p>(asked: &'p [(String, String)], name: &'static str) -> impl Iterator<Item = &'p str> {
    asked.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// The part of a type that belongs to the response. The person always does.
fn part(
    kind: ResourceType,
    id: Option<&str>,
    asked: &[(String, String)],
    context: &Context,
) -> Result<Filter, Refusal> {
    let strict = Context { is_strict: true, ..context.clone() };
    let filter = |key: &str, value: &str| -> Result<Filter, Refusal> {
        Ok(filter_of(kind, key, value, &strict)?.unwrap_or(Filter::EVERYTHING))
    };
    let is_person = kind == ResourceType::Patient;
    let mut all: Vec<Filter> = Vec::new();
    if let Some(id) = id {
        all.push(of_patient(kind, id));
    }
    for since in values(asked, "_since") {
        let changed = filter("_lastUpdated", &format!("ge{since}"))?;
        if id.is_none() || !is_person {
            all.push(changed);
        }
    }
    for (name, prefix) in [("start", "ge"), ("end", "le")] {
        for date in values(asked, name) {
            let Some(care) = care_date(kind) else {
                // A value that is not a date must be refused here too.
                filter("_lastUpdated", &format!("{prefix}{date}"))?;
                continue;
            };
            let undated = filter(&format!("{care}:missing"), "true")?;
            all.push(Filter::Any(vec![undated, filter(care, &format!("{prefix}{date}"))?]));
        }
    }
    Ok(Filter::All(all))
}

/// The parameter with the time when a resource applied, not when it was recorded; resources without such a
/// time always apply.
const fn care_date(kind: ResourceType) -> Option<&'static str> {
    match kind {
        ResourceType::Consent => Some("period"),
        ResourceType::QuestionnaireResponse => Some("authored"),
        ResourceType::AuditEvent => Some("date"),
        ResourceType::Provenance => Some("recorded"),
        ResourceType::RelatedPerson
        | ResourceType::Patient
        | ResourceType::Person
        | ResourceType::Subscription
        | ResourceType::Basic
        | ResourceType::Questionnaire
        | ResourceType::StructureDefinition
        | ResourceType::CodeSystem
        | ResourceType::ValueSet
        | ResourceType::SearchParameter
        | ResourceType::OperationDefinition => None,
    }
}
