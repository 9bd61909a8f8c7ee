//! What a request is answered.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::context::Context;
use crate::resource::resource_type::ResourceType;
use crate::resource::stored::{Stored, complete};
use base::error::Error;
use domain::audit::Shown;

/// What a request is answered.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The resource.
    pub(crate) body: Option<Value>,
    /// The document that `body` is still to be completed with ([`Reply::complete`]).
    pub(crate) document: Option<String>,
    /// The resource as it is sent, where it was rendered already and `body` is gone.
    pub(crate) rendered: Option<Vec<u8>>,
    /// Its version.
    pub(crate) version: Option<i64>,
    /// When that was written.
    pub(crate) last_modified: Option<DateTime<Utc>>,
    /// Where it is.
    pub(crate) location: Option<String>,
    /// What was written. Then `Prefer: return=…` decides what of the body is sent.
    pub(crate) written: Option<(ResourceType, String)>,
    /// Whose data, or which resources, the answer discloses: for the audit record.
    pub(crate) disclosed: Vec<Shown>,
    /// Whether it holds a secret: no cache may keep it.
    pub(crate) is_secret: bool,
}

impl Reply {
    /// A resource, read.
    pub(super) fn found(stored: Stored) -> Self {
        Self {
            status: 200,
            version: Some(stored.version),
            last_modified: Some(stored.updated_at),
            location: None,
            is_secret: stored.kind == ResourceType::Subscription,
            disclosed: vec![stored.disclosed()],
            body: Some(stored.body),
            document: stored.document,
            rendered: None,
            written: None,
        }
    }

    /// A resource, written.
    pub(super) fn written(status: u16, stored: Stored, context: &Context) -> Self {
        let Stored { kind, id, version, .. } = &stored;
        let location = format!("{}/{}/{id}/_history/{version}", context.base, kind.name());
        let written = Some((*kind, id.clone()));
        Self { status, location: Some(location), written, ..Self::found(stored) }
    }

    /// Puts into the body what was left out of it in the transaction.
    pub(crate) fn complete(mut self) -> Result<Self, Error> {
        if let (Some(document), Some(body)) = (self.document.take(), &mut self.body) {
            complete(body, &document)?;
        }
        Ok(self)
    }

    /// Nothing to tell: it is deleted.
    pub(super) fn nothing() -> Self {
        Self { status: 204, body: None, ..Self::made(204, Value::Null) }
    }

    /// Something that is no resource of its own and discloses none: an outcome, parameters.
    pub(crate) fn made(status: u16, body: Value) -> Self {
        Self {
            status,
            body: Some(body),
            version: None,
            last_modified: None,
            location: None,
            document: None,
            rendered: None,
            written: None,
            disclosed: Vec::new(),
            is_secret: false,
        }
    }

    /// 200: a Bundle, an outcome or parameters made of these resources.
    pub(crate) fn made_of(disclosed: Vec<Shown>, body: Value) -> Self {
        Self { disclosed, ..Self::made(200, body) }
    }
}
