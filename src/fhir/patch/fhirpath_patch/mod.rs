//! FHIRPath Patch: a Parameters resource whose operations name elements by FHIRPath
//! (<https://hl7.org/fhir/R4/fhirpatch.html>, check R-31). It is the only patch that a batch can carry.
//!
//! A path that selects more than one element where one is needed is refused (422); so is one that selects
//! none, except for `delete`, which then does nothing. As in HL7's own test cases, elements that a deletion
//! leaves empty are deleted too.

mod execute;
mod operation;
mod value;

use serde_json::Value;

use super::fault::PatchFault;
use super::limit::{check_count, check_identity, check_work};

/// Applies a FHIRPath Patch.
///
/// # Errors
///
/// [`PatchFault`]: 400 where the document is not a FHIRPath Patch, 422 where an operation cannot be carried
/// out or would change the identity of the resource. The issue points to the operation.
pub fn fhirpath_patch(resource: &Value, parameters: &Value) -> Result<Value, PatchFault> {
    let operations = operation::read_all(parameters)?;
    check_count(operations.len())?;
    check_work(operations.len(), resource, parameters)?;
    let mut patched = resource.clone();
    for (number, operation) in operations.iter().enumerate() {
        execute::execute(&mut patched, operation)
            .map_err(|fault| fault.at(format!("Parameters.parameter[{number}]")))?;
    }
    check_identity(resource, &patched)?;
    Ok(patched)
}

#[cfg(test)]
mod tests;
