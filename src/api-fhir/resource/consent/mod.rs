//! A role as a Consent.

pub(crate) mod vrs_form;

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::context::Context;
use crate::refusal::Refusal;
use crate::resource::definition::{
    Description, GivenRole, ResourceDefinition, ResourceDraft, Storage, WriteOperations, WritePurpose,
    mismatch,
};
use crate::resource::form::Content;
use crate::resource::resource_type::ResourceType;
use crate::resource::stored_resource::StoredResource;
use crate::resource::{party, unsupported_elements};
use crate::search::param::{Param, Reference, SearchTarget};
use crate::url;
use base::date_time::FhirDateTime;
use base::error::Error;
use base::ids;
use domain::audit::People;
use domain::person::NhsNumber;
use domain::proxy::{
    EndChange, LegalBasis, OdsCode, ReasonCode, Role, RoleChange, RoleDraft, RolePeriod, Status,
    StatusReason, Versioned,
};
use fhir::outcome::{Issue, IssueType};
use service::access;
use service::access::Action;
use service::proxy::{CreateRoleError, Incoming, change_role, create_role};
use store::Tx;
use store::search::{Field, Filter, RoleField, Table};

const PROXY: Reference = Reference {
    field: Field::Role(RoleField::Proxy),
    system: url::NHS_NUMBER,
    targets: &[ResourceType::Patient],
};
const PATIENT: Reference = Reference { field: Field::Role(RoleField::Patient), ..PROXY };

pub(super) static DESCRIPTION: Description = Description {
    storage: Storage::Rows {
        table: Table::Roles,
        versions: Some(Table::RoleVersions),
        updated_at: Field::Role(RoleField::UpdatedAt),
    },
    params: PARAMS,
};

pub(super) static DEFINITION: ResourceDefinition = ResourceDefinition {
    load,
    select: Some(select),
    writing: Some(WriteOperations {
        load_versions,
        creates: Some(Action::CreateRole),
        changes: Action::ChangeRole,
        read,
        create,
        update,
        delete: None,
    }),
};

const CREATED: SearchTarget =
    SearchTarget::Date(Field::Role(RoleField::CreatedFrom), Field::Role(RoleField::CreatedTo));
const LEGAL_BASIS: SearchTarget =
    SearchTarget::Token(Some(url::LEGAL_BASIS), Field::Role(RoleField::LegalBasis));

/// R4's parameters, and this server's own `performer`, `status-reason`, `legal-basis` and `grantor`.
const PARAMS: &[Param] = &[
    Param::token("action", SearchTarget::Absent),
    Param::reference("actor", SearchTarget::Reference(PROXY), &["provision", "actor", "reference"]),
    Param::token("category", SearchTarget::Constant(&[(url::ACT_CODE, "INFA")])),
    Param::reference("consentor", SearchTarget::Reference(PROXY), &["performer"]),
    Param::reference("data", SearchTarget::Absent, &[]),
    Param::date("date", CREATED),
    Param::token("identifier", SearchTarget::Absent),
    Param::reference("organization", SearchTarget::Absent, &[]),
    Param::reference("patient", SearchTarget::Reference(PATIENT), &["patient"]),
    Param::date("period", SearchTarget::Date(Field::Role(RoleField::StartAt), Field::Role(RoleField::EndAt))),
    Param::token("purpose", SearchTarget::Absent),
    Param::token("scope", SearchTarget::Constant(&[(url::CONSENT_SCOPE, "patient-privacy")])),
    Param::token("security-label", SearchTarget::Absent),
    Param::reference("source-reference", SearchTarget::Absent, &[]),
    Param::token("status", SearchTarget::RoleStatus),
    Param::reference("performer", SearchTarget::Reference(PROXY), &["performer"]).ours(),
    Param::token("status-reason", SearchTarget::RoleReason).ours(),
    Param::token("legal-basis", LEGAL_BASIS).ours(),
    Param::token("grantor", SearchTarget::Token(Some(url::ODS_CODE), Field::Role(RoleField::Grantor))).ours(),
];

fn load(tx: &mut Tx<'_>, context: &Context, ids: &[String]) -> Result<Vec<StoredResource>, Error> {
    let roles = tx.list_roles_by_id(ids)?.into_iter();
    Ok(roles.map(|role| shown(role, context)).collect())
}

fn select(tx: &mut Tx<'_>, context: &Context, filter: &Filter) -> Result<Vec<StoredResource>, Error> {
    let roles = tx.list_visible_roles(filter, context.scope())?.into_iter();
    Ok(roles.map(|role| shown(role, context)).collect())
}

/// A role as this caller reads it now.
fn shown(role: Versioned<Role>, context: &Context) -> StoredResource {
    let value = role.value.as_of(context.now()).masked_for(context.masked_for());
    stored(Versioned { value, ..role })
}

/// A role as a read returns it at this time.
pub(super) fn stored_as_of(role: Versioned<Role>, now: DateTime<Utc>) -> StoredResource {
    stored(Versioned { value: role.value.as_of(now), ..role })
}

/// Versions as they count now for the current one, and as they were written for replaced ones.
fn load_versions(
    tx: &mut Tx<'_>,
    context: &Context,
    wanted: &[(String, i64)],
) -> Result<Vec<StoredResource>, Error> {
    let now = context.now();
    let ids: Vec<String> = wanted.iter().map(|(id, _)| id.clone()).collect();
    let present = tx.list_roles_by_id(&ids)?;
    let present: HashSet<(Uuid, i64)> = present.iter().map(|role| (role.value.id, role.version)).collect();
    let counted = |role: Versioned<Role>| {
        if present.contains(&(role.value.id, role.version)) {
            Versioned { value: role.value.as_of(now), ..role }
        } else {
            role
        }
    };
    let masked =
        |role: Versioned<Role>| Versioned { value: role.value.masked_for(context.masked_for()), ..role };
    let versions = tx.list_role_versions_by_id(wanted)?.into_iter();
    Ok(versions.map(|role| stored(masked(counted(role)))).collect())
}

/// Whether a role's end has passed and no version states it yet.
pub(super) fn has_lapsed(tx: &mut Tx<'_>, context: &Context, id: &str) -> Result<bool, Error> {
    let found = tx.list_roles_by_id(&[id.to_owned()])?;
    Ok(found.iter().any(|role| role.value.has_lapsed(context.now())))
}

fn read(context: &Context, body: &Value, purpose: WritePurpose) -> Result<ResourceDraft, Refusal> {
    let body = &vrs_form::with_patient_types(party::with_local_references(body, context));
    let given = GivenRole::read(body, context)?;
    if purpose == WritePurpose::Create {
        given.actors.clone()?;
        given.clone().into_draft()?;
    }
    // An actor who is not the proxy has its own message, once the role is known.
    if given.actors.is_ok() {
        unsupported_elements::check(body, &given.shown(context).body.tree())?;
    }
    Ok(ResourceDraft::Role(Box::new(given)))
}

fn create(
    tx: &mut Tx<'_>,
    context: &Context,
    draft: &ResourceDraft,
    id: Uuid,
) -> Result<StoredResource, Refusal> {
    let ResourceDraft::Role(given) = draft else { return Err(mismatch()) };
    given.actors.clone()?;
    party::check_reached(tx, context, given.patient, "Consent.patient")?;
    let draft = given.as_ref().clone().into_draft()?;
    let role = create_role(tx, &*context.clock, &context.caller, id, draft, context.contract.rules)?;
    Ok(stored(role))
}

/// What an imported role keeps, beside its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Nothing: it is a new role, as by a create.
    Nothing,
    /// Its id, version, time of change and review mark: it was exported by this service.
    Identity,
}

/// Reads and validates an imported role, like `create` except for what needs the database. The body was
/// validated as R4.
pub(crate) fn incoming(context: &Context, body: &Value, keep: Keep) -> Result<Incoming, Refusal> {
    let body = &vrs_form::with_patient_types(party::with_local_references(body, context));
    let given = GivenRole::read(body, context)?;
    given.actors.clone()?;
    let is_to_review = given.is_to_review;
    let draft = given.into_draft()?;
    let now = context.now();
    let (id, origin) = match keep {
        Keep::Nothing => (ids::new_uuid(now), None),
        Keep::Identity => identity(body).map(|(id, origin)| (id, Some(origin)))?,
    };
    let role = Role { needs_review: origin.is_some() && is_to_review, ..Role::drafted(id, draft) };
    let (version, updated_at) = origin.unwrap_or((1, now));
    let shown = Versioned { value: role, version, updated_at };
    let verdict = shown.value.check_past(context.contract.rules, now);
    unsupported_elements::check(body, &Content::Consent(Box::new(shown.clone())).tree())?;
    Ok(Incoming { role: shown.value, origin, verdict })
}

/// The id, version and time of change of an exported resource.
fn identity(body: &Value) -> Result<(Uuid, (i64, DateTime<Utc>)), Refusal> {
    let text = |path: &str| body.pointer(path).and_then(Value::as_str);
    let id = text("/id").and_then(|id| Uuid::parse_str(id).ok());
    let id = id.ok_or_else(|| wrong("Consent.id", "Give the UUID of the role."))?;
    let version = text("/meta/versionId").and_then(|version| version.parse().ok());
    let version = version.filter(|version| *version > 0);
    let version = version.ok_or_else(|| wrong("Consent.meta.versionId", "Give the version of the role."))?;
    let at = text("/meta/lastUpdated").and_then(|at| FhirDateTime::parse(at).ok());
    let message = "Give the time of the last change.";
    let at = at.ok_or_else(|| wrong("Consent.meta.lastUpdated", message))?;
    Ok((id, (version, at.earliest())))
}

fn update(
    tx: &mut Tx<'_>,
    context: &Context,
    current: &StoredResource,
    draft: &ResourceDraft,
) -> Result<StoredResource, Refusal> {
    let ResourceDraft::Role(given) = draft else { return Err(mismatch()) };
    let id = Uuid::parse_str(&current.id).map_err(Error::fault)?;
    let (principal, masked_for) = (&context.caller.principal, context.masked_for());
    let role = change_role(tx, &*context.clock, &context.caller, id, context.contract.rules, |role| {
        // The unchanged body of a citizen has the masked content that they read.
        let change = given.as_ref().clone().into_change(&role.clone().masked_for(masked_for))?;
        given.actors.clone()?;
        access::decide_parties(principal, &[role.proxy, role.patient])?;
        access::decide_change(principal, role, &change)?;
        Ok::<_, Refusal>(change)
    })?;
    Ok(stored(Versioned { value: role.value.masked_for(masked_for), ..role }))
}

impl GivenRole {
    fn read(body: &Value, context: &Context) -> Result<Self, Refusal> {
        let text = |path: &str| body.pointer(path).and_then(Value::as_str);
        let date = |path: &str, at: &str| {
            let parse = |text| FhirDateTime::parse(text).or(Err(wrong(at, "Give a FHIR dateTime.")));
            text(path).map(parse).transpose()
        };
        let missing = || wrong("Consent.performer", "Name the proxy as the only performer.");
        let performer = body.get("performer").and_then(Value::as_array).map(Vec::as_slice);
        let [performer] = performer.ok_or_else(missing)? else { return Err(missing()) };
        let patient = body.get("patient").ok_or_else(|| wrong("Consent.patient", "Name the patient."))?;
        let status = text("/status").and_then(Status::parse);
        let extensions = Extensions::read(body, context)?;
        let proxy = party::number_in(performer, context, "Consent.performer")?;
        Ok(Self {
            proxy,
            patient: party::number_in(patient, context, "Consent.patient")?,
            status: status.ok_or_else(|| {
                wrong("Consent.status", "The status of a role must be active, inactive or rejected.")
            })?,
            reason: extensions.reason,
            grantor: extensions.grantor,
            legal_basis: match body.get("policyRule") {
                Some(rule) => legal_basis(rule).ok_or_else(|| {
                    wrong("Consent.policyRule", "Use one code of the published legal bases.")
                })?,
                None => LegalBasis::Unknown,
            },
            period: RolePeriod {
                start: date("/provision/period/start", "Consent.provision.period.start")?,
                end: date("/provision/period/end", "Consent.provision.period.end")?,
            },
            created: date("/dateTime", "Consent.dateTime")?,
            is_to_review: body.pointer("/meta/tag").and_then(Value::as_array).is_some_and(|tags| {
                tags.iter().any(|tag| tag.get("system").and_then(Value::as_str) == Some(url::ROLE_REVIEW))
            }),
            actors: check_actors(body, context, proxy),
        })
    }

    /// The resource as it would be read back. An element that the body leaves out, and the existing role has,
    /// does not matter for the check of lost content.
    fn shown(&self, context: &Context) -> StoredResource {
        let now = context.now();
        let value = Role {
            id: Uuid::nil(),
            proxy: self.proxy,
            patient: self.patient,
            status: self.status,
            reason: self.reason.clone().unwrap_or(StatusReason::NOT_USED),
            legal_basis: self.legal_basis,
            grantor: self.grantor.clone(),
            period: self.period.clone(),
            created: self.created.clone().unwrap_or_else(|| FhirDateTime::from_instant(now)),
            needs_review: false,
        };
        stored(Versioned { value, version: 1, updated_at: now })
    }

    fn into_draft(self) -> Result<RoleDraft, Refusal> {
        let created =
            self.created.ok_or_else(|| wrong("Consent.dateTime", "Give the time of the decision."))?;
        let reason = self
            .reason
            .ok_or_else(|| wrong("Consent.extension", "Give the status reason: the extension is missing."))?;
        Ok(RoleDraft {
            proxy: self.proxy,
            patient: self.patient,
            status: self.status,
            reason,
            legal_basis: self.legal_basis,
            grantor: self.grantor,
            period: self.period,
            created,
        })
    }

    /// The change from this role to the body. The people, the start and the time of the decision cannot
    /// change: that would be another role.
    fn into_change(self, role: &Role) -> Result<RoleChange, Refusal> {
        let fixed = [
            (self.proxy == role.proxy, "Consent.performer"),
            (self.patient == role.patient, "Consent.patient"),
            (self.period.start == role.period.start, "Consent.provision.period.start"),
            (self.created.as_ref() == Some(&role.created), "Consent.dateTime"),
        ];
        if let Some((_, at)) = fixed.into_iter().find(|(is_same, _)| !is_same) {
            return Err(Refusal::rule("This element of a role cannot change.", at));
        }
        if self.grantor.is_none() && role.grantor.is_some() {
            return Err(Refusal::rule("The grantor of a role cannot be removed.", "Consent.extension"));
        }
        let status = Some(self.status).filter(|status| *status != role.status);
        let is_becoming_active = status == Some(Status::Active);
        Ok(RoleChange {
            // Removing the mark means that the role was reviewed and continues. A role that ends needs no
            // mark.
            reviewed: role.needs_review && status.is_none() && !self.is_to_review,
            status,
            // The reason for an earlier change does not apply to this one.
            reason: self.reason.filter(|reason| status.is_some() || *reason != role.reason),
            grantor: self
                .grantor
                .filter(|grantor| is_becoming_active || role.grantor.as_ref() != Some(grantor)),
            end: match self.period.end {
                end if end == role.period.end => None,
                Some(end) => Some(EndChange::Set(end)),
                None => Some(EndChange::Clear),
            },
            legal_basis: Some(self.legal_basis).filter(|basis| *basis != role.legal_basis),
        })
    }
}

/// Checks that the actors of a role are its proxy.
fn check_actors(body: &Value, context: &Context, proxy: NhsNumber) -> Result<(), Refusal> {
    let actors = body.pointer("/provision/actor").and_then(Value::as_array).into_iter().flatten();
    for (number, actor) in actors.enumerate() {
        let at = format!("Consent.provision.actor[{number}].reference");
        let reference = actor.get("reference").ok_or_else(|| wrong(&at, "Name the proxy."))?;
        if party::number_in(reference, context, &at)? != proxy {
            return Err(Refusal::rule("The actor of a role must be its proxy: name the performer.", &at));
        }
    }
    Ok(())
}

/// The two extensions of a role.
struct Extensions {
    reason: Option<StatusReason>,
    grantor: Option<OdsCode>,
}

impl Extensions {
    fn read(body: &Value, context: &Context) -> Result<Self, Refusal> {
        let mut extensions = Self { reason: None, grantor: None };
        let given = body.get("extension").and_then(Value::as_array).into_iter().flatten();
        for (number, extension) in given.enumerate() {
            let at = format!("Consent.extension[{number}]");
            let text = |path: &str| extension.pointer(path).and_then(Value::as_str);
            match text("/url") {
                Some(url::STATUS_REASON_EXTENSION) if extensions.reason.is_none() => {
                    let code = text("/valueCodeableConcept/coding/0/code");
                    let relaxed = context.contract.relaxed_reason_names;
                    let code =
                        code.and_then(if relaxed { ReasonCode::parse_relaxed } else { ReasonCode::parse });
                    let code =
                        code.ok_or_else(|| wrong(&at, "Use a code of the published status reasons."))?;
                    let words = text("/valueCodeableConcept/text").map(str::to_owned);
                    let reason = StatusReason::new(code, words);
                    extensions.reason = Some(reason.or(Err(wrong(&at, "The reason OTHER needs text.")))?);
                }
                Some(url::GRANTOR_EXTENSION) if extensions.grantor.is_none() => {
                    let system = text("/valueReference/identifier/system") == Some(url::ODS_CODE);
                    let code = text("/valueReference/identifier/value").filter(|_| system);
                    let code = code.and_then(|code| OdsCode::parse(code).ok());
                    let message = "Name the organisation by identifier, with an ODS code.";
                    extensions.grantor = Some(code.ok_or_else(|| wrong(&at, message))?);
                }
                _ => {
                    let message = "A role has this extension at most once.";
                    return Err(Refusal::new(422, Issue::error(IssueType::Extension, message).at(at)));
                }
            }
        }
        Ok(extensions)
    }
}

fn legal_basis(rule: &Value) -> Option<LegalBasis> {
    let coding = rule.pointer("/coding/0")?;
    let basis = LegalBasis::parse(coding.get("code")?.as_str()?)?;
    let expected = if basis == LegalBasis::Unknown { url::NULL_FLAVOR } else { url::LEGAL_BASIS };
    (url::as_hl7_defines(coding.get("system")?.as_str()?) == expected).then_some(basis)
}

fn wrong(at: &str, message: &'static str) -> Refusal {
    Refusal::new(422, Issue::error(IssueType::Value, message).at(at))
}

impl From<CreateRoleError> for Refusal {
    fn from(error: CreateRoleError) -> Self {
        match error {
            CreateRoleError::Rule(rule) => rule.into(),
            CreateRoleError::UnknownPatient => Self::rule(party::UNKNOWN, "Consent.patient"),
            CreateRoleError::UnknownProxy => Self::rule(party::UNKNOWN, "Consent.performer"),
            CreateRoleError::Duplicate => {
                let message =
                    "A role for this proxy and this patient already exists: find it, and change it.";
                Self::new(409, Issue::error(IssueType::Duplicate, message))
            }
            CreateRoleError::Store(error) => error.into(),
        }
    }
}

pub(super) fn stored(role: Versioned<Role>) -> StoredResource {
    let Versioned { value, version, updated_at } = &role;
    let (id, version, updated_at) = (value.id.to_string(), *version, *updated_at);
    let people = Some(People { patient: Some(value.patient), proxy: Some(value.proxy) });
    let body = Content::Consent(Box::new(role));
    StoredResource { kind: ResourceType::Consent, id, version, updated_at, people, body, document: None }
}
