//! stub
use super::report::{Object, Report};
pub(super) fn check_extension(_url: &str, _extension: &Object<'_>, _report: &mut Report) {}
