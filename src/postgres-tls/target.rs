//! The connection parameters in a libpq URL
//! (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING>).

use std::path::{Path, PathBuf};
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// The timeout of a connection to the server, where the URL sets none.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// PostgreSQL's default port.
const PORT: u16 = 5432;

/// The URL asks for TLS in a way that is not supported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// `sslmode` has a value that libpq does not know.
    #[error("sslmode must be one of disable, allow, prefer, require, verify-ca and verify-full")]
    Mode,
    /// With TLS, the URL must name exactly one host.
    #[error("with TLS the URL of the database must name exactly one host")]
    Hosts,
    /// The port is not a number.
    #[error("the port of the database must be a number from 1 to 65535")]
    Port,
    /// A client certificate needs its key.
    #[error("sslcert and sslkey must be given together")]
    ClientCertificate,
}

/// A server to be reached with TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The name that the certificate must have; also the name to connect to, unless `address` is given.
    pub(crate) host: String,
    /// `hostaddr`.
    pub(crate) address: Option<String>,
    pub(crate) port: u16,
    pub(crate) connect_timeout: Duration,
    /// The file of trusted certificate authorities; those of the system where it is absent or `system`.
    pub(crate) authorities: Option<PathBuf>,
    /// The files of the client's certificate and of its key.
    pub(crate) client: Option<(PathBuf, PathBuf)>,
    /// The URL without the parameters of the connection: its start up to the path, the path, and the other
    /// parameters.
    rest: (String, String, Vec<String>),
}

impl Target {
    /// Reads a URL; `None` where it asks for no TLS, or names a Unix socket, where there is none.
    pub(crate) fn of(url: &str) -> Result<Option<Self>, BadUrl> {
        let Some((scheme, rest)) = url.split_once("//") else { return Ok(None) };
        // A password may contain any delimiter of a URL: only the part after the last `@` names the host.
        let (user, place) = rest.rsplit_once('@').map_or((None, rest), |(user, place)| (Some(user), place));
        let (place, query) = place.split_once('?').unwrap_or((place, ""));
        let (authority, path) = place.split_once('/').unwrap_or((place, ""));
        let pairs: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
        let given = |name: &str| {
            let value = pairs.iter().rev().find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            value.map(|value| percent_decode_str(value).decode_utf8_lossy().into_owned())
        };
        match given("sslmode").as_deref() {
            None | Some("disable" | "allow" | "prefer") => return Ok(None),
            Some("require" | "verify-ca" | "verify-full") => {}
            Some(_) => return Err(BadUrl::Mode),
        }
        let (host, port) = authority_of(authority);
        let host = given("host").unwrap_or(host);
        if host.contains(',') {
            return Err(BadUrl::Hosts);
        }
        if host.is_empty() || host.starts_with(['/', '@']) {
            return Ok(None);
        }
        let port = match given("port").or(port).filter(|port| !port.is_empty()) {
            Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or(BadUrl::Port)?,
            None => PORT,
        };
        let timeout =
            given("connect_timeout").and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
        let client = match (given("sslcert"), given("sslkey")) {
            (Some(certificate), Some(key)) => Some((certificate.into(), key.into())),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(BadUrl::ClientCertificate),
        };
        let kept = pairs.iter().filter(|pair| !is_ours(pair.split('=').next().unwrap_or_default()));
        let start = user.map_or_else(|| format!("{scheme}//"), |user| format!("{scheme}//{user}@"));
        Ok(Some(Self {
            host,
            address: given("hostaddr"),
            port,
            connect_timeout: timeout.filter(|timeout| !timeout.is_zero()).unwrap_or(CONNECT_TIMEOUT),
            authorities: given("sslrootcert").filter(|file| file != "system").map(PathBuf::from),
            client,
            rest: (start, path.to_owned(), kept.map(|pair| (*pair).to_owned()).collect()),
        }))
    }

    /// The URL by which libpq reaches the relay, whose socket is in this folder.
    pub(crate) fn local_url(&self, folder: &Path) -> String {
        let (start, path, kept) = &self.rest;
        let folder = folder.to_string_lossy();
        let folder = utf8_percent_encode(&folder, NON_ALPHANUMERIC);
        let mut url = format!("{start}/{path}?host={folder}&port={PORT}");
        for pair in kept {
            url.extend(["&", pair]);
        }
        url
    }

    /// The name of the socket that libpq expects in a folder.
    pub(crate) fn socket_name() -> String {
        format!(".s.PGSQL.{PORT}")
    }
}

/// The decoded host, and the port, in the part between `@` and `/`.
fn authority_of(authority: &str) -> (String, Option<String>) {
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => (address, rest.strip_prefix(':')),
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    (percent_decode_str(host).decode_utf8_lossy().into_owned(), port.map(str::to_owned))
}

/// Whether a parameter is for the relay, and not for libpq's connection to the relay's socket.
fn is_ours(name: &str) -> bool {
    name.starts_with("ssl")
        || name.starts_with("tcp_")
        || name.starts_with("keepalives")
        || matches!(name, "host" | "hostaddr" | "port" | "channel_binding" | "gssencmode" | "connect_timeout")
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::{BadUrl, Target};

    fn target(url: &str) -> Target {
        Target::of(url).unwrap().unwrap()
    }

    #[test]
    fn a_url_without_tls_or_of_a_socket_needs_no_relay() {
        for url in [
            "postgres://me@db/proxy",
            "postgres://me@db/proxy?sslmode=disable",
            "postgres://me@db/proxy?sslmode=prefer",
            "postgres://me@%2Frun%2Fpostgresql/proxy?sslmode=verify-full",
            "postgres:///proxy?host=/run/postgresql&sslmode=require",
        ] {
            assert_eq!(Target::of(url), Ok(None), "{url}");
        }
    }

    #[test]
    fn tls_parameters_go_to_the_relay_and_others_to_libpq() {
        let url = "postgres://me:s3/c?r@et@db.example:6432/proxy?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem\
                   &application_name=onbehalf&keepalives_idle=15&connect_timeout=7";
        let found = target(url);
        assert_eq!((found.host.as_str(), found.port), ("db.example", 6432));
        assert_eq!(found.connect_timeout, Duration::from_secs(7));
        assert_eq!(found.authorities.as_deref(), Some(Path::new("/etc/ca.pem")));
        let expected = "postgres://me:s3/c?r@et@/proxy?host=%2Ftmp%2Fx&port=5432&application_name=onbehalf";
        assert_eq!(found.local_url(Path::new("/tmp/x")), expected);
    }

    #[test]
    fn postgres_host_is_parsed_in_every_libpq_form() {
        let found = target("postgresql://[::1]/proxy?sslmode=require");
        assert_eq!((found.host.as_str(), found.port, found.authorities), ("::1", 5432, None));
        let found = target(
            "postgresql://me@/proxy?host=db&hostaddr=10.0.0.1&port=1&sslmode=require&sslrootcert=system",
        );
        assert_eq!((found.host.as_str(), found.address.as_deref(), found.port), ("db", Some("10.0.0.1"), 1));
        assert_eq!(found.authorities, None);
    }

    #[test]
    fn unsupported_tls_parameter_is_rejected() {
        for (query, why) in [
            ("sslmode=verify", BadUrl::Mode),
            ("sslmode=verify-full&host=a,b", BadUrl::Hosts),
            ("sslmode=verify-full&port=x", BadUrl::Port),
            ("sslmode=verify-full&port=0", BadUrl::Port),
            ("sslmode=verify-full&sslcert=a.pem", BadUrl::ClientCertificate),
        ] {
            assert_eq!(Target::of(&format!("postgres://me@db/proxy?{query}")), Err(why), "{query}");
        }
    }
}
