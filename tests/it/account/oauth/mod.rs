//! The endpoints of the authorization server that apps call themselves.

mod backend;
mod code;
mod discovery;
mod dpop;
mod exchange;
mod introspect;
pub mod kit;
mod limits;
mod refresh;
mod register;
mod userinfo;
