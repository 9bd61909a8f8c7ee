//! Relationships.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::dsl;
use diesel::prelude::*;

use crate::date_time::to_millis;
use crate::error::Error;
use crate::person::{NhsNumber, Standing};
use crate::proxy::Relationship;
use crate::proxy::relationship::RelationshipCode;
use crate::store::Tx;
use crate::store::person::nhs_number;
use crate::store::schema::{people, relationship_codes, relationships};

#[derive(Queryable)]
struct RelationshipRow {
    id: String,
    proxy: String,
    patient: String,
    verified: bool,
    _updated_at: i64,
}

#[derive(Queryable)]
struct CodeRow {
    relationship_id: String,
    _position: i32,
    system: String,
    code: String,
    display: Option<String>,
}

impl Tx<'_> {
    /// The verified relationships of a proxy, a patient, or the pair, where both people may appear in
    /// an answer. Ordered by id. Two statements.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn list_verified_relationships(
        &mut self,
        proxy: Option<NhsNumber>,
        patient: Option<NhsNumber>,
    ) -> Result<Vec<Relationship>, Error> {
        let mut query = relationships::table
            .filter(relationships::verified.eq(true))
            .filter(relationships::proxy.eq_any(current_people()))
            .filter(relationships::patient.eq_any(current_people()))
            .order(relationships::id)
            .into_boxed();
        if let Some(proxy) = proxy {
            query = query.filter(relationships::proxy.eq(proxy.to_string()));
        }
        if let Some(patient) = patient {
            query = query.filter(relationships::patient.eq(patient.to_string()));
        }
        let rows = query.load(self.db)?;
        self.with_codes(rows)
    }

    /// Every relationship, verified or not, between these pairs of (proxy, patient). Ordered by id.
    /// Two statements, however many pairs there are.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn list_relationships_of_pairs(
        &mut self,
        pairs: &[(NhsNumber, NhsNumber)],
    ) -> Result<Vec<Relationship>, Error> {
        let proxies: Vec<&str> = pairs.iter().map(|(proxy, _)| proxy.as_str()).collect();
        let patients: Vec<&str> = pairs.iter().map(|(_, patient)| patient.as_str()).collect();
        let rows: Vec<RelationshipRow> = relationships::table
            .filter(relationships::proxy.eq_any(proxies))
            .filter(relationships::patient.eq_any(patients))
            .order(relationships::id)
            .load(self.db)?;
        let wanted = |row: &RelationshipRow| {
            pairs.iter().any(|(proxy, patient)| {
                (proxy.as_str(), patient.as_str()) == (row.proxy.as_str(), row.patient.as_str())
            })
        };
        self.with_codes(rows.into_iter().filter(wanted).collect())
    }

    /// Writes a relationship that is not there yet; one that is there stays as it is.
    ///
    /// # Errors
    ///
    /// When the database refuses.
    pub fn insert_relationship_if_new(
        &mut self,
        relationship: &Relationship,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let same = relationships::table.filter(relationships::id.eq(&relationship.id));
        let known: i64 = same.count().get_result(self.db)?;
        if known > 0 {
            return Ok(false);
        }
        let row = (
            relationships::id.eq(&relationship.id),
            relationships::proxy.eq(relationship.proxy.as_str()),
            relationships::patient.eq(relationship.patient.as_str()),
            relationships::verified.eq(relationship.verified),
            relationships::updated_at.eq(to_millis(now)),
        );
        diesel::insert_into(relationships::table).values(row).execute(self.db)?;
        for (position, code) in (0..).zip(&relationship.codes) {
            let row = (
                relationship_codes::relationship_id.eq(&relationship.id),
                relationship_codes::position.eq(position),
                relationship_codes::system.eq(&code.system),
                relationship_codes::code.eq(&code.code),
                relationship_codes::display.eq(code.display.as_deref()),
            );
            diesel::insert_into(relationship_codes::table).values(row).execute(self.db)?;
        }
        Ok(true)
    }

    fn with_codes(&mut self, rows: Vec<RelationshipRow>) -> Result<Vec<Relationship>, Error> {
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        let codes: Vec<CodeRow> = relationship_codes::table
            .filter(relationship_codes::relationship_id.eq_any(ids))
            .order((relationship_codes::relationship_id, relationship_codes::position))
            .load(self.db)?;
        let mut codes_of: HashMap<String, Vec<RelationshipCode>> = HashMap::new();
        for row in codes {
            let code = RelationshipCode { system: row.system, code: row.code, display: row.display };
            codes_of.entry(row.relationship_id).or_default().push(code);
        }
        let into_relationship = |row: RelationshipRow| {
            Ok(Relationship {
                proxy: nhs_number(&row.proxy)?,
                patient: nhs_number(&row.patient)?,
                codes: codes_of.remove(&row.id).unwrap_or_default(),
                verified: row.verified,
                id: row.id,
            })
        };
        rows.into_iter().map(into_relationship).collect()
    }
}

/// The numbers of the people who may appear in an answer, as a subselect.
pub(crate) fn current_people() -> CurrentPeople {
    people::table.filter(people::standing.eq(Standing::Current.as_str())).select(people::nhs_number)
}

/// The type of [`current_people`].
pub(crate) type CurrentPeople =
    dsl::Select<dsl::Filter<people::table, dsl::Eq<people::standing, &'static str>>, people::nhs_number>;
