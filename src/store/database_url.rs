//! Database URLs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A database: `sqlite:PATH` or `postgres://…` (libpq's URL form).
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// An embedded database in a file.
    Sqlite(PathBuf),
    /// A PostgreSQL server.
    Postgres(String),
}

/// The text is not a database URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a database is given as sqlite:PATH or postgres://USER@HOST/NAME")]
pub struct BadDatabaseUrl;

impl DatabaseUrl {
    /// Whether this is an SQLite file.
    pub fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// The file of an SQLite database.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }
}

impl DatabaseUrl {
    /// Whether it has a password, so that what holds it must be readable by its owner only.
    pub fn has_password(&self) -> bool {
        let Self::Postgres(url) = self else { return false };
        let rest = url.split_once("//").map_or("", |(_, rest)| rest);
        let is_beside_user = rest.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'));
        is_beside_user || rest.contains("?password=") || rest.contains("&password=")
    }
}

impl FromStr for DatabaseUrl {
    type Err = BadDatabaseUrl;

    fn from_str(text: &str) -> Result<Self, BadDatabaseUrl> {
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => {
                Ok(Self::Sqlite(PathBuf::from(path.strip_prefix("//").unwrap_or(path))))
            }
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                Ok(Self::Postgres(text.to_owned()))
            }
            _ => Err(BadDatabaseUrl),
        }
    }
}

/// Shows the database's location without the password.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => {
                let (scheme, rest) = url.split_once("//").unwrap_or(("postgres:", url));
                // A password may hold any of the delimiters of a URL: the text after the last `@` is no part
                // of it, nor is the text before the first delimiter.
                let (user, place) =
                    rest.rsplit_once('@').map_or((None, rest), |(user, place)| (Some(user), place));
                let place = place.split('?').next().unwrap_or_default();
                match user.map(|user| user.split([':', '?', '/']).next().unwrap_or_default()) {
                    Some(user) => write!(f, "{scheme}//{user}@{place}"),
                    None => write!(f, "{scheme}//{place}"),
                }
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::DatabaseUrl;

    #[test]
    fn database_url_display_hides_the_password() {
        let url: DatabaseUrl = "postgres://me:s3cret@db:5432/proxy?password=s3cret".parse().unwrap();
        assert_eq!(url.to_string(), "postgres://me@db:5432/proxy");
        assert!(!format!("{url:?}").contains("s3cret"));
        for hard in [
            "postgres://me:s3cret?more@db/proxy",
            "postgres://me:s3/cret@db/proxy",
            "postgres://me:s3@cret@db/proxy",
        ] {
            let url: DatabaseUrl = hard.parse().unwrap();
            assert_eq!(url.to_string(), "postgres://me@db/proxy", "{hard}");
        }
    }

    #[test]
    fn database_url_with_another_scheme_is_rejected() {
        for text in ["", "sqlite:", "mysql://x", "onbehalf.db", "postgres:x"] {
            assert!(text.parse::<DatabaseUrl>().is_err(), "{text}");
        }
        assert_eq!("sqlite:a/b.db".parse::<DatabaseUrl>().unwrap().to_string(), "sqlite:a/b.db");
    }
}
