//! Fetches documents from other servers: keys, metadata, tokens. Every fetch is bounded: by a time limit,
//! without following a redirect, and by a size limit.
//!
//! A URL that the operator has configured may be anywhere. One that an app has named must be on the public
//! internet: its name is resolved first, must have public addresses only ([`PublicOnly`]), and no proxy of
//! the environment is used.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Request, StatusCode, Url};

use crate::net::address::is_public;
use crate::net::resolver::{PublicOnly, SystemLookup};

/// The limits of a fetcher.
#[derive(Clone, Copy, Debug)]
pub struct FetchOptions {
    /// The time limit of a response.
    pub timeout: Duration,
    /// The largest response, in bytes.
    pub max_bytes: usize,
    /// Whether localhost may be called, by `http` too: for the sandbox and for tests.
    pub allows_loopback: bool,
    /// The addresses that may be called.
    pub reach: Reach,
}

/// The addresses that may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Any: the operator has configured the URL.
    Anywhere,
    /// Those of the public internet: a client has named the URL.
    Public,
}

/// Why a fetch failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The URL is not https (or http on localhost where that is allowed), has credentials or a fragment, or
    /// names an address that may not be called.
    #[error("the URL may not be called")]
    Url,
    /// There is no response in time, or no address of the name may be called.
    #[error("no response")]
    Unavailable,
    /// The response is above the size limit.
    #[error("the answer is too large")]
    TooLarge,
    /// The HTTP client cannot be created.
    #[error("the HTTP client cannot be made")]
    Client,
}

/// A response, whatever its status.
#[derive(Debug)]
pub struct Fetched {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its whole body.
    pub body: Vec<u8>,
}

/// Fetches. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Fetcher {
    client: Client,
    options: FetchOptions,
}

impl Fetcher {
    /// Creates the client. It keeps no connections: fetches are rare, and a kept connection would be tied to
    /// the worker thread that opened it.
    ///
    /// # Errors
    ///
    /// [`FetchError::Client`].
    pub fn new(options: FetchOptions) -> Result<Self, FetchError> {
        let mut builder = Client::builder()
            .redirect(Policy::none())
            .timeout(options.timeout)
            .connect_timeout(options.timeout)
            .pool_max_idle_per_host(0)
            .referer(false);
        if options.allows_loopback {
            builder = builder.no_proxy();
        }
        if options.reach == Reach::Public {
            let allows_loopback = options.allows_loopback;
            let resolver = PublicOnly { lookup: Arc::new(SystemLookup), allows_loopback };
            builder = builder.no_proxy().dns_resolver(Arc::new(resolver));
        }
        Ok(Self { client: builder.build().or(Err(FetchError::Client))?, options })
    }

    /// Checks that a URL may be called.
    ///
    /// # Errors
    ///
    /// [`FetchError::Url`].
    pub fn check_url(&self, url: &str) -> Result<Url, FetchError> {
        check_url(url, self.options.allows_loopback, self.options.reach)
    }

    /// Fetches a URL, with a bearer token where one is given.
    ///
    /// # Errors
    ///
    /// [`FetchError`].
    pub async fn get(
        &self,
        url: &str,
        accept: &'static str,
        token: Option<&str>,
    ) -> Result<Fetched, FetchError> {
        let request = self.client.request(Method::GET, self.check_url(url)?).header("accept", accept);
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        self.send(request.build().or(Err(FetchError::Url))?).await
    }

    /// Sends a request and reads the response.
    ///
    /// # Errors
    ///
    /// [`FetchError`].
    pub async fn send(&self, request: Request) -> Result<Fetched, FetchError> {
        self.check_url(request.url().as_str())?;
        let mut answer = self.client.execute(request).await.or(Err(FetchError::Unavailable))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.or(Err(FetchError::Unavailable))? {
            if body.len() + chunk.len() > self.options.max_bytes {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Fetched { status, headers, body })
    }
}

/// Checks that a URL may be called: https, or http on localhost where that is allowed; no credentials and no
/// fragment. An address in it must be one that may be called; a name is resolved when it is called.
///
/// # Errors
///
/// [`FetchError::Url`].
pub fn check_url(url: &str, allows_loopback: bool, reach: Reach) -> Result<Url, FetchError> {
    let url = Url::parse(url).or(Err(FetchError::Url))?;
    let host = url.host_str().map(|host| host.trim_matches(['[', ']'])).ok_or(FetchError::Url)?;
    let address: Option<IpAddr> = host.parse().ok();
    let is_loopback = host == "localhost" || address.is_some_and(|address| address.is_loopback());
    let is_reached = match reach {
        Reach::Anywhere => true,
        Reach::Public => is_loopback && allows_loopback || !is_loopback && address.is_none_or(is_public),
    };
    let is_safe = match url.scheme() {
        "https" => !host.is_empty(),
        "http" => allows_loopback && is_loopback,
        _ => false,
    };
    let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if is_reached && is_safe && is_plain { Ok(url) } else { Err(FetchError::Url) }
}

/// Whether a URL is one of a test server on localhost.
pub fn is_on_loopback(url: &str) -> bool {
    url.starts_with("http://") && check_url(url, true, Reach::Public).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{FetchError, FetchOptions, Fetcher, Reach, check_url, is_on_loopback};
    use std::net::TcpListener;
    use std::time::Duration;

    #[test]
    fn only_https_urls_are_fetched_except_http_on_allowed_loopback() {
        for (url, is_strict, is_sandbox) in [
            ("https://auth.login.nhs.uk/token", true, true),
            ("http://auth.login.nhs.uk/token", false, false),
            ("http://127.0.0.1:8080/x", false, true),
            ("http://[::1]:8080/x", false, true),
            ("http://localhost/x", false, true),
            ("http://127.0.0.1.example.org/x", false, false),
            ("https://user:secret@example.org/", false, false),
            ("https://example.org/#fragment", false, false),
            ("https://", false, false),
            ("ftp://127.0.0.1/x", false, false),
            ("file:///etc/passwd", false, false),
            ("no url", false, false),
        ] {
            for reach in [Reach::Anywhere, Reach::Public] {
                assert_eq!(check_url(url, false, reach).is_ok(), is_strict, "{url}");
                assert_eq!(check_url(url, true, reach).is_ok(), is_sandbox, "{url}");
            }
        }
        assert!(is_on_loopback("http://127.0.0.1:8080") && !is_on_loopback("https://issuer.example"));
        assert!(!is_on_loopback("https://127.0.0.1:8080"));
    }

    #[test]
    fn url_from_a_client_must_be_on_the_public_internet() {
        for inside in [
            "https://10.0.0.1/jwks",
            "https://169.254.169.254/latest/meta-data",
            "https://[fd00::1]/jwks",
            "https://[::ffff:10.0.0.1]/jwks",
            "https://0x7f.1/jwks",
            "https://2130706433/jwks",
            "https://localhost/jwks",
            "https://127.0.0.1/jwks",
        ] {
            assert_eq!(check_url(inside, false, Reach::Public), Err(FetchError::Url), "{inside}");
            assert!(check_url(inside, false, Reach::Anywhere).is_ok(), "{inside}");
        }
        assert!(check_url("https://10.0.0.1/jwks", true, Reach::Public).is_err(), "nor in the sandbox");
    }

    #[actix_rt::test]
    async fn host_name_that_resolves_to_loopback_is_not_connected_to() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://localhost:{}/jwks", listener.local_addr().unwrap().port());
        let options = FetchOptions {
            timeout: Duration::from_secs(5),
            max_bytes: 100,
            allows_loopback: false,
            reach: Reach::Public,
        };
        // The client itself, as if the name had passed the check.
        let strict = Fetcher::new(options).unwrap();
        assert!(strict.client.get(&url).send().await.is_err());
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err(), "there was no connection");
        listener.set_nonblocking(false).unwrap();
        let accepted = std::thread::spawn(move || listener.accept().map(drop));
        let anywhere = Fetcher::new(FetchOptions { reach: Reach::Anywhere, ..options }).unwrap();
        assert!(anywhere.client.get(&url).send().await.is_err(), "the listener does not speak TLS");
        accepted.join().unwrap().expect("without the rule it is connected to");
    }
}
