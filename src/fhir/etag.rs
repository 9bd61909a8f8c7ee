//! stop-gap
use chrono::{DateTime, Utc};
pub(crate) fn parse_list(text: &str) -> Result<Vec<String>, ()> {
    Ok(text.split(',').map(|t| t.trim().trim_start_matches("W/").trim_matches('"').to_owned()).collect())
}
pub(crate) fn parse_http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text).ok().map(|d| d.to_utc())
}
pub(crate) fn render(v: i64) -> String {
    format!("W/\"{v}\"")
}
pub(crate) fn render_http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
