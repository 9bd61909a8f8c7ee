//! Every endpoint that apps call themselves. The pages are listed in [`crate::browser`].

use super::row::{Kind, POST, READ, Row};
use crate::{discovery, introspect, par, register, revoke, token, userinfo};
use domain::account::endpoints::{
    FHIR_BASE, INTROSPECT, JWKS, OAUTH_METADATA, OPENID_CONFIGURATION, PAR, PROTECTED_RESOURCE, REGISTER,
    REVOKE, SMART_CONFIGURATION, STYLE, TOKEN, USERINFO, VRS_BASE,
};

use super::row::GET;
use Kind::{Counted, Document, Token};

const FORM: &[&str] = &["application/x-www-form-urlencoded"];
const JSON: &[&str] = &["application/json"];
const NONE: &[&str] = &[];

/// The table: the id, the kind, the methods and the path, the content types of the body, and what carries it out.
#[rustfmt::skip]
pub(crate) static ENDPOINTS: &[Row] = &[
    Row { id: Some("smartConfiguration"), kind: Document, methods: READ, path: &[FHIR_BASE, SMART_CONFIGURATION],
        content_types: NONE, to: |route| route.to(discovery::document) },
    Row { id: Some("openidConfiguration"), kind: Document, methods: READ, path: &[OPENID_CONFIGURATION],
        content_types: NONE, to: |route| route.to(discovery::document) },
    Row { id: Some("oauthMetadata"), kind: Document, methods: READ, path: &[OAUTH_METADATA],
        content_types: NONE, to: |route| route.to(discovery::document) },
    Row { id: Some("protectedResource"), kind: Document, methods: READ, path: &[PROTECTED_RESOURCE],
        content_types: NONE, to: |route| route.to(|gate| discovery::protected_resource(gate, "")) },
    Row { id: Some("protectedResourceFhir"), kind: Document, methods: READ, path: &[PROTECTED_RESOURCE, FHIR_BASE],
        content_types: NONE, to: |route| route.to(|gate| discovery::protected_resource(gate, FHIR_BASE)) },
    Row { id: Some("protectedResourceValidatedRelationships"), kind: Document, methods: READ, path: &[PROTECTED_RESOURCE, VRS_BASE],
        content_types: NONE, to: |route| route.to(|gate| discovery::protected_resource(gate, VRS_BASE)) },
    Row { id: Some("jwks"), kind: Document, methods: READ, path: &[JWKS],
        content_types: NONE, to: |route| route.to(discovery::keys) },
    Row { id: Some("smartStyle"), kind: Document, methods: READ, path: &[STYLE],
        content_types: NONE, to: |route| route.to(discovery::style) },
    Row { id: Some("token"), kind: Counted, methods: POST, path: &[TOKEN],
        content_types: FORM, to: |route| route.to(token::token) },
    Row { id: Some("introspect"), kind: Counted, methods: POST, path: &[INTROSPECT],
        content_types: FORM, to: |route| route.to(introspect::introspect) },
    Row { id: Some("revoke"), kind: Counted, methods: POST, path: &[REVOKE],
        content_types: FORM, to: |route| route.to(revoke::revoke) },
    Row { id: Some("pushAuthorizationRequest"), kind: Counted, methods: POST, path: &[PAR],
        content_types: FORM, to: |route| route.to(par::push) },
    Row { id: Some("register"), kind: Counted, methods: POST, path: &[REGISTER],
        content_types: JSON, to: |route| route.to(register::register) },
    Row { id: Some("userinfo"), kind: Token, methods: GET, path: &[USERINFO],
        content_types: NONE, to: |route| route.to(userinfo::userinfo) },
    Row { id: Some("userinfoByPost"), kind: Token, methods: POST, path: &[USERINFO],
        content_types: NONE, to: |route| route.to(userinfo::userinfo) },
];
