//! Subscriptions by a search, as in R4 itself: the criteria may use any search of this API.

use serde_json::Value;

use super::refusal::{extensions, unsupported};
use crate::context::Context;
use crate::refusal::Refusal;
use crate::resource::resource_type::ResourceType;
use crate::search::caps::{List, is_chained};
use crate::search::filter::filter_of;
use crate::search::query::{SearchQuery, pairs};
use domain::event::Topic;
use fhir::outcome::Issue;
use store::search::Filter;

const AT: &str = "Subscription.criteria";

/// Reads the criteria, and checks that this server supports each of them.
pub(super) fn read(body: &Value, criteria: &str, context: &Context) -> Result<Vec<Topic>, Refusal> {
    if let Some((at, ..)) = extensions(body.get("_criteria"), AT).next() {
        let message =
            "Filter extensions belong to a topic: write the conditions of a search into the search.";
        return Err(unsupported(message, at));
    }
    check_caps(criteria)?;
    let (kind, _) = compile(criteria, context)?;
    let topics = TOPICS.iter().find(|(of, _)| *of == kind).map(|(_, topics)| topics.to_vec());
    let message = "The criteria must be about Consent, RelatedPerson or QuestionnaireResponse.";
    topics.ok_or_else(|| unsupported(message, AT))
}

/// Criteria are more limited than a search: every event is matched against them.
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

/// The topics that change resources of each type.
const TOPICS: [(ResourceType, &[Topic]); 3] = [
    (ResourceType::Consent, &[Topic::RoleCreated, Topic::RoleChanged]),
    (ResourceType::RelatedPerson, &[Topic::RelationshipChanged]),
    (ResourceType::QuestionnaireResponse, &[Topic::AccessRequestSubmitted]),
];

/// The type of the criteria, and their filter.
pub(crate) fn compile(criteria: &str, context: &Context) -> Result<(ResourceType, Filter), Refusal> {
    let (name, query) = criteria.split_once('?').unwrap_or((criteria, ""));
    let kind = ResourceType::parse(name)
        .ok_or_else(|| unsupported("This server does not have this resource type.", AT))?;
    let params = pairs(query);
    let query = SearchQuery::read(&params).map_err(at_criteria)?;
    if query.criteria.len() != params.len() {
        let message =
            "Criteria select resources: leave out the parameters that shape the result of a search.";
        return Err(unsupported(message, AT));
    }
    let strict = Context { is_strict: true, ..context.clone() };
    let mut all = Vec::new();
    for (key, value) in &query.criteria {
        all.extend(filter_of(kind, key, value, &strict).map_err(at_criteria)?);
    }
    Ok((kind, Filter::All(all)))
}
