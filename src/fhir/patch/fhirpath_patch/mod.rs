//! FHIRPath Patch: a Parameters resource whose operations name elements by FHIRPath
//! (<https://hl7.org/fhir/R4/fhirpatch.html>, check R-31). It is the only patch that a batch can carry.
//!
//! A path that meets more than one element where one is meant is refused (422); so is one that meets none,
//! but for `delete`, which then has nothing to do. As in HL7's own test cases, what a deletion leaves empty
//! goes with it.

mod carry_out;
mod operation;
mod value;

use serde_json::Value;

use super::fault::PatchFault;
use super::limit::{check_count, check_identity, check_work};

/// Carries out a FHIRPath Patch.
///
/// # Errors
///
/// [`PatchFault`]: 400 when the document is no FHIRPath Patch, 422 when an operation cannot be carried out
/// or would change the identity of the resource. The issue points to the operation.
pub fn fhirpath_patch(resource: &Value, parameters: &Value) -> Result<Value, PatchFault> {
    let operations = operation::read_all(parameters)?;
    check_count(operations.len())?;
    check_work(operations.len(), resource, parameters)?;
    let mut patched = resource.clone();
    for (number, operation) in operations.iter().enumerate() {
        carry_out::carry_out(&mut patched, operation)
            .map_err(|fault| fault.at(format!("Parameters.parameter[{number}]")))?;
    }
    check_identity(resource, &patched)?;
    Ok(patched)
}

#[cfg(test)]
mod tests;
