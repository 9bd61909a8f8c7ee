//! Composite identity tokens: an id token about a patient that carries who acts for them (NHS England's
//! token exchange; `act.sub` is itself the identity token of the proxy).
//!
//! The inner token is only decoded: the outer signature vouches for it, and nothing else does (its own may
//! long have expired). What it says of further actors within is history and is not looked at (PX-07).

use crate::account::Vector;
use crate::account::proof::read_part;
use crate::person::{NhsNumber, NumberCheck};

/// Who acts, as a composite token says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acting {
    /// The proxy.
    pub nhs_number: NhsNumber,
    /// How the proxy was proved, and how they showed it.
    pub vot: Vector,
}

/// The token names an actor, but not whom and how surely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the actor of the token is not an identity token")]
pub struct BadActor;

/// Who acts, in a token whose own signature was checked; `None` where nobody but the subject does.
///
/// # Errors
///
/// [`BadActor`].
pub fn actor(token: &str) -> Result<Option<Acting>, BadActor> {
    let claims = read_part(token, 1).ok_or(BadActor)?;
    let Some(act) = claims.get("act") else { return Ok(None) };
    let inner = act.get("sub").and_then(serde_json::Value::as_str).ok_or(BadActor)?;
    let claims = read_part(inner, 1).ok_or(BadActor)?;
    let text = |name: &str| claims.get(name).and_then(serde_json::Value::as_str);
    let number = text("nhs_number").ok_or(BadActor)?;
    let nhs_number = NhsNumber::parse(number, NumberCheck::Length).or(Err(BadActor))?;
    let vot = text("vot").and_then(|vot| Vector::parse(vot).ok()).ok_or(BadActor)?;
    Ok(Some(Acting { nhs_number, vot }))
}

#[cfg(test)]
mod tests {
    use super::{BadActor, actor};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    fn token(claims: &Value) -> String {
        let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln", encoded(&json!({ "alg": "RS512" })), encoded(claims))
    }

    #[test]
    fn the_actor_is_read_and_actors_within_are_not() {
        // covers PX-07
        let nested = json!({ "sub": "9000000009" });
        let proxy = token(&json!({ "nhs_number": "9000000017", "vot": "P9.Cp.Cd", "act": nested }));
        let outer = token(&json!({ "sub": "9000000009", "act": { "sub": proxy, "act": nested } }));
        let acting = actor(&outer).unwrap().unwrap();
        assert_eq!((acting.nhs_number.as_str(), acting.vot.to_string().as_str()), ("9000000017", "P9.Cp.Cd"));
        assert_eq!(actor(&token(&json!({ "sub": "9000000009" }))), Ok(None));
    }

    #[test]
    fn an_actor_who_is_not_named_is_nobody() {
        let without_vot = token(&json!({ "nhs_number": "9000000017" }));
        let without_number = token(&json!({ "vot": "P9.Cp.Cd" }));
        for inner in ["9000000017", "", "a.b.c", &without_vot, &without_number] {
            let outer = token(&json!({ "act": { "sub": inner } }));
            assert_eq!(actor(&outer), Err(BadActor), "{inner}");
        }
        assert_eq!(actor(&token(&json!({ "act": "9000000017" }))), Err(BadActor));
    }
}
