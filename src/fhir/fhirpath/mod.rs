//! FHIRPath, the part of it that R4 itself uses: the paths of FHIRPath Patch, the invariants of the
//! definitions and the expressions of search parameters
//! (<https://hl7.org/fhirpath/N1/>, <https://hl7.org/fhir/R4/fhirpath.html>).
//!
//! Every crate that we found pins our toolchain or gets choice elements wrong. This one reads JSON as it
//! came, knows the R4 shape of what it walks over, and remembers where each element stands, so that a
//! patch can change it in place. What it does not know it refuses by name; it never guesses. The text
//! of an expression, the nesting of it and the work that it may cause are bounded, because a patch
//! brings expressions from outside.

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
pub use item::{Item, Location, Step, render_location};

use expression::Expr;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression(Expr);

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    ///
    /// [`FhirPathFault::Syntax`], [`FhirPathFault::TooLong`] or [`FhirPathFault::Unsupported`].
    pub fn parse(text: &str) -> Result<Self, FhirPathFault> {
        parser::parse(text).map(Self)
    }

    /// Whether the expression only walks down the tree, as the paths of a patch do. One that does costs no
    /// more than the elements that it passes, so that a patch may have many of them.
    pub fn walks_down(&self) -> bool {
        self.0.walks_down()
    }

    /// What the expression says about a resource.
    ///
    /// # Errors
    ///
    /// [`FhirPathFault`] when it cannot be answered.
    pub fn evaluate<'a>(&self, resource: &'a Value) -> Result<Vec<Item<'a>>, FhirPathFault> {
        evaluate::evaluate(&self.0, resource, &[])
    }

    /// What the expression says about the element at `at`, with the resource as `%resource`.
    ///
    /// # Errors
    ///
    /// [`FhirPathFault`] when it cannot be answered.
    pub fn evaluate_at<'a>(&self, resource: &'a Value, at: &[Step]) -> Result<Vec<Item<'a>>, FhirPathFault> {
        evaluate::evaluate(&self.0, resource, at)
    }

    /// Whether an invariant holds for the element at `at`: nothing at all counts as true, as in the
    /// validators of HL7.
    ///
    /// # Errors
    ///
    /// [`FhirPathFault`] when it cannot be answered.
    pub fn holds(&self, resource: &Value, at: &[Step]) -> Result<bool, FhirPathFault> {
        let answer = self.evaluate_at(resource, at)?;
        Ok(compare::truth(&answer)?.unwrap_or(true))
    }

    /// Where the elements stand that the expression selects; what it computes stands nowhere and is left
    /// out.
    ///
    /// # Errors
    ///
    /// [`FhirPathFault`] when it cannot be answered.
    pub fn locate(&self, resource: &Value) -> Result<Vec<Location>, FhirPathFault> {
        let items = self.evaluate(resource)?;
        Ok(items.into_iter().filter_map(|item| item.location).collect())
    }
}

/// The element at a location.
pub(crate) fn element_at<'a>(resource: &'a Value, at: &[Step]) -> Option<Item<'a>> {
    navigate::descend(resource, at)
}

#[cfg(test)]
mod tests;
