//! Issued authorization codes and access tokens, in memory.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::person::Visitor;
use crate::which::Which;

const CODE_LIFE: TimeDelta = TimeDelta::minutes(10);
/// The life of an access token.
pub(super) const ACCESS_LIFE: TimeDelta = TimeDelta::minutes(5);
/// The most entries of each kind. When it is reached, all entries of the kind are dropped: the sandbox is
/// being flooded.
const MOST: usize = 10_000;

/// A completed log-in: the chosen person and level, and the request.
#[derive(Clone)]
pub(super) struct SimulatedLogIn {
    pub(super) which: Which,
    pub(super) visitor: Visitor,
    pub(super) redirect_uri: String,
    pub(super) scope: String,
    pub(super) nonce: String,
    pub(super) challenge: Option<String>,
}

/// The issued codes and tokens.
#[derive(Default)]
pub(super) struct IssuedCodes {
    by_code: HashMap<String, (SimulatedLogIn, DateTime<Utc>)>,
    by_token: HashMap<String, (SimulatedLogIn, DateTime<Utc>)>,
    assertions: HashMap<String, DateTime<Utc>>,
}

impl IssuedCodes {
    pub(super) fn keep_code(&mut self, code: String, log_in: SimulatedLogIn, now: DateTime<Utc>) {
        self.by_code.retain(|_, (_, until)| *until > now);
        if self.by_code.len() >= MOST {
            self.by_code.clear();
        }
        self.by_code.insert(code, (log_in, now + CODE_LIFE));
    }

    /// Redeems a code. It is removed even if the request fails.
    pub(super) fn redeem_code(&mut self, code: &str, now: DateTime<Utc>) -> Option<SimulatedLogIn> {
        self.by_code.remove(code).filter(|(_, until)| *until > now).map(|(log_in, _)| log_in)
    }

    pub(super) fn keep_token(&mut self, token: String, log_in: SimulatedLogIn, now: DateTime<Utc>) {
        self.by_token.retain(|_, (_, until)| *until > now);
        if self.by_token.len() >= MOST {
            self.by_token.clear();
        }
        self.by_token.insert(token, (log_in, now + ACCESS_LIFE));
    }

    pub(super) fn find_token(&self, token: &str, now: DateTime<Utc>) -> Option<&SimulatedLogIn> {
        self.by_token.get(token).filter(|(_, until)| *until > now).map(|(log_in, _)| log_in)
    }

    /// Whether an assertion is used for the first time.
    pub(super) fn see_assertion(&mut self, jti: String, until: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        self.assertions.retain(|_, until| *until > now);
        self.assertions.insert(jti, until).is_none()
    }
}
