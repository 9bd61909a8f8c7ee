//! Access requests.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::date_time::{FhirDateTime, to_millis};
use crate::error::Error;
use crate::proxy::{AccessRequest, Applicant, ReferenceCode};
use crate::store::Tx;
use crate::store::error::corrupt;
use crate::store::person::nhs_number;
use crate::store::schema::access_requests;

#[derive(Queryable)]
struct AccessRequestRow {
    id: String,
    reference_code: String,
    applicant: String,
    proxy: String,
    patient: String,
    authored_text: String,
    questionnaire: String,
    document: String,
    _submitted_at: i64,
}

impl Tx<'_> {
    /// Finds an access request.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn find_access_request(&mut self, id: Uuid) -> Result<Option<AccessRequest>, Error> {
        let found = access_requests::table.filter(access_requests::id.eq(id.to_string()));
        let row: Option<AccessRequestRow> = found.first(self.db).optional()?;
        row.map(AccessRequestRow::into_access_request).transpose()
    }

    /// Whether an access request with this id, or with this reference code, is there.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn has_access_request(&mut self, id: Uuid, code: &ReferenceCode) -> Result<bool, Error> {
        let same = access_requests::table.filter(
            access_requests::id.eq(id.to_string()).or(access_requests::reference_code.eq(code.as_str())),
        );
        let count: i64 = same.count().get_result(self.db)?;
        Ok(count > 0)
    }

    /// Writes an access request.
    ///
    /// # Errors
    ///
    /// [`Kind::Conflict`](crate::error::Kind) when its id or its reference code is taken.
    pub fn insert_access_request(
        &mut self,
        request: &AccessRequest,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let row = (
            access_requests::id.eq(request.id.to_string()),
            access_requests::reference_code.eq(request.reference_code.as_str()),
            access_requests::applicant.eq(request.applicant.source_type()),
            access_requests::proxy.eq(request.proxy.as_str()),
            access_requests::patient.eq(request.patient.as_str()),
            access_requests::authored_text.eq(request.authored.text()),
            access_requests::questionnaire.eq(&request.questionnaire),
            access_requests::document.eq(&request.document),
            access_requests::submitted_at.eq(to_millis(now)),
        );
        diesel::insert_into(access_requests::table).values(row).execute(self.db)?;
        Ok(())
    }
}

impl AccessRequestRow {
    fn into_access_request(self) -> Result<AccessRequest, Error> {
        Ok(AccessRequest {
            id: Uuid::parse_str(&self.id).or(Err(corrupt("UUID")))?,
            reference_code: ReferenceCode::parse(&self.reference_code)
                .ok_or_else(|| corrupt("reference code"))?,
            applicant: Applicant::parse(&self.applicant).ok_or_else(|| corrupt("applicant"))?,
            proxy: nhs_number(&self.proxy)?,
            patient: nhs_number(&self.patient)?,
            authored: FhirDateTime::parse(&self.authored_text).or(Err(corrupt("dateTime")))?,
            questionnaire: self.questionnaire,
            document: self.document,
        })
    }
}
