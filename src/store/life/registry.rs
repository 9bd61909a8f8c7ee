//! What the registry tells of people: each event once, and nothing that is older than what we know.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::fact::FactKind;
use crate::dialect::on_dialect;
use crate::error::corrupt;
use crate::person::nhs_number;
use crate::schema::{inbound_events, number_changes, people, person_facts};
use crate::tx::Tx;
use base::date_time::{FhirDateTime, from_millis, to_millis};
use base::error::Error;
use domain::person::{NhsNumber, Person, Standing};
use domain::proxy::OdsCode;

/// An event that came in.
#[derive(Clone, Debug)]
pub struct Inbound<'e> {
    /// Who tells.
    pub source: &'e str,
    /// The id that they gave it.
    pub id: &'e str,
    /// Its type.
    pub kind: &'e str,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
}

impl Tx<'_> {
    /// Takes an event in; false where it came before. Of two at once, the second waits for the first.
    ///
    /// # Errors
    ///
    /// When the database refuses.
    pub fn take_in(&mut self, event: &Inbound<'_>, now: DateTime<Utc>) -> Result<bool, Error> {
        let row = (
            inbound_events::source.eq(event.source),
            inbound_events::id.eq(event.id),
            inbound_events::kind.eq(event.kind),
            inbound_events::occurred_at.eq(to_millis(event.occurred_at)),
            inbound_events::received_at.eq(to_millis(now)),
            inbound_events::outcome.eq("received"),
        );
        let inserted = on_dialect!(self.db, c => {
            diesel::insert_into(inbound_events::table).values(row).on_conflict_do_nothing().execute(c)
        })?;
        Ok(inserted == 1)
    }

    /// Says what came of an event.
    ///
    /// # Errors
    ///
    /// When the database refuses.
    pub fn save_inbound_outcome(&mut self, event: &Inbound<'_>, outcome: &str) -> Result<(), Error> {
        let row = inbound_events::table.find((event.source, event.id));
        diesel::update(row).set(inbound_events::outcome.eq(outcome)).execute(self.db)?;
        Ok(())
    }

    /// What came of an event that came before.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn find_inbound_outcome(&mut self, event: &Inbound<'_>) -> Result<Option<String>, Error> {
        let row = inbound_events::table.find((event.source, event.id));
        Ok(row.select(inbound_events::outcome).first(self.db).optional()?)
    }

    /// When what we know of this kind last happened.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn find_fact(&mut self, person: NhsNumber, kind: FactKind) -> Result<Option<DateTime<Utc>>, Error> {
        let row = person_facts::table.find((person.as_str(), kind.as_str()));
        let at: Option<i64> = row.select(person_facts::occurred_at).first(self.db).optional()?;
        Ok(at.map(from_millis))
    }

    /// Writes down when something of this kind happened, over what was there.
    ///
    /// # Errors
    ///
    /// When the database refuses.
    pub fn save_fact(&mut self, person: NhsNumber, kind: FactKind, at: DateTime<Utc>) -> Result<(), Error> {
        let row = person_facts::table.find((person.as_str(), kind.as_str()));
        let at = person_facts::occurred_at.eq(to_millis(at));
        if diesel::update(row).set(at).execute(self.db)? == 0 {
            let new =
                (person_facts::nhs_number.eq(person.as_str()), person_facts::kind.eq(kind.as_str()), at);
            diesel::insert_into(person_facts::table).values(new).execute(self.db)?;
        }
        Ok(())
    }

    /// A person's standing; `None` of one who is not here.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn find_standing(&mut self, person: NhsNumber) -> Result<Option<Standing>, Error> {
        let row = people::table.find(person.as_str()).select(people::standing);
        let standing: Option<String> = row.first(self.db).optional()?;
        standing.map(|text| Standing::parse(&text).ok_or_else(|| corrupt("standing"))).transpose()
    }

    /// A person's date of birth, whether or not they may appear.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn find_birth_date(&mut self, person: NhsNumber) -> Result<Option<FhirDateTime>, Error> {
        let row = people::table.find(person.as_str()).select(people::birth_date);
        let birth: Option<Option<String>> = row.first(self.db).optional()?;
        birth.flatten().map(|date| FhirDateTime::parse(&date).or(Err(corrupt("date")))).transpose()
    }

    /// The number under which a person goes now: that of the last of their number changes. The way is as long
    /// as it was when it was written, and never leads back.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub fn find_successor(&mut self, person: NhsNumber) -> Result<Option<NhsNumber>, Error> {
        let row = number_changes::table.find(person.as_str()).select(number_changes::new_number);
        let successor: Option<String> = row.first(self.db).optional()?;
        successor.map(|number| nhs_number(&number)).transpose()
    }

    /// Writes down that a number became another.
    ///
    /// # Errors
    ///
    /// When it has become one already, or the database refuses.
    pub fn insert_number_change(&mut self, old: NhsNumber, new: NhsNumber) -> Result<(), Error> {
        let row = (number_changes::old_number.eq(old.as_str()), number_changes::new_number.eq(new.as_str()));
        diesel::insert_into(number_changes::table).values(row).execute(self.db)?;
        Ok(())
    }

    /// Writes where a person is registered.
    ///
    /// # Errors
    ///
    /// When the database refuses.
    pub fn save_practice(
        &mut self,
        person: NhsNumber,
        practice: Option<&OdsCode>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let practice = people::practice.eq(practice.map(OdsCode::as_str));
        diesel::update(people::table.find(person.as_str()))
            .set((practice, people::updated_at.eq(to_millis(now)), people::version.eq(people::version + 1)))
            .execute(self.db)?;
        Ok(())
    }

    /// Makes the person of a new number, with the names, the day of birth and the practice of the old one, where
    /// there is none of the new number yet. `false` where there is.
    ///
    /// # Errors
    ///
    /// When the database refuses.
    pub fn copy_person(&mut self, old: NhsNumber, new: NhsNumber, now: DateTime<Utc>) -> Result<bool, Error> {
        let found: Option<Person> = self.list_all_people(&[old])?.pop();
        let Some(person) = found else { return Ok(false) };
        let copy =
            Person { nhs_number: new, standing: Standing::Current, version: 1, updated_at: now, ..person };
        self.insert_person_if_new(&copy, now)
    }
}
