//! An access: who asked for what, and what came of it. It becomes one record for every two people whose data
//! were shown, so that each of them finds who looked; one, where nobody's were.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::account::caller::{Caller, Who};
use crate::audit::act::Act;
use crate::person::nhs_number::NhsNumber;

/// The longest query that is kept, in bytes.
const LONGEST_QUERY: usize = 4000;
/// The longest name of anything else, in bytes.
const LONGEST_NAME: usize = 200;

/// Who acts, as the record names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The kind of caller ([`Who::kind`]), or `app` for an OAuth client before anybody is known.
    pub kind: &'static str,
    /// Which one of that kind: an NHS number for a citizen and a proxy.
    pub id: Option<String>,
    /// The organisation in whose name staff work.
    pub organisation: Option<String>,
    /// The app that asks, by its `client_id`.
    pub app: Option<String>,
    /// The grant that the token was issued for.
    pub grant: Option<Uuid>,
    /// The caller's own id for the request.
    pub request_id: Option<String>,
    /// In whose place they stand. Nobody, where they are no citizen.
    pub place: Place,
}

/// In whose place somebody acts: what of other people's names may stand in a record of theirs, because they
/// can read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// An organisation's: any.
    Nobody,
    /// Their own.
    Own(NhsNumber),
    /// A patient's, by a role.
    Patient {
        /// Who acts.
        proxy: NhsNumber,
        /// For whom.
        patient: NhsNumber,
    },
}

/// The two people of a record. Either may be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct People {
    /// Whose data it is.
    pub patient: Option<NhsNumber>,
    /// Who acts, or may act, for them.
    pub proxy: Option<NhsNumber>,
}

/// What was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Something about these.
    Of(People),
    /// A resource, as `Type/id`: the people are those of its row.
    Resource(String),
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Allowed,
    /// It was refused, for a reason with this short code. Never a text: that could be personal.
    Refused(&'static str),
    /// It failed, and not by the caller's fault.
    Failed(&'static str),
}

/// An access. Made by [`Access::new`], and told more by the methods below.
#[derive(Clone, Debug)]
pub struct Access {
    /// What was done or asked for.
    pub act: Act,
    /// By whom.
    pub actor: Actor,
    /// When.
    pub at: DateTime<Utc>,
    /// Of what: `Type/id`, or `Type`.
    pub subject: Option<String>,
    /// By which query, as it was asked. Personal: for the record, never for a log.
    pub query: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// What was shown.
    pub shown: Vec<Shown>,
}

impl Actor {
    /// Who stands behind a request with a token.
    pub fn of(caller: &Caller) -> Self {
        let organisation = match &caller.who {
            Who::Staff { organisation, .. } => organisation.as_ref().map(ToString::to_string),
            Who::Anyone | Who::Citizen { .. } | Who::Proxy { .. } | Who::System { .. } | Who::Service => None,
        };
        let place = match caller.who {
            Who::Citizen { nhs_number, .. } => Place::Own(nhs_number),
            Who::Proxy { proxy, patient, .. } => Place::Patient { proxy, patient },
            Who::Anyone | Who::Staff { .. } | Who::System { .. } | Who::Service => Place::Nobody,
        };
        Self {
            kind: caller.who.kind(),
            id: caller.who.id().map(|id| clean(&id, LONGEST_NAME)),
            organisation,
            app: caller.app.as_deref().map(|app| clean(app, LONGEST_NAME)),
            grant: caller.grant,
            request_id: caller.request_id.clone(),
            place,
        }
    }

    /// An app that asks at the token endpoint, by the `client_id` that it gives, before anybody is known.
    pub fn app(client_id: &str) -> Self {
        let client_id = clean(client_id, LONGEST_NAME);
        Self {
            kind: "app",
            id: Some(client_id.clone()),
            organisation: None,
            app: Some(client_id),
            grant: None,
            request_id: None,
            place: Place::Nobody,
        }
    }
}

impl Place {
    /// The people of a record in which nobody else may be named.
    pub const fn people(self) -> People {
        match self {
            Self::Nobody => People { patient: None, proxy: None },
            Self::Own(number) => People { patient: Some(number), proxy: None },
            Self::Patient { proxy, patient } => People { patient: Some(patient), proxy: Some(proxy) },
        }
    }

    /// These people as the record may name them, if it may: a citizen reads the records that name them, and
    /// must not learn from one whose role it is that they asked for in vain.
    pub fn naming(self, people: People) -> Option<People> {
        match self {
            Self::Nobody => Some(people),
            Self::Own(number) => match people {
                // Somebody whom they know was shown to them.
                People { patient: Some(patient), proxy: None } if patient != number => {
                    Some(People { patient: Some(patient), proxy: Some(number) })
                }
                People { patient, proxy } => {
                    [patient, proxy].contains(&Some(number)).then_some(People { patient, proxy })
                }
            },
            Self::Patient { .. } => None,
        }
    }
}

impl Outcome {
    /// What came of a request that is answered with this status and code.
    pub const fn of(status: u16, code: &'static str) -> Self {
        match status {
            ..400 => Self::Allowed,
            400..500 => Self::Refused(code),
            500.. => Self::Failed(code),
        }
    }

    /// FHIR's code (<https://hl7.org/fhir/R4/codesystem-audit-event-outcome.html>).
    pub const fn code(self) -> &'static str {
        match self {
            Self::Allowed => "0",
            Self::Refused(_) => "4",
            Self::Failed(_) => "8",
        }
    }

    /// Why not.
    pub const fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Allowed => None,
            Self::Refused(code) | Self::Failed(code) => Some(code),
        }
    }
}

impl Access {
    /// An act that was allowed, about nobody in particular.
    pub const fn new(act: Act, actor: Actor, at: DateTime<Utc>) -> Self {
        Self { act, actor, at, subject: None, query: None, outcome: Outcome::Allowed, shown: Vec::new() }
    }

    /// The same, of this resource or type.
    #[must_use]
    pub fn of(mut self, subject: &str) -> Self {
        self.subject = Some(clean(subject, LONGEST_NAME));
        self
    }

    /// The same, by this query.
    #[must_use]
    pub fn by(mut self, query: &str) -> Self {
        self.query = (!query.is_empty()).then(|| clean(query, LONGEST_QUERY));
        self
    }

    /// The same, about these people: for a log-in, an exchange, a grant.
    #[must_use]
    pub fn about(mut self, patient: Option<NhsNumber>, proxy: Option<NhsNumber>) -> Self {
        self.shown.push(Shown::Of(People { patient, proxy }));
        self
    }

    /// The same, refused for a reason with this short code.
    #[must_use]
    pub fn refused(mut self, code: &'static str) -> Self {
        self.outcome = Outcome::Refused(code);
        self
    }

    /// The same, with this outcome.
    #[must_use]
    pub fn ended(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }
}

/// What a database takes from outside: no control characters (PostgreSQL refuses a NUL, and with it the
/// records of everybody in the same batch), and no more than this.
fn clean(text: &str, longest: usize) -> String {
    let mut kept = String::with_capacity(text.len().min(longest));
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        if kept.len() + letter.len_utf8() > longest {
            kept.push('…');
            break;
        }
        kept.push(letter);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::{People, Place, clean};
    use crate::person::nhs_number::{NhsNumber, NumberCheck};

    fn number(text: &str) -> NhsNumber {
        NhsNumber::parse(text, NumberCheck::Length).unwrap()
    }

    #[test]
    fn nothing_from_outside_breaks_a_batch() {
        assert_eq!(clean("a\0b\nc", 10), "abc");
        assert_eq!(clean("ééé", 4), "éé…");
    }

    #[test]
    fn a_record_of_a_citizen_names_nobody_whom_they_may_not_know() {
        let (own, other, third) = (number("9000000009"), number("9000000017"), number("9000000033"));
        let place = Place::Own(own);
        let people = |patient, proxy| People { patient: Some(patient), proxy };
        assert_eq!(place.naming(people(own, Some(other))), Some(people(own, Some(other))));
        assert_eq!(place.naming(people(other, Some(own))), Some(people(other, Some(own))));
        assert_eq!(place.naming(people(other, Some(third))), None);
        assert_eq!(place.naming(people(other, None)), Some(people(other, Some(own))));
        assert_eq!(place.people(), people(own, None));
        let acting = Place::Patient { proxy: own, patient: other };
        assert_eq!((acting.naming(people(own, None)), acting.people()), (None, people(other, Some(own))));
        assert_eq!(Place::Nobody.naming(people(other, Some(third))), Some(people(other, Some(third))));
    }
}
