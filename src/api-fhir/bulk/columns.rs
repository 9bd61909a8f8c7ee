//! A row of a CSV file as a Consent: the columns, and the elements that they become.

use serde_json::{Map, Value, json};

use crate::url;

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "`NAMES` has the names, and the operator's guide their contents")]
pub enum CsvColumn {
    Proxy,
    Patient,
    Status,
    Reason,
    ReasonText,
    LegalBasis,
    Grantor,
    Start,
    End,
    Decided,
}

/// The name of each column, and whether it is required.
const NAMES: [(CsvColumn, &str, bool); 10] = [
    (CsvColumn::Proxy, "proxy_nhs_number", true),
    (CsvColumn::Patient, "patient_nhs_number", true),
    (CsvColumn::Status, "status", true),
    (CsvColumn::Reason, "reason_code", true),
    (CsvColumn::ReasonText, "reason_text", false),
    (CsvColumn::LegalBasis, "legal_basis", true),
    (CsvColumn::Grantor, "grantor_ods", true),
    (CsvColumn::Start, "start", false),
    (CsvColumn::End, "end", false),
    (CsvColumn::Decided, "decided", true),
];

/// The columns of a file, in its order.
#[derive(Clone, Debug)]
pub struct Columns(Vec<CsvColumn>);

/// Why a header is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongHeader {
    /// A column is missing.
    #[error("the header lacks the column {0}")]
    Missing(&'static str),
    /// An unknown column, whose content would be ignored.
    #[error("column {0} of the header is not one of: {1}")]
    Unknown(usize, String),
    /// A column is repeated.
    #[error("the header has the column {0} twice")]
    Twice(&'static str),
}

impl CsvColumn {
    /// Its name in a header.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(column, _, _)| *column == self).map_or("", |(_, name, _)| name)
    }
}

impl Columns {
    /// Reads a header.
    ///
    /// # Errors
    ///
    /// [`WrongHeader`], the first fault. It quotes nothing of the header.
    pub fn read<'h>(header: impl Iterator<Item = &'h str>) -> Result<Self, WrongHeader> {
        let mut columns = Vec::new();
        for (place, cell) in (1..).zip(header) {
            let found = NAMES.iter().find(|(_, name, _)| *name == cell.trim());
            let (column, name, _) = found.ok_or_else(|| {
                let names: Vec<&str> = NAMES.iter().map(|(_, name, _)| *name).collect();
                WrongHeader::Unknown(place, names.join(", "))
            })?;
            if columns.contains(column) {
                return Err(WrongHeader::Twice(name));
            }
            columns.push(*column);
        }
        match NAMES.iter().find(|(column, _, is_needed)| *is_needed && !columns.contains(column)) {
            Some((_, name, _)) => Err(WrongHeader::Missing(name)),
            None => Ok(Self(columns)),
        }
    }

    /// The number of columns.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The Consent of a row. An empty cell is an absent element.
    pub fn consent<'r>(&self, row: impl Iterator<Item = &'r str>) -> Value {
        let cells: Vec<(CsvColumn, &str)> =
            self.0.iter().copied().zip(row.map(str::trim)).filter(|(_, cell)| !cell.is_empty()).collect();
        let cell = |wanted| cells.iter().find(|(column, _)| *column == wanted).map(|(_, cell)| *cell);
        let mut consent = Map::new();
        let mut add = |name: &str, value: Value| drop(consent.insert(name.to_owned(), value));
        add("resourceType", "Consent".into());
        let extensions: Vec<Value> =
            [reason(cell(CsvColumn::Reason), cell(CsvColumn::ReasonText)), grantor(cell(CsvColumn::Grantor))]
                .into_iter()
                .flatten()
                .collect();
        if !extensions.is_empty() {
            add("extension", extensions.into());
        }
        if let Some(status) = cell(CsvColumn::Status) {
            add("status", status.into());
        }
        add("scope", concept(url::CONSENT_SCOPE, "patient-privacy"));
        add("category", json!([concept(url::ACT_CODE, "INFA")]));
        if let Some(patient) = cell(CsvColumn::Patient) {
            add("patient", person(patient));
        }
        if let Some(decided) = cell(CsvColumn::Decided) {
            add("dateTime", decided.into());
        }
        add("policy", json!([{ "authority": url::POLICY_AUTHORITY, "uri": url::POLICY_URI }]));
        if let Some(basis) = cell(CsvColumn::LegalBasis) {
            let system = if basis == "UNK" { url::NULL_FLAVOR } else { url::LEGAL_BASIS };
            add("policyRule", concept(system, basis));
        }
        let proxy = cell(CsvColumn::Proxy);
        if let Some(proxy) = proxy {
            add("performer", json!([person(proxy)]));
        }
        add("provision", provision(proxy, cell(CsvColumn::Start), cell(CsvColumn::End)));
        Value::Object(consent)
    }

    /// The column of an element of such a Consent, by its FHIRPath expression.
    pub fn column_of(expression: &str) -> Option<CsvColumn> {
        const ELEMENTS: [(&str, CsvColumn); 11] = [
            ("Consent.performer", CsvColumn::Proxy),
            ("Consent.provision.actor", CsvColumn::Proxy),
            ("Consent.patient", CsvColumn::Patient),
            ("Consent.status", CsvColumn::Status),
            ("Consent.policyRule", CsvColumn::LegalBasis),
            ("Consent.provision.period.start", CsvColumn::Start),
            ("Consent.provision.period.end", CsvColumn::End),
            ("Consent.dateTime", CsvColumn::Decided),
            ("Consent.extension[0].value.ofType(CodeableConcept).text", CsvColumn::ReasonText),
            ("Consent.extension[0]", CsvColumn::Reason),
            ("Consent.extension[1]", CsvColumn::Grantor),
        ];
        let is_it = |(element, _): &&(&str, CsvColumn)| expression.starts_with(element);
        ELEMENTS.iter().find(is_it).map(|(_, column)| *column)
    }
}

fn concept(system: &str, code: &str) -> Value {
    json!({ "coding": [{ "system": system, "code": code }] })
}

fn person(number: &str) -> Value {
    json!({ "identifier": { "system": url::NHS_NUMBER, "value": number } })
}

fn reason(code: Option<&str>, text: Option<&str>) -> Option<Value> {
    let mut reason = concept(url::STATUS_REASON, code?);
    if let (Some(text), Some(reason)) = (text, reason.as_object_mut()) {
        reason.insert("text".to_owned(), text.into());
    }
    Some(json!({ "url": url::STATUS_REASON_EXTENSION, "valueCodeableConcept": reason }))
}

fn grantor(code: Option<&str>) -> Option<Value> {
    let identifier = json!({ "system": url::ODS_CODE, "value": code? });
    Some(json!({
        "url": url::GRANTOR_EXTENSION,
        "valueReference": { "type": "Organization", "identifier": identifier },
    }))
}

fn provision(proxy: Option<&str>, start: Option<&str>, end: Option<&str>) -> Value {
    let mut provision = Map::new();
    provision.insert("type".to_owned(), "permit".into());
    let period: Map<String, Value> = [("start", start), ("end", end)]
        .into_iter()
        .filter_map(|(name, at)| at.map(|at| (name.to_owned(), at.into())))
        .collect();
    if !period.is_empty() {
        provision.insert("period".to_owned(), period.into());
    }
    if let Some(proxy) = proxy {
        let role = concept(url::PARTICIPATION_TYPE, "IRCP");
        provision.insert("actor".to_owned(), json!([{ "role": role, "reference": person(proxy) }]));
    }
    Value::Object(provision)
}
