//! An access request as a QuestionnaireResponse: kept, and given back as it was sent.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::account::{Action, access};
use crate::date_time::FhirDateTime;
use crate::error::Error;
use crate::fhir::context::Context;
use crate::fhir::outcome::{Issue, IssueType};
use crate::fhir::profiles;
use crate::fhir::refusal::Refusal;
use crate::fhir::resource::{Backing, Kind, ResourceType, Stored, UPDATED, Writing, head, party, residue};
use crate::fhir::search::param::{Index, Param, Reference};
use crate::fhir::url;
use crate::person::NhsNumber;
use crate::proxy::command::{Submission, SubmitError, change_access_request, submit_access_request};
use crate::proxy::{AccessRequest, Applicant, ReferenceCode, Versioned};
use crate::store::Tx;
use crate::store::search::{Column, Table};

const PATIENT: Reference =
    Reference { column: Column::text("patient"), system: url::NHS_NUMBER, targets: &[ResourceType::Patient] };
const STATUS: &str = "http://hl7.org/fhir/questionnaire-answers-status";

pub(super) static KIND: Kind = Kind {
    name: "QuestionnaireResponse",
    backing: Backing::Rows {
        table: Table::AccessRequests,
        versions: Some(Table::AccessRequestVersions),
        updated_at: UPDATED,
    },
    params: PARAMS,
    profile: Some(profiles::ACCESS_REQUEST),
    load: |tx, _, ids| load(tx, ids),
    select: None,
    writing: Some(Writing { load_versions, create, update, delete: None }),
};

/// R4's parameters, and our own `proxy`.
const PARAMS: &[Param] = &[
    Param::reference("author", Index::Absent, &[]),
    Param::date("authored", Index::Date(Column::number("authored_from"), Column::number("authored_to"))),
    Param::reference("based-on", Index::Absent, &[]),
    Param::reference("encounter", Index::Absent, &[]),
    Param::token("identifier", Index::Token(None, Column::text("reference_code"))),
    Param::reference("part-of", Index::Absent, &[]),
    Param::reference("patient", Index::Reference(PATIENT), &["subject"]),
    Param::reference("questionnaire", Index::Uri(Column::text("questionnaire")), &[]),
    Param::reference("source", Index::Applicant, &["source"]),
    Param::token("status", Index::Token(Some(STATUS), Column::text("status"))),
    Param::reference("subject", Index::Reference(PATIENT), &["subject"]),
    Param::reference("proxy", Index::Reference(Reference { column: Column::text("proxy"), ..PATIENT }), &[])
        .ours(),
];

fn load(tx: &mut Tx<'_>, ids: &[String]) -> Result<Vec<Stored>, Error> {
    tx.list_access_requests_by_id(ids)?.iter().map(stored).collect()
}

fn load_versions(
    tx: &mut Tx<'_>,
    _context: &Context,
    wanted: &[(String, i64)],
) -> Result<Vec<Stored>, Error> {
    tx.list_access_request_versions_by_id(wanted)?.iter().map(stored).collect()
}

fn create(tx: &mut Tx<'_>, context: &Context, body: &Value) -> Result<Stored, Refusal> {
    access::decide_kind(&context.caller.who, Action::SubmitAccessRequest)?;
    let given = Given::read(tx, body, context)?;
    if given.status != "completed" {
        let told =
            "A new access request is completed. Only one that was handed in is amended: PUT it to its id.";
        return Err(Refusal::rule(told, "QuestionnaireResponse.status"));
    }
    for name in ["subject", "source"] {
        let reference = body.get(name).unwrap_or(&Value::Null);
        party::check_found(tx, context, reference, &format!("QuestionnaireResponse.{name}"))?;
    }
    // A citizen submits what they themselves apply for.
    access::decide_parties(&context.caller.who, &[given.applicant_number()])?;
    let proposes = context.contract.access_request_creates_role.then_some(context.contract.rules);
    let submission = Submission {
        applicant: given.applicant,
        proxy: given.proxy,
        patient: given.patient,
        authored: given.authored,
        questionnaire: given.questionnaire,
        document: given.document,
    };
    let created = submit_access_request(tx, &*context.clock, &context.caller, submission, proposes);
    let created = created.map_err(|error| match error {
        SubmitError::Duplicate => {
            let told = "There is a role for this proxy and this patient already.";
            Refusal::new(409, Issue::error(IssueType::Duplicate, told))
        }
        SubmitError::Store(error) => error.into(),
    })?;
    residue::checked(body, stored(&created)?)
}

fn update(tx: &mut Tx<'_>, context: &Context, current: &Stored, body: &Value) -> Result<Stored, Refusal> {
    access::decide_kind(&context.caller.who, Action::WriteRecords)?;
    let given = Given::read(tx, body, context)?;
    let wanted = AccessRequest {
        id: Uuid::parse_str(&current.id).map_err(Error::fault)?,
        // The one that it has stays.
        reference_code: ReferenceCode::draw().map_err(Error::fault)?,
        status: given.status,
        applicant: given.applicant,
        proxy: given.proxy,
        patient: given.patient,
        authored: given.authored,
        questionnaire: given.questionnaire,
        document: given.document,
    };
    let changed = change_access_request(tx, &*context.clock, &context.caller, wanted)?;
    residue::checked(body, stored(&changed)?)
}

/// What a document says of an access request.
struct Given {
    status: String,
    applicant: Applicant,
    proxy: NhsNumber,
    patient: NhsNumber,
    authored: FhirDateTime,
    questionnaire: String,
    document: String,
}

impl Given {
    fn applicant_number(&self) -> NhsNumber {
        match self.applicant {
            Applicant::Proxy => self.proxy,
            Applicant::Patient => self.patient,
        }
    }

    fn read(tx: &mut Tx<'_>, body: &Value, context: &Context) -> Result<Self, Refusal> {
        let wrong = |at: &str, told| Refusal::new(422, Issue::error(IssueType::Value, told).at(at));
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let source = body.get("source");
        let source = source.ok_or_else(|| wrong("QuestionnaireResponse.source", "Say who applies."))?;
        let applicant = party::type_of(source, context).and_then(Applicant::parse).ok_or_else(|| {
            wrong("QuestionnaireResponse.source.type", "Say who applies: RelatedPerson or Patient.")
        })?;
        let subject = body.get("subject");
        let subject = subject.ok_or_else(|| wrong("QuestionnaireResponse.subject", "Name the patient."))?;
        let patient = party::number_in(subject, context, "QuestionnaireResponse.subject")?;
        let at = "QuestionnaireResponse.source";
        let source = match applicant {
            Applicant::Proxy => party::related_number_in(tx, context, source, patient, at)?,
            Applicant::Patient => party::number_in(source, context, at)?,
        };
        let proxy = answer(body, "relatedPerson_identifier");
        let proxy = proxy.and_then(|value| NhsNumber::parse(value, context.contract.nhs_number_check).ok());
        let proxy = proxy.ok_or_else(|| {
            wrong(
                "QuestionnaireResponse.item",
                "Answer relatedPerson_identifier with the proxy's NHS number.",
            )
        })?;
        let expected = if applicant == Applicant::Proxy { proxy } else { patient };
        if source != expected || proxy == patient {
            let told =
                "The source must be the proxy or the patient, as its type says, and the two must differ.";
            return Err(wrong("QuestionnaireResponse.source", told));
        }
        let authored = text("authored").and_then(|at| FhirDateTime::parse(at).ok());
        let told = "Say when the form was filled in.";
        Ok(Self {
            status: text("status").unwrap_or("completed").to_owned(),
            applicant,
            proxy,
            patient,
            authored: authored.ok_or_else(|| wrong("QuestionnaireResponse.authored", told))?,
            questionnaire: text("questionnaire")
                .ok_or_else(|| wrong("QuestionnaireResponse.questionnaire", "Name the form."))?
                .to_owned(),
            document: kept(body, applicant, patient, source),
        })
    }
}

/// The document without what the service writes by itself. It names its people by NHS number, as every
/// reader of it expects, also where its sender named them by reference alone.
fn kept(body: &Value, applicant: Applicant, patient: NhsNumber, source: NhsNumber) -> String {
    let mut document = body.clone();
    if let Some(members) = document.as_object_mut() {
        members.shift_remove("id");
        members.shift_remove("meta");
        members.shift_remove("identifier");
    }
    for (name, kind, number) in [("subject", "Patient", patient), ("source", applicant.source_type(), source)]
    {
        if let Some(reference) = document.get_mut(name) {
            party::complete(reference, kind, number);
        }
    }
    document.to_string()
}

/// The text that answers a question, wherever the question stands.
fn answer<'v>(item: &'v Value, link_id: &str) -> Option<&'v str> {
    let mut items = item.get("item").and_then(Value::as_array).into_iter().flatten();
    items.find_map(|item| {
        let is_it = item.get("linkId").and_then(Value::as_str) == Some(link_id);
        let here = || item.pointer("/answer/0/valueString").and_then(Value::as_str);
        if is_it { here() } else { answer(item, link_id) }
    })
}

fn stored(request: &Versioned<AccessRequest>) -> Result<Stored, Error> {
    let Versioned { value, version, updated_at } = request;
    let id = value.id.to_string();
    let mut body = head(ResourceType::QuestionnaireResponse, &id, *version, *updated_at);
    body.insert("identifier".to_owned(), json!({ "value": value.reference_code.as_str() }));
    let document: Map<String, Value> = serde_json::from_str(&value.document).map_err(Error::fault)?;
    for (key, element) in document {
        body.entry(key).or_insert(element);
    }
    let body = Value::Object(body);
    Ok(Stored {
        kind: ResourceType::QuestionnaireResponse,
        id,
        version: *version,
        updated_at: *updated_at,
        body,
    })
}
