//! Access requests and their versions.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use uuid::Uuid;

use crate::dialect::{in_list, on_dialect};
use crate::error::corrupt;
use crate::person::nhs_number;
use crate::schema::{access_request_versions, access_requests, people};
use crate::sql::Sql;
use crate::tx::Tx;
use base::date_time::{FhirDateTime, from_millis, to_millis};
use base::error::{Error, ErrorKind};
use domain::person::{NhsNumber, Standing};
use domain::proxy::{AccessRequest, Applicant, ReferenceCode, Versioned};

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = access_requests)]
struct AccessRequestRow {
    id: String,
    version: i64,
    reference_code: String,
    status: String,
    applicant: String,
    proxy: String,
    patient: String,
    authored_text: String,
    authored_from: i64,
    authored_to: i64,
    questionnaire: String,
    document: String,
    updated_at: i64,
}

/// The open requests of an applicant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenRequests {
    /// About all pairs.
    pub all: i64,
    /// About one pair.
    pub of_pair: i64,
}

#[derive(QueryableByName)]
struct OpenRow {
    #[diesel(sql_type = BigInt)]
    all_open: i64,
    #[diesel(sql_type = BigInt)]
    of_pair: i64,
}

impl Tx<'_> {
    /// Finds an access request, unless it names a person who may not appear in an answer. It may name people
    /// whom the registry does not know. Its applicant, if that is `reader`, sees it whatever the standing of
    /// the other person.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_access_request(
        &mut self,
        id: Uuid,
        reader: Option<NhsNumber>,
    ) -> Result<Option<Versioned<AccessRequest>>, Error> {
        let standing = people::standing.ne(Standing::Current.as_str());
        let hidden_proxy = people::table.filter(people::nhs_number.eq(access_requests::proxy).and(standing));
        let hidden_patient =
            people::table.filter(people::nhs_number.eq(access_requests::patient).and(standing));
        let neither_is_hidden = diesel::dsl::not(diesel::dsl::exists(hidden_proxy))
            .and(diesel::dsl::not(diesel::dsl::exists(hidden_patient)));
        let mut found = access_requests::table.filter(access_requests::id.eq(id.to_string())).into_boxed();
        found = match reader.map(|reader| reader.to_string()) {
            None => found.filter(neither_is_hidden),
            Some(reader) => {
                let is_patients = access_requests::applicant.eq(Applicant::Patient.source_type());
                let own = (is_patients.and(access_requests::patient.eq(reader.clone())))
                    .or(diesel::dsl::not(is_patients).and(access_requests::proxy.eq(reader)));
                found.filter(own.or(neither_is_hidden))
            }
        };
        let row: Option<AccessRequestRow> = found.first(self.db).optional()?;
        row.map(AccessRequestRow::into_access_request).transpose()
    }

    /// These access requests, in no particular order; unknown ids are left out.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_access_requests_by_id(
        &mut self,
        ids: &[String],
    ) -> Result<Vec<Versioned<AccessRequest>>, Error> {
        let rows: Vec<AccessRequestRow> =
            access_requests::table.filter(in_list!(self.db, access_requests.id, ids)).load(self.db)?;
        rows.into_iter().map(AccessRequestRow::into_access_request).collect()
    }

    /// These versions of access requests, in no particular order.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_access_request_versions_by_id(
        &mut self,
        wanted: &[(String, i64)],
    ) -> Result<Vec<Versioned<AccessRequest>>, Error> {
        let ids: Vec<&str> = wanted.iter().map(|(id, _)| id.as_str()).collect();
        let versions: Vec<i64> = wanted.iter().map(|(_, version)| *version).collect();
        let mut rows: Vec<AccessRequestRow> = access_request_versions::table
            .filter(access_request_versions::id.eq_any(ids))
            .filter(access_request_versions::version.eq_any(versions))
            .load(self.db)?;
        rows.retain(|row| wanted.iter().any(|(id, version)| *id == row.id && *version == row.version));
        rows.into_iter().map(AccessRequestRow::into_access_request).collect()
    }

    /// Counts the open requests of an applicant: submitted since a time, and without a role. (Of those about
    /// one pair all count: whether that pair has a hidden role must not show.)
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn count_open_access_requests(
        &mut self,
        (applicant, proxy, patient): (Applicant, NhsNumber, NhsNumber),
        since: DateTime<Utc>,
    ) -> Result<OpenRequests, Error> {
        let (of_proxy, of_patient) =
            ("r.applicant = 'RelatedPerson' AND r.proxy = ?", "r.applicant = 'Patient' AND r.patient = ?");
        let (own, number) = match applicant {
            Applicant::Proxy => (of_proxy, proxy),
            Applicant::Patient => (of_patient, patient),
        };
        let sql = format!(
            "SELECT COUNT(CASE WHEN NOT EXISTS \
             (SELECT 1 FROM roles WHERE roles.proxy = r.proxy AND roles.patient = r.patient) THEN 1 END) AS all_open, \
             COUNT(CASE WHEN r.proxy = ? AND r.patient = ? THEN 1 END) AS of_pair FROM access_requests r \
             WHERE {own} AND r.status IN ('completed', 'amended') AND r.updated_at >= ?"
        );
        let count = Sql::composed(sql, Vec::new())
            .text(proxy.to_string())
            .text(patient.to_string())
            .text(number.to_string())
            .number(to_millis(since));
        let rows: Vec<OpenRow> = on_dialect!(self.db, c => count.load(c))?;
        let row = rows.first();
        Ok(OpenRequests { all: row.map_or(0, |row| row.all_open), of_pair: row.map_or(0, |row| row.of_pair) })
    }

    /// Whether an access request with this id, or with this reference code, exists.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn has_access_request(&mut self, id: Uuid, code: &ReferenceCode) -> Result<bool, Error> {
        let same = access_requests::table.filter(
            access_requests::id.eq(id.to_string()).or(access_requests::reference_code.eq(code.as_str())),
        );
        let count: i64 = same.count().get_result(self.db)?;
        Ok(count > 0)
    }

    /// Writes the first version of an access request.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] where its id or its reference code is taken.
    pub fn insert_access_request(
        &mut self,
        request: AccessRequest,
        now: DateTime<Utc>,
    ) -> Result<Versioned<AccessRequest>, Error> {
        let first = Versioned { value: request, version: 1, updated_at: now };
        diesel::insert_into(access_requests::table).values(AccessRequestRow::of(&first)).execute(self.db)?;
        self.keep_access_request_version(first.value.id)?;
        Ok(first)
    }

    /// Writes the next version of an access request over the version that it was made from.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::PreconditionFailed`] after a concurrent change.
    pub fn save_access_request(
        &mut self,
        request: AccessRequest,
        expected: i64,
        now: DateTime<Utc>,
    ) -> Result<Versioned<AccessRequest>, Error> {
        let next = Versioned { value: request, version: expected + 1, updated_at: now };
        let target = access_requests::table
            .filter(access_requests::id.eq(next.value.id.to_string()))
            .filter(access_requests::version.eq(expected));
        match diesel::update(target).set(AccessRequestRow::of(&next)).execute(self.db)? {
            1 => {
                self.keep_access_request_version(next.value.id)?;
                Ok(next)
            }
            _ => {
                Err(Error::new(ErrorKind::PreconditionFailed, "the access request was changed concurrently"))
            }
        }
    }

    fn keep_access_request_version(&mut self, id: Uuid) -> Result<(), Error> {
        let present = access_requests::table.filter(access_requests::id.eq(id.to_string()));
        let copy = present.insert_into(access_request_versions::table);
        on_dialect!(self.db, connection => copy.execute(connection))?;
        Ok(())
    }
}

impl AccessRequestRow {
    fn of(request: &Versioned<AccessRequest>) -> Self {
        let Versioned { value, version, updated_at } = request;
        Self {
            id: value.id.to_string(),
            version: *version,
            reference_code: value.reference_code.to_string(),
            status: value.status.clone(),
            applicant: value.applicant.source_type().to_owned(),
            proxy: value.proxy.to_string(),
            patient: value.patient.to_string(),
            authored_text: value.authored.text().to_owned(),
            authored_from: to_millis(value.authored.earliest()),
            authored_to: to_millis(value.authored.latest()),
            questionnaire: value.questionnaire.clone(),
            document: value.document.clone(),
            updated_at: to_millis(*updated_at),
        }
    }

    fn into_access_request(self) -> Result<Versioned<AccessRequest>, Error> {
        let request = AccessRequest {
            id: Uuid::parse_str(&self.id).or(Err(corrupt("UUID")))?,
            reference_code: ReferenceCode::parse(&self.reference_code)
                .ok_or_else(|| corrupt("reference code"))?,
            status: self.status,
            applicant: Applicant::parse(&self.applicant).ok_or_else(|| corrupt("applicant"))?,
            proxy: nhs_number(&self.proxy)?,
            patient: nhs_number(&self.patient)?,
            authored: FhirDateTime::parse(&self.authored_text).or(Err(corrupt("dateTime")))?,
            questionnaire: self.questionnaire,
            document: self.document,
        };
        Ok(Versioned { value: request, version: self.version, updated_at: from_millis(self.updated_at) })
    }
}
