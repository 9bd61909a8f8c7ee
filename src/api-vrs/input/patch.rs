//! Reads the JSON Patch of `PATCH /Consent/{id}` (contract §5 #7): the allowed paths, and the proposed change
//! to a role, checked in the order of §2.3.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::catalogue;
use crate::input::EMPTY_OBJECTS;
use crate::input::consent::{are_actors_of, legal_basis};
use crate::input::extension::{BadReason, Extensions, grantor_path, reason_path};
use crate::problem::VrsError;
use base::date_time::FhirDateTime;
use base::json;
use config::Contract;
use domain::account::Principal;
use domain::proxy::{EndChange, LegalBasis, Role, RoleChange, RoleError, RolePeriod, Status};
use service::access;

/// A patch with a valid form. Its values are checked against the role.
#[derive(Default)]
pub(crate) struct Patch {
    status: Option<Value>,
    extensions: Vec<Value>,
    end: Option<Operand>,
    actor: Option<Operand>,
    policy_rule: Option<Operand>,
}

/// The effect of an operation on its target.
enum Operand {
    Set(Value),
    Remove,
}

struct Operation {
    path: String,
    operand: Operand,
}

const STATUS: &str = "/status";
const EXTENSION: &str = "/extension/-";
const END: &str = "/provision/period/end";
const ACTOR: &str = "/provision/actor";
const POLICY_RULE: &str = "/policyRule";
const PATHS: [&str; 5] = [STATUS, EXTENSION, END, ACTOR, POLICY_RULE];

/// Reads the form of a patch: format, operations, paths, duplicates, in this order.
pub(crate) fn read(body: &[u8], contract: &Contract, json_depth: usize) -> Result<Patch, VrsError> {
    let body = json::parse_with(body, json_depth, EMPTY_OBJECTS).or(Err(catalogue::INVALID_PATCH_FORMAT))?;
    let operations = body.as_array().ok_or(catalogue::INVALID_PATCH_FORMAT)?;
    let operations: Vec<(&str, Operation)> =
        operations.iter().map(operation).collect::<Option<_>>().ok_or(catalogue::INVALID_PATCH_FORMAT)?;
    if let Some((op, _)) = operations.iter().find(|(op, _)| !["add", "replace", "remove"].contains(op)) {
        let known = ["move", "copy", "test"].contains(op);
        let message = if known {
            "This patch operation is not supported."
        } else {
            "There is no such patch operation."
        };
        return Err(catalogue::INVALID_VALUE.saying(message));
    }
    if operations.iter().any(|(_, operation)| !PATHS.contains(&operation.path.as_str())) {
        return Err(catalogue::INVALID_PATCH_PATH.with_status(contract.status_for_bad_path));
    }
    let mut patch = Patch::default();
    let mut seen = Vec::new();
    for (_, Operation { path, operand }) in operations {
        if seen.contains(&path) {
            return Err(catalogue::DUPLICATE_PATCHES);
        }
        patch.take(&path, operand)?;
        seen.push(path);
    }
    Ok(patch)
}

/// `None` where it is not an operation of RFC 6902.
fn operation(value: &Value) -> Option<(&str, Operation)> {
    let op = value.get("op")?.as_str()?;
    let path = value.get("path")?.as_str()?.to_owned();
    let operand = match (op, value.get("value")) {
        ("add" | "replace", Some(value)) => Operand::Set(value.clone()),
        ("add" | "replace", None) => return None,
        _ => Operand::Remove,
    };
    Some((op, Operation { path, operand }))
}

impl Patch {
    fn take(&mut self, path: &str, operand: Operand) -> Result<(), VrsError> {
        match (path, operand) {
            (END, operand) => self.end = Some(operand),
            (POLICY_RULE, operand) => self.policy_rule = Some(operand),
            (STATUS, Operand::Set(value)) => self.status = Some(value),
            (ACTOR, operand @ Operand::Set(_)) => self.actor = Some(operand),
            // The contract flattens an array (§5 #7); RFC 6902 would nest it.
            (EXTENSION, Operand::Set(Value::Array(extensions))) => self.extensions = extensions,
            (EXTENSION, Operand::Set(extension)) => self.extensions = vec![extension],
            _ => return Err(catalogue::INVALID_VALUE.saying("This element cannot be removed.")),
        }
        Ok(())
    }

    /// The change to this role that the patch proposes.
    pub(crate) fn propose(
        &self,
        role: &Role,
        principal: &Principal,
        contract: &Contract,
        now: DateTime<Utc>,
    ) -> Result<RoleChange, VrsError> {
        let status = self.status.as_ref().map(|status| {
            let known = status.as_str().and_then(Status::parse);
            known.ok_or_else(|| catalogue::INVALID_STATUS_CODE.at("status"))
        });
        let status = status.transpose()?;
        let extensions = Extensions::sort(&self.extensions)?;
        let reason = extensions.reason(contract).transpose().map_err(|bad| match bad {
            BadReason::Unknown => catalogue::INVALID_STATUS_REASON.at(reason_path()),
            BadReason::MissingText => catalogue::MISSING_FREE_TEXT_FOR_OTHER,
        })?;
        if status.is_some() && reason.is_none() {
            return Err(catalogue::INVALID_STATUS_REASON.at(reason_path()));
        }
        let grantor = extensions.grantor()?;
        let (end, basis) = (self.end(), self.legal_basis());
        let change = RoleChange {
            reviewed: false,
            status,
            reason,
            grantor,
            end: end.clone().ok().flatten(),
            legal_basis: basis.clone().ok().flatten(),
        };
        access::decide_change(principal, role, &change)?;
        match role.check_status_change(&change, contract.rules) {
            // Whether an unchanged status is a change at all depends on values that could not be read.
            Err(RoleError::InvalidTransition)
                if role.status == Status::Active
                    && status.is_none_or(|status| status == role.status)
                    && (end.is_err() || basis.is_err()) => {}
            checked => checked.map_err(rule_problem)?,
        }
        if let Some(EndChange::Set(end)) = end? {
            let period = RolePeriod { start: role.period.start.clone(), end: Some(end) };
            period.check_end(now).map_err(|_bad| invalid_end())?;
        }
        basis?;
        match &self.actor {
            Some(Operand::Set(Value::Array(actors))) if are_actors_of(actors, role.proxy) => {}
            None => {}
            Some(_) => {
                let message = "An actor of this role can only be its proxy.";
                return Err(catalogue::INVALID_VALUE.saying(message).at("provision.actor"));
            }
        }
        Ok(change)
    }

    fn end(&self) -> Result<Option<EndChange>, VrsError> {
        match &self.end {
            None => Ok(None),
            Some(Operand::Remove) => Ok(Some(EndChange::Clear)),
            Some(Operand::Set(value)) => {
                let end = value.as_str().and_then(|end| FhirDateTime::parse(end).ok());
                end.map(|end| Some(EndChange::Set(end))).ok_or_else(invalid_end)
            }
        }
    }

    fn legal_basis(&self) -> Result<Option<LegalBasis>, VrsError> {
        match &self.policy_rule {
            None => Ok(None),
            Some(Operand::Remove) => Ok(Some(LegalBasis::Unknown)),
            Some(Operand::Set(rule)) => {
                let basis = legal_basis(rule).map(Some);
                basis.ok_or_else(|| catalogue::INVALID_LEGAL_BASIS_CODE.at("policyRule"))
            }
        }
    }
}

fn invalid_end() -> VrsError {
    catalogue::INVALID_END_DATE.at("provision.period.end")
}

/// The contract's error for a rule that a change breaks.
pub(crate) fn rule_problem(rule: RoleError) -> VrsError {
    match rule {
        RoleError::OwnProxy | RoleError::ProxyDied => catalogue::INVALID_PERFORMER.at("performer"),
        RoleError::PatientDied => catalogue::INVALID_PATIENT.at("patient"),
        RoleError::InvalidTransition => catalogue::INVALID_STATE_TRANSITION,
        RoleError::MissingReason | RoleError::ReasonNotAllowed => {
            catalogue::INVALID_STATUS_REASON.at(reason_path())
        }
        RoleError::MissingGrantor => catalogue::MISSING_GRANTOR.at(grantor_path("")),
        RoleError::End(_) => invalid_end(),
    }
}
