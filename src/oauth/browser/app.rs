//! The authorization server and its apps, as the pages look them up.

use std::sync::Arc;

use crate::browser::page::ErrorPage;
use ::web::gate::Gate;
use domain::account::Registration;
use service::authority::Authority;

/// The authorization server, if the settings have one.
pub(super) fn authority(gate: &Gate) -> Result<Arc<Authority>, ErrorPage> {
    gate.authority.clone().ok_or_else(|| ErrorPage::new(404, "Page not found"))
}

/// The app with this id, of the settings or registered since. Every page looks apps up here.
pub(super) async fn find_app(gate: &Gate, client_id: &str) -> Result<Option<Arc<Registration>>, ErrorPage> {
    Ok(crate::client::find_app(gate, client_id).await?)
}
