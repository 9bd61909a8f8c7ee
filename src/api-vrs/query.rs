//! Reads query strings: identifier tokens (contract §3), status filters and includes (§5).

use crate::catalogue;
use crate::problem::VrsError;
use crate::url;
use domain::person::{NhsNumber, NumberCheck};
use domain::proxy::Status;
use service::proxy::query::RoleIncludes;
use store::RoleSearch;

/// The parameters of a query string, decoded, in their order.
pub(crate) struct QueryString(Vec<(String, String)>);

/// Why an identifier token is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BadToken {
    System,
    Value,
}

impl QueryString {
    pub(crate) fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    fn all<'q>(&'q self, name: &'q str) -> impl Iterator<Item = &'q str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The values of a parameter that may occur once; empty ones do not count.
    fn given<'q>(&'q self, name: &'q str) -> Vec<&'q str> {
        self.all(name).filter(|value| !value.is_empty()).collect()
    }

    /// The names of the parameters.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }
}

/// `VALUE` or `SYSTEM|VALUE`. The system is checked before the value.
fn parse_token(tokens: &[&str], check: NumberCheck) -> Result<Option<NhsNumber>, BadToken> {
    let token = match tokens {
        [] => return Ok(None),
        [token] => *token,
        _ => return Err(BadToken::Value),
    };
    let value = match token.split_once('|') {
        Some((system, _)) if system != url::NHS_NUMBER => return Err(BadToken::System),
        Some((_, value)) => value,
        None => token,
    };
    NhsNumber::parse(value, check).map(Some).or(Err(BadToken::Value))
}

/// The proxy and the patient of `GET /Consent`.
pub(crate) fn consent_search(
    query: &QueryString,
    check: NumberCheck,
) -> Result<(RoleSearch, RoleIncludes), VrsError> {
    let (proxy, patient) = (query.given("performer:identifier"), query.given("patient:identifier"));
    if proxy.is_empty() && patient.is_empty() {
        return Err(catalogue::CONSENT_MISSING_IDENTIFIER);
    }
    let (proxy, patient) =
        both(parse_token(&proxy, check), parse_token(&patient, check)).map_err(|bad| match bad {
            (_, BadToken::System) => catalogue::CONSENT_INVALID_SYSTEM,
            (_, BadToken::Value) => catalogue::CONSENT_INVALID_VALUE,
        })?;
    let statuses = statuses(query)?;
    Ok((RoleSearch { proxy, patient, statuses }, includes(query)?))
}

/// The proxy and the patient of `GET /RelatedPerson`.
pub(crate) fn related_person_search(
    query: &QueryString,
    check: NumberCheck,
) -> Result<(Option<NhsNumber>, Option<NhsNumber>), VrsError> {
    let (proxy, patient) = (query.given("identifier"), query.given("patient:identifier"));
    if proxy.is_empty() && patient.is_empty() {
        return Err(catalogue::RELATED_PERSON_MISSING_IDENTIFIER);
    }
    both(parse_token(&proxy, check), parse_token(&patient, check)).map_err(|bad| match bad {
        (_, BadToken::System) => catalogue::RELATED_PERSON_INVALID_SYSTEM,
        (Party::Proxy, BadToken::Value) => {
            catalogue::RELATED_PERSON_INVALID_PROXY.at("RelatedPerson.identifier")
        }
        (Party::Patient, BadToken::Value) => catalogue::RELATED_PERSON_INVALID_PATIENT,
    })
}

/// Whether `GET /RelatedPerson` is to include the patients. Other includes are ignored, as the
/// published sandbox does: this operation has no error for them.
pub(crate) fn includes_patients(query: &QueryString) -> bool {
    query.all("_include").any(|include| include == "RelatedPerson:patient")
}

#[derive(Clone, Copy)]
enum Party {
    Proxy,
    Patient,
}

/// Both tokens, or the first fault: a wrong system of either comes before a wrong value of either.
fn both<T>(proxy: Result<T, BadToken>, patient: Result<T, BadToken>) -> Result<(T, T), (Party, BadToken)> {
    match (proxy, patient) {
        (Ok(proxy), Ok(patient)) => Ok((proxy, patient)),
        (Err(BadToken::System), _) => Err((Party::Proxy, BadToken::System)),
        (_, Err(BadToken::System)) => Err((Party::Patient, BadToken::System)),
        (Err(BadToken::Value), _) => Err((Party::Proxy, BadToken::Value)),
        (_, Err(BadToken::Value)) => Err((Party::Patient, BadToken::Value)),
    }
}

/// The statuses that every `status` parameter allows: a comma is an OR, a repetition an AND.
fn statuses(query: &QueryString) -> Result<Option<Vec<Status>>, VrsError> {
    let mut allowed: Option<Vec<Status>> = None;
    for group in query.all("status") {
        // Each status once, even if it is repeated: there are few.
        let mut named: Vec<Status> = Vec::new();
        for status in group.split(',') {
            let status = Status::parse(status).ok_or(catalogue::INVALID_STATUS_PARAMETER)?;
            if !named.contains(&status) {
                named.push(status);
            }
        }
        let group = named;
        allowed = Some(match allowed {
            Some(before) => before.into_iter().filter(|status| group.contains(status)).collect(),
            None => group,
        });
    }
    Ok(allowed)
}

/// `Consent:performer` and `Consent:patient`, in any order and number.
pub(crate) fn includes(query: &QueryString) -> Result<RoleIncludes, VrsError> {
    let mut includes = RoleIncludes::default();
    for include in query.all("_include") {
        match include {
            "Consent:performer" => includes.proxy = true,
            "Consent:patient" => includes.patient = true,
            _ => return Err(catalogue::INVALID_INCLUDE_PARAMETER),
        }
    }
    Ok(includes)
}

#[cfg(test)]
mod tests {
    use super::{QueryString, consent_search};
    use domain::person::NumberCheck;
    use domain::proxy::Status;

    fn statuses(query: &str) -> Option<Vec<Status>> {
        let query = QueryString::parse(&format!("patient:identifier=9000000009&{query}"));
        consent_search(&query, NumberCheck::Modulus11).unwrap().0.statuses
    }

    #[test]
    fn comma_is_or_and_repeated_parameter_is_and() {
        assert_eq!(statuses(""), None);
        assert_eq!(statuses("status=active,inactive"), Some(vec![Status::Active, Status::Inactive]));
        assert_eq!(statuses("status=active,inactive&status=inactive,proposed"), Some(vec![Status::Inactive]));
        assert_eq!(statuses("status=active&status=inactive"), Some(vec![]));
    }

    #[test]
    fn repeated_statuses_take_linear_time() {
        let group = vec!["active,inactive"; 50_000].join(",");
        let begun = std::time::Instant::now();
        let query = format!("status={group}&status={group}");
        assert_eq!(statuses(&query), Some(vec![Status::Active, Status::Inactive]));
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    }

    #[test]
    fn colons_and_pipes_may_be_percent_encoded() {
        let encoded = "performer%3Aidentifier=https%3A%2F%2Ffhir.nhs.uk%2FId%2Fnhs-number%7C9000000017";
        for query in [encoded, "performer:identifier=https://fhir.nhs.uk/Id/nhs-number|9000000017"] {
            let found = consent_search(&QueryString::parse(query), NumberCheck::Modulus11).unwrap().0;
            assert_eq!(found.proxy.unwrap().as_str(), "9000000017");
        }
    }
}
