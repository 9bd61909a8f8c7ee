//! A decision that is permitted, of which the tests change one thing after another.

use std::borrow::Cow;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::account::category::{Category, CategorySet, ProofingTable};
use crate::account::decision::{
    AccountFacts, AccountState, AppCeiling, AppFacts, CategoryPermission, DataTarget, Decision,
    DecisionFacts, DecisionParty, DecisionQuestion, DecisionTarget, DoorFacts, GrantFacts, InstallationState,
    InstalledApp, ListingState, NATIONAL_RULES, ResourceLabel, RoleFacts, SessionFacts, Veto, VetoCause,
    VetoTarget, decide,
};
use crate::account::level::{AccessSet, AccountAction, ActionSet, Level, MemberAccess};
use crate::account::member::{Member, MemberOrigin, MemberState, UserAppLimit};
use crate::account::proofing::Proofing;
use crate::person::state::PersonState;
use crate::proxy::role_state::Status;

pub(super) const ACCOUNT: Uuid = Uuid::from_u128(0xacc);
pub(super) const USER: Uuid = Uuid::from_u128(0x5e7);
pub(super) const ROLE: Uuid = Uuid::from_u128(0x701e);

pub(super) fn now() -> DateTime<Utc> {
    "2026-11-28T12:00:00Z".parse().unwrap()
}

/// A question with its facts.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) question: DecisionQuestion<'static>,
    pub(super) facts: DecisionFacts<'static>,
}

impl World {
    pub(super) fn decide(&self) -> Decision {
        decide(Uuid::from_u128(1), &self.question, &self.facts)
    }

    pub(super) fn asking(mut self, action: AccountAction, category: Category) -> Self {
        self.question = DecisionQuestion::about_data(ACCOUNT, action, CategorySet::of(&[category]));
        self.data().understands_masks = CategorySet::MASKED_VIEWS.has(category);
        self
    }

    pub(super) fn acting(mut self, action: AccountAction, given: AccessSet) -> Self {
        self.question = DecisionQuestion::about_account(ACCOUNT, action, given);
        self
    }

    pub(super) fn data(&mut self) -> &mut DataTarget<'static> {
        match &mut self.question.target {
            DecisionTarget::Data(data) => data,
            DecisionTarget::Account { .. } => panic!("a question about the account"),
        }
    }

    pub(super) fn door(&mut self) -> &mut DoorFacts {
        self.facts.doors.to_mut().first_mut().unwrap()
    }

    pub(super) fn member(&mut self) -> &mut Member {
        &mut self.door().member
    }

    pub(super) fn role(&mut self) -> &mut RoleFacts {
        self.door().role.as_mut().unwrap()
    }

    pub(super) fn app(&mut self) -> &mut InstalledApp<'static> {
        match &mut self.facts.app {
            AppFacts::Installed(app) => app,
            AppFacts::OwnPages | AppFacts::Configured(_) | AppFacts::NotInstalled => {
                panic!("no installed app")
            }
        }
    }

    pub(super) fn permission(&mut self) -> &mut CategoryPermission {
        self.app().permissions.to_mut().first_mut().unwrap()
    }

    pub(super) fn vetoed(mut self, target: VetoTarget, categories: CategorySet, closes: bool) -> Self {
        let veto = Veto {
            id: Uuid::from_u128(0xe70),
            cause: VetoCause::Safeguarding,
            target,
            categories,
            closes_account_actions: closes,
        };
        self.facts.vetoes.to_mut().push(veto);
        self
    }
}

pub(super) fn role_facts() -> RoleFacts {
    RoleFacts {
        id: ROLE,
        version: 3,
        status: Status::Active,
        start_at: Some(now() - TimeDelta::days(100)),
        end_at: Some(now() + TimeDelta::days(100)),
        epoch: 4,
        lapse: None,
    }
}

pub(super) fn door(origin: MemberOrigin, access: MemberAccess) -> DoorFacts {
    let invited = Member::invited(Uuid::from_u128(0xed), ACCOUNT, origin, access, USER);
    let member = Member { user: Some(USER), state: MemberState::Active, ..invited };
    DoorFacts { member, role: origin.role().map(|_| role_facts()) }
}

/// A user with this door, at our own pages, who just logged in with strong credentials.
pub(super) fn at_own_pages(door: DoorFacts) -> World {
    let facts = DecisionFacts {
        party: DecisionParty::User { user: USER, state: PersonState::Alive },
        account: AccountFacts {
            id: ACCOUNT,
            state: AccountState::Open,
            person: PersonState::Alive,
            epoch: 4,
        },
        grant: None,
        doors: Cow::Owned(vec![door]),
        hands_on: None,
        app: AppFacts::OwnPages,
        vetoes: Cow::Owned(Vec::new()),
        rules: Cow::Borrowed(NATIONAL_RULES),
        minimum_proofing: ProofingTable::of_catalogue(),
        session: SessionFacts {
            provider: Cow::Borrowed("https://login.example"),
            proofing: Proofing::P9,
            vector: Some(Cow::Borrowed("P9.Cp.Cd")),
            auth_time: Some(now() - TimeDelta::minutes(5)),
            linked_since: Some(now() - TimeDelta::days(400)),
            is_staff: door.member.origin == MemberOrigin::StaffShare,
            now: now(),
        },
    };
    let medicines = CategorySet::of(&[Category::Medicines]);
    World { question: DecisionQuestion::about_data(ACCOUNT, AccountAction::Read, medicines), facts }
}

/// A proxy by role reads medicines through an installed app: permitted.
pub(super) fn by_app() -> World {
    let mut world = at_own_pages(door(MemberOrigin::Role(ROLE), MemberAccess::of(Level::Full)));
    world.facts.grant = Some(GrantFacts {
        id: Uuid::from_u128(0x94a),
        account: ACCOUNT,
        epoch: 4,
        is_revoked: false,
        expires_at: now() + TimeDelta::hours(1),
    });
    let ceiling = AppCeiling { access: AccessSet::ALL, actions: ActionSet::ALL };
    let permission = CategoryPermission {
        id: Uuid::from_u128(0x9e1),
        category: Category::Medicines,
        actions: ActionSet::READING,
        since: None,
        start_at: now() - TimeDelta::days(1),
        end_at: now() + TimeDelta::days(364),
        ended_at: None,
        role: Some(ROLE),
    };
    world.facts.app = AppFacts::Installed(InstalledApp {
        installation: Uuid::from_u128(0x125),
        account: ACCOUNT,
        state: InstallationState::Active,
        expires_at: now() + TimeDelta::days(364),
        epoch: 4,
        role: Some(ROLE),
        listing: Uuid::from_u128(0x115),
        listing_version: 2,
        listing_state: ListingState::Published,
        registered: ceiling,
        listed: ceiling,
        permissions: Cow::Owned(vec![permission]),
        user_limit: UserAppLimit { may_use: true, hands_on: None },
    });
    world.data().resource_type = Some(Cow::Borrowed("MedicationRequest"));
    world.data().label = ResourceLabel::Labelled(crate::account::category::Sensitivity::Normal);
    world
}
