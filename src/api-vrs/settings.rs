//! The settings of this API, and its path.

use config::Contract;
use service::policy::DisclosurePolicy;

/// The settings of this API.
#[derive(Clone, Copy, Debug)]
pub struct VrsSettings {
    /// The switches of the contract.
    pub contract: Contract,
    /// Which of other people's data are disclosed.
    pub disclosure: DisclosurePolicy,
}

/// The base path of the seven operations.
pub const BASE_PATH: &str = domain::account::endpoints::VRS_BASE;
