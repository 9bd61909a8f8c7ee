//! Random questions with their facts, mostly such that a few things decide.

use chrono::{DateTime, TimeDelta, Utc};
use domain::account::category::{Category, CategorySet, ProofingTable, Sensitivity};
use domain::account::decision::{
    AccountFacts, AccountState, AppCeiling, AppFacts, CategoryPermission, Decision, DecisionFacts,
    DecisionParty, DecisionQuestion, DecisionTarget, DoorFacts, EvidenceLapse, GrantFacts, InstallationState,
    InstalledApp, ListingState, NATIONAL_RULES, ResourceLabel, RoleFacts, SessionFacts, Veto, VetoCause,
    VetoTarget, decide,
};
use domain::account::level::{
    AccessSet, AccountAction, ActionSet, Level, MemberAccess, RequestedAccess, RoleLimits,
};
use domain::account::member::{Member, MemberEnd, MemberOrigin, MemberState, UserAppLimit};
use domain::account::proofing::Proofing;
use domain::person::PersonState;
use domain::proxy::Status;
use uuid::Uuid;

pub(crate) const ACCOUNT: Uuid = Uuid::from_u128(1);
pub(crate) const USER: Uuid = Uuid::from_u128(2);
pub(crate) const ROLE: Uuid = Uuid::from_u128(3);
const OTHER: Uuid = Uuid::from_u128(99);

/// splitmix64: small, and the same on every machine.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(most).unwrap()).unwrap()
    }

    /// Whether one of so many happens.
    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// The usual value, and one time in so many another.
    fn mostly<T: Copy>(&mut self, usual: T, many: usize, others: &[T]) -> T {
        if self.one_in(many) { self.pick(others) } else { usual }
    }

    fn categories(&mut self, one_in: usize) -> CategorySet {
        let picked = Category::ALL.into_iter().filter(|_| self.one_in(one_in));
        picked.fold(CategorySet::EMPTY, CategorySet::with)
    }

    /// Most categories, for most actions.
    fn access(&mut self) -> AccessSet {
        if self.one_in(3) {
            return AccessSet::ALL;
        }
        let missing = self.categories(6);
        let writes = if self.one_in(4) { CategorySet::EMPTY } else { CategorySet::ALL };
        AccessSet::reading(CategorySet::ALL).or(AccessSet::every(ActionSet::DATA, writes)).without(missing)
    }

    fn actions(&mut self) -> ActionSet {
        if self.one_in(4) {
            let picked = AccountAction::ALL.into_iter().filter(|_| self.one_in(2));
            return picked.fold(ActionSet::EMPTY, ActionSet::with);
        }
        ActionSet::ALL
    }

    /// Some time before the question, or some time after it.
    fn end(&mut self, now: DateTime<Utc>) -> DateTime<Utc> {
        let seconds = self.mostly(3600, 16, &[-1, 0, 1]);
        now + TimeDelta::seconds(seconds)
    }
}

/// A question with its facts.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) action: AccountAction,
    pub(crate) category: Category,
    pub(crate) label: ResourceLabel,
    pub(crate) facts: DecisionFacts<'static>,
}

pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-28T12:00:00Z".parse().unwrap()
}

impl Case {
    pub(crate) fn generate(random: &mut Random) -> Self {
        let is_staff = random.one_in(6);
        let state = AccountState::Open;
        let account = AccountFacts {
            id: ACCOUNT,
            state: random.mostly(state, 30, &[AccountState::Held, AccountState::Closed]),
            person: random.mostly(PersonState::Alive, 30, &PersonState::ALL),
            epoch: 5,
        };
        let facts = DecisionFacts {
            party: DecisionParty::User {
                user: USER,
                state: random.mostly(PersonState::Alive, 30, &PersonState::ALL),
            },
            account,
            grant: (!random.one_in(3)).then(|| grant(random)),
            doors: doors(random, is_staff).into(),
            hands_on: random.one_in(4).then(|| random.access()),
            app: app(random),
            vetoes: vetoes(random).into(),
            rules: NATIONAL_RULES.into(),
            minimum_proofing: proofing_table(random),
            session: session(random, is_staff),
        };
        let data: Vec<AccountAction> = ActionSet::DATA.iter().collect();
        let action = if random.one_in(4) {
            random.pick(&AccountAction::ALL)
        } else if random.one_in(3) {
            random.pick(&data)
        } else {
            random.pick(&[AccountAction::Read, AccountAction::Search])
        };
        let labels = [
            ResourceLabel::Missing,
            ResourceLabel::Labelled(Sensitivity::Normal),
            ResourceLabel::Labelled(Sensitivity::Restricted),
            ResourceLabel::Labelled(Sensitivity::VeryRestricted),
        ];
        let label = random.mostly(ResourceLabel::NotUsed, 4, &labels);
        Self { action, category: random.pick(&Category::ALL), label, facts }
    }

    pub(crate) fn decide(&self) -> Decision {
        let categories = CategorySet::of(&[self.category]);
        let mut question = if self.action.is_about_data() {
            DecisionQuestion::about_data(ACCOUNT, self.action, categories)
        } else {
            DecisionQuestion::about_account(ACCOUNT, self.action, AccessSet::EMPTY)
        };
        if let DecisionTarget::Data(data) = &mut question.target {
            data.label = self.label;
            // Only a category that is asked for by itself: that another view is offered instead is for other tests.
            data.understands_masks = CategorySet::MASKED_VIEWS.has(self.category);
        }
        decide(Uuid::nil(), &question, &self.facts)
    }
}

fn grant(random: &mut Random) -> GrantFacts {
    GrantFacts {
        id: Uuid::from_u128(4),
        account: random.mostly(ACCOUNT, 40, &[OTHER]),
        epoch: random.mostly(6, 20, &[3, 4, 5]),
        is_revoked: random.one_in(40),
        expires_at: random.end(now()),
    }
}

fn session(random: &mut Random, is_staff: bool) -> SessionFacts<'static> {
    let vectors = [None, Some("P9.Cp.Ck"), Some("P9.Cm"), Some("P9.Cp"), Some("P5.Cp.Cd"), Some("P9.Cd.Cp")];
    let ago = |seconds: Option<i64>| seconds.map(|seconds| now() - TimeDelta::seconds(seconds));
    SessionFacts {
        provider: "https://login.example".into(),
        proofing: random.mostly(Proofing::P9, 10, &[Proofing::P0, Proofing::P5]),
        vector: random.mostly(Some("P9.Cp.Cd"), 6, &vectors).map(Into::into),
        auth_time: ago(random.mostly(
            Some(60),
            4,
            &[None, Some(900), Some(901), Some(86_400), Some(-60), Some(-61)],
        )),
        linked_since: ago(random.mostly(Some(9_000_000), 5, &[None, Some(0), Some(86_399), Some(86_400)])),
        is_staff: is_staff != random.one_in(30),
        now: now(),
    }
}

fn proofing_table(random: &mut Random) -> ProofingTable {
    let mut table = ProofingTable::of_catalogue();
    for category in Category::ALL {
        if random.one_in(8) {
            table = table.with(category, random.pick(&[Proofing::P0, Proofing::P5]));
        }
    }
    table
}

/// At most one member of each origin.
fn doors(random: &mut Random, is_staff: bool) -> Vec<DoorFacts> {
    let mut doors = Vec::new();
    let others = [MemberOrigin::Owner, MemberOrigin::Role(ROLE), MemberOrigin::Share];
    let usual = if is_staff { MemberOrigin::StaffShare } else { random.pick(&others) };
    for origin in others.into_iter().chain([MemberOrigin::StaffShare]) {
        if origin == usual || random.one_in(6) {
            doors.push(DoorFacts {
                member: member(random, origin),
                role: origin.role().map(|_| role(random)),
            });
        }
    }
    if random.one_in(20) {
        doors.clear();
    }
    doors
}

fn member(random: &mut Random, origin: MemberOrigin) -> Member {
    let limits = random.one_in(3).then(|| {
        let picked = RequestedAccess::ALL.into_iter().filter(|_| !random.one_in(3));
        picked.fold(RoleLimits::EMPTY, RoleLimits::with)
    });
    let level =
        random.pick(&[Level::BookAndOrder, Level::Summary, Level::Detailed, Level::Full, Level::Full]);
    let access = MemberAccess {
        may_manage: random.one_in(2),
        limits,
        ceiling: random.mostly(Sensitivity::Restricted, 4, &Sensitivity::ALL),
        opened: random.categories(8),
        excluded: random.categories(16),
        ..MemberAccess::of(level)
    };
    let states = [MemberState::Invited, MemberState::Paused, MemberState::Ended(MemberEnd::Left)];
    Member {
        user: random.mostly(Some(USER), 40, &[None, Some(OTHER)]),
        account: random.mostly(ACCOUNT, 40, &[OTHER]),
        state: random.mostly(MemberState::Active, 10, &states),
        start_at: random.one_in(2).then(|| now() - TimeDelta::seconds(random.mostly(60, 10, &[0, -1]))),
        end_at: random.one_in(2).then(|| random.end(now())),
        ..Member::invited(Uuid::from_u128(5), ACCOUNT, origin, access, USER)
    }
}

fn role(random: &mut Random) -> RoleFacts {
    let statuses = [Status::Inactive, Status::Rejected, Status::Proposed, Status::EnteredInError];
    RoleFacts {
        id: random.mostly(ROLE, 40, &[OTHER]),
        version: 1,
        status: random.mostly(Status::Active, 12, &statuses),
        start_at: random.one_in(2).then(|| now() - TimeDelta::seconds(random.mostly(60, 10, &[0, -1]))),
        end_at: random.one_in(2).then(|| random.end(now())),
        epoch: random.mostly(2, 12, &[4, 5, 6, 7]),
        lapse: random.mostly(None, 16, &[Some(EvidenceLapse::Veto), Some(EvidenceLapse::Held)]),
    }
}

fn vetoes(random: &mut Random) -> Vec<Veto> {
    let count = random.mostly(0, 3, &[1, 1, 2, 3]);
    (0..count).map(|_| veto(random)).collect()
}

fn veto(random: &mut Random) -> Veto {
    let targets = [
        VetoTarget::Everyone,
        VetoTarget::AllButOwner,
        VetoTarget::User(USER),
        VetoTarget::User(OTHER),
        VetoTarget::Role(ROLE),
    ];
    Veto {
        id: Uuid::from_u128(6),
        cause: VetoCause::Safeguarding,
        target: random.pick(&targets),
        categories: if random.one_in(4) { CategorySet::ALL } else { random.categories(4) },
        closes_account_actions: random.one_in(2),
    }
}

fn app(random: &mut Random) -> AppFacts<'static> {
    match random.below(16) {
        0..7 => AppFacts::OwnPages,
        7 | 8 => AppFacts::Configured(ceiling(random)),
        9 => AppFacts::NotInstalled,
        _ => AppFacts::Installed(installed(random)),
    }
}

fn ceiling(random: &mut Random) -> AppCeiling {
    AppCeiling { access: random.access(), actions: random.actions() }
}

fn installed(random: &mut Random) -> InstalledApp<'static> {
    let listings = [
        ListingState::Draft,
        ListingState::Suspended,
        ListingState::Retired,
        ListingState::Beta { is_in_group: false },
        ListingState::Beta { is_in_group: true },
        ListingState::Sandbox { developer: USER },
        ListingState::Sandbox { developer: OTHER },
    ];
    let states = [InstallationState::Paused, InstallationState::Suspended, InstallationState::Removed];
    let asked: Vec<Category> = Category::ALL.into_iter().filter(|_| !random.one_in(5)).collect();
    InstalledApp {
        installation: Uuid::from_u128(7),
        account: random.mostly(ACCOUNT, 40, &[OTHER]),
        state: random.mostly(InstallationState::Active, 20, &states),
        expires_at: random.end(now()),
        epoch: random.mostly(1, 20, &[4, 5, 6, 7]),
        role: random.mostly(None, 6, &[Some(ROLE), Some(OTHER)]),
        listing: Uuid::from_u128(8),
        listing_version: 1,
        listing_state: random.mostly(ListingState::Published, 6, &listings),
        registered: ceiling(random),
        listed: ceiling(random),
        permissions: asked.into_iter().map(|category| permission(random, category)).collect(),
        user_limit: UserAppLimit {
            may_use: !random.one_in(20),
            hands_on: random.one_in(4).then(|| random.access()),
        },
    }
}

fn permission(random: &mut Random, category: Category) -> CategoryPermission {
    CategoryPermission {
        id: Uuid::from_u128(9),
        category,
        actions: random.mostly(ActionSet::DATA, 4, &[ActionSet::READING, ActionSet::EMPTY]),
        since: None,
        start_at: now() - TimeDelta::seconds(random.mostly(60, 20, &[0, -1])),
        end_at: random.end(now()),
        ended_at: random.mostly(None, 16, &[Some(now()), Some(now() + TimeDelta::seconds(1))]),
        role: random.mostly(None, 12, &[Some(ROLE), Some(OTHER)]),
    }
}
