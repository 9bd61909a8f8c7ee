//! The functions that walk the tree: down to descendants, and along references.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::json;

use super::evaluate::{EvaluationContext, EvaluationResult, Items};
use super::expression::Expr;
use super::function::each;
use super::item::Item;
use super::navigate::{self, child};

pub(super) fn children<'a>(context: &EvaluationContext<'a>, input: &[Item<'a>]) -> EvaluationResult<'a> {
    let all: Items<'a> = input.iter().flat_map(navigate::children).collect();
    context.spend(all.len())?;
    Ok(all)
}

pub(super) fn descendants<'a>(context: &EvaluationContext<'a>, input: &[Item<'a>]) -> EvaluationResult<'a> {
    let mut all = Vec::new();
    let mut level = children(context, input)?;
    while !level.is_empty() {
        let below = children(context, &level)?;
        all.append(&mut level);
        level = below;
    }
    Ok(all)
}

/// The result of the expression, and its results on those, until there are no more.
pub(super) fn repeat<'a>(
    context: &EvaluationContext<'a>,
    expr: &Expr,
    input: &[Item<'a>],
) -> EvaluationResult<'a> {
    let mut all = Vec::new();
    let mut level = each(context, expr, input)?;
    while !level.is_empty() {
        context.spend(level.len())?;
        let next = each(context, expr, &level)?;
        all.append(&mut level);
        level = next;
    }
    Ok(all)
}

/// The targets of references: the contained resource itself; of any other one, only its type is known.
pub(super) fn resolve<'a>(context: &EvaluationContext<'a>, input: &[Item<'a>]) -> EvaluationResult<'a> {
    let contained = child(&context.resource, "contained");
    context.spend(contained.len())?;
    let mut by_id: HashMap<&str, &Item<'a>> = HashMap::new();
    let named: Vec<(Items<'a>, &Item<'a>)> = contained.iter().map(|one| (child(one, "id"), one)).collect();
    for (id, one) in &named {
        if let Some(id) = id.first().and_then(Item::text) {
            by_id.entry(id).or_insert(one);
        }
    }
    Ok(input.iter().filter_map(|item| target(&by_id, item)).collect())
}

fn target<'a>(contained: &HashMap<&str, &Item<'a>>, item: &Item<'a>) -> Option<Item<'a>> {
    let reference = child(item, "reference");
    let text = item.text().or_else(|| reference.first().and_then(Item::text));
    if let Some(id) = text.and_then(|text| text.strip_prefix('#')) {
        return contained.get(id).map(|found| (*found).clone());
    }
    let message = child(item, "type");
    let type_name = text.and_then(type_in).or_else(|| message.first().and_then(Item::text))?;
    let stub = json!({ "resourceType": type_name });
    Some(Item {
        location: None,
        type_name: Some(Cow::Owned(type_name.to_owned())),
        value: Some(Cow::Owned(stub)),
        beside: None,
        shape: None,
    })
}

/// The type in a reference: `RelatedPerson/1`, `https://example.org/RelatedPerson/1/_history/2`.
fn type_in(reference: &str) -> Option<&str> {
    let path = reference.split("/_history/").next()?;
    let mut parts = path.rsplit('/');
    let _id = parts.next()?;
    parts.next().filter(|name| name.starts_with(|first: char| first.is_ascii_uppercase()))
}
