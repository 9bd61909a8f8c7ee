//! Evaluation of an expression.
//!
//! Empty collections propagate as FHIRPath defines: an operator with an empty operand gives an empty
//! collection, and `and`, `or` and `implies` use three-valued logic
//! (<https://hl7.org/fhirpath/N1/#boolean-logic>).

use std::cell::Cell;
use std::cmp::Ordering;

use serde_json::Value;

use super::compare::{equal, equivalent, order, same, truth};
use super::expression::{Expr, Operator};
use super::fault::FhirPathFault;
use super::function;
use super::item::{Item, PathStep};
use super::navigate::{child, descend};

pub(super) type Items<'a> = Vec<Item<'a>>;
pub(super) type EvaluationResult<'a> = Result<Items<'a>, FhirPathFault>;

/// The most items of one evaluation.
const MOST_ITEMS: usize = 200_000;

/// The context of every part of an expression.
pub(super) struct EvaluationContext<'a> {
    pub(super) resource: Item<'a>,
    start: Item<'a>,
    left: Cell<usize>,
}

impl EvaluationContext<'_> {
    /// Counts work against the limit.
    pub(super) fn spend(&self, items: usize) -> Result<(), FhirPathFault> {
        let left = self.left.get().checked_sub(items + 1).ok_or(FhirPathFault::TooCostly)?;
        self.left.set(left);
        Ok(())
    }
}

pub(super) fn evaluate<'a>(expr: &Expr, resource: &'a Value, at: &[PathStep]) -> EvaluationResult<'a> {
    let Some(start) = descend(resource, at) else { return Ok(Vec::new()) };
    let context = EvaluationContext {
        resource: Item::resource(resource, Some(Vec::new())),
        start: start.clone(),
        left: Cell::new(MOST_ITEMS),
    };
    context.answer(expr, &[start])
}

impl<'a> EvaluationContext<'a> {
    /// The value of the expression for the focus.
    pub(super) fn answer(&self, expr: &Expr, focus: &[Item<'a>]) -> EvaluationResult<'a> {
        let items = match expr {
            Expr::Literal(value) => vec![Item::computed(value.clone())],
            Expr::Nothing => Vec::new(),
            Expr::This => focus.to_vec(),
            Expr::Variable(name) => self.variable(name)?,
            Expr::Member { of: None, name } => Self::first_member(focus, name),
            Expr::Member { of: Some(of), name } => {
                self.answer(of, focus)?.iter().flat_map(|item| child(item, name)).collect()
            }
            Expr::Call { of, function, arguments } => match of {
                Some(of) => function::call(self, function, arguments, self.answer(of, focus)?, focus)?,
                None => function::call(self, function, arguments, focus.to_vec(), focus)?,
            },
            Expr::At { of, index } => self.at(of, index, focus)?,
            Expr::Is { of, type_name } => match self.answer(of, focus)?.as_slice() {
                [] => Vec::new(),
                [one] => vec![Item::computed(one.is_of(type_name))],
                _ => return Err(FhirPathFault::NotSingle),
            },
            Expr::As { of, type_name } => {
                self.answer(of, focus)?.into_iter().filter(|item| item.is_of(type_name)).collect()
            }
            Expr::Negative(of) => {
                match self.answer(of, focus)?.first().and_then(|item| item.value.as_deref()) {
                    Some(Value::Number(number)) => {
                        let digits = format!("-{number}");
                        vec![Item::computed(Value::Number(digits.parse().or(Err(FhirPathFault::WrongType))?))]
                    }
                    _ => return Err(FhirPathFault::WrongType),
                }
            }
            Expr::Operation { operator, operands } => self.operation(*operator, operands, focus)?,
        };
        self.spend(items.len())?;
        Ok(items)
    }

    fn variable(&self, name: &str) -> EvaluationResult<'a> {
        let item = match name {
            "resource" | "rootResource" => self.resource.clone(),
            "context" => self.start.clone(),
            "sct" => Item::computed("http://snomed.info/sct"),
            "loinc" => Item::computed("http://loinc.org"),
            "ucum" => Item::computed("http://unitsofmeasure.org"),
            _ => return Err(FhirPathFault::Unsupported),
        };
        Ok(vec![item])
    }

    /// The first name of a path: the type of the focus itself, or an element of it.
    fn first_member(focus: &[Item<'a>], name: &str) -> Items<'a> {
        let of_type = name.starts_with(|first: char| first.is_ascii_uppercase());
        if of_type {
            return focus.iter().filter(|item| item.is_of(name)).cloned().collect();
        }
        focus.iter().flat_map(|item| child(item, name)).collect()
    }

    fn at(&self, of: &Expr, index: &Expr, focus: &[Item<'a>]) -> EvaluationResult<'a> {
        let mut items = self.answer(of, focus)?;
        let index = self.whole_number(index, focus)?;
        Ok(if index < items.len() { vec![items.swap_remove(index)] } else { Vec::new() })
    }

    /// The value of an argument that must be a number of items.
    pub(super) fn whole_number(&self, expr: &Expr, focus: &[Item<'a>]) -> Result<usize, FhirPathFault> {
        let items = self.answer(expr, focus)?;
        let number = items.first().and_then(|item| item.value.as_deref()?.as_u64());
        number.and_then(|number| usize::try_from(number).ok()).ok_or(FhirPathFault::WrongType)
    }

    /// The value of an argument that must be a text.
    pub(super) fn one_text(&self, expr: &Expr, focus: &[Item<'a>]) -> Result<String, FhirPathFault> {
        let items = self.answer(expr, focus)?;
        items.first().and_then(Item::text).map(str::to_owned).ok_or(FhirPathFault::WrongType)
    }

    fn operation(&self, operator: Operator, operands: &[Expr], focus: &[Item<'a>]) -> EvaluationResult<'a> {
        match operator {
            Operator::And => self.until(operands, focus, false),
            Operator::Or => self.until(operands, focus, true),
            Operator::Union => {
                let mut all = Vec::new();
                for operand in operands {
                    all.extend(self.answer(operand, focus)?);
                }
                function::distinct(self, all)
            }
            Operator::Implies
            | Operator::Xor
            | Operator::In
            | Operator::Contains
            | Operator::Equals
            | Operator::Differs
            | Operator::Equivalent
            | Operator::NotEquivalent
            | Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual
            | Operator::Plus
            | Operator::Minus
            | Operator::Concatenate => {
                let [left, right] = operands else { return Err(FhirPathFault::Syntax) };
                self.two(operator, &self.answer(left, focus)?, &self.answer(right, focus)?)
            }
        }
    }

    /// `and` (which stops at false) and `or` (which stops at true), in three-valued logic.
    fn until(&self, operands: &[Expr], focus: &[Item<'a>], ends: bool) -> EvaluationResult<'a> {
        let mut unknown = false;
        for operand in operands {
            match truth(&self.answer(operand, focus)?)? {
                Some(value) if value == ends => return Ok(known(Some(ends))),
                Some(_) => {}
                None => unknown = true,
            }
        }
        Ok(known((!unknown).then_some(!ends)))
    }

    fn two(&self, operator: Operator, left: &[Item<'a>], right: &[Item<'a>]) -> EvaluationResult<'a> {
        let is = |wanted: fn(Ordering) -> bool| order(left, right).map(|order| known(order.map(wanted)));
        match operator {
            Operator::Implies => Ok(known(match (truth(left)?, truth(right)?) {
                (Some(false), _) | (_, Some(true)) => Some(true),
                (Some(true), right) => right,
                (None, _) => None,
            })),
            Operator::Xor => Ok(known(truth(left)?.zip(truth(right)?).map(|(left, right)| left != right))),
            Operator::In | Operator::Contains => {
                let (one, many) = if operator == Operator::In { (left, right) } else { (right, left) };
                self.spend(many.len())?;
                Ok(known(one.first().map(|one| many.iter().any(|other| same(one, other)))))
            }
            Operator::Equals => Ok(known(equal(left, right))),
            Operator::Differs => Ok(known(equal(left, right).map(|equal| !equal))),
            Operator::Equivalent | Operator::NotEquivalent => {
                // Each is compared with all the others.
                self.spend(left.len().saturating_mul(right.len()))?;
                let is_meant = operator == Operator::Equivalent;
                Ok(known(Some(equivalent(left, right) == is_meant)))
            }
            Operator::Less => is(Ordering::is_lt),
            Operator::LessOrEqual => is(Ordering::is_le),
            Operator::Greater => is(Ordering::is_gt),
            Operator::GreaterOrEqual => is(Ordering::is_ge),
            Operator::Plus | Operator::Minus | Operator::Concatenate => sum(operator, left, right),
            Operator::And | Operator::Or | Operator::Union => Err(FhirPathFault::Syntax),
        }
    }
}

/// A boolean, or an empty collection where it is unknown.
pub(super) fn known<'a>(truth: Option<bool>) -> Items<'a> {
    truth.map(Item::computed).into_iter().collect()
}

fn sum<'a>(operator: Operator, left: &[Item<'a>], right: &[Item<'a>]) -> EvaluationResult<'a> {
    let value = |items: &[Item<'a>]| items.first().and_then(|item| item.value.as_deref().cloned());
    match (value(left), value(right)) {
        (Some(Value::String(left)), Some(Value::String(right))) if operator != Operator::Minus => {
            Ok(vec![Item::computed(left + &right)])
        }
        (Some(Value::Number(left)), Some(Value::Number(right))) if operator != Operator::Concatenate => {
            let (left, right) = left.as_i64().zip(right.as_i64()).ok_or(FhirPathFault::Unsupported)?;
            let sum =
                if operator == Operator::Plus { left.checked_add(right) } else { left.checked_sub(right) };
            sum.map(|sum| vec![Item::computed(sum)]).ok_or(FhirPathFault::WrongType)
        }
        (left, right) if operator == Operator::Concatenate => match left.or(right) {
            Some(Value::String(text)) => Ok(vec![Item::computed(text)]),
            None => Ok(vec![Item::computed("")]),
            Some(_) => Err(FhirPathFault::WrongType),
        },
        (None, _) | (_, None) => Ok(Vec::new()),
        _ => Err(FhirPathFault::WrongType),
    }
}
