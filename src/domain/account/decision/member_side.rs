//! The side of the person: what the members of a user give together, after vetoes.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::account::category::{CategorySet, Sensitivity};
use crate::account::decision::decision_facts::{DecisionFacts, DoorFacts, EvidenceLapse, RoleFacts, Veto};
use crate::account::decision::question::{DataTarget, DecisionQuestion, ResourceLabel};
use crate::account::decision::reason::{DecisionEvidence, DecisionReasons, Operand};
use crate::account::level::{AccessSet, AccountAction, ActionSet};
use crate::account::member::{Member, MemberOrigin};
use crate::proxy::role_state::Status;
use base::date_time::is_within;

/// What the members of a user give together.
#[derive(Clone, Copy, Debug)]
pub(super) struct MemberSide {
    /// Access to data.
    pub(super) access: AccessSet,
    /// Actions on the account.
    pub(super) actions: ActionSet,
    /// Whether one of them is the owner's.
    pub(super) is_owner: bool,
    /// Whether any access is left, whatever was asked. From this alone follows what the person is shown.
    pub(super) is_live: bool,
}

impl MemberSide {
    /// Nothing.
    pub(super) const NONE: Self =
        Self { access: AccessSet::EMPTY, actions: ActionSet::EMPTY, is_owner: false, is_live: false };

    /// Everything that an organisation reaches: data, not the control of the account.
    pub(super) const ORGANISATION: Self =
        Self { access: AccessSet::ALL, actions: ActionSet::EMPTY, is_owner: false, is_live: true };
}

/// Evaluates every member of a user. `only` is the role of an app that was installed for use by that role.
pub(super) fn member_side(
    user: Uuid,
    only: Option<Uuid>,
    question: &DecisionQuestion<'_>,
    facts: &DecisionFacts<'_>,
    reasons: &mut DecisionReasons,
) -> MemberSide {
    let mut side = MemberSide::NONE;
    if facts.doors.is_empty() {
        reasons.deny(Operand::Member, "member-exists", DecisionEvidence::None);
    }
    for door in facts.doors.iter() {
        let closed = closed_by(door, user, facts)
            .or_else(|| only.filter(|role| door.member.origin.role() != Some(*role)).map(|_| OTHER_ROLE));
        if let Some((operand, rule)) = closed {
            reasons.deny(operand, rule, evidence_of(door, operand));
            continue;
        }
        let own = of_door(door, question, &facts.vetoes, reasons);
        side.access = side.access.or(own.access);
        side.actions = side.actions.or(own.actions);
        side.is_owner |= own.is_owner;
        side.is_live |= own.is_live;
    }
    side
}

/// Whether a role's member is open for this user: what a permission that was given by a role needs.
pub(super) fn has_open_role(role: Uuid, user: Uuid, facts: &DecisionFacts<'_>) -> bool {
    let mut doors = facts.doors.iter();
    doors.any(|door| door.member.origin.role() == Some(role) && closed_by(door, user, facts).is_none())
}

/// Why a member gives nothing, and the operand.
type Closed = (Operand, &'static str);

const OTHER_ROLE: Closed = (Operand::App, "app-of-this-role");

fn closed_by(door: &DoorFacts, user: Uuid, facts: &DecisionFacts<'_>) -> Option<Closed> {
    let (member, now) = (&door.member, facts.now());
    if member.account != facts.account.id {
        return Some((Operand::Member, "member-of-account"));
    }
    if member.user != Some(user) {
        return Some((Operand::Member, "member-is-user"));
    }
    if !member.is_in_force(now) {
        return Some((Operand::Member, "member-in-force"));
    }
    if (member.origin == MemberOrigin::StaffShare) != facts.session.is_staff {
        return Some((Operand::Member, "log-in-of-origin"));
    }
    let MemberOrigin::Role(id) = member.origin else { return None };
    let Some(role) = door.role.filter(|role| role.id == id) else {
        return Some((Operand::Role, "role-exists"));
    };
    let is_behind = facts.grant.is_some_and(|grant| grant.epoch < role.epoch);
    if is_behind { Some((Operand::Role, "grant-epoch-of-role")) } else { closed_role(&role, now) }
}

fn closed_role(role: &RoleFacts, now: DateTime<Utc>) -> Option<Closed> {
    let is_active = role.status == Status::Active && is_within(role.start_at, role.end_at, now);
    match role.lapse {
        _ if !is_active => Some((Operand::Role, "role-active")),
        Some(EvidenceLapse::Veto) => Some((Operand::Role, "role-evidence-veto")),
        Some(EvidenceLapse::Held) => Some((Operand::Role, "role-evidence-held")),
        None => None,
    }
}

fn evidence_of(door: &DoorFacts, operand: Operand) -> DecisionEvidence {
    match door.role {
        Some(role) if operand == Operand::Role => DecisionEvidence::Role(role.id, role.version),
        _ => DecisionEvidence::Member(door.member.id, door.member.version),
    }
}

/// What an open member gives, after the vetoes about it.
fn of_door(
    door: &DoorFacts,
    question: &DecisionQuestion<'_>,
    vetoes: &[Veto],
    reasons: &mut DecisionReasons,
) -> MemberSide {
    let member = &door.member;
    let access = match question.data().map(|data| data.label) {
        Some(ResourceLabel::Labelled(label)) => member.effective_for_label(label),
        Some(ResourceLabel::Missing) => unlabelled(member),
        Some(ResourceLabel::NotUsed) | None => member.effective(),
    };
    let mut side = MemberSide {
        access: access.with_masked_views(),
        actions: member.account_actions(),
        is_owner: member.origin == MemberOrigin::Owner,
        is_live: true,
    };
    let mut left = member.effective();
    reason_of_door(door, question, &side, reasons);
    for veto in vetoes.iter().filter(|veto| veto.is_about(member)) {
        let closed = veto.closed();
        side.access = side.access.without(closed);
        left = left.without(closed);
        if veto.closes_account_actions {
            side.actions = ActionSet::EMPTY;
        }
        let touches = match question.data() {
            Some(data) => !wanted(data, question.action).and(closed).is_empty(),
            None => veto.closes_account_actions || !closed.is_empty(),
        };
        if touches {
            reasons.deny(Operand::Veto, "veto", DecisionEvidence::Veto(veto.id));
        }
    }
    side.is_live = !left.is_empty();
    side
}

/// A resource without a label, of a source that labels, is for the owner only.
const fn unlabelled(member: &Member) -> AccessSet {
    match member.origin {
        MemberOrigin::Owner => AccessSet::ALL,
        MemberOrigin::Role(_) | MemberOrigin::Share | MemberOrigin::StaffShare => AccessSet::EMPTY,
    }
}

/// The categories by any of which a question could be permitted: masked views only where they are rendered.
pub(super) fn wanted(data: &DataTarget<'_>, action: AccountAction) -> CategorySet {
    if data.understands_masks && action.is_reading() {
        data.categories.or(data.categories.masked_views())
    } else {
        data.categories.without(CategorySet::MASKED_VIEWS)
    }
}

/// Says for an open member whether it admits what is asked for, and if not, which of its parts does not.
fn reason_of_door(
    door: &DoorFacts,
    question: &DecisionQuestion<'_>,
    side: &MemberSide,
    reasons: &mut DecisionReasons,
) {
    let evidence = DecisionEvidence::Member(door.member.id, door.member.version);
    let Some(data) = question.data() else {
        let rule = "member-may-act";
        return if side.actions.has(question.action) {
            admit_door(door, rule, reasons);
        } else {
            reasons.deny(Operand::Member, rule, evidence);
        };
    };
    let wanted = wanted(data, question.action);
    let lacks = |set: AccessSet| !set.reaches(question.action, wanted);
    if !lacks(side.access) {
        return admit_door(door, "member-access", reasons);
    }
    let access = &door.member.access;
    let (operand, rule) = if lacks(access.given().with_masked_views()) {
        (Operand::Level, "level-has-category")
    } else if lacks(access.given().within(access.admitted())) {
        (Operand::Limits, "limits-admit-category")
    } else if lacks(door.member.effective().with_masked_views()) {
        (Operand::Exclusion, "category-not-taken-away")
    } else {
        (Operand::Label, label_rule(data.label))
    };
    reasons.deny(operand, rule, evidence);
}

const fn label_rule(label: ResourceLabel) -> &'static str {
    match label {
        ResourceLabel::Labelled(Sensitivity::Normal | Sensitivity::Restricted) | ResourceLabel::NotUsed => {
            "label-within-level"
        }
        ResourceLabel::Labelled(Sensitivity::VeryRestricted) => "label-opened-by-name",
        ResourceLabel::Missing => "label-present",
    }
}

fn admit_door(door: &DoorFacts, rule: &'static str, reasons: &mut DecisionReasons) {
    reasons.admit(Operand::Member, rule, DecisionEvidence::Member(door.member.id, door.member.version));
    if let Some(role) = door.role {
        reasons.admit(Operand::Role, "role-active", DecisionEvidence::Role(role.id, role.version));
    }
}
