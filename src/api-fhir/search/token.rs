//! Token parameters (<https://hl7.org/fhir/R4/search.html#token>): `code`, `system|code`, `|code`, `system|`.

use std::collections::BTreeMap;

use crate::context::Context;
use crate::refusal::Refusal;
use crate::search::account;
use crate::search::filter::masked;
use crate::search::param::{Param, SearchTarget};
use crate::search::query::bad;
use crate::url;
use domain::audit::Act;
use domain::proxy::{LegalBasis, ReasonCode, Status};
use fhir::validate::value_set;
use fhir::{expansion, profiles};
use store::search::{AuditField, Field, Filter, Is, RelationshipCodeField, RoleField};

/// A parsed token.
pub(super) struct TokenValue {
    /// `None`: any; empty: none.
    pub(super) system: Option<String>,
    /// `None`: any.
    pub(super) code: Option<String>,
}

impl TokenValue {
    pub(super) fn parse(text: &str) -> Self {
        let mut parts = split(text, '|');
        let first = parts.next().unwrap_or_default();
        match parts.next() {
            None => Self { system: None, code: Some(first) },
            Some(code) => Self { system: Some(first), code: Some(code).filter(|code| !code.is_empty()) },
        }
    }

    /// Whether a coding matches. HL7's systems may be written with either scheme; the codes of the supported
    /// systems are case-sensitive.
    pub(super) fn matches(&self, system: &str, code: &str) -> bool {
        self.has_system(Some(system)) && self.code.as_deref().is_none_or(|wanted| wanted == code)
    }

    fn has_system(&self, system: Option<&str>) -> bool {
        match self.system.as_deref() {
            None => true,
            Some("") => system.is_none(),
            Some(wanted) => system == Some(&*url::as_hl7_defines(wanted)),
        }
    }
}

/// Splits at a separator that is not escaped with a backslash.
pub(super) fn split(text: &str, separator: char) -> impl Iterator<Item = String> {
    let mut parts = vec![String::new()];
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let is_escape = letter == '\\' && letters.peek() == Some(&separator);
        if letter == separator {
            parts.push(String::new());
        } else if let Some(last) = parts.last_mut() {
            last.extend(if is_escape { letters.next() } else { Some(letter) });
        }
    }
    parts.into_iter()
}

/// The filter of one alternative.
pub(super) fn filter(
    param: &Param,
    modifier: Option<&str>,
    value: &str,
    context: &Context,
) -> Result<Filter, Refusal> {
    match modifier {
        // No supported code system has a hierarchy: a code is above and below itself only.
        None | Some("above" | "below") => Ok(plain(param, &TokenValue::parse(value), context)),
        Some("not") => Ok(plain(param, &TokenValue::parse(value), context).negated()),
        Some("text") => Ok(by_display(param, value, context)),
        Some("in" | "not-in") => {
            let any = among(param, &codes_of(value, context)?, context);
            Ok(if modifier == Some("in") { any } else { any.negated() })
        }
        // No identifier here has a type.
        Some("of-type") if param.name == "identifier" => Ok(Filter::NOTHING),
        Some(_) => Err(bad(
            "A token parameter supports the modifiers not, text, in, not-in, above, below, of-type, missing.",
        )),
    }
}

/// The codes of a value set, each with its system: one of this server, by any URL of it, or one of R4's.
pub(super) fn codes_of(canonical: &str, context: &Context) -> Result<Vec<(String, String)>, Refusal> {
    let message = "This server does not have the value set, or cannot expand it.";
    let ours = match context.relative(canonical).strip_prefix("ValueSet/") {
        Some(id) => profiles::find("ValueSet", id).and_then(|it| expansion::codes_of(&it.url)),
        None => expansion::codes_of(canonical),
    };
    let unversioned = canonical.strip_suffix("|4.0.1").unwrap_or(canonical);
    ours.or_else(|| value_set(unversioned)).ok_or_else(|| bad(message))
}

/// Rows that have any of these codes. Those of a relationship are compared once for each system, not once for
/// each code: SQLite plans hundreds of those for minutes.
fn among(param: &Param, codes: &[(String, String)], context: &Context) -> Filter {
    if let SearchTarget::RelationshipCode = param.target {
        let mut systems: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (system, code) in codes {
            systems.entry(system).or_default().push(code.clone());
        }
        let of_system = |(system, codes)| {
            has_code(Some(Filter::one_of(RelationshipCodeField::Code, codes)), Some(system))
        };
        return Filter::Any(systems.into_iter().map(of_system).collect());
    }
    let of_code = |(system, code): &(String, String)| {
        plain(param, &TokenValue { system: Some(system.clone()), code: Some(code.clone()) }, context)
    };
    Filter::any_of(codes.iter().map(of_code).collect())
}

fn plain(param: &Param, token: &TokenValue, context: &Context) -> Filter {
    masked::disclosed(&param.target, of_index(param, token, context), context)
}

/// The status reasons that a token matches.
fn token_codes(token: &TokenValue) -> Vec<ReasonCode> {
    ReasonCode::all().filter(|reason| token.matches(url::STATUS_REASON, reason.code())).collect()
}

fn of_index(param: &Param, token: &TokenValue, context: &Context) -> Filter {
    match param.target {
        SearchTarget::Constant(codings) => {
            let is_boolean = codings.iter().any(|(system, _)| system.ends_with("/special-values"));
            let matches = |(system, code): &(&str, &str)| {
                if is_boolean {
                    token.has_system(None) && token.code.as_deref() == Some(*code)
                } else {
                    token.matches(system, code)
                }
            };
            Filter::constant(codings.iter().any(matches))
        }
        SearchTarget::Token(system, field) => by_field(system, field, token),
        SearchTarget::Flag(field) => match token.code.as_deref() {
            Some("true") => Filter::truth(field, true),
            Some("false") => Filter::truth(field, false),
            _ => Filter::NOTHING,
        },
        SearchTarget::HasValue(field) => match token.code.as_deref() {
            // A comparison, for which an index on non-null values can be used.
            Some("true") => Filter::number(field, Is::AtLeast, i64::MIN),
            Some("false") => Filter::Null(field),
            _ => Filter::NOTHING,
        },
        SearchTarget::RoleStatus => of_statuses(token, context),
        SearchTarget::RoleReason => masked::of_reasons(&token_codes(token), context),
        SearchTarget::RelationshipCode => relationship_code(token),
        SearchTarget::OfAct(coding) => of_act(token, coding),
        SearchTarget::Present(codings) => {
            let matching = codings.iter().filter(|(system, code, _)| token.matches(system, code));
            Filter::Any(matching.map(|(_, _, field)| masked::present(*field, context)).collect())
        }
        SearchTarget::Account => match (&token.code, token.has_system(Some(url::NHS_NUMBER))) {
            (_, false) => Filter::NOTHING,
            (Some(number), true) => account::of(number),
            (None, true) => account::any(),
        },
        SearchTarget::Contacts(field) => contact(field, token),
        SearchTarget::Absent
        | SearchTarget::Text(..)
        | SearchTarget::Reference(_)
        | SearchTarget::Applicant
        | SearchTarget::Agent
        | SearchTarget::Author
        | SearchTarget::LocalReference(_)
        | SearchTarget::Date(..)
        | SearchTarget::Names(_)
        | SearchTarget::Uri(_)
        | SearchTarget::Element(_)
        | SearchTarget::Composite(..)
        | SearchTarget::Codes => Filter::NOTHING,
    }
}

fn by_field(system: Option<&str>, field: Field, token: &TokenValue) -> Filter {
    // The unknown legal basis is the one code of its field with another system.
    let unknown = LegalBasis::Unknown.code();
    let system = match token.code.as_deref() {
        Some(code) if code == unknown && system == Some(url::LEGAL_BASIS) => Some(url::NULL_FLAVOR),
        _ => system,
    };
    match (&token.code, token.has_system(system)) {
        (_, false) => Filter::NOTHING,
        (Some(code), true) => Filter::text(field, code.clone()),
        (None, true) => Filter::Null(field).negated(),
    }
}

/// A contact by its value, and by its system (`email`, `phone`, …) if it is given.
fn contact(field: Field, token: &TokenValue) -> Filter {
    let end = token.code.as_ref().map_or_else(|| "|".to_owned(), |code| format!("|{code}\u{1f}"));
    Filter::Contains(
        field,
        match token.system.as_deref() {
            None => end,
            Some(system) => format!("\u{1f}{system}{end}"),
        },
    )
}

fn of_statuses(token: &TokenValue, context: &Context) -> Filter {
    let matching =
        Status::ALL.into_iter().filter(|status| token.matches(url::CONSENT_STATE, status.as_str()));
    let of_status = |status: Status| {
        let on_paper = Filter::text(RoleField::Status, status.as_str());
        match status {
            Status::Active => Filter::All(vec![on_paper, masked::lapsed(context).negated()]),
            Status::Inactive => Filter::Any(vec![on_paper, masked::lapsed(context)]),
            Status::Proposed | Status::Rejected | Status::EnteredInError => on_paper,
        }
    };
    Filter::Any(matching.map(of_status).collect())
}

/// Acts with this coding.
fn of_act(token: &TokenValue, coding: fn(Act) -> (Option<&'static str>, &'static str)) -> Filter {
    let is_said = |act: &Act| {
        let (system, code) = coding(*act);
        token.has_system(system) && token.code.as_deref().is_none_or(|wanted| wanted == code)
    };
    let acts = Act::ALL.iter().copied().filter(is_said).map(|act| act.as_str().to_owned());
    Filter::one_of(AuditField::Act, acts.collect())
}

/// Relationship rows with a code.
pub(super) fn any_relationship_code() -> Filter {
    relationship_code(&TokenValue { system: None, code: None })
}

fn relationship_code(token: &TokenValue) -> Filter {
    let code = token.code.as_ref().map(|code| Filter::text(RelationshipCodeField::Code, code.clone()));
    has_code(code, token.system.as_deref())
}

/// Relationship rows with this code. Its system may be written with either scheme.
fn has_code(code: Option<Filter>, system: Option<&str>) -> Filter {
    let mut all: Vec<Filter> = code.into_iter().collect();
    match system {
        None => {}
        Some("") => return Filter::NOTHING,
        Some(system) => {
            let defined = url::as_hl7_defines(system);
            let written = [
                system.to_owned(),
                defined.replace("http://terminology", "https://terminology"),
                defined.into_owned(),
            ];
            all.push(Filter::one_of(RelationshipCodeField::System, written.to_vec()));
        }
    }
    Filter::HasCode(Box::new(Filter::All(all)))
}

/// `:text`: the display texts of the codes that resources have, or may have.
fn by_display(param: &Param, text: &str, context: &Context) -> Filter {
    let wanted = store::normalize(text);
    let begins = |words: &str| store::normalize(words).starts_with(&wanted);
    if let SearchTarget::RoleReason = param.target {
        let matching = ReasonCode::all().filter(|reason| begins(reason.display()));
        return masked::of_reasons(&matching.collect::<Vec<_>>(), context);
    }
    if let SearchTarget::Token(Some(url::LEGAL_BASIS), field) = param.target {
        let matching = LegalBasis::ALL.into_iter().filter(|basis| begins(basis.display()));
        return Filter::Any(matching.map(|basis| Filter::text(field, basis.code())).collect());
    }
    if let SearchTarget::RelationshipCode = param.target {
        let display = Field::RelationshipCode(RelationshipCodeField::DisplayFolded);
        return Filter::HasCode(Box::new(Filter::Contains(display, store::normalize_words(text))));
    }
    let SearchTarget::Constant(codings) = param.target else { return Filter::NOTHING };
    Filter::constant(codings.iter().any(|(_, code)| {
        let display = match *code {
            "patient-privacy" => "Privacy Consent",
            "INFA" => "information access",
            other => other,
        };
        begins(display)
    }))
}
