//! Relationships and their versions.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::dialect::{in_list, on_dialect};
use crate::person::{both_are_current, nhs_number};
use crate::schema::{relationship_codes, relationship_versions, relationships};
use crate::search::normalize::normalized_words;
use crate::sql::Sql;
use crate::tx::Tx;
use base::date_time::{from_millis, to_millis};
use base::error::{Error, ErrorKind};
use domain::person::NhsNumber;
use domain::proxy::relationship::RelationshipCode;
use domain::proxy::{Relationship, Versioned};

#[derive(Queryable, Insertable)]
#[diesel(table_name = relationships)]
struct RelationshipRow {
    id: String,
    version: i64,
    proxy: String,
    patient: String,
    verified: bool,
    active: bool,
    updated_at: i64,
}

/// Diesel prepares no UPDATE to run again.
const UPDATE: &str = "UPDATE relationships SET version = ?, proxy = ?, patient = ?, verified = ?, active = ?, updated_at = ? \
    WHERE id = ? AND version = ?";

/// The codes of one insert: each binds seven values, of which a statement can hold some ten thousand.
const CODES_AT_ONCE: usize = 1000;

/// A code as it is inserted; the columns are those of [`CodeRow`].
#[derive(Insertable)]
#[diesel(table_name = relationship_codes, treat_none_as_default_value = false)]
struct NewCode<'c> {
    relationship_id: &'c str,
    version: i64,
    position: i32,
    system: &'c str,
    code: &'c str,
    display: Option<String>,
    display_folded: Option<String>,
}

impl<'c> NewCode<'c> {
    fn of(kept: &'c Versioned<Relationship>, (position, code): (i32, &'c RelationshipCode)) -> Self {
        Self {
            relationship_id: &kept.value.id,
            version: kept.version,
            position,
            system: &code.system,
            code: &code.code,
            display: code.display.clone(),
            display_folded: code.display.as_deref().and_then(normalized_words),
        }
    }
}

#[derive(Queryable)]
struct CodeRow {
    relationship_id: String,
    version: i64,
    _position: i32,
    system: String,
    code: String,
    display: Option<String>,
    _display_folded: Option<String>,
}

impl Tx<'_> {
    /// The verified relationships of a proxy, a patient, or the pair, that are in use and whose people may
    /// both appear in an answer. Ordered by id. Two statements.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_verified_relationships(
        &mut self,
        proxy: Option<NhsNumber>,
        patient: Option<NhsNumber>,
    ) -> Result<Vec<Relationship>, Error> {
        let mut query = relationships::table
            .filter(relationships::verified.eq(true))
            .filter(relationships::active.eq(true))
            .filter(both_are_current!(relationships))
            .order(relationships::id)
            .into_boxed();
        if let Some(proxy) = proxy {
            query = query.filter(relationships::proxy.eq(proxy.to_string()));
        }
        if let Some(patient) = patient {
            query = query.filter(relationships::patient.eq(patient.to_string()));
        }
        let rows = query.load(self.db)?;
        Ok(values(self.with_codes(rows)?))
    }

    /// Every relationship in use, verified or not, between these pairs of (proxy, patient). Ordered by id.
    /// Two statements, whatever the number of pairs.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_relationships_of_pairs(
        &mut self,
        pairs: &[(NhsNumber, NhsNumber)],
    ) -> Result<Vec<Relationship>, Error> {
        let (proxies, patients): (Vec<NhsNumber>, Vec<NhsNumber>) = pairs.iter().copied().unzip();
        let rows: Vec<RelationshipRow> = relationships::table
            .filter(in_list!(self.db, relationships.proxy, proxies))
            .filter(in_list!(self.db, relationships.patient, patients))
            .filter(relationships::active.eq(true))
            .order(relationships::id)
            .load(self.db)?;
        let wanted = |row: &RelationshipRow| {
            pairs.iter().any(|(proxy, patient)| {
                (proxy.as_str(), patient.as_str()) == (row.proxy.as_str(), row.patient.as_str())
            })
        };
        Ok(values(self.with_codes(rows.into_iter().filter(wanted).collect())?))
    }

    /// These relationships, in no particular order; unknown ids are left out.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_relationships_by_id(
        &mut self,
        ids: &[String],
    ) -> Result<Vec<Versioned<Relationship>>, Error> {
        let rows = relationships::table.filter(in_list!(self.db, relationships.id, ids)).load(self.db)?;
        self.with_codes(rows)
    }

    /// These versions of relationships, in no particular order.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_relationship_versions_by_id(
        &mut self,
        wanted: &[(String, i64)],
    ) -> Result<Vec<Versioned<Relationship>>, Error> {
        let ids: Vec<&str> = wanted.iter().map(|(id, _)| id.as_str()).collect();
        let versions: Vec<i64> = wanted.iter().map(|(_, version)| *version).collect();
        let mut rows: Vec<RelationshipRow> = relationship_versions::table
            .filter(in_list!(self.db, relationship_versions.id, ids))
            .filter(in_list!(self.db, relationship_versions.version, numbers versions))
            .load(self.db)?;
        rows.retain(|row| wanted.iter().any(|(id, version)| *id == row.id && *version == row.version));
        self.with_codes(rows)
    }

    /// Whether a relationship with this id exists.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn has_relationship(&mut self, id: &str) -> Result<bool, Error> {
        let count: i64 = relationships::table.filter(relationships::id.eq(id)).count().get_result(self.db)?;
        Ok(count > 0)
    }

    /// Writes the first version of a relationship.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] where the id is taken.
    pub fn insert_relationship(
        &mut self,
        relationship: Relationship,
        now: DateTime<Utc>,
    ) -> Result<Versioned<Relationship>, Error> {
        let first = Versioned { value: relationship, version: 1, updated_at: now };
        diesel::insert_into(relationships::table).values(RelationshipRow::of(&first)).execute(self.db)?;
        self.keep_relationship_version(&first)?;
        Ok(first)
    }

    /// Writes the next version of a relationship over the version that it was made from.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::PreconditionFailed`] after a concurrent change.
    pub fn save_relationship(
        &mut self,
        relationship: Relationship,
        expected: i64,
        now: DateTime<Utc>,
    ) -> Result<Versioned<Relationship>, Error> {
        let next = Versioned { value: relationship, version: expected + 1, updated_at: now };
        let row = RelationshipRow::of(&next);
        let update = Sql::fixed(UPDATE).number(row.version).text(row.proxy).text(row.patient);
        let update = update.truth(row.verified).truth(row.active).number(row.updated_at);
        let update = update.text(row.id).number(expected);
        match on_dialect!(self.db, c => update.execute(c))? {
            1 => {
                self.keep_relationship_version(&next)?;
                Ok(next)
            }
            _ => Err(Error::new(ErrorKind::PreconditionFailed, "the relationship was changed concurrently")),
        }
    }

    fn keep_relationship_version(&mut self, kept: &Versioned<Relationship>) -> Result<(), Error> {
        let present = relationships::table.filter(relationships::id.eq(kept.value.id.clone()));
        let copy = present.insert_into(relationship_versions::table);
        on_dialect!(self.db, connection => copy.execute(connection))?;
        let codes: Vec<NewCode<'_>> = (0..).zip(&kept.value.codes).map(|it| NewCode::of(kept, it)).collect();
        for codes in codes.chunks(CODES_AT_ONCE) {
            on_dialect!(self.db, c => diesel::insert_into(relationship_codes::table).values(codes).execute(c))?;
        }
        Ok(())
    }

    fn with_codes(&mut self, rows: Vec<RelationshipRow>) -> Result<Vec<Versioned<Relationship>>, Error> {
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        let codes: Vec<CodeRow> = relationship_codes::table
            .filter(in_list!(self.db, relationship_codes.relationship_id, ids))
            .order((relationship_codes::relationship_id, relationship_codes::position))
            .load(self.db)?;
        let mut codes_of: HashMap<(String, i64), Vec<RelationshipCode>> = HashMap::new();
        for row in codes {
            let code = RelationshipCode { system: row.system, code: row.code, display: row.display };
            codes_of.entry((row.relationship_id, row.version)).or_default().push(code);
        }
        let into_relationship = |row: RelationshipRow| {
            let relationship = Relationship {
                proxy: nhs_number(&row.proxy)?,
                patient: nhs_number(&row.patient)?,
                codes: codes_of.remove(&(row.id.clone(), row.version)).unwrap_or_default(),
                active: row.active,
                verified: row.verified,
                id: row.id,
            };
            let updated_at = from_millis(row.updated_at);
            Ok(Versioned { value: relationship, version: row.version, updated_at })
        };
        rows.into_iter().map(into_relationship).collect()
    }
}

impl RelationshipRow {
    fn of(relationship: &Versioned<Relationship>) -> Self {
        let Versioned { value, version, updated_at } = relationship;
        Self {
            id: value.id.clone(),
            version: *version,
            proxy: value.proxy.to_string(),
            patient: value.patient.to_string(),
            verified: value.verified,
            active: value.active,
            updated_at: to_millis(*updated_at),
        }
    }
}

fn values(versioned: Vec<Versioned<Relationship>>) -> Vec<Relationship> {
    versioned.into_iter().map(|relationship| relationship.value).collect()
}
