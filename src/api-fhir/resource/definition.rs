//! The functions of each type: how its resources are found, loaded and written, and the draft of a body.

use serde_json::Value;
use uuid::Uuid;

use super::stored_resource::StoredResource;
use crate::context::Context;
use crate::refusal::Refusal;
use crate::search::param::Param;
use base::date_time::FhirDateTime;
use base::error::Error;
use domain::person::NhsNumber;
use domain::proxy::{Applicant, LegalBasis, OdsCode, Relationship, RolePeriod, Status, StatusReason};
use service::access::Action;
use store::Tx;
use store::search::{Field, Filter, Table};

/// Loads resources by their ids.
type Load = fn(&mut Tx<'_>, &Context, &[String]) -> Result<Vec<StoredResource>, Error>;

/// Loads the resources that match a filter and that the caller may see.
type Select = fn(&mut Tx<'_>, &Context, &Filter) -> Result<Vec<StoredResource>, Error>;

/// Loads versions by id and number.
type LoadVersions = fn(&mut Tx<'_>, &Context, &[(String, i64)]) -> Result<Vec<StoredResource>, Error>;

/// How resources of a type are found; each file of this folder has its own.
pub(super) struct Description {
    pub(super) storage: Storage,
    pub(super) params: &'static [Param],
}

/// How resources of a type are loaded and written; each file of this folder has its own.
pub(super) struct ResourceDefinition {
    pub(super) load: Load,
    /// Loads the matches of a filter directly, without a search for their ids; `None` where that is not
    /// supported.
    pub(super) select: Option<Select>,
    /// How clients write it; `None` where only the service writes it.
    pub(super) writing: Option<WriteOperations>,
}

/// How resources of a type are created and changed.
pub(super) struct WriteOperations {
    pub(super) load_versions: LoadVersions,
    /// The action of a create; `None` where every kind of caller may create.
    pub(super) creates: Option<Action>,
    /// The action of a change.
    pub(super) changes: Action,
    pub(super) read: Read,
    pub(super) create: fn(&mut Tx<'_>, &Context, &ResourceDraft, Uuid) -> Result<StoredResource, Refusal>,
    pub(super) update:
        fn(&mut Tx<'_>, &Context, &StoredResource, &ResourceDraft) -> Result<StoredResource, Refusal>,
    /// `None` where nothing can be deleted.
    pub(super) delete: Option<Delete>,
}

/// Reads a body that was validated, and refuses what needs no database to refuse.
pub(super) type Read = fn(&Context, &Value, WritePurpose) -> Result<ResourceDraft, Refusal>;

/// The purpose of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WritePurpose {
    /// Create.
    Create,
    /// Update.
    Update,
    /// Create or update, depending on a condition.
    Either,
}

/// The content of a body, read before the write transaction: nothing of it is parsed while the writer is
/// held.
#[derive(Clone, Debug)]
pub(crate) enum ResourceDraft {
    /// A Consent.
    Role(Box<GivenRole>),
    /// A RelatedPerson.
    Relationship(Relationship),
    /// A QuestionnaireResponse.
    AccessRequest(Box<GivenAccessRequest>),
    /// A Subscription.
    Subscription(Box<domain::event::SubscriptionDraft>),
}

/// The content of a Consent.
#[derive(Clone, Debug)]
pub(crate) struct GivenRole {
    pub(super) proxy: NhsNumber,
    pub(super) patient: NhsNumber,
    pub(super) status: Status,
    pub(super) reason: Option<StatusReason>,
    pub(super) legal_basis: LegalBasis,
    pub(super) grantor: Option<OdsCode>,
    pub(super) period: RolePeriod,
    pub(super) created: Option<FhirDateTime>,
    /// Whether the review mark is still set.
    pub(super) is_to_review: bool,
    /// Whether its actors are its proxy.
    pub(super) actors: Result<(), Refusal>,
}

/// The content of a QuestionnaireResponse.
#[derive(Clone, Debug)]
pub(crate) struct GivenAccessRequest {
    pub(super) status: String,
    pub(super) applicant: Applicant,
    pub(super) proxy: NhsNumber,
    pub(super) patient: NhsNumber,
    pub(super) authored: FhirDateTime,
    pub(super) questionnaire: String,
    pub(super) document: String,
    /// The references to the two people, as sent.
    pub(super) subject: Value,
    pub(super) source: Value,
    /// The sent type and identifier, if any.
    pub(super) identifier: Option<Value>,
}

/// A draft of another type than the resource's: a fault of the service.
pub(super) fn mismatch() -> Refusal {
    Error::fault("a draft of another type").into()
}

/// Deletes a resource.
pub(super) type Delete = fn(&mut Tx<'_>, &Context, &StoredResource) -> Result<(), Refusal>;

/// The storage of a type's resources.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Storage {
    /// Rows.
    Rows {
        /// The current rows.
        table: Table,
        /// The versions, where they are stored.
        versions: Option<Table>,
        /// The time of a row's last change.
        updated_at: Field,
    },
    /// Compiled-in definitions.
    Library,
}
