//! SMART scopes, version 2 (<https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html>), with
//! version 1 accepted under its version 2 meaning.
//!
//! A scope is a limit: it lets an app ask, and the account's rules decide the answer (SC-08).

mod permissions;
mod resource_types;
mod served;

use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};

pub use permissions::{Permission, Permissions};
use resource_types::is_resource_type;
pub use served::SERVED;

/// One scope.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// A scope over resources: `patient/Consent.rs?status=active`.
    Resource(ResourceScope),
    /// A named scope.
    Named(NamedScope),
}

/// The named scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NamedScope {
    /// `openid`: an id token.
    OpenId,
    /// `fhirUser`: the user who logged in, as a resource.
    FhirUser,
    /// `profile`: the same, by its older name.
    Profile,
    /// `launch`: launch from within an EHR.
    Launch,
    /// `launch/patient`: the person chooses a patient.
    LaunchPatient,
    /// `offline_access`: a refresh token.
    OfflineAccess,
    /// `online_access`: a refresh token for as long as the person's session lasts.
    OnlineAccess,
    /// `delegation`: the people whom the user may act for (the national proxy service's scope).
    Delegation,
    /// `urn:nhsd:apim:…:validated-relationships-service-api`: every operation of the national contract for
    /// this kind of caller (contract §1.2).
    ValidatedRelationships,
    /// `registry-events`: report changes to people on `POST /events`, as the registry does. For systems only.
    RegistryEvents,
}

/// A scope over resources.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResourceScope {
    /// Whose resources.
    pub context: ScopeContext,
    /// The resource type; `None` for every type (`*`).
    pub resource: Option<String>,
    /// The permissions.
    pub permissions: Permissions,
    /// Search parameters that all must match. Empty for no constraint.
    pub constraint: Vec<(String, String)>,
    written: Written,
}

/// The constraint as the app wrote it, which the granted scope repeats: SMART App Launch 2.2 writes `:`, `/`
/// and `|` as they are, some clients percent-encode them. Two spellings of one constraint are the same scope.
#[derive(Clone, Debug, Default)]
struct Written(Option<Box<str>>);

impl Written {
    /// The text where a scope may hold it (RFC 6749 §3.3); otherwise encoded.
    fn of(query: &str) -> Self {
        let is_good = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        Self(query.bytes().all(is_good).then(|| query.into()))
    }
}

impl PartialEq for Written {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Written {}

impl Hash for Written {
    fn hash<H: Hasher>(&self, _state: &mut H) {}
}

/// Whose resources a scope covers (SC-07).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScopeContext {
    /// The patient of the launch.
    Patient,
    /// The user who logged in.
    User,
    /// The app itself.
    System,
}

/// The text is not a scope of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadScope {
    /// A scope over resources with a syntax error.
    #[error(
        "a scope over resources is written patient/Consent.rs: letters of cruds in that order, and a resource type"
    )]
    Malformed,
    /// Its constraint uses features that are optional in SMART (SC-04).
    #[error(
        "a scope's constraint holds plain search parameters, ten at most: no modifier, no chain, no _filter"
    )]
    Constraint,
    /// More scopes over resources than an app may be registered for.
    #[error("there are more than a hundred scopes over resources")]
    TooMany,
}

/// The most scopes over resources that an app may be registered for.
const MOST_REGISTERED: usize = 100;
/// The most of them that one token may have: each adds a condition to every query.
const MOST_OF_TOKEN: usize = 50;
/// The most search parameters in the constraint of one scope.
const MOST_OF_CONSTRAINT: usize = 10;

const VALIDATED_RELATIONSHIPS: &str = ":validated-relationships-service-api";

impl Scope {
    /// Parses one scope; `None` for a text that is not a scope of this server, such as another server's URL
    /// (SC-11).
    ///
    /// # Errors
    ///
    /// [`BadScope`] for a scope over resources that cannot be granted.
    pub fn parse(text: &str) -> Result<Option<Self>, BadScope> {
        let context = match text.split_once('/') {
            Some(("patient", _)) => ScopeContext::Patient,
            Some(("user", _)) => ScopeContext::User,
            Some(("system", _)) => ScopeContext::System,
            _ => return Ok(NamedScope::parse(text).map(Self::Named)),
        };
        let rest = text.split_once('/').map_or("", |(_, rest)| rest);
        ResourceScope::parse(context, rest).map(Self::Resource).map(Some)
    }
}

impl NamedScope {
    fn parse(text: &str) -> Option<Self> {
        const WORDS: [(&str, NamedScope); 9] = [
            ("openid", NamedScope::OpenId),
            ("fhirUser", NamedScope::FhirUser),
            ("profile", NamedScope::Profile),
            ("launch", NamedScope::Launch),
            ("launch/patient", NamedScope::LaunchPatient),
            ("offline_access", NamedScope::OfflineAccess),
            ("online_access", NamedScope::OnlineAccess),
            ("delegation", NamedScope::Delegation),
            ("registry-events", NamedScope::RegistryEvents),
        ];
        let is_national = text.starts_with("urn:nhsd:apim:") && text.ends_with(VALIDATED_RELATIONSHIPS);
        let word = WORDS.into_iter().find(|(name, _)| *name == text).map(|(_, word)| word);
        word.or(is_national.then_some(Self::ValidatedRelationships))
    }
}

impl ResourceScope {
    fn parse(context: ScopeContext, text: &str) -> Result<Self, BadScope> {
        let (head, query) = text.split_once('?').map_or((text, None), |(head, query)| (head, Some(query)));
        let (resource, permissions) = head.split_once('.').ok_or(BadScope::Malformed)?;
        let resource = match resource {
            "*" => None,
            name if is_resource_type(name) => Some(name.to_owned()),
            _ => return Err(BadScope::Malformed),
        };
        let permissions = Permissions::parse(permissions).ok_or(BadScope::Malformed)?;
        let constraint = query.map(constraint).transpose()?.unwrap_or_default();
        let written = query.map(Written::of).unwrap_or_default();
        Ok(Self { context, resource, permissions, constraint, written })
    }

    /// Whether the scope covers this resource type.
    pub fn is_about(&self, resource: &str) -> bool {
        self.resource.as_deref().is_none_or(|name| name == resource)
    }

    /// Whether this scope includes `other`.
    fn covers(&self, other: &Self) -> bool {
        self.context == other.context
            && (self.resource.is_none() || self.resource == other.resource)
            && self.permissions.contain(other.permissions)
            && self.constraint.iter().all(|pair| other.constraint.contains(pair))
    }
}

/// `status=active&category=x`, decoded.
fn constraint(query: &str) -> Result<Vec<(String, String)>, BadScope> {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let is_plain = |name: &str| {
        !name.is_empty()
            && !matches!(name, "_filter" | "_query" | "_has")
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    let is_good = (1..=MOST_OF_CONSTRAINT).contains(&pairs.len())
        && pairs.iter().all(|(name, value)| is_plain(name) && !value.is_empty());
    if is_good { Ok(pairs) } else { Err(BadScope::Constraint) }
}

/// The scopes granted to an app, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Parses a list separated by spaces. Unknown scopes are dropped (SC-11), duplicates merged.
    ///
    /// # Errors
    ///
    /// [`BadScope`] for the first with a syntax error (SC-01), or where there are more over resources than an
    /// app may be registered for.
    pub fn parse(text: &str) -> Result<Self, BadScope> {
        let words: Vec<Option<Scope>> =
            text.split_ascii_whitespace().map(Scope::parse).collect::<Result<_, _>>()?;
        let scopes: Self = words.into_iter().flatten().collect();
        if scopes.resources().count() > MOST_REGISTERED { Err(BadScope::TooMany) } else { Ok(scopes) }
    }

    /// Parses the scopes of a token: one with a syntax error grants nothing (SC-01).
    pub fn of_token(text: &str) -> Self {
        text.split_ascii_whitespace().filter_map(|word| Scope::parse(word).ok().flatten()).collect()
    }

    /// Whether they are few enough for one token.
    pub fn fit_a_token(&self) -> bool {
        self.resources().count() <= MOST_OF_TOKEN
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// The scopes over resources.
    pub fn resources(&self) -> impl Iterator<Item = &ResourceScope> {
        self.0.iter().filter_map(|scope| match scope {
            Scope::Resource(scope) => Some(scope),
            Scope::Named(_) => None,
        })
    }

    /// Whether this named scope is granted.
    pub fn has(&self, word: NamedScope) -> bool {
        self.0.contains(&Scope::Named(word))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The part of `asked` that `self` allows: a scope that one of ours includes is allowed; of a wider one,
    /// nothing.
    #[must_use]
    pub fn narrowed_to(&self, asked: &Self) -> Self {
        let is_allowed = |scope: &Scope| match scope {
            Scope::Resource(asked) => self.resources().any(|ours| ours.covers(asked)),
            Scope::Named(_) => self.0.contains(scope),
        };
        Self(asked.0.iter().filter(|scope| is_allowed(scope)).cloned().collect())
    }

    /// The scopes that `keep` accepts.
    #[must_use]
    pub fn retaining(&self, keep: impl Fn(&Scope) -> bool) -> Self {
        Self(self.0.iter().filter(|scope| keep(scope)).cloned().collect())
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        /// Up to this many are compared one by one, which is cheaper for a request than a set.
        const FEW: usize = 16;
        let (mut all, mut known): (Vec<Scope>, HashSet<Scope>) = (Vec::new(), HashSet::new());
        for scope in scopes {
            let is_new = if all.len() < FEW {
                !all.contains(&scope)
            } else {
                if known.is_empty() {
                    known.extend(all.iter().cloned());
                }
                known.insert(scope.clone())
            };
            if is_new {
                all.push(scope);
            }
        }
        Self(all)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, scope) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{scope}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resource(scope) => scope.fmt(f),
            Self::Named(word) => f.write_str(word.as_str()),
        }
    }
}

impl NamedScope {
    /// The scope's text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenId => "openid",
            Self::FhirUser => "fhirUser",
            Self::Profile => "profile",
            Self::Launch => "launch",
            Self::LaunchPatient => "launch/patient",
            Self::OfflineAccess => "offline_access",
            Self::OnlineAccess => "online_access",
            Self::Delegation => "delegation",
            Self::RegistryEvents => "registry-events",
            Self::ValidatedRelationships => "urn:nhsd:apim:app:level3:validated-relationships-service-api",
        }
    }
}

impl ScopeContext {
    /// Its text before the slash.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::User => "user",
            Self::System => "system",
        }
    }
}

impl fmt::Display for ResourceScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resource = self.resource.as_deref().unwrap_or("*");
        write!(f, "{}/{resource}.{}", self.context.as_str(), self.permissions)?;
        if self.constraint.is_empty() {
            return Ok(());
        }
        if let Written(Some(query)) = &self.written {
            return write!(f, "?{query}");
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.constraint);
        write!(f, "?{}", query.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::{BadScope, NamedScope, Scope, Scopes};

    fn scopes(text: &str) -> Scopes {
        Scopes::parse(text).unwrap()
    }

    #[test]
    fn scopes_round_trip_and_unknown_ones_are_dropped() {
        let text = "openid fhirUser launch/patient patient/Consent.rs?status=active user/*.cruds system/Patient.r \
                    offline_access delegation";
        assert_eq!(scopes(text).to_string(), text);
        assert_eq!(scopes("openid openid https://other.example/x __y").to_string(), "openid");
    }

    // covers CODE-4
    #[test]
    fn scope_constraint_keeps_the_spelling_of_the_app() {
        let raw = "patient/Consent.rs?category=http://example.org/codes|a";
        let encoded = "patient/Consent.rs?category=http%3A%2F%2Fexample.org%2Fcodes%7Ca";
        for text in [raw, encoded, "user/Consent.r?a=b+c&d=e", "user/Consent.r?a=b%20c"] {
            assert_eq!(scopes(text).to_string(), text);
            assert_eq!(Scopes::of_token(&scopes(text).to_string()), scopes(text));
            // The granted scope has the requested spelling, whichever spelling the app is registered with.
            assert_eq!(scopes("patient/*.rs user/*.r").narrowed_to(&scopes(text)).to_string(), text);
        }
        assert_eq!(scopes(raw), scopes(encoded));
        assert_eq!(scopes(&format!("{raw} {encoded}")).to_string(), raw, "they are one scope");
        assert_eq!(scopes(raw).narrowed_to(&scopes(encoded)).to_string(), encoded);
        // Characters that no scope may hold are encoded.
        assert_eq!(scopes("user/Consent.r?a=\"é\"").to_string(), "user/Consent.r?a=%22%C3%A9%22");
    }

    #[test]
    fn smart_v1_scopes_map_to_v2() {
        assert_eq!(
            scopes("patient/Consent.read user/Consent.write patient/*.*").to_string(),
            "patient/Consent.rs user/Consent.cud patient/*.cruds"
        );
    }

    #[test]
    fn malformed_scope_is_rejected_and_grants_nothing() {
        // covers SC-01
        for wrong in [
            "patient/Consent.sr",
            "patient/Consent.x",
            "patient/Consent.",
            "patient/Consent",
            "patient/.r",
            "patient/consent.r",
            "patient/Nonsense.r",
            "patient/Consent.rr",
            "system/",
        ] {
            assert_eq!(Scopes::parse(wrong), Err(BadScope::Malformed), "{wrong}");
            assert!(Scopes::of_token(wrong).is_empty(), "{wrong}");
        }
        assert_eq!(Scope::parse("Patient/Consent.r"), Ok(None));
    }

    #[test]
    fn experimental_scope_constraint_is_rejected() {
        // covers SC-04
        for wrong in ["status:not=active", "patient.name=x", "_filter=x", "", "status=", "_has=x"] {
            let scope = format!("patient/Consent.rs?{wrong}");
            assert_eq!(Scopes::parse(&scope), Err(BadScope::Constraint), "{scope}");
        }
    }

    /// So many different scopes over resources, and a named one.
    fn of(many: usize) -> String {
        let scopes = (0..many).map(|number| format!("user/Consent.rs?_id={number}"));
        scopes.chain(["openid ".to_owned()]).collect::<Vec<String>>().join(" ")
    }

    #[test]
    fn scopes_over_resources_are_a_hundred_at_most_and_fifty_in_a_token() {
        assert!(scopes(&of(50)).fit_a_token() && !scopes(&of(51)).fit_a_token());
        assert!(Scopes::parse(&of(100)).is_ok());
        assert_eq!(Scopes::parse(&of(101)), Err(BadScope::TooMany));
        // Duplicates are merged.
        assert!(scopes(&of(50).repeat(20)).fit_a_token());
        let pairs = |many: usize| format!("user/Consent.rs?{}", vec!["a=b"; many].join("&"));
        assert!(Scopes::parse(&pairs(10)).is_ok());
        assert_eq!(Scopes::parse(&pairs(11)), Err(BadScope::Constraint));
    }

    #[test]
    fn parsing_many_scopes_takes_linear_time() {
        let many: String = of(100_000);
        let begun = std::time::Instant::now();
        assert_eq!(Scopes::of_token(&many).iter().count(), 100_001);
        assert_eq!(Scopes::parse(&many), Err(BadScope::TooMany));
        assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
    }

    #[test]
    fn a_narrower_scope_is_allowed_and_a_wider_one_is_not() {
        let ours = scopes("openid patient/*.rs user/Consent.rs?status=active");
        let asked = scopes(
            "openid delegation patient/Consent.r patient/Consent.ru user/Consent.s?status=active&x=y user/Consent.rs",
        );
        assert_eq!(
            ours.narrowed_to(&asked).to_string(),
            "openid patient/Consent.r user/Consent.s?status=active&x=y"
        );
        assert!(ours.has(NamedScope::OpenId) && !ours.has(NamedScope::Delegation));
    }
}
