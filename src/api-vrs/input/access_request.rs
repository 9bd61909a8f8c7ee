//! Reads the QuestionnaireResponse of `POST /QuestionnaireResponse`.

use fhir_codec::CodecResourceType;
use serde_json::Value;

use crate::catalogue;
use crate::input::form::{ItemKind, kind_of};
use crate::input::{for_codec, has_modifier_extension, items, member, text};
use crate::problem::VrsError;
use crate::url;
use base::date_time::FhirDateTime;
use base::json;
use domain::person::{NhsNumber, NumberCheck};
use domain::proxy::Applicant;
use service::proxy::Submission;

/// Reads an access request. The contract has one error for every fault in it.
pub(crate) fn read(body: &[u8], check: NumberCheck, json_depth: usize) -> Result<Submission, VrsError> {
    let wrong =
        || catalogue::BAD_REQUEST.saying("The supplied input is not a valid FHIR QuestionnaireResponse.");
    let body = json::parse(body, json_depth).map_err(|_fault| wrong())?;
    let is_typed = text(&body, &["resourceType"]) == Some("QuestionnaireResponse");
    if !is_typed || has_modifier_extension(&body) {
        return Err(wrong());
    }
    fhir_codec::check(CodecResourceType::QuestionnaireResponse, &for_codec(&body))
        .map_err(|_wrong| wrong())?;
    submission(&body, body.to_string(), check).ok_or_else(wrong)
}

fn submission(body: &Value, document: String, check: NumberCheck) -> Option<Submission> {
    text(body, &["status"]).filter(|status| *status == "completed")?;
    let authored = FhirDateTime::parse(text(body, &["authored"])?).ok()?;
    let questionnaire = text(body, &["questionnaire"]).filter(|url| names_a_questionnaire(url))?;
    let applicant = Applicant::parse(text(body, &["source", "type"])?)?;
    let source = person(member(body, &["source"])?, check)?;
    text(body, &["subject", "type"]).filter(|kind| *kind == "Patient")?;
    let subject = person(member(body, &["subject"])?, check)?;
    let mut answers = Answers::default();
    answers.collect(items(body, &["item"]))?;
    let proxy = NhsNumber::parse(answers.proxy?, check).ok()?;
    let patient = NhsNumber::parse(answers.patient?, check).ok()?;
    let expected_source = match applicant {
        Applicant::Proxy => proxy,
        Applicant::Patient => patient,
    };
    let agrees = source == expected_source && subject == patient && proxy != patient;
    (agrees && answers.has_access_level).then(|| Submission {
        applicant,
        proxy,
        patient,
        authored,
        questionnaire: questionnaire.to_owned(),
        document,
    })
}

/// `…/Questionnaire/ID` or `Questionnaire/ID`.
fn names_a_questionnaire(url: &str) -> bool {
    let (before, id) = url.rsplit_once('/').unwrap_or_default();
    (before == "Questionnaire" || before.ends_with("/Questionnaire")) && !id.is_empty()
}

fn person(reference: &Value, check: NumberCheck) -> Option<NhsNumber> {
    text(reference, &["identifier", "system"]).filter(|system| *system == url::NHS_NUMBER)?;
    NhsNumber::parse(text(reference, &["identifier", "value"])?, check).ok()
}

/// The answers that the request needs.
#[derive(Default)]
struct Answers<'v> {
    proxy: Option<&'v str>,
    patient: Option<&'v str>,
    has_access_level: bool,
}

impl<'v> Answers<'v> {
    /// Checks the items and their children. `None` when an answer has the wrong type for its question.
    fn collect(&mut self, questions: &'v [Value]) -> Option<()> {
        for item in questions {
            let link_id = text(item, &["linkId"])?;
            let answers = items(item, &["answer"]);
            if let Some(kind) = kind_of(link_id) {
                is_answered_with(kind, answers).then_some(())?;
            }
            let value = answers.first().and_then(|answer| text(answer, &["valueString"]));
            match link_id {
                "relatedPerson_identifier" => self.proxy = Some(value.filter(|_| self.proxy.is_none())?),
                "patient_identifier" => self.patient = Some(value.filter(|_| self.patient.is_none())?),
                "requestedAccess_accessLevel" => self.has_access_level |= !answers.is_empty(),
                _ => {}
            }
            self.collect(items(item, &["item"]))?;
            for answer in answers {
                self.collect(items(answer, &["item"]))?;
            }
        }
        Some(())
    }
}

fn is_answered_with(kind: ItemKind, answers: &[Value]) -> bool {
    let most = match kind {
        ItemKind::Group => 0,
        ItemKind::Coding(most, ..) => most,
        ItemKind::Text | ItemKind::TextOrBoolean | ItemKind::Date => 1,
    };
    answers.len() <= most && answers.iter().all(|answer| fits(kind, answer))
}

fn fits(kind: ItemKind, answer: &Value) -> bool {
    match kind {
        ItemKind::Group => false,
        ItemKind::Text => text(answer, &["valueString"]).is_some(),
        ItemKind::TextOrBoolean => {
            text(answer, &["valueString"]).is_some()
                || answer.get("valueBoolean").is_some_and(Value::is_boolean)
        }
        ItemKind::Date => text(answer, &["valueDate"])
            .and_then(|date| FhirDateTime::parse(date).ok())
            .is_some_and(|date| date.is_date()),
        ItemKind::Coding(_, systems, codes) => {
            let system = text(answer, &["valueCoding", "system"]);
            let of_system = |given| systems.iter().any(|known| url::is_same_system(given, known));
            // A coding without a system has the system of its question.
            system.is_none_or(of_system)
                && text(answer, &["valueCoding", "code"]).is_some_and(|code| codes.contains(&code))
        }
    }
}
