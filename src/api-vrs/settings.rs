//! What this front is set to, and where it stands.

use config::Contract;
use service::policy::Disclosure;

/// What the settings say of this API.
#[derive(Clone, Copy, Debug)]
pub struct VrsSettings {
    /// The switches of the contract.
    pub contract: Contract,
    /// What of the data of others is shown.
    pub disclosure: Disclosure,
}

/// The path under which the seven operations live.
pub const BASE_PATH: &str = domain::account::endpoints::VRS_BASE;
