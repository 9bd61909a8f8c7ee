//! A subscription by a search, as R4 itself has it: whatever this front can search by, events are judged by.

use serde_json::Value;

use super::refusal::{extensions, unsupported};
use crate::context::Context;
use crate::refusal::Refusal;
use crate::resource::resource_type::ResourceType;
use crate::search::caps::{List, is_chained};
use crate::search::filter::filter_of;
use crate::search::query::{Query, pairs};
use domain::event::Topic;
use fhir::outcome::Issue;
use store::search::Filter;

const AT: &str = "Subscription.criteria";

/// Reads the criteria, and finds out whether each of them can be searched by.
pub(super) fn read(body: &Value, criteria: &str, context: &Context) -> Result<Vec<Topic>, Refusal> {
    if let Some((at, ..)) = extensions(body.get("_criteria"), AT).next() {
        let told = "Conditions belong to a topic: write those of a search into the search.";
        return Err(unsupported(told, at));
    }
    check_caps(criteria)?;
    let (kind, _) = compile(criteria, context)?;
    let topics = TOPICS.iter().find(|(of, _)| *of == kind).map(|(_, topics)| topics.to_vec());
    let told = "Events are about Consent, RelatedPerson and QuestionnaireResponse alone.";
    topics.ok_or_else(|| unsupported(told, AT))
}

/// Criteria are less than a search: every event is held against them.
fn check_caps(criteria: &str) -> Result<(), Refusal> {
    let params = pairs(criteria.split_once('?').map_or("", |(_, query)| query));
    List::CriteriaOfSubscription.check(params.len()).map_err(at_criteria)?;
    let chained = params.iter().filter(|(key, _)| is_chained(key)).count();
    List::ChainedOfSubscription.check(chained).map_err(at_criteria)?;
    let most = params.iter().map(|(_, value)| value.split(',').count()).max().unwrap_or_default();
    List::AlternativesOfSubscription.check(most).map_err(at_criteria)
}

/// 422, at the criteria.
fn at_criteria(refusal: Refusal) -> Refusal {
    let issues = refusal.issues.into_iter().map(|issue| Issue { expression: Some(AT.to_owned()), ..issue });
    Refusal::of(422, issues.collect())
}

/// What makes a version of each type.
const TOPICS: [(ResourceType, &[Topic]); 3] = [
    (ResourceType::Consent, &[Topic::RoleCreated, Topic::RoleChanged]),
    (ResourceType::RelatedPerson, &[Topic::RelationshipChanged]),
    (ResourceType::QuestionnaireResponse, &[Topic::AccessRequestSubmitted]),
];

/// The type that criteria are about, and what must hold of it.
pub(crate) fn compile(criteria: &str, context: &Context) -> Result<(ResourceType, Filter), Refusal> {
    let (name, query) = criteria.split_once('?').unwrap_or((criteria, ""));
    let kind = ResourceType::parse(name).ok_or_else(|| unsupported("There is no such type here.", AT))?;
    let params = pairs(query);
    let query = Query::read(&params).map_err(at_criteria)?;
    if query.criteria.len() != params.len() {
        let told =
            "Criteria say which resources are meant: leave out whatever shapes the answer to a search.";
        return Err(unsupported(told, AT));
    }
    let strict = Context { is_strict: true, ..context.clone() };
    let mut all = Vec::new();
    for (key, value) in &query.criteria {
        all.extend(filter_of(kind, key, value, &strict).map_err(at_criteria)?);
    }
    Ok((kind, Filter::All(all)))
}
