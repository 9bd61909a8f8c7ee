//! People.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use crate::db::Db;
use crate::dialect::in_list;
use crate::error::{corrupt, of_search};
use crate::maintenance::registry_fact::FactKind;
use crate::schema::{people, person_name_parts, person_names, relationships, roles};
use crate::search::normalize::normalize;
use crate::search::{Filter, Table, Visibility, condition};
use crate::sql::Sql;
use crate::tx::Tx;
use base::date_time::{FhirDateTime, from_millis, to_millis};
use base::error::Error;
use domain::person::{HumanName, NameUse, NhsNumber, NumberCheck, Person, PersonState, Standing};
use domain::proxy::OdsCode;

#[derive(Queryable)]
struct PersonRow {
    nhs_number: String,
    standing: String,
    birth_date: Option<String>,
    _birth_from: Option<i64>,
    _birth_to: Option<i64>,
    practice: Option<String>,
    updated_at: i64,
    died_at: Option<i64>,
    version: i64,
}

#[derive(QueryableByName)]
struct StateRow {
    #[diesel(sql_type = Text)]
    nhs_number: String,
    #[diesel(sql_type = Text)]
    standing: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    died_at: Option<i64>,
}

#[derive(Queryable)]
struct NameRow {
    nhs_number: String,
    _position: i32,
    name_use: String,
    family: Option<String>,
    given: String,
    prefix: String,
    suffix: String,
}

/// That both people of a row may appear in an answer. Looked up for each row by key: a list of all such
/// people, which `IN` would make SQLite build, grows with the registry.
macro_rules! both_are_current {
    ($table:ident) => {{
        use $crate::schema::people;
        let current = domain::person::Standing::Current.as_str();
        let proxy = diesel::dsl::exists(
            people::table.filter(people::nhs_number.eq($table::proxy).and(people::standing.eq(current))),
        );
        let patient = diesel::dsl::exists(
            people::table.filter(people::nhs_number.eq($table::patient).and(people::standing.eq(current))),
        );
        proxy.and(patient)
    }};
}
pub(crate) use both_are_current;

/// Parses a stored NHS number: it was validated, as strictly as the configuration asked, when it was
/// received.
pub(crate) fn nhs_number(text: &str) -> Result<NhsNumber, Error> {
    NhsNumber::parse(text, NumberCheck::Length).or(Err(corrupt("NHS number")))
}

impl Tx<'_> {
    /// The people of these numbers who may appear in an answer, in the order of their numbers, with their
    /// names: two statements, whatever their number.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_current_people(&mut self, numbers: &[NhsNumber]) -> Result<Vec<Person>, Error> {
        let mut people = self.list_all_people(numbers)?;
        people.retain(|person| person.standing == Standing::Current);
        Ok(people)
    }

    /// The people of these numbers, whether or not they may appear: for the service itself.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub(crate) fn list_all_people(&mut self, numbers: &[NhsNumber]) -> Result<Vec<Person>, Error> {
        let rows: Vec<PersonRow> = people::table
            .filter(in_list!(self.db, people.nhs_number, numbers))
            .order(people::nhs_number)
            .load(self.db)?;
        self.with_names(rows)
    }

    /// The people who match a filter and may be seen, with their names, in the order of their numbers: two
    /// statements, for a filter with few matches.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_visible_people(&mut self, filter: &Filter, scope: Visibility) -> Result<Vec<Person>, Error> {
        self.check_budget()?;
        let wanted = condition(Table::People, filter, scope)?;
        let rows = people::table.filter(wanted).order(people::nhs_number).load(self.db).map_err(of_search)?;
        self.with_names(rows)
    }

    fn with_names(&mut self, rows: Vec<PersonRow>) -> Result<Vec<Person>, Error> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let numbers: Vec<&str> = rows.iter().map(|row| row.nhs_number.as_str()).collect();
        let names: Vec<NameRow> = person_names::table
            .filter(in_list!(self.db, person_names.nhs_number, numbers))
            .order((person_names::nhs_number, person_names::position))
            .load(self.db)?;
        let mut names_of: HashMap<String, Vec<HumanName>> = HashMap::new();
        for name in names {
            names_of.entry(name.nhs_number.clone()).or_default().push(name.into_name()?);
        }
        rows.into_iter().map(|row| row.into_person(&mut names_of)).collect()
    }

    /// People who may appear in an answer and have a role or a relationship, in the order of their numbers.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_connected_people(&mut self, limit: i64) -> Result<Vec<Person>, Error> {
        let number = people::nhs_number;
        let of_role = roles::table.filter(roles::proxy.eq(number).or(roles::patient.eq(number)));
        let related = relationships::table
            .filter(relationships::proxy.eq(number).or(relationships::patient.eq(number)));
        let numbers: Vec<String> = people::table
            .filter(people::standing.eq(Standing::Current.as_str()))
            .filter(exists(of_role).or(exists(related)))
            .order(number)
            .limit(limit)
            .select(number)
            .load(self.db)?;
        let numbers: Vec<NhsNumber> =
            numbers.iter().map(|number| nhs_number(number)).collect::<Result<_, _>>()?;
        self.list_current_people(&numbers)
    }

    /// The practices of the people of these numbers who may appear in an answer: one statement.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_current_practices(
        &mut self,
        numbers: &[NhsNumber],
    ) -> Result<Vec<(NhsNumber, Option<OdsCode>)>, Error> {
        let rows: Vec<(String, Option<String>)> = people::table
            .filter(in_list!(self.db, people.nhs_number, numbers))
            .filter(people::standing.eq(Standing::Current.as_str()))
            .select((people::nhs_number, people::practice))
            .load(self.db)?;
        rows.into_iter().map(|(number, practice)| Ok((nhs_number(&number)?, ods_code(practice)?))).collect()
    }

    /// The state of each of these people whom the registry has, locked on PostgreSQL until the write ends:
    /// either a role that is created now is seen by a concurrent report of a death, or the create sees the
    /// death. One statement.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn lock_person_states(
        &mut self,
        numbers: &[NhsNumber],
    ) -> Result<Vec<(NhsNumber, PersonState)>, Error> {
        const LOCKED: &str = "SELECT nhs_number, standing, died_at FROM people WHERE nhs_number = \
            ANY (string_to_array(?, ',')) ORDER BY nhs_number FOR SHARE";
        let Db::Postgres(connection) = self.db else { return self.list_person_states(numbers) };
        let list = numbers.iter().map(NhsNumber::as_str).collect::<Vec<_>>().join(",");
        let rows: Vec<StateRow> = Sql::fixed(LOCKED).text(list).load(connection)?;
        rows.into_iter().map(|row| state_of((row.nhs_number, row.standing, row.died_at))).collect()
    }

    /// The state of each of these people whom the registry has: one statement.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn list_person_states(
        &mut self,
        numbers: &[NhsNumber],
    ) -> Result<Vec<(NhsNumber, PersonState)>, Error> {
        let rows: Vec<(String, String, Option<i64>)> = people::table
            .filter(in_list!(self.db, people.nhs_number, numbers))
            .select((people::nhs_number, people::standing, people::died_at))
            .load(self.db)?;
        rows.into_iter().map(state_of).collect()
    }

    /// The death of a person who is not stored yet, reported with them or before them.
    fn find_death(&mut self, person: &Person) -> Result<Option<DateTime<Utc>>, Error> {
        let message = self.find_fact(person.nhs_number, FactKind::Death)?;
        if let (None, Some(died_at)) = (message, person.died_at) {
            self.save_fact(person.nhs_number, FactKind::Death, died_at)?;
        }
        Ok(message.or(person.died_at))
    }

    /// Inserts a person; an existing one is unchanged.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn insert_person_if_new(&mut self, person: &Person, now: DateTime<Utc>) -> Result<bool, Error> {
        let number = person.nhs_number.as_str();
        let known: i64 = people::table.filter(people::nhs_number.eq(number)).count().get_result(self.db)?;
        if known > 0 {
            return Ok(false);
        }
        let row = (
            people::nhs_number.eq(number),
            people::standing.eq(person.standing.as_str()),
            people::birth_date.eq(person.birth_date.as_ref().map(FhirDateTime::text)),
            people::birth_from.eq(person.birth_date.as_ref().map(|date| to_millis(date.earliest()))),
            people::birth_to.eq(person.birth_date.as_ref().map(|date| to_millis(date.latest()))),
            people::practice.eq(person.practice.as_ref().map(OdsCode::as_str)),
            people::updated_at.eq(to_millis(now)),
            people::died_at.eq(self.find_death(person)?.map(to_millis)),
        );
        diesel::insert_into(people::table).values(row).execute(self.db)?;
        for (position, name) in (0..).zip(&person.names) {
            let row = (
                person_names::nhs_number.eq(number),
                person_names::position.eq(position),
                person_names::name_use.eq(name.name_use.as_str()),
                person_names::family.eq(name.family.as_deref()),
                person_names::given.eq(serde_json::to_string(&name.given).map_err(Error::fault)?),
                person_names::prefix.eq(serde_json::to_string(&name.prefix).map_err(Error::fault)?),
                person_names::suffix.eq(serde_json::to_string(&name.suffix).map_err(Error::fault)?),
            );
            diesel::insert_into(person_names::table).values(row).execute(self.db)?;
        }
        let parts = person.names.iter().flat_map(name_parts);
        for (position, (part, value)) in (0..).zip(parts) {
            let row = (
                person_name_parts::nhs_number.eq(number),
                person_name_parts::position.eq(position),
                person_name_parts::part.eq(part),
                person_name_parts::value.eq(value),
                person_name_parts::folded.eq(normalize(value)),
            );
            diesel::insert_into(person_name_parts::table).values(row).execute(self.db)?;
        }
        Ok(true)
    }

    /// Changes a person's standing.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn save_standing(
        &mut self,
        number: NhsNumber,
        standing: Standing,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        diesel::update(people::table.filter(people::nhs_number.eq(number.as_str())))
            .set((
                people::standing.eq(standing.as_str()),
                people::updated_at.eq(to_millis(now)),
                people::version.eq(people::version + 1),
            ))
            .execute(self.db)?;
        Ok(())
    }

    /// Stores a person's death; an earlier report stays.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn save_death(
        &mut self,
        number: NhsNumber,
        at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let alive = people::table.find(number.as_str()).filter(people::died_at.is_null());
        diesel::update(alive)
            .set((
                people::died_at.eq(to_millis(at)),
                people::updated_at.eq(to_millis(now)),
                people::version.eq(people::version + 1),
            ))
            .execute(self.db)?;
        Ok(())
    }
}

/// Copies deaths that are stored only as facts to their people: those from before the column, and those that
/// an earlier version of this program has stored since.
pub(crate) fn bring_deaths(db: &mut Db) -> Result<(), Error> {
    const BRING: &str = "UPDATE people SET version = version + 1, died_at = (SELECT occurred_at FROM person_facts f \
        WHERE f.nhs_number = people.nhs_number AND f.kind = 'death') WHERE died_at IS NULL AND nhs_number IN \
        (SELECT nhs_number FROM person_facts WHERE kind = 'death')";
    diesel::sql_query(BRING).execute(db)?;
    Ok(())
}

fn state_of(
    (number, standing, died_at): (String, String, Option<i64>),
) -> Result<(NhsNumber, PersonState), Error> {
    let standing = Standing::parse(&standing).ok_or_else(|| corrupt("standing"))?;
    Ok((nhs_number(&number)?, PersonState::of(standing, died_at.is_some())))
}

fn ods_code(text: Option<String>) -> Result<Option<OdsCode>, Error> {
    text.map(|code| OdsCode::parse(&code).or(Err(corrupt("ODS code")))).transpose()
}

impl PersonRow {
    fn into_person(self, names_of: &mut HashMap<String, Vec<HumanName>>) -> Result<Person, Error> {
        let birth_date = self.birth_date.map(|date| FhirDateTime::parse(&date).or(Err(corrupt("date"))));
        Ok(Person {
            nhs_number: nhs_number(&self.nhs_number)?,
            standing: Standing::parse(&self.standing).ok_or_else(|| corrupt("standing"))?,
            names: names_of.remove(&self.nhs_number).unwrap_or_default(),
            birth_date: birth_date.transpose()?,
            practice: ods_code(self.practice)?,
            died_at: self.died_at.map(from_millis),
            version: self.version,
            updated_at: from_millis(self.updated_at),
        })
    }
}

impl NameRow {
    fn into_name(self) -> Result<HumanName, Error> {
        let list = |json: String| serde_json::from_str(&json).map_err(Error::fault);
        Ok(HumanName {
            name_use: NameUse::parse(&self.name_use).ok_or_else(|| corrupt("use of a name"))?,
            family: self.family,
            given: list(self.given)?,
            prefix: list(self.prefix)?,
            suffix: list(self.suffix)?,
        })
    }
}

/// The parts of a name, each with its kind.
fn name_parts(name: &HumanName) -> Vec<(&'static str, &str)> {
    let lists = [("given", &name.given), ("prefix", &name.prefix), ("suffix", &name.suffix)];
    let listed =
        lists.into_iter().flat_map(|(part, values)| values.iter().map(move |value| (part, value.as_str())));
    name.family.iter().map(|family| ("family", family.as_str())).chain(listed).collect()
}
