//! An access: the caller, the request and its outcome. It becomes one audit record for each pair of people
//! whose data were disclosed, so that each of them can see it; one record where no person's were.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::account::caller::{Caller, Principal};
use crate::audit::act::Act;
use crate::person::nhs_number::NhsNumber;

/// The longest query that is kept, in bytes.
const LONGEST_QUERY: usize = 4000;
/// The longest other text, in bytes.
const LONGEST_NAME: usize = 200;

/// The actor of an audit record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The kind of caller ([`Principal::kind`]), or `app` for an OAuth client before the caller is authenticated.
    pub kind: &'static str,
    /// The identifier within that kind: an NHS number for a citizen and a proxy.
    pub id: Option<String>,
    /// The organisation that staff work for.
    pub organisation: Option<String>,
    /// The app that sent the request, by its `client_id`.
    pub app: Option<String>,
    /// The grant that the token was issued for.
    pub grant: Option<Uuid>,
    /// The caller's own id for the request.
    pub request_id: Option<String>,
    /// Whose account the actor uses; none for staff and systems.
    pub place: ActingAs,
}

/// Whose account an actor uses: it limits which other people a record of theirs may name, because they can
/// read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActingAs {
    /// No person's: any name is allowed.
    NoPerson,
    /// Their own.
    Own(NhsNumber),
    /// A patient's, by a role.
    Patient {
        /// The proxy.
        proxy: NhsNumber,
        /// The patient.
        patient: NhsNumber,
    },
}

/// The two people of a record. Either may be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct People {
    /// The person whose data it is.
    pub patient: Option<NhsNumber>,
    /// The person who acts, or may act, for them.
    pub proxy: Option<NhsNumber>,
}

/// What was disclosed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disclosure {
    /// Data about these people.
    Of(People),
    /// A resource, as `Type/id`: the people are those of its row.
    Resource(String),
}

/// The outcome of an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeded.
    Allowed,
    /// It was refused; a short code says why. Never a text: that could be personal.
    Refused(&'static str),
    /// It failed through a fault of the service.
    Failed(&'static str),
}

/// An access. Made by [`Access::new`] and completed by the methods below.
#[derive(Clone, Debug)]
pub struct Access {
    /// The act.
    pub act: Act,
    /// The actor.
    pub actor: Actor,
    /// When.
    pub at: DateTime<Utc>,
    /// The subject: `Type/id`, or `Type`.
    pub subject: Option<String>,
    /// The query as received. Personal: for the record, never for a log.
    pub query: Option<String>,
    /// The outcome.
    pub outcome: Outcome,
    /// What was disclosed.
    pub disclosed: Vec<Disclosure>,
}

impl Actor {
    /// The actor of a request with a token.
    pub fn of(caller: &Caller) -> Self {
        let organisation = match &caller.principal {
            Principal::Staff { organisation, .. } => organisation.as_ref().map(ToString::to_string),
            Principal::Anyone
            | Principal::Citizen { .. }
            | Principal::Proxy { .. }
            | Principal::System { .. }
            | Principal::Service => None,
        };
        let place = match caller.principal {
            Principal::Citizen { nhs_number, .. } => ActingAs::Own(nhs_number),
            Principal::Proxy { proxy, patient, .. } => ActingAs::Patient { proxy, patient },
            Principal::Anyone | Principal::Staff { .. } | Principal::System { .. } | Principal::Service => {
                ActingAs::NoPerson
            }
        };
        Self {
            kind: caller.principal.kind(),
            id: caller.principal.id().map(|id| clean(&id, LONGEST_NAME)),
            organisation,
            app: caller.app.as_deref().map(|app| clean(app, LONGEST_NAME)),
            grant: caller.grant,
            request_id: caller.request_id.clone(),
            place,
        }
    }

    /// An app at the token endpoint, by the `client_id` that it sent, before the caller is authenticated.
    pub fn app(client_id: &str) -> Self {
        let client_id = clean(client_id, LONGEST_NAME);
        Self {
            kind: "app",
            id: Some(client_id.clone()),
            organisation: None,
            app: Some(client_id),
            grant: None,
            request_id: None,
            place: ActingAs::NoPerson,
        }
    }
}

impl ActingAs {
    /// The people of a record where no other person may be named: those of the actor.
    pub const fn people(self) -> People {
        match self {
            Self::NoPerson => People { patient: None, proxy: None },
            Self::Own(number) => People { patient: Some(number), proxy: None },
            Self::Patient { proxy, patient } => People { patient: Some(patient), proxy: Some(proxy) },
        }
    }

    /// These people where the record may name them: citizens read the records that name them, and must not
    /// learn from a record of a refused request whose role it was.
    pub fn naming(self, people: People) -> Option<People> {
        match self {
            Self::NoPerson => Some(people),
            Self::Own(number) => match people {
                // A person whom they know was disclosed to them.
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
    /// The outcome of a request that is answered with this status and code.
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

    /// The code of the refusal or failure.
    pub const fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Allowed => None,
            Self::Refused(code) | Self::Failed(code) => Some(code),
        }
    }
}

impl Access {
    /// An act that was allowed, with no person named.
    pub const fn new(act: Act, actor: Actor, at: DateTime<Utc>) -> Self {
        Self { act, actor, at, subject: None, query: None, outcome: Outcome::Allowed, disclosed: Vec::new() }
    }

    /// Sets the subject: a resource or type.
    #[must_use]
    pub fn of(mut self, subject: &str) -> Self {
        self.subject = Some(clean(subject, LONGEST_NAME));
        self
    }

    /// Sets the query.
    #[must_use]
    pub fn by(mut self, query: &str) -> Self {
        self.query = (!query.is_empty()).then(|| clean(query, LONGEST_QUERY));
        self
    }

    /// Names these people: for a log-in, an exchange, a grant.
    #[must_use]
    pub fn about(mut self, patient: Option<NhsNumber>, proxy: Option<NhsNumber>) -> Self {
        self.disclosed.push(Disclosure::Of(People { patient, proxy }));
        self
    }

    /// Marks it refused, with this short code.
    #[must_use]
    pub fn refused(mut self, code: &'static str) -> Self {
        self.outcome = Outcome::Refused(code);
        self
    }

    /// Sets the outcome.
    #[must_use]
    pub fn ended(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }
}

/// Removes control characters from text of outside sources (PostgreSQL rejects a NUL, and with it the whole
/// batch of records), and cuts it to this length.
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
    use super::{ActingAs, People, clean};
    use crate::person::nhs_number::{NhsNumber, NumberCheck};

    fn number(text: &str) -> NhsNumber {
        NhsNumber::parse(text, NumberCheck::Length).unwrap()
    }

    #[test]
    fn control_characters_do_not_break_an_audit_batch() {
        assert_eq!(clean("a\0b\nc", 10), "abc");
        assert_eq!(clean("ééé", 4), "éé…");
    }

    #[test]
    fn audit_record_of_a_citizen_names_only_people_they_may_know() {
        let (own, other, third) = (number("9000000009"), number("9000000017"), number("9000000033"));
        let place = ActingAs::Own(own);
        let people = |patient, proxy| People { patient: Some(patient), proxy };
        assert_eq!(place.naming(people(own, Some(other))), Some(people(own, Some(other))));
        assert_eq!(place.naming(people(other, Some(own))), Some(people(other, Some(own))));
        assert_eq!(place.naming(people(other, Some(third))), None);
        assert_eq!(place.naming(people(other, None)), Some(people(other, Some(own))));
        assert_eq!(place.people(), people(own, None));
        let acting = ActingAs::Patient { proxy: own, patient: other };
        assert_eq!((acting.naming(people(own, None)), acting.people()), (None, people(other, Some(own))));
        assert_eq!(ActingAs::NoPerson.naming(people(other, Some(third))), Some(people(other, Some(third))));
    }
}
