//! Grants and their state.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use uuid::Uuid;

use crate::dialect::on_dialect;
use crate::error::corrupt;
use crate::person::nhs_number;
use crate::schema::grants;
use crate::sql::{Sql, TextColumn};
use crate::tx::{ExpectedGrant, Tx};
use base::date_time::{from_millis, to_millis};
use base::error::Error;
use domain::account::{AccessMode, Grant, GrantState, RoleState, Scopes, Vector};
use domain::person::{PersonState, Standing};
use domain::proxy::{OdsCode, Status};

/// The state of a grant as one column of a statement: what it, its role and its people say, in the order of [`StateRow`],
/// separated by `|`, null as the empty text; null where there is no such grant. A role counts only while it is between the two
/// people of the grant: superseding a person moves their roles to another number.
macro_rules! state {
    () => {
        "(SELECT CAST(g.expires_at AS TEXT) || '|' || COALESCE(CAST(g.revoked_at AS TEXT), '') || '|' || \
    COALESCE(g.role_id, '') || '|' || \
    COALESCE((SELECT CASE WHEN died_at IS NULL THEN standing ELSE standing || ' died' END FROM people \
    WHERE nhs_number = g.patient), '') || '|' || \
    COALESCE((SELECT CASE WHEN died_at IS NULL THEN standing ELSE standing || ' died' END FROM people \
    WHERE nhs_number = g.proxy), '') || '|' || \
    COALESCE(g.patient, '') || '|' || COALESCE(r.status, '') || '|' || COALESCE(CAST(r.start_at AS TEXT), '') || '|' || \
    COALESCE(CAST(r.end_at AS TEXT), '') || '|' || COALESCE(CAST(r.version AS TEXT), '') \
    FROM grants g LEFT JOIN roles r ON r.id = g.role_id AND r.patient = g.patient AND r.proxy = g.proxy \
    WHERE g.id = ?)"
    };
}

/// The state alone.
#[derive(QueryableByName)]
struct StateColumn {
    #[diesel(sql_type = Nullable<Text>)]
    state: Option<String>,
}

/// The parts of the state.
struct StateRow {
    expires_at: i64,
    revoked_at: Option<i64>,
    role_id: Option<String>,
    patient_standing: Option<String>,
    proxy_standing: Option<String>,
    patient: Option<String>,
    status: Option<String>,
    start_at: Option<i64>,
    end_at: Option<i64>,
    version: Option<i64>,
}

#[derive(Queryable)]
struct GrantRow {
    id: String,
    app: String,
    mode: String,
    user_id: Option<String>,
    patient: Option<String>,
    proxy: Option<String>,
    role_id: Option<String>,
    scope: String,
    vot: Option<String>,
    staff: Option<String>,
    organisation: Option<String>,
    fhir_user: Option<String>,
    created_at: i64,
    expires_at: i64,
    _revoked_at: Option<i64>,
    parent_id: Option<String>,
    audience: Option<String>,
}

impl GrantRow {
    fn into_grant(self) -> Result<Grant, Error> {
        let uuid =
            |text: Option<String>| text.map(|text| Uuid::parse_str(&text)).transpose().map_err(Error::fault);
        let number = |text: Option<String>| text.map(|text| nhs_number(&text)).transpose();
        let vot = self.vot.map(|text| Vector::parse(&text).map_err(|_wrong| corrupt("vector of trust")));
        let organisation =
            self.organisation.map(|code| OdsCode::parse(&code).map_err(|_wrong| corrupt("ODS code")));
        Ok(Grant {
            id: Uuid::parse_str(&self.id).map_err(Error::fault)?,
            app: self.app,
            mode: AccessMode::parse(&self.mode).ok_or_else(|| corrupt("mode"))?,
            user: uuid(self.user_id)?,
            patient: number(self.patient)?,
            proxy: number(self.proxy)?,
            role: uuid(self.role_id)?,
            scopes: Scopes::of_token(&self.scope),
            vot: vot.transpose()?,
            staff: self.staff,
            organisation: organisation.transpose()?,
            fhir_user: self.fhir_user,
            parent: uuid(self.parent_id)?,
            audience: self.audience.iter().flat_map(|urls| urls.split(' ')).map(str::to_owned).collect(),
            created_at: from_millis(self.created_at),
            expires_at: from_millis(self.expires_at),
        })
    }
}

impl StateRow {
    /// Parses the state.
    fn parse(text: &str) -> Result<Self, Error> {
        let mut columns =
            text.split('|').map(|column| Some(column.to_owned()).filter(|column| !column.is_empty()));
        let mut next = || columns.next().ok_or_else(|| corrupt("state of a grant"));
        let number = |text: Option<String>| {
            text.map(|text| text.parse().map_err(|_wrong| corrupt("state of a grant"))).transpose()
        };
        Ok(Self {
            expires_at: number(next()?)?.ok_or_else(|| corrupt("state of a grant"))?,
            revoked_at: number(next()?)?,
            role_id: next()?,
            patient_standing: next()?,
            proxy_standing: next()?,
            patient: next()?,
            status: next()?,
            start_at: number(next()?)?,
            end_at: number(next()?)?,
            version: number(next()?)?,
        })
    }

    fn into_state(self) -> Result<GrantState, Error> {
        // A person whom the registry does not know may not appear.
        let state = |text: Option<String>| {
            let Some(text) = text else { return Ok(PersonState::Invalidated) };
            let (standing, has_died) = match text.strip_suffix(" died") {
                Some(standing) => (standing, true),
                None => (text.as_str(), false),
            };
            let standing = Standing::parse(standing).ok_or_else(|| corrupt("standing"))?;
            Ok::<_, Error>(PersonState::of(standing, has_died))
        };
        let mut people = Vec::new();
        if self.patient.is_some() {
            people.push(state(self.patient_standing)?);
        }
        if self.role_id.is_some() {
            people.push(state(self.proxy_standing)?);
        }
        let role = match (&self.role_id, self.status, self.version) {
            (None, ..) => RoleState::NotNeeded,
            (Some(_), Some(status), Some(version)) => RoleState::There {
                status: Status::parse(&status).ok_or_else(|| corrupt("status"))?,
                start_at: self.start_at.map(from_millis),
                end_at: self.end_at.map(from_millis),
                version,
            },
            (Some(_), ..) => RoleState::Gone,
        };
        Ok(GrantState {
            revoked_at: self.revoked_at.map(from_millis),
            expires_at: from_millis(self.expires_at),
            people,
            role,
        })
    }
}

fn parse_state(text: Option<&str>) -> Result<Option<GrantState>, Error> {
    text.map(|text| StateRow::parse(text)?.into_state()).transpose()
}

impl Tx<'_> {
    /// The state of a grant: one indexed read, also for the role and the people that it depends on.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_grant_state(&mut self, id: Uuid) -> Result<Option<GrantState>, Error> {
        let count = self.count_statements();
        if let Some(ExpectedGrant { id: expected, seen: Some((then, state)) }) = self.grant.take()
            && (expected, then) == (id, count)
        {
            return Ok(state);
        }
        let state = Sql::fixed(concat!("SELECT ", state!(), " AS state")).text(id.to_string());
        let row: StateColumn = on_dialect!(self.db, c => state.get_result(c))?;
        parse_state(row.state.as_deref())
    }

    /// Announces a [`Tx::find_grant_state`]. [`Tx::list_visible_roles`] then also reads the state of this grant, in its own
    /// statement; a `find_grant_state` right after it runs no statement.
    pub fn expect_grant(&mut self, id: Uuid) {
        self.grant = Some(ExpectedGrant { id, seen: None });
    }

    /// The subselect for the expected grant, if there is one.
    pub(crate) fn state_of_expected_grant(&self) -> Option<TextColumn> {
        let expected = self.grant.as_ref()?;
        Some(TextColumn(Sql::fixed(state!()).text(expected.id.to_string())))
    }

    /// Keeps the result of the subselect until the next statement.
    pub(crate) fn keep_grant_state(&mut self, state: Option<&str>) -> Result<(), Error> {
        let count = self.count_statements();
        let state = parse_state(state)?;
        if let Some(expected) = &mut self.grant {
            expected.seen = Some((count, state));
        }
        Ok(())
    }

    /// Stores a grant.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn insert_grant(&mut self, grant: &Grant) -> Result<(), Error> {
        let row = (
            grants::id.eq(grant.id.to_string()),
            grants::app.eq(&grant.app),
            grants::mode.eq(grant.mode.as_str()),
            grants::user_id.eq(grant.user.map(|user| user.to_string())),
            grants::patient.eq(grant.patient.map(|number| number.to_string())),
            grants::proxy.eq(grant.proxy.map(|number| number.to_string())),
            grants::role_id.eq(grant.role.map(|role| role.to_string())),
            grants::scope.eq(grant.scopes.to_string()),
            grants::vot.eq(grant.vot.as_ref().map(ToString::to_string)),
            grants::staff.eq(&grant.staff),
            grants::organisation.eq(grant.organisation.as_ref().map(OdsCode::as_str)),
            grants::fhir_user.eq(&grant.fhir_user),
            grants::parent_id.eq(grant.parent.map(|parent| parent.to_string())),
            grants::audience.eq((!grant.audience.is_empty()).then(|| grant.audience.join(" "))),
            grants::created_at.eq(to_millis(grant.created_at)),
            grants::expires_at.eq(to_millis(grant.expires_at)),
        );
        diesel::insert_into(grants::table).values(row).execute(self.db)?;
        Ok(())
    }

    /// Reads a grant.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_grant(&mut self, id: Uuid) -> Result<Option<Grant>, Error> {
        let found = grants::table.filter(grants::id.eq(id.to_string()));
        let row: Option<GrantRow> = found.first(self.db).optional()?;
        row.map(GrantRow::into_grant).transpose()
    }

    /// Until when an operation without a token may continue, such as a subscription: the end of its grant, or
    /// of the grant from which that was exchanged, whichever is later.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_grant_end(&mut self, id: Uuid) -> Result<Option<DateTime<Utc>>, Error> {
        #[derive(QueryableByName)]
        struct EndRow {
            #[diesel(sql_type = BigInt)]
            own: i64,
            #[diesel(sql_type = Nullable<BigInt>)]
            parent: Option<i64>,
        }
        let ends = Sql::fixed(
            "SELECT g.expires_at AS own, p.expires_at AS parent \
             FROM grants g LEFT JOIN grants p ON p.id = g.parent_id WHERE g.id = ?",
        );
        let ends = ends.text(id.to_string());
        let rows: Vec<EndRow> = on_dialect!(self.db, c => ends.load(c))?;
        Ok(rows.into_iter().next().map(|row| from_millis(row.own.max(row.parent.unwrap_or(i64::MIN)))))
    }
}
