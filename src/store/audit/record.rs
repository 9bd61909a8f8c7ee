//! A record of the audit, as it is stored.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::schema::audit_records;
use base::date_time::{from_millis, to_millis};
use base::ids;
use domain::audit::{Act, Actor, Outcome, People};

/// A record, as it is stored. All of it is chained; the migration describes the columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Serialize, Deserialize)]
#[diesel(table_name = audit_records)]
#[expect(missing_docs, reason = "the fields are the columns, which the migration describes")]
pub struct AuditRecord {
    pub id: String,
    pub chain: i64,
    pub sequence: i64,
    pub previous_hash: String,
    pub hash: String,
    pub recorded_at: i64,
    pub act: String,
    pub outcome: String,
    pub refusal: Option<String>,
    pub caller_kind: String,
    pub caller_id: Option<String>,
    pub organisation: Option<String>,
    pub app: Option<String>,
    pub grant_id: Option<String>,
    pub request_id: Option<String>,
    pub subject: Option<String>,
    pub subject_version: Option<i64>,
    pub query: Option<String>,
    pub patient: Option<String>,
    pub proxy: Option<String>,
}

impl AuditRecord {
    /// What was done; `None` where a newer version wrote it.
    pub fn act(&self) -> Option<Act> {
        Act::parse(&self.act)
    }

    /// When it was written.
    pub fn recorded(&self) -> DateTime<Utc> {
        from_millis(self.recorded_at)
    }

    /// A record that is not chained yet.
    pub(super) fn new(act: Act, actor: &Actor, outcome: Outcome, people: People, at: DateTime<Utc>) -> Self {
        Self {
            id: ids::new_uuid(at).to_string(),
            chain: 0,
            sequence: 0,
            previous_hash: String::new(),
            hash: String::new(),
            recorded_at: to_millis(at),
            act: act.as_str().to_owned(),
            outcome: outcome.code().to_owned(),
            refusal: outcome.refusal().map(str::to_owned),
            caller_kind: actor.kind.to_owned(),
            caller_id: actor.id.clone(),
            organisation: actor.organisation.clone(),
            app: actor.app.clone(),
            grant_id: actor.grant.map(|grant| grant.to_string()),
            request_id: actor.request_id.clone(),
            subject: None,
            subject_version: None,
            query: None,
            patient: people.patient.map(|number| number.to_string()),
            proxy: people.proxy.map(|number| number.to_string()),
        }
    }
}
