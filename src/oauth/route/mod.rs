//! The routes of the authorization server as data, and what is derived from the rows: dispatch, `Allow`, the OpenAPI file.

pub(crate) mod openapi;
pub(crate) mod router;
pub(crate) mod row;
pub(crate) mod table;
