//! Searches by elements that are masked for citizens (`access.mask_reasons`): they match the masked content,
//! and never reveal the original.

use crate::context::Context;
use crate::search::param::SearchTarget;
use base::date_time::to_millis;
use domain::person::NhsNumber;
use domain::proxy::{ReasonCode, Status, mask};
use store::search::{AuditField, Field, Filter, Is, RoleField};

/// The fields of a record that reveal its actor.
const ACTOR: [Field; 3] =
    [Field::Audit(AuditField::Caller), Field::Audit(AuditField::GrantUrn), Field::Audit(AuditField::Request)];

/// Roles with one of these reasons, as it counts and is disclosed now.
pub(crate) fn of_reasons(codes: &[ReasonCode], context: &Context) -> Filter {
    let any = |codes: &[ReasonCode]| {
        let codes = codes.iter().map(|reason| reason.code().to_owned());
        Filter::one_of(RoleField::Reason, codes.collect())
    };
    let stands = lapsed(context).negated();
    let Some(citizen) = context.masked_for() else {
        let on_paper = Filter::All(vec![any(codes), stands]);
        let is_end = codes.contains(&ReasonCode::RoleDeactivatedEndDateReached);
        return if is_end { Filter::Any(vec![on_paper, lapsed(context)]) } else { on_paper };
    };
    let own = Filter::All(vec![Filter::text(RoleField::ReasonGiver, citizen.as_str()), any(&mask::OWN)]);
    let plain = mask::PLAIN.iter().map(|(status, codes)| {
        Filter::All(vec![Filter::text(RoleField::Status, status.as_str()), any(codes)])
    });
    let is_shown = Filter::All(vec![Filter::Any(std::iter::once(own).chain(plain).collect()), stands]);
    let is_one = Filter::All(vec![is_shown.clone(), any(codes)]);
    if codes.contains(&ReasonCode::Other) { Filter::Any(vec![is_one, is_shown.negated()]) } else { is_one }
}

/// The matches of a filter on an index of audit records, without those whose actor is masked.
pub(crate) fn disclosed(target: &SearchTarget, filter: Filter, context: &Context) -> Filter {
    match context.masked_for().filter(|_| tells_actor(target)) {
        Some(citizen) => Filter::All(vec![filter, shows_actor(citizen)]),
        None => filter,
    }
}

/// Records with a disclosed value of a field.
pub(crate) fn present(field: Field, context: &Context) -> Filter {
    let present = Filter::Null(field).negated();
    match context.masked_for().filter(|_| ACTOR.contains(&field)) {
        Some(citizen) => Filter::All(vec![present, shows_actor(citizen)]),
        None => present,
    }
}

/// Whether an index reveals an actor or a reason: sorting by it would reveal masked content.
pub(crate) fn is_masked(target: &SearchTarget, context: &Context) -> bool {
    context.masked_for().is_some() && (tells_actor(target) || matches!(target, SearchTarget::RoleReason))
}

fn tells_actor(target: &SearchTarget) -> bool {
    match target {
        SearchTarget::Agent | SearchTarget::Author => true,
        SearchTarget::Token(_, field) | SearchTarget::Uri(field) => ACTOR.contains(field),
        SearchTarget::Absent
        | SearchTarget::Constant(_)
        | SearchTarget::Flag(_)
        | SearchTarget::HasValue(_)
        | SearchTarget::RoleStatus
        | SearchTarget::RoleReason
        | SearchTarget::RelationshipCode
        | SearchTarget::OfAct(_)
        | SearchTarget::Present(_)
        | SearchTarget::Reference(_)
        | SearchTarget::Applicant
        | SearchTarget::Account
        | SearchTarget::LocalReference(_)
        | SearchTarget::Date(..)
        | SearchTarget::Names(_)
        | SearchTarget::Text(..)
        | SearchTarget::Contacts(_)
        | SearchTarget::Element(_)
        | SearchTarget::Composite(..)
        | SearchTarget::Codes => false,
    }
}

/// Records of this citizen's own acts.
fn own_act(citizen: NhsNumber) -> Filter {
    Filter::All(vec![is_citizens(), Filter::text(AuditField::Caller, citizen.as_str())])
}

fn is_citizens() -> Filter {
    Filter::one_of(AuditField::CallerKind, vec!["citizen".to_owned(), "proxy".to_owned()])
}

/// Records whose actor this citizen may see. `fhir::resource::audit_event` has the same rule for a loaded
/// record.
fn shows_actor(citizen: NhsNumber) -> Filter {
    let of_patient = Filter::text(AuditField::Patient, citizen.as_str());
    let looked = Filter::All(vec![
        Filter::Null(Field::Audit(AuditField::SubjectVersion)),
        of_patient,
        is_citizens().negated(),
    ]);
    Filter::Any(vec![own_act(citizen), looked])
}

/// Roles that are stored as active while their end has passed.
pub(crate) fn lapsed(context: &Context) -> Filter {
    Filter::All(vec![
        Filter::text(RoleField::Status, Status::Active.as_str()),
        Filter::number(RoleField::EndAt, Is::Less, to_millis(context.now())),
    ])
}
