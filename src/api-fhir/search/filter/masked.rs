//! Searches by elements that are masked for citizens (`access.mask_reasons`): they match the masked content,
//! and never reveal the original.

use crate::context::Context;
use crate::search::param::Index;
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
pub(crate) fn disclosed(index: &Index, filter: Filter, context: &Context) -> Filter {
    match context.masked_for().filter(|_| tells_actor(index)) {
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
pub(crate) fn is_masked(index: &Index, context: &Context) -> bool {
    context.masked_for().is_some() && (tells_actor(index) || matches!(index, Index::RoleReason))
}

fn tells_actor(index: &Index) -> bool {
    match index {
        Index::Agent | Index::Author => true,
        Index::Token(_, field) | Index::Uri(field) => ACTOR.contains(field),
        Index::Absent
        | Index::Constant(_)
        | Index::Flag(_)
        | Index::HasValue(_)
        | Index::RoleStatus
        | Index::RoleReason
        | Index::RelationshipCode
        | Index::OfAct(_)
        | Index::Present(_)
        | Index::Reference(_)
        | Index::Applicant
        | Index::Account
        | Index::LocalReference(_)
        | Index::Date(..)
        | Index::Names(_)
        | Index::Text(..)
        | Index::Contacts(_)
        | Index::Element(_)
        | Index::Composite(..)
        | Index::Codes => false,
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
