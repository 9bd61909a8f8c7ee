//! The facts before and after an event.

use std::collections::HashMap;

use base::error::Error;
use domain::event::filter::ReasonOfRole;
use domain::event::{Event, Facts};
use domain::person::NhsNumber;
use domain::proxy::OdsCode;
use store::Tx;

/// An event with the facts before and after it.
pub(super) struct EventWithFacts<'e> {
    pub(super) event: &'e Event,
    pub(super) before: Option<Facts>,
    pub(super) after: Facts,
    /// Whether both of its people may appear in an answer.
    pub(super) is_visible: bool,
}

/// The facts of events: one statement per kind of subject, one for the practices.
pub(super) fn list_facts_of<'e>(
    tx: &mut Tx<'_>,
    events: &'e [Event],
    people: &[NhsNumber],
) -> Result<Vec<EventWithFacts<'e>>, Error> {
    let practices: HashMap<NhsNumber, Option<OdsCode>> =
        tx.list_current_practices(people)?.into_iter().collect();
    let mut versions = HashMap::new();
    for (id, version, facts) in list_facts(tx, events)? {
        versions.insert((id, version), facts);
    }
    let of = |event: &Event, version: i64| {
        let (_, id) = event.subject_parts();
        let facts: Option<&Facts> = versions.get(&(id.to_owned(), version));
        facts.map(|facts| Facts {
            patient_practice: practices.get(&facts.patient).cloned().flatten(),
            proxy_practice: practices.get(&facts.proxy).cloned().flatten(),
            ..facts.clone()
        })
    };
    let all = events.iter().map(|event| EventWithFacts {
        event,
        before: of(event, event.subject_version - 1),
        after: of(event, event.subject_version).unwrap_or_else(|| Facts {
            patient_practice: practices.get(&event.patient).cloned().flatten(),
            proxy_practice: practices.get(&event.proxy).cloned().flatten(),
            ..Facts::of(event.patient, event.proxy)
        }),
        is_visible: [event.patient, event.proxy].iter().all(|number| practices.contains_key(number)),
    });
    Ok(all.collect())
}

/// The facts of events' subjects in the versions before and after, by id and version.
fn list_facts(tx: &mut Tx<'_>, events: &[Event]) -> Result<Vec<(String, i64, Facts)>, Error> {
    let wanted = |kind: &str| -> Vec<(String, i64)> {
        let of_kind = events.iter().filter(|event| event.subject_parts().0 == kind);
        let both = of_kind.flat_map(|event| {
            let id = event.subject_parts().1;
            [(id.to_owned(), event.subject_version - 1), (id.to_owned(), event.subject_version)]
        });
        both.collect()
    };
    let mut all = Vec::new();
    let roles = wanted("Consent");
    if !roles.is_empty() {
        for role in tx.list_role_versions_by_id(&roles)? {
            let (id, version, role) = (role.value.id.to_string(), role.version, role.value);
            let facts = Facts {
                status: Some(role.status.as_str().to_owned()),
                status_reason: Some(ReasonOfRole { status: role.status, reason: role.reason }),
                legal_basis: Some(role.legal_basis.code().to_owned()),
                grantor: role.grantor,
                ..Facts::of(role.patient, role.proxy)
            };
            all.push((id, version, facts));
        }
    }
    let relationships = wanted("RelatedPerson");
    if !relationships.is_empty() {
        for found in tx.list_relationship_versions_by_id(&relationships)? {
            let status = if found.value.active { "active" } else { "inactive" };
            let facts = Facts::of(found.value.patient, found.value.proxy).with_status(status);
            all.push((found.value.id, found.version, facts));
        }
    }
    let requests = wanted("QuestionnaireResponse");
    if !requests.is_empty() {
        for found in tx.list_access_request_versions_by_id(&requests)? {
            let applicant = Some(found.value.applicant_number());
            let facts = Facts::of(found.value.patient, found.value.proxy).with_status(&found.value.status);
            let facts = Facts { applicant, ..facts };
            all.push((found.value.id.to_string(), found.version, facts));
        }
    }
    Ok(all)
}
