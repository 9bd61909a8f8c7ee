//! The reply to a request.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::context::Context;
use crate::resource::form::Content;
use crate::resource::resource_type::ResourceType;
use crate::resource::stored_resource::{StoredResource, complete};
use base::error::Error;
use domain::audit::Disclosure;

/// The reply to a request.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The resource.
    pub(crate) body: Option<Content>,
    /// The document that `body` must still be completed with ([`Reply::complete`]).
    pub(crate) document: Option<String>,
    /// The rendered resource, which replaces `body`.
    pub(crate) rendered: Option<Vec<u8>>,
    /// Its version.
    pub(crate) version: Option<i64>,
    /// The time of that version.
    pub(crate) last_modified: Option<DateTime<Utc>>,
    /// Its URL.
    pub(crate) location: Option<String>,
    /// The written resource. With it, `Prefer: return=…` decides about the body.
    pub(crate) written: Option<(ResourceType, String)>,
    /// The people, or the resources, that the reply discloses: for the audit record.
    pub(crate) disclosed: Vec<Disclosure>,
    /// Whether it contains a secret: it must not be cached.
    pub(crate) is_secret: bool,
}

impl Reply {
    /// A resource that was read.
    pub(super) fn found(stored: StoredResource) -> Self {
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

    /// A resource that was written.
    pub(super) fn written(status: u16, stored: StoredResource, context: &Context) -> Self {
        let StoredResource { kind, id, version, .. } = &stored;
        let location = format!("{}/{}/{id}/_history/{version}", context.base, kind.name());
        let written = Some((*kind, id.clone()));
        Self { status, location: Some(location), written, ..Self::found(stored) }
    }

    /// Completes the body with the document that the transaction did not parse.
    pub(crate) fn complete(mut self) -> Result<Self, Error> {
        if let (Some(document), Some(Content::Tree(body))) = (self.document.take(), &mut self.body) {
            complete(body, &document)?;
        }
        Ok(self)
    }

    /// 204: the resource is deleted.
    pub(super) fn nothing() -> Self {
        Self { status: 204, body: None, ..Self::made(204, Value::Null) }
    }

    /// A body that is not a stored resource and discloses none: an outcome, parameters.
    pub(crate) fn made(status: u16, body: impl Into<Content>) -> Self {
        Self {
            status,
            body: Some(body.into()),
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

    /// 200: a Bundle, an outcome or parameters that contain these resources.
    pub(crate) fn made_of(disclosed: Vec<Disclosure>, body: impl Into<Content>) -> Self {
        Self { disclosed, ..Self::made(200, body) }
    }
}
