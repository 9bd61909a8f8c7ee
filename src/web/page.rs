//! What every page shares: the style sheet, and the headers of an answer. A page has no script, no frame, nothing kept, and
//! nothing from another host. Its frame is `templates/layout.html`.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

use base::token::digest;
use domain::account::registration::without_hidden;
use domain::person::{HumanName, NameUse, Person};

/// NHS.UK frontend without its font faces (Frutiger needs a licence), and the rules of ours.
const STYLE: &str = concat!(
    include_str!("../../assets/nhsuk-frontend/nhsuk-frontend-10.6.1.min.css"),
    include_str!("../../assets/onbehalf.css")
);

/// The name of the style sheet holds its digest, so that a browser may keep it for ever.
static STYLE_NAME: LazyLock<String> =
    LazyLock::new(|| format!("nhsuk-frontend-{}.css", digest(STYLE).get(..16).unwrap_or_default()));

macro_rules! icon {
    ($name:literal) => {
        ($name, include_str!(concat!("../../assets/nhsuk-frontend/images/", $name)))
    };
}

/// The images of the style sheet. They change with the version of NHS.UK frontend alone.
const IMAGES: [(&str, &str); 4] = [
    icon!("nhsuk-icon-arrow-down.svg"),
    icon!("nhsuk-icon-arrow-up-down.svg"),
    icon!("nhsuk-icon-arrow-up.svg"),
    icon!("nhsuk-icon-cross.svg"),
];

/// The URL of the style sheet.
pub fn style_url() -> String {
    format!("/assets/{}", *STYLE_NAME)
}

/// The style sheet, where this is its name.
pub fn find_style(name: &str) -> Option<HttpResponse> {
    (name == *STYLE_NAME)
        .then(|| asset("text/css; charset=utf-8", "public, max-age=31536000, immutable", STYLE))
}

/// An image of the style sheet.
pub fn find_image(name: &str) -> Option<HttpResponse> {
    let (_, image) = IMAGES.iter().find(|(known, _)| *known == name)?;
    Some(asset("image/svg+xml", "public, max-age=86400", image))
}

fn asset(content_type: &'static str, cache: &'static str, body: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((CACHE_CONTROL, cache))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(body)
}

/// A page. Browsers compare `form-action` also with where a form's answer redirects to, so that `form_target` is such a source
/// (Content Security Policy Level 3 §2.3.1) beside the server itself.
pub fn respond(status: StatusCode, html: String, form_target: Option<&str>) -> HttpResponse {
    let source = form_target.map(|source| format!(" {source}")).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; form-action 'self'{source}; \
         frame-ancestors 'none'; base-uri 'none'"
    );
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, policy))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((X_FRAME_OPTIONS, "DENY"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(html)
}

/// What a person is called: by their usual name, or else by the first.
pub fn name_of(person: &Person) -> String {
    let usual = person.names.iter().find(|name| name.name_use == NameUse::Usual);
    let Some(name) = usual.or(person.names.first()) else { return "A person without a name".to_owned() };
    let HumanName { family, given, prefix, suffix, .. } = name;
    let parts: Vec<&str> =
        prefix.iter().chain(given).chain(family).chain(suffix).map(String::as_str).collect();
    without_hidden(&parts.join(" "))
}
