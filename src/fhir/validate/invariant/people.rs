//! Invariants of Consent, Patient, Organization and AuditEvent.

use super::super::report::{Object, Report};
use super::text::text;
use crate::outcome::IssueType;
use crate::validate::report::values_of;

/// ppc-1, and the intention of ppc-2 to ppc-5 (V-01): as published they ask for a system named `something`,
/// so none of them can ever fail.
pub(super) fn consent(it: &Object<'_>, report: &mut Report) {
    let has_policy = it.has("policy") || it.has("policyRule");
    report.demand(has_policy, "ppc-1", it.path, "Add a policy or a policyRule.");
    let codings = it.get("scope").map(|scope| values_of(scope, "coding")).unwrap_or_default();
    let is_scope =
        |code: Option<&str>| matches!(code, Some("patient-privacy" | "research" | "adr" | "treatment"));
    if !it.has("patient") && codings.iter().any(|coding| is_scope(text(coding, "code"))) {
        let words = "Add the patient: a consent of this scope is about one.";
        report.error(IssueType::Required, &it.path.name("patient"), words);
    }
}

pub(super) fn patient_contact(it: &Object<'_>, report: &mut Report) {
    let holds = ["name", "telecom", "address", "organization"].iter().any(|name| it.has(name));
    report.demand(holds, "pat-1", it.path, "Add the contact's name, telecom, address or organization.");
}

pub(super) fn organization(it: &Object<'_>, report: &mut Report) {
    let has_one = it.has("name") || it.has("identifier");
    report.demand(has_one, "org-1", it.path, "Add the organization's name or an identifier.");
    for (name, key) in [("address", "org-2"), ("telecom", "org-3")] {
        for (index, item) in it.items(name).iter().enumerate() {
            let holds = text(item, "use") != Some("home");
            report.demand(
                holds,
                key,
                &it.path.name(name).index(index),
                "An organization has no home: use another use.",
            );
        }
    }
}

pub(super) fn audit_entity(it: &Object<'_>, report: &mut Report) {
    let holds = !it.has("name") || !it.has("query");
    report.demand(holds, "sev-1", it.path, "Give a name or a query, not both.");
}
