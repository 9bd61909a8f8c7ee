//! What every interaction of this front is given.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::account::{Caller, Who};
use crate::clock::Clock;
use crate::config::Contract;
use crate::store::search::Scope;

/// One caller's request, apart from what it asks for.
#[derive(Clone)]
pub(crate) struct Context {
    /// Who is asking.
    pub(crate) caller: Caller,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// What a request is answered that names another patient than its token's (RS-05).
    pub(crate) status_for_other_patient: u16,
    /// The switches of the domain.
    pub(crate) contract: Contract,
    /// The URL of this front, without a slash at its end.
    pub(crate) base: String,
    /// `Prefer: handling=strict`: unknown search parameters are refused (G-10).
    pub(crate) is_strict: bool,
}

impl Context {
    /// What this caller may see.
    pub(crate) fn scope(&self) -> Scope {
        match self.caller.who {
            Who::Citizen { nhs_number, .. } => Scope::Party(nhs_number),
            Who::Proxy { proxy, patient, .. } => Scope::Pair { proxy, patient },
            Who::Anyone | Who::Staff { .. } | Who::System { .. } | Who::Service => Scope::Everything,
        }
    }

    /// The time.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A URL of this front as `Type/id`, if it is one of this front's, or relative.
    pub(crate) fn relative<'u>(&self, url: &'u str) -> &'u str {
        url.strip_prefix(self.base.as_str()).map_or(url, |rest| rest.trim_start_matches('/'))
    }
}
