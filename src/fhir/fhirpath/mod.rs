//! FHIRPath, as far as R4 itself uses it: the paths of FHIRPath Patch, the invariants of the definitions and
//! the expressions of search parameters (<https://hl7.org/fhirpath/N1/>,
//! <https://hl7.org/fhir/R4/fhirpath.html>).
//!
//! Every crate that we found pins our toolchain or gets choice elements wrong. This one reads unchanged JSON,
//! knows the R4 shape of the elements, and keeps their locations, so that a patch can change them in place.
//! An unknown feature is an error that names it, never a guess. The length and nesting of an expression and
//! the work that it may cause are bounded, because a patch brings expressions from outside.

mod compare;
mod evaluate;
mod expression;
mod fault;
mod function;
mod item;
mod lexer;
mod navigate;
mod parser;
mod tree_function;

use serde_json::Value;

pub(crate) use compare::same_value;
pub use fault::FhirPathFault;
pub use item::{Item, Location, PathStep, render_location};

use expression::Expr;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression(Expr);

impl Expression {
    /// Parses an expression.
    ///
    /// # Errors
    ///
    /// [`FhirPathFault::Syntax`], [`FhirPathFault::TooLong`] or [`FhirPathFault::Unsupported`].
    pub fn parse(text: &str) -> Result<Self, FhirPathFault> {
        parser::parse(text).map(Self)
    }

    /// Whether the expression only walks down the tree, as the paths of a patch do. Such a path costs no more
    /// than the elements that it passes, so that a patch may have many of them.
    pub fn walks_down(&self) -> bool {
        self.0.walks_down()
    }

    /// The value of the expression for a resource.
    ///
    /// # Errors
    ///
    /// [`FhirPathFault`] where it cannot be evaluated.
    pub fn evaluate<'a>(&self, resource: &'a Value) -> Result<Vec<Item<'a>>, FhirPathFault> {
        evaluate::evaluate(&self.0, resource, &[])
    }

    /// The value of the expression for the element at `at`, with the resource as `%resource`.
    ///
    /// # Errors
    ///
    /// [`FhirPathFault`] where it cannot be evaluated.
    pub fn evaluate_at<'a>(
        &self,
        resource: &'a Value,
        at: &[PathStep],
    ) -> Result<Vec<Item<'a>>, FhirPathFault> {
        evaluate::evaluate(&self.0, resource, at)
    }

    /// Whether an invariant holds for the element at `at`: an empty result counts as true, as in the
    /// validators of HL7.
    ///
    /// # Errors
    ///
    /// [`FhirPathFault`] where it cannot be evaluated.
    pub fn holds(&self, resource: &Value, at: &[PathStep]) -> Result<bool, FhirPathFault> {
        let answer = self.evaluate_at(resource, at)?;
        Ok(compare::truth(&answer)?.unwrap_or(true))
    }

    /// The locations of the elements that the expression selects; computed values have none and are left out.
    ///
    /// # Errors
    ///
    /// [`FhirPathFault`] where it cannot be evaluated.
    pub fn locate(&self, resource: &Value) -> Result<Vec<Location>, FhirPathFault> {
        let items = self.evaluate(resource)?;
        Ok(items.into_iter().filter_map(|item| item.location).collect())
    }
}

/// The element at a location.
pub(crate) fn element_at<'a>(resource: &'a Value, at: &[PathStep]) -> Option<Item<'a>> {
    navigate::descend(resource, at)
}

#[cfg(test)]
mod tests;
