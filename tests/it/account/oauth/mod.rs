//! The endpoints of the authorization server that apps call themselves.

mod backend;
mod code;
mod discovery;
mod dpop;
mod exchange;
mod grant_tree;
mod introspect;
pub mod kit;
mod limits;
mod provider_tokens;
mod refresh;
mod register;
mod resource;
mod userinfo;
