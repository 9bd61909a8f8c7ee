//! Subscriptions of the national event service (contract §7): `eventType='vrs-proxy-role-changed-1' AND
//! generalpractitioner='Y12345'`.

use serde_json::Value;

use super::refusal::{extensions, unsupported, wrong};
use crate::context::Context;
use crate::refusal::Refusal;
use domain::event::{FilterName, SubscriptionFilter, Topic};
use domain::proxy::OdsCode;

const AT: &str = "Subscription.criteria";

/// The name of an event type in the national style; `None` for a topic without one.
pub(crate) const fn event_type(topic: Topic) -> Option<&'static str> {
    match topic {
        Topic::RoleCreated => Some("vrs-proxy-role-created-1"),
        Topic::RoleChanged => Some("vrs-proxy-role-changed-1"),
        Topic::RoleDeleted => Some("vrs-proxy-role-deleted-1"),
        Topic::RoleReminder | Topic::AccessRequestSubmitted | Topic::RelationshipChanged => None,
    }
}

/// Reads the criteria.
pub(super) fn read(
    body: &Value,
    criteria: &str,
    context: &Context,
) -> Result<(Vec<Topic>, Vec<SubscriptionFilter>), Refusal> {
    if let Some((at, ..)) = extensions(body.get("_criteria"), AT).next() {
        return Err(unsupported("National criteria must have no extensions.", at));
    }
    let with_created = context.subscribing()?.settings.role_created_event;
    let (mut topics, mut filters) = (Vec::new(), Vec::new());
    for (name, value) in terms(criteria).ok_or_else(malformed)? {
        match name.to_ascii_lowercase().as_str() {
            "eventtype" if topics.is_empty() => {
                let topic = Topic::ALL.into_iter().find(|topic| event_type(*topic) == Some(value));
                let topic = topic.filter(|topic| with_created || *topic != Topic::RoleCreated);
                topics.push(
                    topic.ok_or_else(|| unsupported("This server does not have this event type.", AT))?,
                );
            }
            "generalpractitioner" if filters.is_empty() => {
                let code = OdsCode::parse(value).or(Err(wrong("Name a practice by ODS code.", AT)))?;
                filters.push(SubscriptionFilter {
                    name: FilterName::Practice,
                    values: vec![code.as_str().to_owned()],
                });
            }
            _ => return Err(malformed()),
        }
    }
    if topics.is_empty() { Err(malformed()) } else { Ok((topics, filters)) }
}

fn malformed() -> Refusal {
    let message = "National criteria must be one eventType='…', optionally with AND and one \
                generalpractitioner='…'.";
    unsupported(message, AT)
}

/// `a='b' AND c='d'`; `None` for another syntax.
fn terms(criteria: &str) -> Option<Vec<(&str, &str)>> {
    let mut terms = Vec::new();
    let mut rest = criteria.trim();
    loop {
        let (name, after) = rest.split_once('=')?;
        let (value, after) = after.trim_start().strip_prefix('\'')?.split_once('\'')?;
        terms.push((name.trim(), value));
        rest = after.trim_start();
        if rest.is_empty() {
            return Some(terms);
        }
        let (and, after) = rest.split_at_checked(3)?;
        rest = after.trim_start();
        if !and.eq_ignore_ascii_case("and") || rest.len() == after.len() {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::terms;

    #[test]
    fn national_criteria_terms_are_joined_by_and_only() {
        let one = ("eventType", "vrs-proxy-role-changed-1");
        assert_eq!(terms("eventType='vrs-proxy-role-changed-1'"), Some(vec![one]));
        let both = "eventType = 'vrs-proxy-role-changed-1' and generalpractitioner='Y12345'";
        assert_eq!(terms(both), Some(vec![one, ("generalpractitioner", "Y12345")]));
        for text in
            ["", "eventType", "a='b", "a=b", "a='b' OR c='d'", "a='b' ANDc='d'", "a='b' AND", "a='b'x"]
        {
            assert_eq!(terms(text), None, "{text}");
        }
    }
}
