//! The functions (<https://hl7.org/fhirpath/N1/#functions>, <https://hl7.org/fhir/R4/fhirpath.html#functions>).

use serde_json::Value;

use super::compare::{same, truth};
use super::evaluate::{EvaluationContext, EvaluationResult, Items, known};
use super::expression::Expr;
use super::fault::FhirPathFault;
use super::item::Item;
use super::navigate::child;
use super::tree_function::{children, descendants, repeat, resolve};

/// Calls a function on `input`; `focus` is the value of `$this` outside.
pub(super) fn call<'a>(
    context: &EvaluationContext<'a>,
    name: &str,
    arguments: &[Expr],
    input: Items<'a>,
    focus: &[Item<'a>],
) -> EvaluationResult<'a> {
    match arguments {
        [] => without_argument(context, name, input),
        [criterion] => match name {
            "where" => filter(context, criterion, input),
            "exists" => Ok(known(Some(!filter(context, criterion, input)?.is_empty()))),
            "all" => {
                let all = input.len();
                Ok(known(Some(filter(context, criterion, input)?.len() == all)))
            }
            "select" => each(context, criterion, &input),
            "repeat" => repeat(context, criterion, &input),
            "is" => match input.as_slice() {
                [] => Ok(Vec::new()),
                [one] => Ok(known(Some(one.is_of(type_name(criterion)?)))),
                _ => Err(FhirPathFault::NotSingle),
            },
            "ofType" | "as" => {
                let wanted = type_name(criterion)?;
                Ok(input.into_iter().filter(|item| item.is_of(wanted)).collect())
            }
            "trace" => Ok(input),
            _ => with_value(context, name, criterion, input, focus),
        },
        [first, second] => match name {
            "iif" => choose(context, first, second, None, focus),
            "substring" => {
                let length = context.whole_number(second, focus)?;
                substring(context, &input, first, length, focus)
            }
            "trace" => Ok(input),
            _ => Err(FhirPathFault::Unsupported),
        },
        [test, yes, no] if name == "iif" => choose(context, test, yes, Some(no), focus),
        _ => Err(FhirPathFault::Unsupported),
    }
}

fn without_argument<'a>(
    context: &EvaluationContext<'a>,
    name: &str,
    mut input: Items<'a>,
) -> EvaluationResult<'a> {
    match name {
        "empty" => Ok(known(Some(input.is_empty()))),
        "exists" => Ok(known(Some(!input.is_empty()))),
        "not" => Ok(known(truth(&input)?.map(|truth| !truth))),
        "count" => Ok(vec![Item::computed(input.len())]),
        "first" => Ok(input.into_iter().next().into_iter().collect()),
        "last" => Ok(input.pop().into_iter().collect()),
        "single" if input.len() > 1 => Err(FhirPathFault::NotSingle),
        "single" => Ok(input),
        "tail" => Ok(input.into_iter().skip(1).collect()),
        "hasValue" => {
            let primitive = |item: &Item<'_>| item.value.as_deref().is_some_and(|value| !value.is_object());
            Ok(known(Some(matches!(input.as_slice(), [one] if primitive(one)))))
        }
        "children" => children(context, &input),
        "descendants" => descendants(context, &input),
        "distinct" => distinct(context, input),
        "isDistinct" => {
            let all = input.len();
            Ok(known(Some(distinct(context, input)?.len() == all)))
        }
        "allTrue" => {
            Ok(known(Some(input.iter().all(|item| item.value.as_deref() == Some(&Value::Bool(true))))))
        }
        "anyTrue" => {
            Ok(known(Some(input.iter().any(|item| item.value.as_deref() == Some(&Value::Bool(true))))))
        }
        "resolve" => resolve(context, &input),
        "length" => on_text(&input, |text| text.chars().count().into()),
        "lower" => on_text(&input, |text| text.to_lowercase().into()),
        "upper" => on_text(&input, |text| text.to_uppercase().into()),
        "toString" => match input.first().and_then(|item| item.value.as_deref()) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![Item::computed(text.as_str())]),
            Some(Value::Bool(_) | Value::Number(_)) if input.len() == 1 => Ok(input
                .iter()
                .filter_map(|item| item.value.as_deref())
                .map(|v| Item::computed(v.to_string()))
                .collect()),
            Some(_) => Err(FhirPathFault::WrongType),
        },
        _ => Err(FhirPathFault::Unsupported),
    }
}

fn with_value<'a>(
    context: &EvaluationContext<'a>,
    name: &str,
    argument: &Expr,
    input: Items<'a>,
    focus: &[Item<'a>],
) -> EvaluationResult<'a> {
    match name {
        "extension" => {
            let url = context.one_text(argument, focus)?;
            let named =
                |item: &Item<'a>| child(item, "url").first().and_then(Item::text) == Some(url.as_str());
            Ok(input.iter().flat_map(|item| child(item, "extension")).filter(named).collect())
        }
        "skip" => Ok(input.into_iter().skip(context.whole_number(argument, focus)?).collect()),
        "take" => Ok(input.into_iter().take(context.whole_number(argument, focus)?).collect()),
        "substring" => substring(context, &input, argument, usize::MAX, focus),
        "startsWith" => {
            let text = context.one_text(argument, focus)?;
            on_text(&input, |own| own.starts_with(&text).into())
        }
        "endsWith" => {
            let text = context.one_text(argument, focus)?;
            on_text(&input, |own| own.ends_with(&text).into())
        }
        "contains" => {
            let text = context.one_text(argument, focus)?;
            on_text(&input, |own| own.contains(&text).into())
        }
        "union" | "combine" | "intersect" | "exclude" => {
            let other = context.answer(argument, focus)?;
            context.spend(input.len().saturating_mul(other.len()))?;
            let shared = |item: &Item<'a>| other.iter().any(|one| same(one, item));
            match name {
                "intersect" => distinct(context, input.into_iter().filter(shared).collect()),
                "exclude" => Ok(input.into_iter().filter(|item| !shared(item)).collect()),
                "union" => distinct(context, input.into_iter().chain(other).collect()),
                _ => Ok(input.into_iter().chain(other).collect()),
            }
        }
        _ => Err(FhirPathFault::Unsupported),
    }
}

/// The items for which the criterion is true.
fn filter<'a>(context: &EvaluationContext<'a>, criterion: &Expr, input: Items<'a>) -> EvaluationResult<'a> {
    let mut kept = Vec::new();
    for item in input {
        if truth(&context.answer(criterion, std::slice::from_ref(&item))?)? == Some(true) {
            kept.push(item);
        }
    }
    Ok(kept)
}

/// The value of the expression for each item.
pub(super) fn each<'a>(
    context: &EvaluationContext<'a>,
    expr: &Expr,
    input: &[Item<'a>],
) -> EvaluationResult<'a> {
    let mut all = Vec::new();
    for item in input {
        all.extend(context.answer(expr, std::slice::from_ref(item))?);
    }
    Ok(all)
}

/// The items without those that are equal to an earlier one.
pub(super) fn distinct<'a>(context: &EvaluationContext<'a>, items: Items<'a>) -> EvaluationResult<'a> {
    let mut kept: Items<'a> = Vec::new();
    for item in items {
        context.spend(kept.len())?;
        if !kept.iter().any(|other| same(other, &item)) {
            kept.push(item);
        }
    }
    Ok(kept)
}

fn choose<'a>(
    context: &EvaluationContext<'a>,
    test: &Expr,
    yes: &Expr,
    no: Option<&Expr>,
    focus: &[Item<'a>],
) -> EvaluationResult<'a> {
    match (truth(&context.answer(test, focus)?)?, no) {
        (Some(true), _) => context.answer(yes, focus),
        (_, Some(no)) => context.answer(no, focus),
        (_, None) => Ok(Vec::new()),
    }
}

/// The type name in an argument, with or without `FHIR.` or `System.` before it.
fn type_name(argument: &Expr) -> Result<&str, FhirPathFault> {
    if let Expr::Member { name, .. } = argument { Ok(name) } else { Err(FhirPathFault::Syntax) }
}

fn on_text<'a>(input: &[Item<'a>], work: impl Fn(&str) -> Value) -> EvaluationResult<'a> {
    match input {
        [] => Ok(Vec::new()),
        [one] => match one.value.as_deref() {
            Some(Value::String(text)) => Ok(vec![Item::computed(work(text))]),
            Some(_) => Err(FhirPathFault::WrongType),
            None => Ok(Vec::new()),
        },
        _ => Err(FhirPathFault::NotSingle),
    }
}

fn substring<'a>(
    context: &EvaluationContext<'a>,
    input: &[Item<'a>],
    start: &Expr,
    length: usize,
    focus: &[Item<'a>],
) -> EvaluationResult<'a> {
    let start = context.whole_number(start, focus)?;
    match input.first().and_then(Item::text) {
        Some(text) if start < text.chars().count() => {
            on_text(input, |text| text.chars().skip(start).take(length).collect::<String>().into())
        }
        _ => Ok(Vec::new()),
    }
}
