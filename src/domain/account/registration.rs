//! An app: an OAuth client as it is registered (RFC 7591 §2, SMART App Launch 2.2).

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use icu_properties::props::{BinaryProperty as _, DefaultIgnorableCodePoint, EnumeratedProperty as _};
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};
use jsonwebtoken::jwk::JwkSet;
use url::{Host, Url};

use crate::account::scope::Scopes;
use base::net::fetch::{Reach, check_url, is_on_loopback};

/// An app that may request tokens.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Its `client_id`.
    pub client_id: String,
    /// Its display name.
    pub name: String,
    /// The kind of caller it acts for.
    pub mode: AccessMode,
    /// How it authenticates at the token endpoint.
    pub authentication: ClientAuthentication,
    /// The redirect URIs, each compared as an exact string.
    pub redirect_uris: Vec<String>,
    /// The grant types that it may use.
    pub grant_types: Vec<GrantType>,
    /// The most scopes that it is ever granted.
    pub scopes: Scopes,
    /// Whether it may introspect tokens: an API producer (RFC 7662).
    pub may_introspect: bool,
    /// What introspection returns to it as `sub`.
    pub introspection_subject: IntrospectionSubject,
    /// The clients of identity providers whose id tokens it may exchange (RFC 8693); the providers must list them too.
    pub exchange_audiences: Vec<String>,
    /// Where people may be sent after they log out (OpenID Connect RP-Initiated Logout 1.0 §3.1).
    pub logout_uris: Vec<String>,
    /// Whether its tokens are bound to a key (RFC 9449 §5.2 `dpop_bound_access_tokens`).
    pub is_dpop_bound: bool,
}

impl Registration {
    /// Whether a URL may be a redirect URI: https, or http on the person's own machine (RFC 8252 §7.3),
    /// absolute, without a fragment (RFC 6749 §3.1.2), and not a pattern. The host is the one that a URL
    /// parser finds, as a browser does.
    pub fn is_redirect_uri(uri: &str) -> bool {
        let is_plain = uri.bytes().all(|byte| byte.is_ascii_graphic())
            && !uri.contains(['#', '*', '@', '\\', '"', '<', '>']);
        let Some(url) = Url::parse(uri).ok().filter(|_| is_plain) else { return false };
        if !uri.get(url.scheme().len()..).is_some_and(|rest| rest.starts_with("://")) {
            return false;
        }
        match (url.scheme(), url.host()) {
            ("https", Some(_)) => true,
            ("http", Some(Host::Domain(name))) => name == "localhost",
            ("http", Some(Host::Ipv4(address))) => address == Ipv4Addr::LOCALHOST,
            ("http", Some(Host::Ipv6(address))) => address == Ipv6Addr::LOCALHOST,
            _ => false,
        }
    }
}

/// The kind of caller an app acts for: the access modes of contract §1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessMode {
    /// Citizens who log in with NHS login (P).
    Citizen,
    /// Staff who log in with CIS2 (H).
    Staff,
    /// The app itself (A).
    System,
}

impl AccessMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Citizen, Self::Staff, Self::System];

    /// The mode's word in settings, tokens and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Citizen => "citizen",
            Self::Staff => "staff",
            Self::System => "system",
        }
    }

    /// Parses the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}

/// What introspection returns to an app as the `sub` of a person's token. `iss` and the launch context are
/// the same for both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IntrospectionSubject {
    /// The `sub` of the access token: the NHS number of the account, which is the patient's where a proxy acts (`act`).
    #[default]
    Account,
    /// The `sub` of the id token and of userinfo: the user who logged in (SMART App Launch 2.2, "Token Introspection").
    User,
}

impl IntrospectionSubject {
    /// Parses the settings' word.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "account" => Some(Self::Account),
            "user" => Some(Self::User),
            _ => None,
        }
    }
}

/// How an app authenticates at the token endpoint.
#[derive(Clone)]
pub enum ClientAuthentication {
    /// Not at all: a public client, whose codes are protected by PKCE.
    None,
    /// By a secret (`client_secret_basic`, `client_secret_post`), of which only the SHA-256 is kept.
    Secret {
        /// The SHA-256 of the secret.
        sha256: [u8; 32],
    },
    /// By a signed assertion (`private_key_jwt`, RFC 7523), with one of these keys.
    PrivateKeyJwt {
        /// The keys, registered by value.
        jwks: JwkSet,
    },
    /// By a signed assertion, with the keys published at this URL.
    PrivateKeyJwtAt {
        /// An https URL.
        jwks_uri: String,
    },
}

impl fmt::Debug for ClientAuthentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.method())
    }
}

impl ClientAuthentication {
    /// The registered name of the method (`token_endpoint_auth_method`).
    pub const fn method(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Secret { .. } => "client_secret_basic",
            Self::PrivateKeyJwt { .. } | Self::PrivateKeyJwtAt { .. } => "private_key_jwt",
        }
    }

    /// Whether an app's keys may be fetched from a URL: https on the public internet, or localhost for a
    /// server whose own URL is there.
    pub fn is_jwks_uri(url: &str, public_url: &str) -> bool {
        check_url(url, is_on_loopback(public_url), Reach::Public).is_ok()
    }

    /// Whether the app can keep a secret (RFC 6749 §2.1).
    pub const fn is_confidential(&self) -> bool {
        !matches!(self, Self::None)
    }
}

/// A grant type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantType {
    /// An authorization code (RFC 6749 §4.1).
    AuthorizationCode,
    /// A refresh token (§6).
    RefreshToken,
    /// Client credentials, for the app itself (§4.4).
    ClientCredentials,
    /// Token exchange (RFC 8693).
    TokenExchange,
}

impl GrantType {
    /// Every grant.
    pub const ALL: [Self; 4] =
        [Self::AuthorizationCode, Self::RefreshToken, Self::ClientCredentials, Self::TokenExchange];

    /// The value of `grant_type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
        }
    }

    /// Parses the value.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.as_str() == text)
    }
}

/// Categories Cc, Cf, Cs, Co and Cn (which are `Other` together), Zl and Zp.
const HIDDEN: GeneralCategoryGroup = GeneralCategoryGroup::Other
    .union(GeneralCategoryGroup::LineSeparator)
    .union(GeneralCategoryGroup::ParagraphSeparator);

/// Whether a character is a control or format character, ends a line, is ignored by default, or is not
/// assigned.
fn is_hidden(letter: char) -> bool {
    HIDDEN.contains(GeneralCategory::for_char(letter)) || DefaultIgnorableCodePoint::for_char(letter)
}

/// Whether a text from outside may be shown on a page: it is not blank and holds no such character.
pub fn is_shown_well(text: &str) -> bool {
    !text.trim().is_empty() && !text.chars().any(is_hidden)
}

/// A text from a register, without such characters.
pub fn without_hidden(text: &str) -> String {
    text.chars().filter(|letter| !is_hidden(*letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::{is_shown_well, without_hidden};

    #[test]
    fn app_name_allows_every_script_and_no_invisible_characters() {
        for good in ["Northtown Portal", "Côté’s & Søn", "Ysgol Tŷ", "医療", "الصحة", "A–B (1)"]
        {
            assert!(is_shown_well(good), "{good}");
            assert_eq!(without_hidden(good), good);
        }
        let hidden = [
            '\u{0}',
            '\u{7f}',
            '\u{85}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{200e}',
            '\u{202e}',
            '\u{2028}',
            '\u{2029}',
            '\u{2066}',
            '\u{feff}',
            '\u{fe0f}',
            '\u{e000}',
            '\u{e0001}',
            '\u{378}',
            '\u{fffff}',
            '\n',
            '\t',
        ];
        for letter in hidden {
            let text = format!("Por{letter}tal");
            assert!(!is_shown_well(&text), "{text:?}");
            assert_eq!(without_hidden(&text), "Portal", "{text:?}");
        }
        assert!(!is_shown_well("") && !is_shown_well("  ") && !is_shown_well("\u{3000}"));
    }
}
