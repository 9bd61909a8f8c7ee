//! The person whom the page has chosen already, when a link of the sandbox has said who logs in. A cookie says so: the log-in
//! itself goes by way of the authorization server, which knows nothing of it. It proves nothing; the page can be answered
//! otherwise.

use actix_web::HttpRequest;
use actix_web::http::header::COOKIE;

const NAME: &str = "onbehalf-simulated-person";

/// `Set-Cookie` for a link that says who logs in: an NHS number or the id of a user. `None` where it can be neither.
pub fn preselect(person: &str) -> Option<String> {
    let is_id = (10..=12).contains(&person.len()) && person.bytes().all(|byte| byte.is_ascii_digit());
    is_id.then(|| format!("{NAME}={person}; Path=/simulated; Max-Age=300; HttpOnly; SameSite=Lax"))
}

/// `Set-Cookie` that takes it away again.
pub(crate) fn forget() -> String {
    format!("{NAME}=; Path=/simulated; Max-Age=0; HttpOnly; SameSite=Lax")
}

/// Who is chosen already.
pub(crate) fn preselected(request: &HttpRequest) -> Option<String> {
    let headers = request.headers().get_all(COOKIE).filter_map(|value| value.to_str().ok());
    let mut pairs = headers.flat_map(|value| value.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find_map(|(name, person)| (name.trim() == NAME).then(|| person.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::preselect;

    #[test]
    fn only_an_id_comes_into_the_cookie() {
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
