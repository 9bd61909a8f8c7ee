//! The published topics: `fhir-profiles/subscription-topic/` defines each for people and for machines.

use crate::resource::resource_type::ResourceType;
use crate::url;
use domain::event::{FilterName, Topic};

/// All events of a role, in one topic.
const ROLE: &[Topic] = &[Topic::RoleCreated, Topic::RoleChanged, Topic::RoleDeleted];

/// The last segment of each URL, and its topics.
const PUBLISHED: &[(&str, &[Topic])] = &[
    ("proxy-role", ROLE),
    (Topic::RoleCreated.as_str(), &[Topic::RoleCreated]),
    (Topic::RoleChanged.as_str(), &[Topic::RoleChanged]),
    (Topic::RoleDeleted.as_str(), &[Topic::RoleDeleted]),
    (Topic::RoleReminder.as_str(), &[Topic::RoleReminder]),
    (Topic::AccessRequestSubmitted.as_str(), &[Topic::AccessRequestSubmitted]),
    (Topic::RelationshipChanged.as_str(), &[Topic::RelationshipChanged]),
];

/// The version of all of them.
const VERSION: &str = "0.1.0";

/// The topics of a canonical URL; `None` for an unknown one. A version after `|` must be the current one.
pub(crate) fn topics_of(canonical: &str) -> Option<&'static [Topic]> {
    let (url, version) = canonical.split_once('|').unwrap_or((canonical, VERSION));
    let name = url.strip_prefix(url::OURS)?.strip_prefix("/SubscriptionTopic/")?;
    let found = PUBLISHED.iter().find(|(own, _)| *own == name && version == VERSION)?;
    Some(found.1)
}

/// The canonical URLs.
pub(crate) fn canonicals() -> impl Iterator<Item = String> {
    PUBLISHED.iter().map(|(name, _)| format!("{}/SubscriptionTopic/{name}", url::OURS))
}

/// The type of a topic's subjects.
pub(crate) const fn type_of(topic: Topic) -> ResourceType {
    match topic {
        Topic::RoleCreated | Topic::RoleChanged | Topic::RoleDeleted | Topic::RoleReminder => {
            ResourceType::Consent
        }
        Topic::AccessRequestSubmitted => ResourceType::QuestionnaireResponse,
        Topic::RelationshipChanged => ResourceType::RelatedPerson,
    }
}

/// The filters for events of a type.
pub(crate) const fn filters_of(kind: ResourceType) -> &'static [FilterName] {
    if matches!(kind, ResourceType::Consent) { &FilterName::ALL } else { &OTHERS }
}

/// The filters for types other than roles.
const OTHERS: [FilterName; 6] = [
    FilterName::Patient,
    FilterName::Proxy,
    FilterName::Status,
    FilterName::PatientPractice,
    FilterName::ProxyPractice,
    FilterName::Practice,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{ROLE, canonicals, filters_of, topics_of, type_of};
    use domain::event::Topic;
    use fhir::profiles;

    #[test]
    fn a_topic_is_found_by_its_url_and_its_version() {
        let url = "https://fhir.onbehalf.org.uk/R4/SubscriptionTopic/proxy-role";
        assert_eq!(topics_of(url), Some(ROLE));
        assert_eq!(topics_of(&format!("{url}|0.1.0")), Some(ROLE));
        for other in
            ["", "proxy-role", &format!("{url}|9"), &format!("{url}s"), &url.replace("onbehalf", "x")]
        {
            assert_eq!(topics_of(other), None, "{other}");
        }
        for topic in Topic::ALL {
            let canonical = canonicals().find(|url| url.ends_with(&format!("/{}", topic.as_str())));
            assert_eq!(topics_of(&canonical.unwrap()), Some(&[topic][..]));
        }
    }

    #[test]
    fn topics_and_their_definitions_agree() {
        let urls = profiles::all().iter().map(|it| it.url.clone());
        let defined: BTreeSet<String> = urls.filter(|url| url.contains("/SubscriptionTopic/")).collect();
        assert_eq!(canonicals().collect::<BTreeSet<_>>(), defined);
    }

    #[test]
    fn every_topic_is_published_with_the_filters_that_it_takes() {
        for canonical in canonicals() {
            let published = profiles::find_by_url(&canonical).unwrap_or_else(|| panic!("{canonical}"));
            let text = published.resource.to_string();
            for topic in topics_of(&canonical).unwrap() {
                for filter in filters_of(type_of(*topic)) {
                    let quoted = format!("{:?}", filter.as_str());
                    assert!(text.contains(&quoted), "{canonical} {quoted}");
                }
            }
        }
    }
}
