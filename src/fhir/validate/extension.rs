//! Extensions (<https://hl7.org/fhir/R4/extensibility.html>): an unknown modifier is refused (V-06); another
//! one is validated against its definition where it is ours, and free otherwise.

use super::profile;
use super::report::{Object, Report, is_absolute};
use crate::outcome::IssueType;
use crate::structure::Element;

/// The status of a topic in the Basic that wraps it: a modifier that this service understands.
const TOPIC_STATUS: &str = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.status";

/// Validates an extension. The definitions and ext-1 have been applied already.
pub(super) fn check(extension: &Object<'_>, element: &Element, report: &mut Report) {
    let is_topic_status = extension.text("url") == Some(TOPIC_STATUS);
    if element.name == "modifierExtension" && !is_topic_status {
        let words = "Remove this modifier extension: this service does not understand it, so it may not act on the rest.";
        return report.error(IssueType::Extension, extension.path, words);
    }
    if let Some(url) = extension.text("url") {
        if !is_absolute(url) && !extension.path.is_nested_extension() {
            let words = "Give the absolute URL of the extension's definition: only within an extension may it be relative.";
            return report.error(IssueType::Value, &extension.path.name("url"), words);
        }
        profile::check_extension(url, extension, report);
    }
}
