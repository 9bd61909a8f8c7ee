//! Registry events about people: each is processed once, and older facts change nothing.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::registry_fact::FactKind;
use crate::dialect::on_dialect;
use crate::error::corrupt;
use crate::person::nhs_number;
use crate::schema::{inbound_events, number_changes, people, person_facts};
use crate::tx::Tx;
use base::date_time::{FhirDateTime, from_millis, to_millis};
use base::error::Error;
use domain::person::{NhsNumber, Person, Standing};
use domain::proxy::OdsCode;

/// A received registry event.
#[derive(Clone, Debug)]
pub struct ReceivedEvent<'e> {
    /// The system that reports it.
    pub source: &'e str,
    /// The id that the system gave it.
    pub id: &'e str,
    /// Its type.
    pub kind: &'e str,
    /// When it occurred.
    pub occurred_at: DateTime<Utc>,
}

impl Tx<'_> {
    /// Stores an event; returns false for a duplicate. Of two concurrent ones, the second waits for the
    /// first.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn insert_if_new(&mut self, event: &ReceivedEvent<'_>, now: DateTime<Utc>) -> Result<bool, Error> {
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

    /// Stores the result of an event.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn save_inbound_outcome(&mut self, event: &ReceivedEvent<'_>, outcome: &str) -> Result<(), Error> {
        let row = inbound_events::table.find((event.source, event.id));
        diesel::update(row).set(inbound_events::outcome.eq(outcome)).execute(self.db)?;
        Ok(())
    }

    /// The result of an event that was received before.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_inbound_outcome(&mut self, event: &ReceivedEvent<'_>) -> Result<Option<String>, Error> {
        let row = inbound_events::table.find((event.source, event.id));
        Ok(row.select(inbound_events::outcome).first(self.db).optional()?)
    }

    /// When the newest known fact of this kind occurred.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_fact(&mut self, person: NhsNumber, kind: FactKind) -> Result<Option<DateTime<Utc>>, Error> {
        let row = person_facts::table.find((person.as_str(), kind.as_str()));
        let at: Option<i64> = row.select(person_facts::occurred_at).first(self.db).optional()?;
        Ok(at.map(from_millis))
    }

    /// Stores when a fact of this kind occurred, replacing the previous time.
    ///
    /// # Errors
    ///
    /// Database errors.
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

    /// A person's standing; `None` for an unknown person.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_standing(&mut self, person: NhsNumber) -> Result<Option<Standing>, Error> {
        let row = people::table.find(person.as_str()).select(people::standing);
        let standing: Option<String> = row.first(self.db).optional()?;
        standing.map(|text| Standing::parse(&text).ok_or_else(|| corrupt("standing"))).transpose()
    }

    /// A person's date of birth, whether or not they may appear.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_birth_date(&mut self, person: NhsNumber) -> Result<Option<FhirDateTime>, Error> {
        let row = people::table.find(person.as_str()).select(people::birth_date);
        let birth: Option<Option<String>> = row.first(self.db).optional()?;
        birth.flatten().map(|date| FhirDateTime::parse(&date).or(Err(corrupt("date")))).transpose()
    }

    /// A person's present number: that of the last of their number changes. The chain is followed when it is
    /// written, so it is never longer, and never leads back.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_successor(&mut self, person: NhsNumber) -> Result<Option<NhsNumber>, Error> {
        let row = number_changes::table.find(person.as_str()).select(number_changes::new_number);
        let successor: Option<String> = row.first(self.db).optional()?;
        successor.map(|number| nhs_number(&number)).transpose()
    }

    /// Records that a number was superseded by another.
    ///
    /// # Errors
    ///
    /// Database errors; where the number was superseded before.
    pub fn insert_number_change(&mut self, old: NhsNumber, new: NhsNumber) -> Result<(), Error> {
        let row = (number_changes::old_number.eq(old.as_str()), number_changes::new_number.eq(new.as_str()));
        diesel::insert_into(number_changes::table).values(row).execute(self.db)?;
        Ok(())
    }

    /// Stores a person's practice.
    ///
    /// # Errors
    ///
    /// Database errors.
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

    /// Creates the person of a new number, with the names, the date of birth and the practice of the old one.
    /// `false` where the new number has a person already.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn copy_person(&mut self, old: NhsNumber, new: NhsNumber, now: DateTime<Utc>) -> Result<bool, Error> {
        let found: Option<Person> = self.list_all_people(&[old])?.pop();
        let Some(person) = found else { return Ok(false) };
        let copy =
            Person { nhs_number: new, standing: Standing::Current, version: 1, updated_at: now, ..person };
        self.insert_person_if_new(&copy, now)
    }
}
