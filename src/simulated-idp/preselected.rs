//! The person who is preselected on the log-in page, when the user came from a link of the tour. A cookie carries the
//! choice, because the log-in itself goes through the authorization server, which does not know of it. It proves nothing: the
//! user can choose another person.

use actix_web::HttpRequest;
use actix_web::http::header::COOKIE;

const NAME: &str = "onbehalf-simulated-person";

/// `Set-Cookie` for a person: an NHS number or the id of a user. `None` for any other text.
pub fn preselect(person: &str) -> Option<String> {
    let is_id = (10..=12).contains(&person.len()) && person.bytes().all(|byte| byte.is_ascii_digit());
    is_id.then(|| format!("{NAME}={person}; Path=/simulated; Max-Age=300; HttpOnly; SameSite=Lax"))
}

/// `Set-Cookie` that removes it.
pub(crate) const FORGET: &str =
    "onbehalf-simulated-person=; Path=/simulated; Max-Age=0; HttpOnly; SameSite=Lax";

/// The preselected person.
pub(crate) fn preselected(request: &HttpRequest) -> Option<String> {
    let headers = request.headers().get_all(COOKIE).filter_map(|value| value.to_str().ok());
    let mut pairs = headers.flat_map(|value| value.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find_map(|(name, person)| (name.trim() == NAME).then(|| person.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::preselect;

    #[test]
    fn preselected_person_is_an_nhs_number_or_a_user_id() {
        for right in ["9000000017", "910000000101"] {
            assert!(
                preselect(right)
                    .is_some_and(|cookie| cookie.contains(&format!("={right}; Path=/simulated;")))
            );
        }
        for wrong in ["", "900000001", "9000000017000", "90000000 7", "9000000017; Path=/", "٩٠٠٠٠"] {
            assert_eq!(preselect(wrong), None, "{wrong}");
        }
    }
}
