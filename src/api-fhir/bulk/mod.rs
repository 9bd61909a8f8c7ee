//! Resources in bulk: one per line, validated like the body of a create on this API, and rendered like a
//! read. Files and transports are the caller's concern.

mod columns;

use std::sync::Arc;

use serde_json::Value;

pub use columns::{Columns, CsvColumn, WrongHeader};

use crate::context::{BASE_PATH, Context};
use crate::interaction::check;
use crate::refusal::Refusal;
use crate::resource;
use crate::resource::resource_type::ResourceType;
use crate::resource::{Keep, incoming, person_of};
use crate::url;
use base::clock::Clock;
use config::Contract;
use domain::account::Caller;
use domain::person::Person;
use domain::proxy::{OdsCode, Role, Versioned};
use fhir::format;
use fhir::outcome::{Issue, IssueType, Severity};
use service::policy::DisclosurePolicy;
use service::proxy::{CreateRoleError, Incoming};
use store::Budget;

/// Validates and renders lines.
pub struct Bulk {
    context: Context,
    /// The deepest nesting of a resource.
    depth: usize,
    /// What is imported from a line.
    take: Take,
}

/// What is imported from a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Take {
    /// Each role with its id, version, time of change and review mark: the lines are an export of this
    /// service.
    pub as_exported: bool,
    /// People too.
    pub people: bool,
}

/// The content of a line.
pub enum BulkEntry {
    /// A role.
    Role(Incoming),
    /// A person.
    Person(Person),
}

/// A validated line.
pub struct ValidatedLine {
    /// The organisation that the line names as the grantor.
    pub grantor: Option<OdsCode>,
    /// The content, or why it is refused: errors only, at least one, none with a value of the line.
    pub entry: Result<BulkEntry, Vec<Issue>>,
}

impl Bulk {
    /// Validates by this contract. `public_url` is that of the service, for absolute references.
    pub fn new(
        contract: Contract,
        public_url: &str,
        clock: Arc<dyn Clock>,
        depth: usize,
        take: Take,
    ) -> Self {
        let context = Context {
            caller: Caller::SERVICE,
            clock,
            status_for_other_patient: 404,
            contract,
            disclosure: DisclosurePolicy::EVERYTHING,
            base: format!("{public_url}{BASE_PATH}"),
            is_strict: true,
            subscribing: None,
            budget: Budget::of_entries(0),
            holds_writer: false,
        };
        Self { context, depth, take }
    }

    /// Validates a line of NDJSON.
    pub fn validate_line(&self, line: &[u8]) -> ValidatedLine {
        match format::read_json(line, self.depth) {
            Ok(resource) => self.validate_resource(&resource),
            Err(issue) => ValidatedLine { grantor: None, entry: Err(errors(issue.into())) },
        }
    }

    /// Validates a resource.
    pub fn validate_resource(&self, resource: &Value) -> ValidatedLine {
        let is_person = resource.get("resourceType").and_then(Value::as_str) == Some("Patient");
        let entry = if is_person { self.validate_person(resource) } else { self.validate_role(resource) };
        ValidatedLine { grantor: grantor_of(resource), entry: entry.map_err(errors) }
    }

    fn validate_role(&self, resource: &Value) -> Result<BulkEntry, Refusal> {
        check(resource, ResourceType::Consent)?;
        let keep = if self.take.as_exported { Keep::Identity } else { Keep::Nothing };
        Ok(BulkEntry::Role(incoming(&self.context, resource, keep)?))
    }

    fn validate_person(&self, resource: &Value) -> Result<BulkEntry, Refusal> {
        if !self.take.people {
            let message = "People come from the registry. To import them, use --with-people.";
            let issue = Issue::error(IssueType::NotSupported, message).at("resourceType");
            return Err(Refusal::new(422, issue));
        }
        check(resource, ResourceType::Patient)?;
        Ok(BulkEntry::Person(person_of(resource, self.context.contract.nhs_number_check)?))
    }

    /// A role as a line, without the line end, as it counts now.
    pub fn line_of(&self, role: Versioned<Role>) -> String {
        resource::role_as_of(role, self.context.now()).to_string()
    }

    /// A person as a line, without the line end.
    pub fn line_of_person(person: &Person) -> String {
        resource::person(person).to_string()
    }
}

/// Why no role was created, as the issues of this API.
pub fn issues_of(error: CreateRoleError) -> Vec<Issue> {
    errors(error.into())
}

fn errors(refusal: Refusal) -> Vec<Issue> {
    let mut issues = refusal.issues;
    issues.retain(|issue| issue.severity == Severity::Error);
    issues
}

/// The grantor in a Consent, valid or not.
fn grantor_of(resource: &Value) -> Option<OdsCode> {
    let extensions = resource.get("extension")?.as_array()?;
    let is_grantor = |one: &&Value| one.get("url").and_then(Value::as_str) == Some(url::GRANTOR_EXTENSION);
    let code = extensions.iter().find(is_grantor)?.pointer("/valueReference/identifier/value")?;
    OdsCode::parse(code.as_str()?).ok()
}
