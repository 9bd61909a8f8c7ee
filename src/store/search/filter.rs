//! What to look for, in terms of tables and columns. Names are fixed texts of this program, values are
//! always bound: nothing from outside becomes SQL.

use std::collections::{HashSet, VecDeque};

/// A table that can be searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the migrations describe the tables")]
pub enum Table {
    Roles,
    RoleVersions,
    Relationships,
    RelationshipVersions,
    RelationshipCodes,
    AccessRequests,
    AccessRequestVersions,
    People,
    PersonNameParts,
    AuditRecords,
    Users,
    AccountUsers,
    /// The records of changes alone.
    AuditChanges,
    /// Those that are not deleted.
    Subscriptions,
    /// Those that are deleted as well.
    EverySubscription,
    SubscriptionVersions,
}

impl Table {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Roles => "roles",
            Self::RoleVersions => "role_versions",
            Self::Relationships => "relationships",
            Self::RelationshipVersions => "relationship_versions",
            Self::RelationshipCodes => "relationship_codes",
            Self::AccessRequests => "access_requests",
            Self::AccessRequestVersions => "access_request_versions",
            Self::People => "people",
            Self::PersonNameParts => "person_name_parts",
            Self::Users => "users",
            Self::AccountUsers => "account_users",
            Self::AuditRecords | Self::AuditChanges => "audit_records",
            Self::Subscriptions | Self::EverySubscription => "subscriptions",
            Self::SubscriptionVersions => "subscription_versions",
        }
    }

    /// The column that names a row.
    pub const fn id(self) -> Column {
        match self {
            Self::People | Self::PersonNameParts => Column::text("nhs_number"),
            Self::RelationshipCodes => Column::text("relationship_id"),
            Self::Roles
            | Self::RoleVersions
            | Self::Relationships
            | Self::RelationshipVersions
            | Self::AccessRequests
            | Self::AccessRequestVersions
            | Self::AuditRecords
            | Self::Users
            | Self::AuditChanges
            | Self::Subscriptions
            | Self::EverySubscription
            | Self::SubscriptionVersions => Column::text("id"),
            Self::AccountUsers => Column::text("user_id"),
        }
    }
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub(super) name: &'static str,
    pub(super) is_number: bool,
    pub(super) is_nullable: bool,
}

impl Column {
    /// Its name, or the expression that it is.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// A column of text that is never null.
    pub const fn text(name: &'static str) -> Self {
        Self { name, is_number: false, is_nullable: false }
    }

    /// A column of whole numbers that is never null.
    pub const fn number(name: &'static str) -> Self {
        Self { name, is_number: true, is_nullable: false }
    }

    /// The same, where it may be null. In an order, null stands before every value.
    #[must_use]
    pub const fn or_null(mut self) -> Self {
        self.is_nullable = true;
        self
    }
}

/// Whose a subscription is ([`owner_key`](domain::event::owner_key)). A search of subscriptions that does not
/// name it finds nothing.
pub const OWNER: Column = Column::text("owner_key");

/// Whose subscription a record of the audit is about; the empty text where it is about anything else. A subscription that
/// is not kept any more belongs to no owner.
pub const SUBSCRIBER: Column = Column::text(
    "(CASE WHEN subject LIKE 'Subscription/%' THEN COALESCE((SELECT s.owner_key FROM subscriptions s \
     WHERE s.id = SUBSTR(audit_records.subject, 14)), 'nobody') ELSE '' END)",
);

/// A value to compare with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants say it")]
pub enum Datum {
    Text(String),
    Number(i64),
    Truth(bool),
}

/// How a column is held against a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants say it")]
pub enum Is {
    Equal,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// A condition on a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Every one of them; all rows, if there is none.
    All(Vec<Filter>),
    /// Any one of them; no row, if there is none.
    Any(Vec<Filter>),
    /// The opposite. A row for which the condition cannot be told counts.
    Not(Box<Filter>),
    /// The column compares like this.
    Compare(Column, Is, Datum),
    /// The column is one of these texts.
    OneOf(Column, Vec<String>),
    /// The column holds this text somewhere.
    Contains(Column, String),
    /// The column has no value.
    Null(Column),
    /// The column is among what a subselect finds.
    Within(Column, Box<Select>),
    /// A table that belongs to this one has a row for it: how the two are joined, and what the row is like.
    HasRow(Table, &'static str, Box<Filter>),
}

/// A subselect: a column of the rows that match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    /// Of which table.
    pub table: Table,
    /// Which column.
    pub column: Column,
    /// Of which rows.
    pub filter: Filter,
}

impl Filter {
    /// Every row.
    pub const EVERYTHING: Self = Self::All(Vec::new());
    /// No row.
    pub const NOTHING: Self = Self::Any(Vec::new());

    /// The column is this text.
    pub fn text(column: Column, value: impl Into<String>) -> Self {
        Self::Compare(column, Is::Equal, Datum::Text(value.into()))
    }

    /// The column compares like this with a number.
    pub fn number(column: Column, is: Is, value: i64) -> Self {
        Self::Compare(column, is, Datum::Number(value))
    }

    /// The column is this truth value.
    pub fn truth(column: Column, truth: bool) -> Self {
        Self::Compare(column, Is::Equal, Datum::Truth(truth))
    }

    /// The opposite.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// The column is among what a subselect finds.
    pub fn within(column: Column, table: Table, selected: Column, filter: Self) -> Self {
        Self::Within(column, Box::new(Select { table, column: selected, filter }))
    }

    /// Every one of them; one alone is itself.
    pub fn all_of(mut filters: Vec<Self>) -> Self {
        match filters.pop() {
            Some(Self::All(inner)) if filters.is_empty() => Self::all_of(inner),
            Some(only) if filters.is_empty() => only,
            Some(last) => {
                filters.push(last);
                Self::All(filters)
            }
            None => Self::EVERYTHING,
        }
    }

    /// How many values and subselects it has: what it costs to prepare.
    pub fn size(&self) -> usize {
        match self {
            Self::All(all) | Self::Any(all) => all.iter().map(Self::size).sum(),
            Self::Not(filter) => filter.size(),
            Self::Compare(..) | Self::Contains(..) | Self::Null(_) => 1,
            Self::OneOf(_, values) => values.len(),
            Self::Within(_, select) => select.filter.size().saturating_add(4),
            Self::HasRow(_, _, filter) => filter.size().saturating_add(1),
        }
    }

    /// Any one of them. Equalities of one column become one list: SQLite plans each branch of an OR by
    /// itself, which takes it seconds for a few hundred.
    pub fn any_of(filters: Vec<Self>) -> Self {
        let (mut lists, mut rest): (Vec<(Column, Vec<String>)>, _) = (Vec::new(), Vec::new());
        let mut add =
            |column: Column, more: Vec<String>| match lists.iter_mut().find(|(known, _)| *known == column) {
                Some((_, texts)) => texts.extend(more),
                None => lists.push((column, more)),
            };
        let mut pending = VecDeque::from(filters);
        while let Some(filter) = pending.pop_front() {
            match filter {
                Self::Any(inner) => pending.extend(inner),
                Self::Compare(column, Is::Equal, Datum::Text(text)) => add(column, vec![text]),
                Self::OneOf(column, texts) => add(column, texts),
                other @ (Self::All(_)
                | Self::Not(_)
                | Self::Compare(..)
                | Self::Contains(..)
                | Self::Null(_)
                | Self::Within(..)
                | Self::HasRow(..)) => rest.push(other),
            }
        }
        let lists = lists.into_iter().map(|(column, mut texts)| {
            let mut known = HashSet::new();
            texts.retain(|text| known.insert(text.clone()));
            match texts.as_slice() {
                [text] => Self::text(column, text.as_str()),
                _ => Self::OneOf(column, texts),
            }
        });
        rest.extend(lists);
        Self::Any(rest)
    }

    /// Whether only rows of one owner fulfil this: a subscription is shown to nobody else.
    pub(super) fn names_owner(&self) -> bool {
        match self {
            Self::All(all) => all.iter().any(Self::names_owner),
            Self::Any(any) => any.is_empty(),
            Self::Compare(column, Is::Equal, Datum::Text(_)) => *column == OWNER,
            Self::Not(_)
            | Self::Compare(..)
            | Self::OneOf(..)
            | Self::Contains(..)
            | Self::Null(_)
            | Self::Within(..)
            | Self::HasRow(..) => false,
        }
    }

    /// Everything or nothing.
    pub fn constant(truth: bool) -> Self {
        if truth { Self::EVERYTHING } else { Self::NOTHING }
    }
}

#[cfg(test)]
mod tests {
    use super::{Column, Filter};

    const ID: Column = Column::text("id");

    #[test]
    fn equalities_and_lists_of_one_column_become_one_list() {
        let many = (0..1500).map(|at| Filter::text(ID, format!("a{}", at % 1000)));
        let lists = [Filter::OneOf(ID, vec!["a1".to_owned(), "b".to_owned()])];
        let folded = Filter::any_of(many.chain(lists).collect());
        let Filter::Any(all) = &folded else { panic!("{folded:?}") };
        assert_eq!((all.len(), folded.size()), (1, 1001));
    }

    #[test]
    fn one_condition_alone_is_itself() {
        let one = Filter::text(ID, "a");
        let nested = Filter::all_of(vec![Filter::all_of(vec![one.clone()])]);
        assert_eq!(nested, one);
        assert_eq!(Filter::all_of(vec![Filter::All(vec![one.clone()])]), one);
        assert_eq!(Filter::all_of(Vec::new()), Filter::EVERYTHING);
        let two = Filter::all_of(vec![one.clone(), one.clone()]);
        assert_eq!(two, Filter::All(vec![one.clone(), one]));
    }
}
