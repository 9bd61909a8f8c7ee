//! Filters, in terms of tables and their fields. The SQL of a field is a fixed text of this crate, and values
//! are always bound: nothing from outside becomes SQL.

use std::collections::{HashSet, VecDeque};

use crate::search::fields::{Field, SubscriptionField};
use crate::search::table::Table;

/// A value to compare with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants say it")]
pub enum Datum {
    Text(String),
    Number(i64),
    Truth(bool),
}

/// How a field is compared with a value.
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
    /// All of them; every row, if there is none.
    All(Vec<Filter>),
    /// Any of them; no row, if there is none.
    Any(Vec<Filter>),
    /// The negation. A row for which the condition is unknown (null) matches.
    Not(Box<Filter>),
    /// The field compares to a value.
    Compare(Field, Is, Datum),
    /// The field is one of these texts.
    OneOf(Field, Vec<String>),
    /// The field contains this text.
    Contains(Field, String),
    /// The field has no value.
    Null(Field),
    /// The field is in the result of a subselect.
    Within(Field, Box<Select>),
    /// The present version of the relationship has a matching code.
    HasCode(Box<Filter>),
}

/// A subselect: a field of the rows that match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    /// The table.
    pub table: Table,
    /// The field.
    pub field: Field,
    /// The condition.
    pub filter: Filter,
}

impl Filter {
    /// Every row.
    pub const EVERYTHING: Self = Self::All(Vec::new());
    /// No row.
    pub const NOTHING: Self = Self::Any(Vec::new());

    /// The field is this text.
    pub fn text(field: impl Into<Field>, value: impl Into<String>) -> Self {
        Self::Compare(field.into(), Is::Equal, Datum::Text(value.into()))
    }

    /// The field compares to a number.
    pub fn number(field: impl Into<Field>, is: Is, value: i64) -> Self {
        Self::Compare(field.into(), is, Datum::Number(value))
    }

    /// The field is this truth value.
    pub fn truth(field: impl Into<Field>, truth: bool) -> Self {
        Self::Compare(field.into(), Is::Equal, Datum::Truth(truth))
    }

    /// The field is one of these texts.
    pub fn one_of(field: impl Into<Field>, values: Vec<String>) -> Self {
        Self::OneOf(field.into(), values)
    }

    /// The negation.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// The field is in the result of a subselect.
    pub fn within(field: impl Into<Field>, table: Table, selected: impl Into<Field>, filter: Self) -> Self {
        Self::Within(field.into(), Box::new(Select { table, field: selected.into(), filter }))
    }

    /// All of them; a single one is itself.
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

    /// The number of its values and subselects, on which the cost of preparing it depends.
    pub fn size(&self) -> usize {
        match self {
            Self::All(all) | Self::Any(all) => all.iter().map(Self::size).sum(),
            Self::Not(filter) => filter.size(),
            Self::Compare(..) | Self::Contains(..) | Self::Null(_) => 1,
            Self::OneOf(_, values) => values.len(),
            Self::Within(_, select) => select.filter.size().saturating_add(4),
            Self::HasCode(filter) => filter.size().saturating_add(1),
        }
    }

    /// Any of them. Equalities of one field become one list: SQLite plans each branch of an OR by itself,
    /// which takes it seconds for a few hundred.
    pub fn any_of(filters: Vec<Self>) -> Self {
        let (mut lists, mut rest): (Vec<(Field, Vec<String>)>, _) = (Vec::new(), Vec::new());
        let mut add =
            |field: Field, more: Vec<String>| match lists.iter_mut().find(|(known, _)| *known == field) {
                Some((_, texts)) => texts.extend(more),
                None => lists.push((field, more)),
            };
        let mut pending = VecDeque::from(filters);
        while let Some(filter) = pending.pop_front() {
            match filter {
                Self::Any(inner) => pending.extend(inner),
                Self::Compare(field, Is::Equal, Datum::Text(text)) => add(field, vec![text]),
                Self::OneOf(field, texts) => add(field, texts),
                other @ (Self::All(_)
                | Self::Not(_)
                | Self::Compare(..)
                | Self::Contains(..)
                | Self::Null(_)
                | Self::Within(..)
                | Self::HasCode(_)) => rest.push(other),
            }
        }
        let lists = lists.into_iter().map(|(field, mut texts)| {
            let mut known = HashSet::new();
            texts.retain(|text| known.insert(text.clone()));
            match texts.as_slice() {
                [text] => Self::text(field, text.as_str()),
                _ => Self::OneOf(field, texts),
            }
        });
        rest.extend(lists);
        Self::Any(rest)
    }

    /// Whether only rows of one owner match: a subscription is visible to its owner alone.
    pub(super) fn names_owner(&self) -> bool {
        match self {
            Self::All(all) => all.iter().any(Self::names_owner),
            Self::Any(any) => any.is_empty(),
            Self::Compare(field, Is::Equal, Datum::Text(_)) => {
                *field == Field::Subscription(SubscriptionField::Owner)
            }
            Self::Not(_)
            | Self::Compare(..)
            | Self::OneOf(..)
            | Self::Contains(..)
            | Self::Null(_)
            | Self::Within(..)
            | Self::HasCode(_) => false,
        }
    }

    /// Everything or nothing.
    pub fn constant(truth: bool) -> Self {
        if truth { Self::EVERYTHING } else { Self::NOTHING }
    }
}

#[cfg(test)]
mod tests {
    use super::{Field, Filter};
    use crate::search::fields::RoleField;

    const ID: Field = Field::Role(RoleField::Id);

    #[test]
    fn equalities_and_lists_of_one_column_become_one_list() {
        let many = (0..1500).map(|at| Filter::text(ID, format!("a{}", at % 1000)));
        let lists = [Filter::OneOf(ID, vec!["a1".to_owned(), "b".to_owned()])];
        let folded = Filter::any_of(many.chain(lists).collect());
        let Filter::Any(all) = &folded else { panic!("{folded:?}") };
        assert_eq!((all.len(), folded.size()), (1, 1001));
    }

    #[test]
    fn single_filter_is_not_wrapped() {
        let one = Filter::text(ID, "a");
        let nested = Filter::all_of(vec![Filter::all_of(vec![one.clone()])]);
        assert_eq!(nested, one);
        assert_eq!(Filter::all_of(vec![Filter::All(vec![one.clone()])]), one);
        assert_eq!(Filter::all_of(Vec::new()), Filter::EVERYTHING);
        let two = Filter::all_of(vec![one.clone(), one.clone()]);
        assert_eq!(two, Filter::All(vec![one.clone(), one]));
    }
}
