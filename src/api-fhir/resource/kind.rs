//! What each type says of its resources: how they are found, loaded and written, and what a body of them is read into.

use serde_json::Value;
use uuid::Uuid;

use super::stored::Stored;
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
type Load = fn(&mut Tx<'_>, &Context, &[String]) -> Result<Vec<Stored>, Error>;

/// Loads the resources that a filter lets through and the caller may see.
type Select = fn(&mut Tx<'_>, &Context, &Filter) -> Result<Vec<Stored>, Error>;

/// Loads versions by id and number.
type LoadVersions = fn(&mut Tx<'_>, &Context, &[(String, i64)]) -> Result<Vec<Stored>, Error>;

/// How resources of a type are found: each file of this folder says it of its own.
pub(super) struct Description {
    pub(super) backing: Backing,
    pub(super) params: &'static [Param],
}

/// How resources of a type are loaded, and written: each file of this folder says it of its own.
pub(super) struct Kind {
    pub(super) load: Load,
    /// How what a filter lets through is loaded without looking for its ids first; `None` where that is not done.
    pub(super) select: Option<Select>,
    /// How clients write it; `None` for what the service alone writes.
    pub(super) writing: Option<Writing>,
}

/// How resources of a type come to be, and change.
pub(super) struct Writing {
    pub(super) load_versions: LoadVersions,
    /// What a caller does who creates one; `None` where every kind of caller may.
    pub(super) creates: Option<Action>,
    /// What a caller does who changes one.
    pub(super) changes: Action,
    pub(super) read: Read,
    pub(super) create: fn(&mut Tx<'_>, &Context, &Draft, Uuid) -> Result<Stored, Refusal>,
    pub(super) update: fn(&mut Tx<'_>, &Context, &Stored, &Draft) -> Result<Stored, Refusal>,
    /// `None` where nothing is deleted.
    pub(super) delete: Option<Delete>,
}

/// Reads a body that was validated, and refuses what the database need not be asked about.
pub(super) type Read = fn(&Context, &Value, Purpose) -> Result<Draft, Refusal>;

/// What a body is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It becomes a resource.
    Create,
    /// It becomes the next version of one.
    Update,
    /// One or the other, as a condition finds.
    Either,
}

/// What a body says, read before the transaction in which it is written: nothing of it is looked at again while
/// the database is held.
#[derive(Clone, Debug)]
pub(crate) enum Draft {
    /// Of a Consent.
    Role(Box<GivenRole>),
    /// Of a RelatedPerson.
    Relationship(Relationship),
    /// Of a QuestionnaireResponse.
    AccessRequest(Box<GivenAccessRequest>),
    /// Of a Subscription.
    Subscription(Box<domain::event::Draft>),
}

/// What a body says of a role.
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
    /// Whether the role is still marked as one that is to be looked at again.
    pub(super) is_to_review: bool,
    /// Whether its actors are its proxy.
    pub(super) actors: Result<(), Refusal>,
}

/// What a document says of an access request.
#[derive(Clone, Debug)]
pub(crate) struct GivenAccessRequest {
    pub(super) status: String,
    pub(super) applicant: Applicant,
    pub(super) proxy: NhsNumber,
    pub(super) patient: NhsNumber,
    pub(super) authored: FhirDateTime,
    pub(super) questionnaire: String,
    pub(super) document: String,
    /// The references to the two people, as they were sent.
    pub(super) subject: Value,
    pub(super) source: Value,
    /// The type and the identifier that were sent, where there is one.
    pub(super) identifier: Option<Value>,
}

/// A draft of another type than the resource's: our own fault.
pub(super) fn mismatch() -> Refusal {
    Error::fault("a draft of another type").into()
}

/// Deletes a resource.
pub(super) type Delete = fn(&mut Tx<'_>, &Context, &Stored) -> Result<(), Refusal>;

/// Where the resources of a type come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Backing {
    /// Rows.
    Rows {
        /// As they are now.
        table: Table,
        /// All their versions, where there is more than one.
        versions: Option<Table>,
        /// When a row was last changed.
        updated_at: Field,
    },
    /// Definitions that are compiled in.
    Library,
}
