//! The reasons of a decision, for staff and auditors.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// An operand of a decision. Each denies by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operand {
    /// The question itself.
    Question,
    /// The account.
    Account,
    /// The standing of the people.
    People,
    /// The grant behind the token.
    Grant,
    /// A member of the account.
    Member,
    /// The role of a member.
    Role,
    /// The level of a member.
    Level,
    /// The limits of a member's role.
    Limits,
    /// What a legal instrument or the owner took away.
    Exclusion,
    /// The confidentiality label of a resource.
    Label,
    /// The category: its resource types and its minimum proofing.
    Category,
    /// A rule about the log-in.
    Identity,
    /// The app: its registration, listing, installation, and its use by the user.
    App,
    /// The permissions of the app.
    Permission,
    /// What may be given away.
    Giving,
    /// The reach of staff and systems.
    Reach,
    /// A veto.
    Veto,
}

/// What a reason rests on, by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionEvidence {
    /// Nothing that has an id.
    None,
    /// A member and its version.
    Member(Uuid, i64),
    /// A role and its version.
    Role(Uuid, i64),
    /// A grant.
    Grant(Uuid),
    /// An installation of an app.
    Installation(Uuid),
    /// A listing and its version.
    Listing(Uuid, i64),
    /// A permission of an app.
    Permission(Uuid),
    /// A veto.
    Veto(Uuid),
}

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionReason {
    /// The operand.
    pub operand: Operand,
    /// The rule of that operand, by its id.
    pub rule: Cow<'static, str>,
    /// Whether it admits; a reason that does not, denies.
    pub admits: bool,
    /// What it rests on.
    pub evidence: DecisionEvidence,
}

/// The reasons of a decision, without a heap allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionReasons {
    items: [Option<DecisionReason>; Self::MOST],
    count: usize,
}

impl DecisionReasons {
    /// The most that are kept: enough for each operand and several members and permissions. Later ones are counted.
    pub const MOST: usize = 16;

    /// None so far.
    pub(super) const fn new() -> Self {
        Self { items: [const { None }; Self::MOST], count: 0 }
    }

    pub(super) fn push(&mut self, reason: DecisionReason) {
        if let Some(place) = self.items.get_mut(self.count) {
            *place = Some(reason);
        }
        self.count += 1;
    }

    pub(super) fn admit(&mut self, operand: Operand, rule: &'static str, evidence: DecisionEvidence) {
        self.push(DecisionReason { operand, rule: Cow::Borrowed(rule), admits: true, evidence });
    }

    pub(super) fn deny(&mut self, operand: Operand, rule: &'static str, evidence: DecisionEvidence) {
        self.push(DecisionReason { operand, rule: Cow::Borrowed(rule), admits: false, evidence });
    }

    /// The reasons, in the order of the operands.
    pub fn iter(&self) -> impl Iterator<Item = &DecisionReason> {
        self.items.iter().flatten()
    }

    /// The reasons that deny.
    pub fn denials(&self) -> impl Iterator<Item = &DecisionReason> {
        self.iter().filter(|reason| !reason.admits)
    }

    /// How many there were, kept or not.
    pub const fn count(&self) -> usize {
        self.count
    }
}

impl Serialize for DecisionReasons {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.count, self.items.iter().flatten().collect::<Vec<_>>()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for DecisionReasons {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (count, kept): (usize, Vec<DecisionReason>) = Deserialize::deserialize(deserializer)?;
        let mut reasons = Self::new();
        for reason in kept {
            reasons.push(reason);
        }
        reasons.count = count;
        Ok(reasons)
    }
}
