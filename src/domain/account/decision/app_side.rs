//! The side of the app: registration ∩ listing ∩ permissions ∩ what the user may hand on.

use chrono::NaiveDate;

use crate::account::category::CategorySet;
use crate::account::decision::app_facts::{
    AppFacts, CategoryPermission, InstallationState, InstalledApp, ListingState,
};
use crate::account::decision::decision_facts::{DecisionFacts, DecisionParty};
use crate::account::decision::member_side::{has_open_role, wanted};
use crate::account::decision::question::DecisionQuestion;
use crate::account::decision::reason::{DecisionEvidence, DecisionReasons, Operand};
use crate::account::level::{AccessSet, AccountAction, ActionSet};

/// Whether a permission is in force: within its period, and its role open for the user.
fn holds(permission: &CategoryPermission, facts: &DecisionFacts<'_>) -> bool {
    let now = facts.now();
    let is_in_time = permission.start_at <= now
        && now < permission.end_at
        && permission.ended_at.is_none_or(|ended| now < ended);
    let user = match facts.party {
        DecisionParty::User { user, .. } => Some(user),
        DecisionParty::Organisation { .. } => None,
    };
    let is_open = |role| user.is_some_and(|user| has_open_role(role, user, facts));
    is_in_time && permission.role.is_none_or(is_open)
}

/// What an app may do.
#[derive(Clone, Copy, Debug)]
pub(super) struct AppSide {
    /// Access to data.
    pub(super) access: AccessSet,
    /// Actions on the account.
    pub(super) actions: ActionSet,
    /// Whether it may be used at all here.
    pub(super) is_live: bool,
}

impl AppSide {
    const NONE: Self = Self { access: AccessSet::EMPTY, actions: ActionSet::EMPTY, is_live: false };
    const ALL: Self = Self { access: AccessSet::ALL, actions: ActionSet::ALL, is_live: true };
}

/// Evaluates the app of a question. `is_owner` is whether the user is the owner of the account.
pub(super) fn app_side(
    question: &DecisionQuestion<'_>,
    facts: &DecisionFacts<'_>,
    is_owner: bool,
    reasons: &mut DecisionReasons,
) -> AppSide {
    match &facts.app {
        AppFacts::OwnPages => AppSide::ALL,
        AppFacts::NotInstalled => {
            reasons.deny(Operand::App, "app-installed", DecisionEvidence::None);
            AppSide::NONE
        }
        AppFacts::Configured(ceiling) => {
            let side = AppSide {
                access: ceiling.access.with_masked_views(),
                actions: ceiling.actions,
                is_live: true,
            };
            say_ceiling(question, &side, "app-registered", DecisionEvidence::None, reasons);
            side
        }
        AppFacts::Installed(app) => {
            if let Some((rule, evidence)) = closed_by(app, facts, is_owner) {
                reasons.deny(Operand::App, rule, evidence);
                return AppSide::NONE;
            }
            installed(app, question, facts, reasons)
        }
    }
}

fn closed_by(
    app: &InstalledApp<'_>,
    facts: &DecisionFacts<'_>,
    is_owner: bool,
) -> Option<(&'static str, DecisionEvidence)> {
    let installation = DecisionEvidence::Installation(app.installation);
    let listing = DecisionEvidence::Listing(app.listing, app.listing_version);
    let is_developer =
        |developer| is_owner && matches!(facts.party, DecisionParty::User { user, .. } if user == developer);
    let is_listed = match app.listing_state {
        ListingState::Published => true,
        ListingState::Beta { is_in_group } => is_in_group,
        ListingState::Sandbox { developer } => is_developer(developer),
        ListingState::Draft | ListingState::Suspended | ListingState::Retired => false,
    };
    if app.account != facts.account.id {
        Some(("installation-of-account", installation))
    } else if app.state != InstallationState::Active || app.expires_at <= facts.now() {
        Some(("installation-active", installation))
    } else if facts.grant.is_some_and(|grant| grant.epoch < app.epoch) {
        Some(("grant-epoch-of-installation", installation))
    } else if !is_listed {
        Some(("listing-in-use", listing))
    } else if !app.user_limit.may_use {
        Some(("user-may-use-app", installation))
    } else {
        None
    }
}

fn installed(
    app: &InstalledApp<'_>,
    question: &DecisionQuestion<'_>,
    facts: &DecisionFacts<'_>,
    reasons: &mut DecisionReasons,
) -> AppSide {
    let ceiling = AppSide {
        access: app.registered.access.and(app.listed.access),
        actions: app.registered.actions.and(app.listed.actions),
        is_live: true,
    };
    let evidence = DecisionEvidence::Listing(app.listing, app.listing_version);
    say_ceiling(question, &ceiling, "app-registered-and-listed", evidence, reasons);
    let mut permitted = AccessSet::EMPTY;
    let asked = question.data().map(|data| wanted(data, question.action));
    let mut is_permitted = asked.is_none();
    for permission in app.permissions.iter().filter(|permission| holds(permission, facts)) {
        let given = permission.access();
        permitted = permitted.or(given);
        if asked.is_some_and(|asked| given.with_masked_views().reaches(question.action, asked)) {
            is_permitted = true;
            let evidence = DecisionEvidence::Permission(permission.id);
            reasons.admit(Operand::Permission, "permission-in-force", evidence);
        }
    }
    if !is_permitted {
        let evidence = DecisionEvidence::Installation(app.installation);
        reasons.deny(Operand::Permission, "permission-in-force", evidence);
    }
    let handed_on = app.user_limit.handed_on(facts.hands_on.unwrap_or(AccessSet::ALL));
    let access = ceiling.access.and(permitted);
    if question.data().is_some() && !access.is_within(&handed_on) {
        let cut = access.categories(question.action).without(handed_on.categories(question.action));
        if !cut.and(question.categories()).is_empty() {
            let evidence = DecisionEvidence::Installation(app.installation);
            reasons.deny(Operand::Giving, "user-hands-on", evidence);
        }
    }
    AppSide { access: access.and(handed_on).with_masked_views(), ..ceiling }
}

fn say_ceiling(
    question: &DecisionQuestion<'_>,
    side: &AppSide,
    rule: &'static str,
    evidence: DecisionEvidence,
    reasons: &mut DecisionReasons,
) {
    let admits = match question.data() {
        Some(data) => side.access.with_masked_views().reaches(question.action, wanted(data, question.action)),
        None => side.actions.has(question.action),
    };
    if admits {
        reasons.admit(Operand::App, rule, evidence);
    } else {
        reasons.deny(Operand::App, rule, evidence);
    }
}

/// The first day of the data that the permissions show in these categories; none for all.
pub(super) fn data_from(
    facts: &DecisionFacts<'_>,
    action: AccountAction,
    categories: CategorySet,
) -> Option<NaiveDate> {
    let AppFacts::Installed(app) = &facts.app else { return None };
    let covers = |permission: &&CategoryPermission| {
        permission.access().with_masked_views().reaches(action, categories) && holds(permission, facts)
    };
    let mut first = None;
    for permission in app.permissions.iter().filter(covers) {
        let since = permission.since?;
        first = Some(first.map_or(since, |first: NaiveDate| first.min(since)));
    }
    first
}
