//! Whose data an access has shown.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;

use crate::dialect::in_list;
use crate::schema::{access_requests, audit_records, relationships, roles};
use crate::tx::Tx;
use base::error::Error;
use domain::audit::{Access, Disclosure, Outcome, People};
use domain::person::{NhsNumber, NumberCheck};

/// The people of rows, by `Type/id`.
pub(super) type PeopleOfRows = BTreeMap<String, People>;

/// As many values as every database takes in one list.
const LIST: usize = 500;

/// A row's id and its two people.
type Row = (String, Option<String>, Option<String>);

/// The people of an access: each pair once; none where no person's data were disclosed. A person whose data were
/// disclosed together with a role that they have needs no record of their own.
pub(super) fn named(access: &Access, rows: &PeopleOfRows) -> BTreeSet<People> {
    let of = |disclosed: &Disclosure| match disclosed {
        Disclosure::Of(people) => Some(*people),
        Disclosure::Resource(reference) => rows.get(reference).copied(),
    };
    let place = access.actor.place;
    let mut all: BTreeSet<People> = access.disclosed.iter().filter_map(of).collect();
    all.extend(subject_of(access).and_then(|subject| rows.get(subject)));
    let all: BTreeSet<People> = all.into_iter().filter_map(|people| place.naming(people)).collect();
    let is_in_pair = |number: NhsNumber| {
        all.iter().any(|people| {
            people.proxy.is_some()
                && people.patient.is_some()
                && [people.patient, people.proxy].contains(&Some(number))
        })
    };
    let is_needed = |people: &People| match (people.patient, people.proxy) {
        (Some(number), None) | (None, Some(number)) => !is_in_pair(number),
        (Some(_), Some(_)) => true,
        (None, None) => false,
    };
    let needed: BTreeSet<People> = all.iter().copied().filter(is_needed).collect();
    if needed.is_empty() { BTreeSet::from([place.people()]) } else { needed }
}

/// The resource that an access was about, if it was about one and has not told what it showed. Where the service
/// failed, its tables are not asked.
fn subject_of(access: &Access) -> Option<&String> {
    if matches!(access.outcome, Outcome::Failed(_)) {
        return None;
    }
    access.subject.as_ref().filter(|subject| access.disclosed.is_empty() && subject.contains('/'))
}

/// The rows whose people are to be looked up, by type: those that these accesses have shown, or were about.
pub(super) fn wanted<'a>(accesses: &[&'a Access]) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut wanted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for access in accesses {
        let disclosed = access.disclosed.iter().filter_map(|disclosed| match disclosed {
            Disclosure::Resource(reference) => Some(reference),
            Disclosure::Of(_) => None,
        });
        for (kind, id) in
            disclosed.chain(subject_of(access)).filter_map(|reference| reference.split_once('/'))
        {
            wanted.entry(kind).or_default().insert(id);
        }
    }
    wanted
}

impl Tx<'_> {
    /// Looks up the people of every row that these accesses have shown, or were about.
    pub(super) fn find_people_of(&mut self, accesses: &[&Access]) -> Result<PeopleOfRows, Error> {
        let mut found = PeopleOfRows::new();
        for (kind, ids) in wanted(accesses) {
            let ids: Vec<&str> = ids.into_iter().collect();
            for ids in ids.chunks(LIST) {
                for (id, patient, proxy) in self.list_people(kind, ids)? {
                    let people = People { patient: number(patient), proxy: number(proxy) };
                    found.insert(format!("{kind}/{id}"), people);
                }
            }
        }
        Ok(found)
    }

    fn list_people(&mut self, kind: &str, ids: &[&str]) -> Result<Vec<Row>, Error> {
        macro_rules! people_of {
            ($table:ident) => {
                $table::table
                    .filter(in_list!(self.db, $table.id, ids))
                    .select(($table::id, $table::patient.nullable(), $table::proxy.nullable()))
                    .load(self.db)?
            };
        }
        Ok(match kind {
            "Consent" => people_of!(roles),
            "RelatedPerson" => people_of!(relationships),
            "QuestionnaireResponse" => people_of!(access_requests),
            "AuditEvent" | "Provenance" => people_of!(audit_records),
            "Patient" => ids.iter().map(|id| (id.to_string(), Some(id.to_string()), None)).collect(),
            _ => Vec::new(),
        })
    }
}

/// A number as the path of a request may have it, which need not be one.
fn number(text: Option<String>) -> Option<NhsNumber> {
    NhsNumber::parse(&text?, NumberCheck::Length).ok()
}
