//! An access request as a QuestionnaireResponse: stored and returned as it was sent.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::context::Context;
use crate::refusal::Refusal;
use crate::resource::definition::{
    Description, GivenAccessRequest, ResourceDefinition, ResourceDraft, Storage, WriteOperations,
    WritePurpose, mismatch,
};
use crate::resource::resource_type::ResourceType;
use crate::resource::stored_resource::{StoredResource, complete, head};
use crate::resource::{party, unsupported_elements};
use crate::search::param::{Param, Reference, SearchTarget};
use crate::url;
use base::date_time::FhirDateTime;
use base::error::Error;
use base::held;
use domain::audit::People;
use domain::person::NhsNumber;
use domain::proxy::{AccessRequest, Applicant, ReferenceCode, Versioned};
use fhir::outcome::{Issue, IssueType};
use service::access;
use service::access::Action;
use service::proxy::{Submission, SubmitError, change_access_request, submit_access_request};
use store::Tx;
use store::search::{AccessRequestField, Field, Table};

const PATIENT: Reference = Reference {
    field: Field::AccessRequest(AccessRequestField::Patient),
    system: url::NHS_NUMBER,
    targets: &[ResourceType::Patient],
};
const PROXY: Reference = Reference { field: Field::AccessRequest(AccessRequestField::Proxy), ..PATIENT };
const STATUS: &str = "http://hl7.org/fhir/questionnaire-answers-status";

pub(super) static DESCRIPTION: Description = Description {
    storage: Storage::Rows {
        table: Table::AccessRequests,
        versions: Some(Table::AccessRequestVersions),
        updated_at: Field::AccessRequest(AccessRequestField::UpdatedAt),
    },
    params: PARAMS,
};

pub(super) static DEFINITION: ResourceDefinition = ResourceDefinition {
    load,
    select: None,
    writing: Some(WriteOperations {
        load_versions,
        creates: Some(Action::SubmitAccessRequest),
        changes: Action::WriteRecords,
        read,
        create,
        update,
        delete: None,
    }),
};

/// R4's parameters, and this server's own `proxy`.
const PARAMS: &[Param] = &[
    Param::reference("author", SearchTarget::Absent, &[]),
    Param::date(
        "authored",
        SearchTarget::Date(
            Field::AccessRequest(AccessRequestField::AuthoredFrom),
            Field::AccessRequest(AccessRequestField::AuthoredTo),
        ),
    ),
    Param::reference("based-on", SearchTarget::Absent, &[]),
    Param::reference("encounter", SearchTarget::Absent, &[]),
    Param::token(
        "identifier",
        SearchTarget::Token(None, Field::AccessRequest(AccessRequestField::ReferenceCode)),
    ),
    Param::reference("part-of", SearchTarget::Absent, &[]),
    Param::reference("patient", SearchTarget::Reference(PATIENT), &["subject"]),
    Param::reference(
        "questionnaire",
        SearchTarget::Uri(Field::AccessRequest(AccessRequestField::Questionnaire)),
        &[],
    ),
    Param::reference("source", SearchTarget::Applicant, &["source"]),
    Param::token(
        "status",
        SearchTarget::Token(Some(STATUS), Field::AccessRequest(AccessRequestField::Status)),
    ),
    Param::reference("subject", SearchTarget::Reference(PATIENT), &["subject"]),
    Param::reference("proxy", SearchTarget::Reference(PROXY), &[]).ours(),
];

fn load(tx: &mut Tx<'_>, context: &Context, ids: &[String]) -> Result<Vec<StoredResource>, Error> {
    tx.list_access_requests_by_id(ids)?.into_iter().map(|request| stored(request, context)).collect()
}

fn load_versions(
    tx: &mut Tx<'_>,
    context: &Context,
    wanted: &[(String, i64)],
) -> Result<Vec<StoredResource>, Error> {
    let versions = tx.list_access_request_versions_by_id(wanted)?;
    versions.into_iter().map(|request| stored(request, context)).collect()
}

fn read(context: &Context, body: &Value, purpose: WritePurpose) -> Result<ResourceDraft, Refusal> {
    let given = GivenAccessRequest::read(body, context)?;
    if purpose == WritePurpose::Create {
        given.check_new(context)?;
        check_identifier(body, "")?;
    }
    // The document is the body: the service writes only these members. Whether the identifier is that of the
    // request can be checked only once the request is loaded.
    unsupported_elements::check_members(body, &Value::Null, &["meta"])?;
    Ok(ResourceDraft::AccessRequest(Box::new(given)))
}

/// Refuses an identifier that is not the reference code.
fn check_identifier(body: &Value, reference_code: &str) -> Result<(), Refusal> {
    unsupported_elements::check_members(
        body,
        &json!({ "identifier": { "value": reference_code } }),
        &["identifier"],
    )
}

fn create(
    tx: &mut Tx<'_>,
    context: &Context,
    draft: &ResourceDraft,
    id: Uuid,
) -> Result<StoredResource, Refusal> {
    let ResourceDraft::AccessRequest(given) = draft else { return Err(mismatch()) };
    given.check_new(context)?;
    for (reference, at) in
        [(&given.subject, "QuestionnaireResponse.subject"), (&given.source, "QuestionnaireResponse.source")]
    {
        party::check_found(tx, context, reference, at)?;
    }
    given.check_source(tx, context)?;
    let rules = context.contract.submission_rules();
    let submission = Submission {
        applicant: given.applicant,
        proxy: given.proxy,
        patient: given.patient,
        authored: given.authored.clone(),
        questionnaire: given.questionnaire.clone(),
        document: given.document.clone(),
    };
    let created = submit_access_request(tx, &*context.clock, &context.caller, id, submission, rules);
    let created = created.map_err(|error| match error {
        SubmitError::Duplicate => {
            let message = "A role for this proxy and this patient already exists.";
            Refusal::new(409, Issue::error(IssueType::Duplicate, message))
        }
        SubmitError::TooManyOpen => {
            let message = "The applicant has an open access request for this proxy and this patient, or too many open \
                        requests. Wait for a decision.";
            Refusal::new(409, Issue::error(IssueType::BusinessRule, message))
        }
        SubmitError::Store(error) => error.into(),
    })?;
    if let Some(identifier) = &given.identifier {
        check_identifier(identifier, created.value.reference_code.as_str())?;
    }
    Ok(stored(created, context)?)
}

fn update(
    tx: &mut Tx<'_>,
    context: &Context,
    current: &StoredResource,
    draft: &ResourceDraft,
) -> Result<StoredResource, Refusal> {
    let ResourceDraft::AccessRequest(given) = draft else { return Err(mismatch()) };
    given.check_source(tx, context)?;
    let wanted = AccessRequest {
        id: Uuid::parse_str(&current.id).map_err(Error::fault)?,
        // An existing one is kept.
        reference_code: ReferenceCode::draw().map_err(Error::fault)?,
        status: given.status.clone(),
        applicant: given.applicant,
        proxy: given.proxy,
        patient: given.patient,
        authored: given.authored.clone(),
        questionnaire: given.questionnaire.clone(),
        document: given.document.clone(),
    };
    let changed = change_access_request(tx, &*context.clock, &context.caller, wanted)?;
    if let Some(identifier) = &given.identifier {
        check_identifier(identifier, changed.value.reference_code.as_str())?;
    }
    Ok(stored(changed, context)?)
}

impl GivenAccessRequest {
    /// Refuses a request that cannot be new. Staff may submit a form for another person; a citizen only their
    /// own.
    fn check_new(&self, context: &Context) -> Result<(), Refusal> {
        if self.status != "completed" {
            let message = "A new access request must have the status completed. To amend a submitted one, PUT it to its id.";
            return Err(Refusal::rule(message, "QuestionnaireResponse.status"));
        }
        let applicant = match self.applicant {
            Applicant::Proxy => self.proxy,
            Applicant::Patient => self.patient,
        };
        Ok(access::decide_parties(&context.caller.principal, &[applicant])?)
    }

    /// Refuses a source by reference that is not the proxy: only the database knows whose RelatedPerson it is.
    fn check_source(&self, tx: &mut Tx<'_>, context: &Context) -> Result<(), Refusal> {
        let at = "QuestionnaireResponse.source";
        if self.applicant == Applicant::Proxy
            && party::related_number_in(tx, context, &self.source, self.patient, at)? != self.proxy
        {
            return Err(wrong(at, OTHER_SOURCE));
        }
        Ok(())
    }

    fn read(body: &Value, context: &Context) -> Result<Self, Refusal> {
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let at = "QuestionnaireResponse.source";
        let source = body.get("source");
        let source = source.ok_or_else(|| wrong(at, "Name the applicant."))?;
        let applicant =
            party::type_of(source, context).and_then(|kind| Applicant::parse(&kind)).ok_or_else(|| {
                wrong(
                    "QuestionnaireResponse.source.type",
                    "Give the type of the applicant: RelatedPerson or Patient.",
                )
            })?;
        let subject = body.get("subject");
        let subject = subject.ok_or_else(|| wrong("QuestionnaireResponse.subject", "Name the patient."))?;
        let patient = party::number_in(subject, context, "QuestionnaireResponse.subject")?;
        let proxy = answer(body, "relatedPerson_identifier");
        let proxy = proxy.and_then(|value| NhsNumber::parse(value, context.contract.nhs_number_check).ok());
        let proxy = proxy.ok_or_else(|| {
            wrong(
                "QuestionnaireResponse.item",
                "Answer relatedPerson_identifier with the proxy's NHS number.",
            )
        })?;
        let (expected, named) = match applicant {
            Applicant::Proxy => (proxy, party::identifier_in(source, context, at)?),
            Applicant::Patient => (patient, Some(party::number_in(source, context, at)?)),
        };
        // A reference beside the identifier is compared later, with the database.
        let is_all = applicant == Applicant::Patient || source.get("reference").is_none();
        if named.is_some_and(|named| is_all && named != expected) || proxy == patient {
            return Err(wrong(at, OTHER_SOURCE));
        }
        let authored = text("authored").and_then(|at| FhirDateTime::parse(at).ok());
        let message = "Give the time when the form was completed.";
        Ok(Self {
            status: text("status").unwrap_or("completed").to_owned(),
            applicant,
            proxy,
            patient,
            authored: authored.ok_or_else(|| wrong("QuestionnaireResponse.authored", message))?,
            questionnaire: text("questionnaire")
                .ok_or_else(|| wrong("QuestionnaireResponse.questionnaire", "Name the form."))?
                .to_owned(),
            document: kept(body, applicant, patient, expected),
            subject: subject.clone(),
            source: source.clone(),
            identifier: body.get("identifier").map(
                |identifier| json!({ "resourceType": "QuestionnaireResponse", "identifier": identifier }),
            ),
        })
    }
}

const OTHER_SOURCE: &str =
    "The source must be the proxy or the patient, according to its type, and the two must differ.";

fn wrong(at: &str, message: &'static str) -> Refusal {
    Refusal::new(422, Issue::error(IssueType::Value, message).at(at))
}

/// The document without the members that the service writes. Its people are named by NHS number, as every
/// reader expects, even where the sender named them only by reference.
fn kept(body: &Value, applicant: Applicant, patient: NhsNumber, source: NhsNumber) -> String {
    let mut document = body.clone();
    if let Some(members) = document.as_object_mut() {
        members.shift_remove("id");
        members.shift_remove("meta");
        members.shift_remove("identifier");
    }
    name_people(&mut document, applicant, patient, source);
    document.to_string()
}

fn name_people(document: &mut Value, applicant: Applicant, patient: NhsNumber, source: NhsNumber) {
    for (name, kind, number) in [("subject", "Patient", patient), ("source", applicant.source_type(), source)]
    {
        if let Some(reference) = document.get_mut(name) {
            party::complete(reference, kind, number);
        }
    }
}

/// Replaces the document of a draft by the stored one, if their content is equal.
pub(super) fn keep_if_unchanged(
    given: &mut GivenAccessRequest,
    current: &StoredResource,
) -> Result<(), Error> {
    let Some(document) = current.document.as_ref().filter(|document| **document != given.document) else {
        return Ok(());
    };
    held::check(|| document.len());
    let parse = |text: &str| serde_json::from_str::<Value>(text).map_err(Error::fault);
    let mut stored = parse(document)?;
    // Additions by the service are no change, where the other API stored the document without them.
    let source = if given.applicant == Applicant::Proxy { given.proxy } else { given.patient };
    name_people(&mut stored, given.applicant, given.patient, source);
    if stored == parse(&given.document)? {
        given.document.clone_from(document);
    }
    Ok(())
}

/// The text of an answer, at any level.
fn answer<'v>(item: &'v Value, link_id: &str) -> Option<&'v str> {
    let mut items = item.get("item").and_then(Value::as_array).into_iter().flatten();
    items.find_map(|item| {
        let is_it = item.get("linkId").and_then(Value::as_str) == Some(link_id);
        let here = || item.pointer("/answer/0/valueString").and_then(Value::as_str);
        if is_it { here() } else { answer(item, link_id) }
    })
}

/// The members that the service writes, and the document.
fn stored(request: Versioned<AccessRequest>, context: &Context) -> Result<StoredResource, Error> {
    let Versioned { value, version, updated_at } = request;
    let id = value.id.to_string();
    let mut body = head(ResourceType::QuestionnaireResponse, &id, version, updated_at);
    body.insert("identifier".to_owned(), json!({ "value": value.reference_code.as_str() }));
    let mut body = Value::Object(body);
    let document = if context.holds_writer {
        Some(value.document)
    } else {
        complete(&mut body, &value.document)?;
        None
    };
    Ok(StoredResource {
        kind: ResourceType::QuestionnaireResponse,
        id,
        version,
        updated_at,
        people: Some(People { patient: Some(value.patient), proxy: Some(value.proxy) }),
        body: body.into(),
        document,
    })
}
