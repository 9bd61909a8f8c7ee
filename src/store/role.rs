//! Roles and their versions.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::dialect::{in_list, on_dialect};
use crate::error::{corrupt, of_search};
use crate::person::{both_are_current, nhs_number};
use crate::schema::{people, role_versions, roles};
use crate::search::{Filter, RoleField, Table, Visibility, condition};
use crate::sql::{ColumnList, Sql};
use crate::tx::Tx;
use base::date_time::{FhirDateTime, from_millis, to_millis};
use base::error::{Error, ErrorKind};
use domain::person::NhsNumber;
use domain::proxy::{LegalBasis, OdsCode, ReasonCode, Role, RolePeriod, Status, StatusReason, Versioned};

/// The criteria of a search. `None` does not restrict.
#[derive(Clone, Debug, Default)]
pub struct RoleSearch {
    /// The roles of this proxy.
    pub proxy: Option<NhsNumber>,
    /// The roles for this patient.
    pub patient: Option<NhsNumber>,
    /// The roles with one of these statuses at the time of the search.
    pub statuses: Option<Vec<Status>>,
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = roles, treat_none_as_default_value = false)]
pub(super) struct RoleRow {
    pub(super) id: String,
    version: i64,
    proxy: String,
    patient: String,
    status: String,
    reason_code: String,
    reason_text: Option<String>,
    legal_basis: String,
    grantor: Option<String>,
    start_text: Option<String>,
    end_text: Option<String>,
    start_at: Option<i64>,
    end_at: Option<i64>,
    created_text: String,
    created_from: i64,
    created_to: i64,
    updated_at: i64,
    needs_review: bool,
    reason_by: Option<String>,
}

/// All columns of `roles`, in the order of the schema.
const COLUMNS: ColumnList<roles::SqlType> = ColumnList::new(
    "roles.id, roles.version, roles.proxy, roles.patient, roles.status, roles.reason_code, roles.reason_text, \
     roles.legal_basis, roles.grantor, roles.start_text, roles.end_text, roles.start_at, roles.end_at, roles.created_text, \
     roles.created_from, roles.created_to, roles.updated_at, roles.needs_review, roles.reason_by",
);

/// Diesel prepares no UPDATE to run again.
const UPDATE: &str = "UPDATE roles SET version = ?, status = ?, reason_code = ?, reason_text = ?, legal_basis = ?, \
    grantor = ?, start_text = ?, end_text = ?, start_at = ?, end_at = ?, created_text = ?, created_from = ?, created_to = ?, \
    updated_at = ?, needs_review = ?, reason_by = ?, proxy = ?, patient = ? WHERE id = ? AND version = ?";

impl Tx<'_> {
    /// Finds a role, as it is stored, whose people may both appear in an answer.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_role(&mut self, id: Uuid) -> Result<Option<Versioned<Role>>, Error> {
        let row: Option<RoleRow> = roles::table
            .filter(both_are_current!(roles))
            .filter(roles::id.eq(id.to_string()))
            .first(self.db)
            .optional()?;
        row.map(RoleRow::into_role).transpose()
    }

    /// As [`Tx::find_role`], of the roles of a scope.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_role_within(
        &mut self,
        id: Uuid,
        scope: Visibility,
    ) -> Result<Option<Versioned<Role>>, Error> {
        let filter = Filter::text(Table::Roles.id(), id.to_string());
        Ok(self.list_visible_roles(&filter, scope)?.pop())
    }

    /// As [`Tx::find_role`], locked until this transaction ends.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_role_to_change(&mut self, id: Uuid) -> Result<Option<Versioned<Role>>, Error> {
        self.lock_row(Table::Roles, &id.to_string())?;
        self.find_role(id)
    }

    /// Whether this person has a role that may appear, as proxy or as patient, whatever its status.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn has_role(&mut self, number: NhsNumber) -> Result<bool, Error> {
        let named = roles::proxy.eq(number.to_string()).or(roles::patient.eq(number.to_string()));
        let theirs = roles::table.filter(both_are_current!(roles)).filter(named).select(roles::id);
        let found: Option<String> = theirs.first(self.db).optional()?;
        Ok(found.is_some())
    }

    /// Whether there is a role for this pair, hidden or not.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn has_role_of_pair(&mut self, proxy: NhsNumber, patient: NhsNumber) -> Result<bool, Error> {
        let pair = roles::table
            .filter(roles::proxy.eq(proxy.to_string()))
            .filter(roles::patient.eq(patient.to_string()));
        let count: i64 = pair.count().get_result(self.db)?;
        Ok(count > 0)
    }

    /// The matching roles, as they are stored, whose people may both appear in an answer. Ordered by id,
    /// which is the order of their creation. One statement.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_roles(
        &mut self,
        search: &RoleSearch,
        now: DateTime<Utc>,
    ) -> Result<Vec<Versioned<Role>>, Error> {
        self.list_roles_within(search, now, None)
    }

    /// As [`Tx::list_roles`], of the roles of a scope.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_roles_within(
        &mut self,
        search: &RoleSearch,
        now: DateTime<Utc>,
        scope: Option<&Visibility>,
    ) -> Result<Vec<Versioned<Role>>, Error> {
        let mut query = roles::table.filter(both_are_current!(roles)).order(roles::id).into_boxed();
        if let Some(scope) = scope {
            let named = |field: RoleField, number: Option<NhsNumber>| {
                number.map(|number| Filter::text(field, number.as_str()))
            };
            let proxy = named(RoleField::Proxy, search.proxy);
            let of_people = proxy.into_iter().chain(named(RoleField::Patient, search.patient));
            query = query.filter(condition(Table::Roles, &Filter::All(of_people.collect()), scope.clone())?);
        }
        if let Some(proxy) = search.proxy {
            query = query.filter(roles::proxy.eq(proxy.to_string()));
        }
        if let Some(patient) = search.patient {
            query = query.filter(roles::patient.eq(patient.to_string()));
        }
        if let Some(statuses) = &search.statuses {
            let names: Vec<&str> = statuses.iter().copied().map(Status::as_str).collect();
            let is_one = in_list!(self.db, roles.status, names);
            let has_ended = roles::end_at.is_not_null().and(roles::end_at.lt(to_millis(now)));
            let lapsed = roles::status.eq(Status::Active.as_str()).and(has_ended);
            let counts_as_written = is_one.and(diesel::dsl::not(lapsed.assume_not_null()));
            query = if statuses.contains(&Status::Inactive) {
                query.filter(counts_as_written.or(lapsed.assume_not_null()))
            } else {
                query.filter(counts_as_written)
            };
        }
        let rows: Vec<RoleRow> = query.load(self.db)?;
        rows.into_iter().map(RoleRow::into_role).collect()
    }

    /// Writes the first version of a role. `None` where there is a role for the pair, hidden or not: of two concurrent inserts, one
    /// gets it. PostgreSQL would name the pair in its log, if it were an error.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] where there is a role with the id.
    pub fn insert_role(&mut self, role: Role, now: DateTime<Utc>) -> Result<Option<Versioned<Role>>, Error> {
        let first = Versioned { value: role, version: 1, updated_at: now };
        let insert = diesel::insert_into(roles::table).values(RoleRow::from_role(&first));
        let insert = insert.on_conflict((roles::proxy, roles::patient)).do_nothing();
        let count = on_dialect!(self.db, c => insert.execute(c))?;
        if count == 0 {
            return Ok(None);
        }
        self.keep_version(first.value.id)?;
        Ok(Some(first))
    }

    /// Writes the next version of a role over the version that it was made from.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::PreconditionFailed`] after a concurrent change.
    pub fn save_role(
        &mut self,
        role: Role,
        expected: i64,
        now: DateTime<Utc>,
    ) -> Result<Versioned<Role>, Error> {
        let next = Versioned { value: role, version: expected + 1, updated_at: now };
        let update = RoleRow::from_role(&next).into_update(expected);
        match on_dialect!(self.db, c => update.execute(c))? {
            1 => {
                self.keep_version(next.value.id)?;
                Ok(next)
            }
            _ => Err(Error::new(ErrorKind::PreconditionFailed, "the role was changed concurrently")),
        }
    }

    /// Every version of a role, the first one first.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_role_versions(&mut self, id: Uuid) -> Result<Vec<Versioned<Role>>, Error> {
        let versions =
            role_versions::table.filter(role_versions::id.eq(id.to_string())).order(role_versions::version);
        let rows: Vec<RoleRow> = versions.load(self.db)?;
        rows.into_iter().map(RoleRow::into_role).collect()
    }

    /// These roles, as they are stored, in no particular order; unknown ids are left out. The search that
    /// found them has checked that they may appear: it goes through [`crate::search`].
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_roles_by_id(&mut self, ids: &[String]) -> Result<Vec<Versioned<Role>>, Error> {
        let wanted = in_list!(self.db, roles.id, ids);
        let rows: Vec<RoleRow> = roles::table.filter(wanted).load(self.db)?;
        rows.into_iter().map(RoleRow::into_role).collect()
    }

    /// The roles, as they are stored, that match a filter and may be seen, in no particular order: one
    /// statement, for a filter with few matches.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_visible_roles(
        &mut self,
        filter: &Filter,
        scope: Visibility,
    ) -> Result<Vec<Versioned<Role>>, Error> {
        self.check_budget()?;
        let wanted = condition(Table::Roles, filter, scope)?;
        let rows: Vec<RoleRow> = match self.state_of_expected_grant() {
            None => roles::table.filter(wanted).select(COLUMNS).load(self.db).map_err(of_search)?,
            Some(state) => {
                let both = roles::table.filter(wanted).select((COLUMNS, state));
                let rows: Vec<(RoleRow, Option<String>)> = both.load(self.db).map_err(of_search)?;
                if let Some((_, state)) = rows.first() {
                    self.keep_grant_state(state.as_deref())?;
                }
                rows.into_iter().map(|(row, _)| row).collect()
            }
        };
        rows.into_iter().map(RoleRow::into_role).collect()
    }

    /// Of these roles, those of this grantor, or whose patient is registered there, whether or not they may
    /// appear in an answer.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_roles_reached(
        &mut self,
        ids: &[String],
        organisation: &OdsCode,
    ) -> Result<Vec<String>, Error> {
        let registered = people::table
            .filter(people::nhs_number.eq(roles::patient))
            .filter(people::practice.eq(organisation.as_str()));
        let granted = roles::grantor.eq(organisation.as_str()).assume_not_null();
        let reached = roles::table
            .filter(in_list!(self.db, roles.id, ids))
            .filter(diesel::dsl::exists(registered).or(granted));
        Ok(reached.select(roles::id).load(self.db)?)
    }

    /// These versions of roles, in no particular order.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_role_versions_by_id(
        &mut self,
        wanted: &[(String, i64)],
    ) -> Result<Vec<Versioned<Role>>, Error> {
        let ids: Vec<&str> = wanted.iter().map(|(id, _)| id.as_str()).collect();
        let versions: Vec<i64> = wanted.iter().map(|(_, version)| *version).collect();
        let rows: Vec<RoleRow> = role_versions::table
            .filter(in_list!(self.db, role_versions.id, ids))
            .filter(in_list!(self.db, role_versions.version, numbers versions))
            .load(self.db)?;
        let is_wanted =
            |row: &RoleRow| wanted.iter().any(|(id, version)| *id == row.id && *version == row.version);
        rows.into_iter().filter(is_wanted).map(RoleRow::into_role).collect()
    }

    /// Copies the present version to the history. Both tables have the same columns.
    fn keep_version(&mut self, id: Uuid) -> Result<(), Error> {
        let present = roles::table.filter(roles::id.eq(id.to_string()));
        let copy = present.insert_into(role_versions::table);
        on_dialect!(self.db, connection => copy.execute(connection))?;
        Ok(())
    }
}

impl RoleRow {
    /// The statement that writes it over this version.
    fn into_update(self, expected: i64) -> Sql {
        let update = Sql::fixed(UPDATE).number(self.version).text(self.status).text(self.reason_code);
        let update = update.text_or_null(self.reason_text).text(self.legal_basis).text_or_null(self.grantor);
        let update = update.text_or_null(self.start_text).text_or_null(self.end_text);
        let update = update.number_or_null(self.start_at).number_or_null(self.end_at);
        let update = update.text(self.created_text).number(self.created_from).number(self.created_to);
        let update = update.number(self.updated_at).truth(self.needs_review).text_or_null(self.reason_by);
        update.text(self.proxy).text(self.patient).text(self.id).number(expected)
    }

    pub(super) fn from_role(role: &Versioned<Role>) -> Self {
        let Versioned { value, version, updated_at } = role;
        let RolePeriod { start, end } = &value.period;
        let text = |at: &Option<FhirDateTime>| at.as_ref().map(|at| at.text().to_owned());
        Self {
            id: value.id.to_string(),
            version: *version,
            proxy: value.proxy.to_string(),
            patient: value.patient.to_string(),
            status: value.status.as_str().to_owned(),
            reason_code: value.reason.code().code().to_owned(),
            reason_text: value.reason.text().map(str::to_owned),
            legal_basis: value.legal_basis.code().to_owned(),
            grantor: value.grantor.as_ref().map(ToString::to_string),
            start_text: text(start),
            end_text: text(end),
            start_at: start.as_ref().map(|start| to_millis(start.earliest())),
            end_at: end.as_ref().map(|end| to_millis(end.latest())),
            created_text: value.created.text().to_owned(),
            created_from: to_millis(value.created.earliest()),
            created_to: to_millis(value.created.latest()),
            updated_at: to_millis(*updated_at),
            needs_review: value.needs_review,
            reason_by: value.reason.giver().map(|giver| giver.to_string()),
        }
    }

    pub(super) fn into_role(self) -> Result<Versioned<Role>, Error> {
        let date_time = |text: String| FhirDateTime::parse(&text).or(Err(corrupt("dateTime")));
        let code = ReasonCode::parse(&self.reason_code).ok_or_else(|| corrupt("status reason"))?;
        let giver = self.reason_by.as_deref().map(nhs_number).transpose()?;
        let reason = StatusReason::new(code, self.reason_text).or(Err(corrupt("status reason")))?;
        let grantor = self.grantor.map(|code| OdsCode::parse(&code).or(Err(corrupt("ODS code"))));
        let role = Role {
            id: Uuid::parse_str(&self.id).or(Err(corrupt("UUID")))?,
            proxy: nhs_number(&self.proxy)?,
            patient: nhs_number(&self.patient)?,
            status: Status::parse(&self.status).ok_or_else(|| corrupt("status"))?,
            reason: reason.given_by(giver),
            legal_basis: LegalBasis::parse(&self.legal_basis).ok_or_else(|| corrupt("legal basis"))?,
            grantor: grantor.transpose()?,
            period: RolePeriod {
                start: self.start_text.map(date_time).transpose()?,
                end: self.end_text.map(date_time).transpose()?,
            },
            created: date_time(self.created_text)?,
            needs_review: self.needs_review,
        };
        Ok(Versioned { value: role, version: self.version, updated_at: from_millis(self.updated_at) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_list_is_that_of_the_schema() {
        let (schema, text) = (roles::table.select(roles::all_columns), roles::table.select(COLUMNS));
        let schema = diesel::debug_query::<diesel::sqlite::Sqlite, _>(&schema).to_string();
        let text = diesel::debug_query::<diesel::sqlite::Sqlite, _>(&text).to_string();
        assert_eq!(text.replace('`', ""), schema.replace('`', ""));
    }
}
