//! The oracle: `policy.cedar`, and the facts of a case as Cedar's context. A fact is passed on as it is; what follows from it is for
//! the policies to say.

use std::collections::HashMap;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request, RestrictedExpression as Value,
};
use chrono::{DateTime, Utc};
use domain::account::category::{Category, CategorySet, Sensitivity};
use domain::account::decision::{
    AppFacts, CategoryPermission, DecisionParty, DoorFacts, InstalledApp, ListingState, ResourceLabel,
    VetoTarget,
};
use domain::account::level::{AccessSet, AccountAction, RequestedAccess};
use domain::account::member::{MemberOrigin, MemberState};
use domain::account::proofing::Proofing;
use uuid::Uuid;

use crate::case::{ACCOUNT, Case, ROLE, USER, now};

const POLICY: &str = include_str!("policy.cedar");

/// The texts behind the placeholders of the policies.
const TEXTS: &[(&str, &str)] = &[
    (
        "PERMITTED(CAT)",
        "(CEILING(CAT) && context.app has CAT && context.app.CAT.permitted && context.app.CAT.start <= context.now \
      && context.now < context.app.CAT.end && context.now < context.app.CAT.ended && (context.app.CAT.role == \"none\" \
      || (context.app.CAT.role == \"role\" && ROLE_IN_FORCE)))",
    ),
    (
        "CEILING(CAT)",
        "(context.app.registered.contains(context.CAT) && context.app.listed.contains(context.CAT) \
      && (context.app.kind != \"installed\" || (context.app.handsOn.contains(context.CAT) && context.handsOn.contains(context.CAT))))",
    ),
    ("OPEN(owner)", "(IN_FORCE(owner) && !context.staff && context.appRole == \"none\")"),
    ("OPEN(share)", "(IN_FORCE(share) && !context.staff && context.appRole == \"none\")"),
    ("OPEN(staffShare)", "(IN_FORCE(staffShare) && context.staff && context.appRole == \"none\")"),
    ("OPEN(role)", "(ROLE_IN_FORCE && context.appRole != \"other\")"),
    (
        "ROLE_IN_FORCE",
        "(IN_FORCE(role) && !context.staff && context.role.roleFound && context.role.roleStatus == \"active\" \
      && context.role.roleStart <= context.now && context.now <= context.role.roleEnd && !context.role.lapsed \
      && !(context has grant && context.grant.epoch < context.role.epoch))",
    ),
    (
        "IN_FORCE(DOOR)",
        "(context has DOOR && context.DOOR.ofAccount && context.DOOR.ofUser && context.DOOR.state == \"active\" \
      && context.DOOR.start <= context.now && context.now <= context.DOOR.end)",
    ),
    ("ASKS(category)", "true"),
    ("ASKS(whole)", "(context has whole && READING)"),
    (
        "LABEL(DOOR, CAT)",
        "(context.label == \"unused\" || context.label == \"N\" \
      || (context.label == \"R\" && ((context.DOOR.level == \"full\" && context.DOOR.ceiling != \"N\") || NAMED(DOOR, CAT))) \
      || (context.label == \"V\" && NAMED(DOOR, CAT)))",
    ),
    ("NAMED(DOOR, CAT)", "(SENSITIVE(CAT) && OPENED(DOOR, CAT))"),
    ("OPENED(share, CAT)", "(READING && context.share.opened.contains(context.CAT) && !SENSITIVE(CAT))"),
    ("OPENED(DOOR, CAT)", "(READING && context.DOOR.opened.contains(context.CAT))"),
    (
        "SENSITIVE(CAT)",
        "[\"sexual-reproductive\", \"mental-health\", \"safeguarding\", \"access-log\"].contains(context.CAT)",
    ),
    (
        "ALWAYS(share, CAT)",
        "(READING && (context.CAT == \"demographics\" || (context.share.manage && context.CAT == \"who-can-act\")))",
    ),
    ("ALWAYS(DOOR, CAT)", "(READING && context.CAT == \"demographics\")"),
    (
        "LEVEL(DOOR, CAT)",
        "((context.DOOR.ceiling != \"N\" || ![\"conditions\", \"consultations\", \"documents\"].contains(context.CAT)) && ( \
      (READING && [\"demographics\", \"appointments\", \"appointment-times\", \"prescriptions\", \"prescription-status\"].contains(context.CAT)) \
      || (READING && context.DOOR.level != \"book-and-order\" && [\"medicines\", \"immunisations\"].contains(context.CAT)) \
      || (READING && [\"detailed\", \"full\"].contains(context.DOOR.level) && [\"conditions\", \"test-results\", \"consultations\", \
          \"vital-signs\", \"blood-pressure\", \"own-readings\"].contains(context.CAT)) \
      || (READING && context.DOOR.level == \"full\" && context.CAT == \"documents\") \
      || (action == Action::\"create\" && [\"appointments\", \"prescriptions\"].contains(context.CAT)) \
      || (action == Action::\"update\" && context.CAT == \"appointments\") \
      || ([Action::\"create\", Action::\"update\"].contains(action) && [\"detailed\", \"full\"].contains(context.DOOR.level) \
          && context.CAT == \"own-readings\")))",
    ),
    (
        "LIMITS(DOOR, CAT)",
        "(!(context.DOOR has limits) \
      || (context.DOOR.limits.contains(\"PRESCR\") && [\"prescriptions\", \"prescription-status\"].contains(context.CAT)) \
      || (context.DOOR.limits.contains(\"APPT\") && [\"appointments\", \"appointment-times\"].contains(context.CAT)) \
      || (context.DOOR.limits.contains(\"RECRD\") && [\"medicines\", \"vital-signs\", \"blood-pressure\", \"sexual-reproductive\", \
          \"mental-health\", \"safeguarding\"].contains(context.CAT)) \
      || (context.DOOR.limits.containsAny([\"RECRD\", \"TEST\"]) && context.CAT == \"test-results\") \
      || (context.DOOR.limits.containsAny([\"RECRD\", \"VACC\"]) && context.CAT == \"immunisations\") \
      || (context.DOOR.limits.containsAny([\"RECRD\", \"COND\"]) && context.CAT == \"conditions\") \
      || (context.DOOR.limits.containsAny([\"RECRD\", \"CONSULT\"]) && context.CAT == \"consultations\") \
      || (context.DOOR.limits.containsAny([\"RECRD\", \"DOCS\"]) && context.CAT == \"documents\"))",
    ),
    (
        "UNVETOED(TARGET)",
        "(!context.vetoed.TARGET.contains(context.category) && !(context has whole && context.vetoed.TARGET.contains(context.whole)))",
    ),
    ("UNCLOSED(TARGET)", "(!context.closed.contains(\"TARGET\"))"),
    ("READING", "(action in [Action::\"read\", Action::\"search\", Action::\"notify\"])"),
    (
        "DATA",
        "[Action::\"read\", Action::\"search\", Action::\"create\", Action::\"update\", Action::\"delete\", Action::\"notify\"]",
    ),
    (
        "CONTROL",
        "[Action::\"share\", Action::\"invite\", Action::\"install\", Action::\"install-for-own-use\", Action::\"manage\", Action::\"close\"]",
    ),
];

const DOORS: [&str; 4] = ["owner", "role", "share", "staffShare"];
const CATS: [&str; 2] = ["category", "whole"];
const TARGETS: [&str; 4] = ["everyone", "butOwner", "user", "role"];

/// The text of the policies with every placeholder replaced.
fn policies() -> String {
    let (before, rest) = POLICY.split_once("FOR EACH DOOR AND CAT\n").unwrap();
    let (each, after) = rest.split_once("END\n").unwrap();
    let mut text = before.to_owned();
    for door in ["role", "share", "staffShare"] {
        for cat in CATS {
            let one = each.replace("DOOR", door).replace("CAT", cat);
            let of_role = if door == "role" { "when { UNVETOED(role) };" } else { ";" };
            text.push_str(
                &one.trim_end().strip_suffix(';').map(|one| format!("{one}\n{of_role}\n")).unwrap(),
            );
        }
    }
    text.push_str(after);
    for (name, meaning) in TEXTS {
        for door in DOORS {
            for cat in CATS {
                for target in TARGETS {
                    let put =
                        |it: &str| it.replace("DOOR", door).replace("CAT", cat).replace("TARGET", target);
                    text = text.replace(&put(name), &put(meaning));
                }
            }
        }
    }
    text
}

/// The policies, parsed.
pub(crate) struct Oracle {
    policies: PolicySet,
    authorizer: Authorizer,
}

impl Oracle {
    pub(crate) fn new() -> Self {
        let text = policies();
        let policies = text.parse::<PolicySet>().unwrap_or_else(|error| panic!("{error:?}\n{text}"));
        Self { policies, authorizer: Authorizer::new() }
    }

    /// Whether the policies permit what a case asks for.
    pub(crate) fn permits(&self, case: &Case) -> bool {
        let uid = |text: String| text.parse::<EntityUid>().unwrap();
        let context = Context::from_pairs(facts(case)).unwrap();
        let action = uid(format!("Action::\"{}\"", case.action.code()));
        let (user, account) = (uid(format!("User::\"{USER}\"")), uid(format!("Account::\"{ACCOUNT}\"")));
        let request = Request::new(user, action, account, context, None).unwrap();
        let response = self.authorizer.is_authorized(&request, &self.policies, &Entities::empty());
        // A policy that fails is left out, which would hide a forbid.
        let errors: Vec<String> = response.diagnostics().errors().map(ToString::to_string).collect();
        assert!(errors.is_empty(), "{errors:?}");
        response.decision() == Decision::Allow
    }
}

type Pairs = Vec<(String, Value)>;

fn text(value: &str) -> Value {
    Value::new_string(value.to_owned())
}

fn record(pairs: Vec<(&str, Value)>) -> Value {
    Value::new_record(pairs.into_iter().map(|(name, value)| (name.to_owned(), value))).unwrap()
}

fn texts<'t>(values: impl IntoIterator<Item = &'t str>) -> Value {
    Value::new_set(values.into_iter().map(text))
}

fn codes(categories: CategorySet) -> Value {
    texts(categories.iter().map(Category::code))
}

fn millis(at: DateTime<Utc>) -> Value {
    Value::new_long(at.timestamp_millis())
}

fn proofing(level: Proofing) -> Value {
    Value::new_long(match level {
        Proofing::P0 => 0,
        Proofing::P5 => 5,
        Proofing::P9 => 9,
    })
}

fn whole(category: Category) -> Option<Category> {
    match category {
        Category::PrescriptionStatus => Some(Category::Prescriptions),
        Category::AppointmentTimes => Some(Category::Appointments),
        _ => None,
    }
}

fn facts(case: &Case) -> Pairs {
    let DecisionParty::User { state, .. } = case.facts.party else { panic!("a user") };
    let state_of = |state: &str| text(&state.to_lowercase());
    let mut all: HashMap<&str, Value> = HashMap::from([
        ("now", millis(now())),
        ("category", text(case.category.code())),
        ("label", label(case.label)),
        ("accountState", state_of(&format!("{:?}", case.facts.account.state))),
        ("accountPerson", state_of(&format!("{:?}", case.facts.account.person))),
        ("userState", state_of(&format!("{state:?}"))),
        ("accountEpoch", Value::new_long(case.facts.account.epoch)),
        ("app", app(case)),
        ("appRole", text(app_role(case))),
        ("handsOn", codes(case.facts.hands_on.unwrap_or(AccessSet::ALL).categories(case.action))),
    ]);
    all.extend(whole(case.category).map(|whole| ("whole", text(whole.code()))));
    all.extend(case.facts.grant.map(|grant| {
        let of_account = Value::new_bool(grant.account == ACCOUNT);
        let pairs = vec![
            ("ofAccount", of_account),
            ("revoked", Value::new_bool(grant.is_revoked)),
            ("expires", millis(grant.expires_at)),
            ("epoch", Value::new_long(grant.epoch)),
        ];
        ("grant", record(pairs))
    }));
    all.extend(case.facts.doors.iter().map(door));
    all.extend(log_in(case));
    all.extend(vetoes(case));
    all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn label(label: ResourceLabel) -> Value {
    text(match label {
        ResourceLabel::NotUsed => "unused",
        ResourceLabel::Missing => "missing",
        ResourceLabel::Labelled(label) => label.code(),
    })
}

fn log_in(case: &Case) -> Vec<(&'static str, Value)> {
    let session = &case.facts.session;
    let age = |at: DateTime<Utc>| Value::new_long((now() - at).num_seconds());
    let table = case.facts.minimum_proofing;
    let minimum = [Proofing::P0, Proofing::P5, Proofing::P9]
        .into_iter()
        .find(|level| table.admitted(*level).has(case.category))
        .unwrap();
    let mut all = vec![
        ("staff", Value::new_bool(session.is_staff)),
        ("proofing", proofing(session.proofing)),
        ("minimumProofing", proofing(minimum)),
    ];
    all.extend(session.auth_time.map(|at| ("logInAge", age(at))));
    all.extend(session.linked_since.map(|at| ("linkedAge", age(at))));
    all.extend(session.vector.as_deref().map(|vector| {
        let (level, credentials) = vector.split_once('.').unwrap();
        let level = proofing(Proofing::parse(level).unwrap());
        ("vector", record(vec![("proofing", level), ("credentials", texts(credentials.split('.')))]))
    }));
    all
}

fn vetoes(case: &Case) -> Vec<(&'static str, Value)> {
    let target = |target: VetoTarget| match target {
        VetoTarget::Everyone => "everyone",
        VetoTarget::AllButOwner => "butOwner",
        VetoTarget::User(user) if user == USER => "user",
        VetoTarget::Role(role) if role == ROLE => "role",
        VetoTarget::User(_) | VetoTarget::Role(_) => "other",
    };
    let of = |name: &str| {
        let vetoes = case.facts.vetoes.iter().filter(|veto| target(veto.target) == name);
        codes(vetoes.fold(CategorySet::EMPTY, |all, veto| all.or(veto.categories)))
    };
    let closing = case.facts.vetoes.iter().filter(|veto| veto.closes_account_actions);
    let closed = texts(closing.map(|veto| target(veto.target)).collect::<Vec<_>>());
    vec![("vetoed", record(TARGETS.map(|name| (name, of(name))).to_vec())), ("closed", closed)]
}

fn door(door: &DoorFacts) -> (&'static str, Value) {
    let (member, access) = (&door.member, &door.member.access);
    let mut pairs = vec![
        ("ofAccount", Value::new_bool(member.account == ACCOUNT)),
        ("ofUser", Value::new_bool(member.user == Some(USER))),
        ("state", text(if member.state == MemberState::Active { "active" } else { member.state.code() })),
        ("start", millis(member.start_at.unwrap_or(DateTime::UNIX_EPOCH))),
        ("end", millis(member.end_at.unwrap_or(DateTime::<Utc>::MAX_UTC))),
        ("level", text(access.level.level.code())),
        ("manage", Value::new_bool(access.may_manage)),
        ("ceiling", text(access.ceiling.min(Sensitivity::Restricted).code())),
        ("opened", codes(access.opened)),
        ("excluded", codes(access.excluded)),
    ];
    pairs.extend(access.limits.map(|limits| ("limits", texts(limits.iter().map(RequestedAccess::code)))));
    if let Some(role) = door.role {
        pairs.extend([
            ("roleFound", Value::new_bool(role.id == ROLE)),
            ("roleStatus", text(&format!("{:?}", role.status).to_lowercase())),
            ("roleStart", millis(role.start_at.unwrap_or(DateTime::UNIX_EPOCH))),
            ("roleEnd", millis(role.end_at.unwrap_or(DateTime::<Utc>::MAX_UTC))),
            ("lapsed", Value::new_bool(role.lapse.is_some())),
            ("epoch", Value::new_long(role.epoch)),
        ]);
    }
    let name = match member.origin {
        MemberOrigin::Owner => "owner",
        MemberOrigin::Role(_) => "role",
        MemberOrigin::Share => "share",
        MemberOrigin::StaffShare => "staffShare",
    };
    (name, record(pairs))
}

fn role_name(role: Option<Uuid>) -> &'static str {
    match role {
        None => "none",
        Some(role) if role == ROLE => "role",
        Some(_) => "other",
    }
}

fn app_role(case: &Case) -> &'static str {
    match &case.facts.app {
        AppFacts::Installed(app) => role_name(app.role),
        AppFacts::OwnPages | AppFacts::Configured(_) | AppFacts::NotInstalled => "none",
    }
}

fn app(case: &Case) -> Value {
    let action = case.action;
    match &case.facts.app {
        AppFacts::OwnPages => record(vec![("kind", text("own-pages"))]),
        AppFacts::NotInstalled => record(vec![("kind", text("none"))]),
        AppFacts::Configured(ceiling) => record(vec![
            ("kind", text("configured")),
            ("registered", codes(ceiling.access.categories(action))),
            ("listed", codes(CategorySet::ALL)),
            ("registeredActs", Value::new_bool(ceiling.actions.has(action))),
            ("listedActs", Value::new_bool(true)),
        ]),
        AppFacts::Installed(app) => installed(app, action, case.category),
    }
}

fn installed(app: &InstalledApp<'_>, action: AccountAction, category: Category) -> Value {
    let listing = match app.listing_state {
        ListingState::Published => "published",
        ListingState::Beta { is_in_group: true } => "beta-member",
        ListingState::Sandbox { developer } if developer == USER => "sandbox-own",
        ListingState::Draft
        | ListingState::Suspended
        | ListingState::Retired
        | ListingState::Beta { .. }
        | ListingState::Sandbox { .. } => "not-in-use",
    };
    let hands_on = app.user_limit.hands_on.unwrap_or(AccessSet::ALL).categories(action);
    let mut pairs = vec![
        ("kind", text("installed")),
        ("registered", codes(app.registered.access.categories(action))),
        ("listed", codes(app.listed.access.categories(action))),
        ("registeredActs", Value::new_bool(app.registered.actions.has(action))),
        ("listedActs", Value::new_bool(app.listed.actions.has(action))),
        ("ofAccount", Value::new_bool(app.account == ACCOUNT)),
        ("state", text(&format!("{:?}", app.state).to_lowercase())),
        ("expires", millis(app.expires_at)),
        ("epoch", Value::new_long(app.epoch)),
        ("mayUse", Value::new_bool(app.user_limit.may_use)),
        ("listing", text(listing)),
        ("handsOn", codes(hands_on)),
    ];
    let of = |category: Category| app.permissions.iter().find(|it| it.category == category);
    pairs.extend(of(category).map(|it| ("category", permission(it, action))));
    pairs.extend(whole(category).and_then(of).map(|it| ("whole", permission(it, action))));
    record(pairs)
}

fn permission(permission: &CategoryPermission, action: AccountAction) -> Value {
    record(vec![
        ("permitted", Value::new_bool(permission.actions.has(action))),
        ("start", millis(permission.start_at)),
        ("end", millis(permission.end_at)),
        ("ended", millis(permission.ended_at.unwrap_or(DateTime::<Utc>::MAX_UTC))),
        ("role", text(role_name(permission.role))),
    ])
}
