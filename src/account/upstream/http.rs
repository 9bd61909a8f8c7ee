//! The HTTP client that speaks with providers: no redirects, a deadline, a largest answer, and TLS.

use std::net::IpAddr;

use openidconnect::http::{Response, StatusCode};
use openidconnect::{HttpRequest, HttpResponse};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde::de::DeserializeOwned;

use crate::account::upstream::UpstreamError;
use crate::account::upstream::settings::HttpOptions;

/// The client.
#[derive(Clone, Debug)]
pub(super) struct Http {
    client: Client,
    options: HttpOptions,
}

impl Http {
    /// Makes the client. It keeps no connections: a log-in is rare, and a kept connection would be tied to
    /// the worker thread that opened it.
    pub(super) fn new(options: HttpOptions) -> Result<Self, UpstreamError> {
        let mut builder = Client::builder()
            .redirect(Policy::none())
            .timeout(options.timeout)
            .connect_timeout(options.timeout)
            .pool_max_idle_per_host(0)
            .referer(false);
        if options.allows_loopback {
            builder = builder.no_proxy();
        }
        let client = builder.build().or(Err(UpstreamError::Fault("the HTTP client cannot be made")))?;
        Ok(Self { client, options })
    }

    /// Whether we send anything to this URL: https, or http on this machine where that is allowed.
    pub(super) fn check_url(&self, url: &str) -> Result<Url, UpstreamError> {
        let refused = UpstreamError::Refused("a URL of the provider is not https");
        let url = Url::parse(url).or(Err(refused))?;
        let is_loopback = match url.host_str().map(|host| host.trim_matches(['[', ']'])) {
            Some("localhost") => true,
            Some(host) => host.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
            None => return Err(refused),
        };
        let is_good = match url.scheme() {
            "https" => true,
            "http" => self.options.allows_loopback && is_loopback,
            _ => false,
        };
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        if is_good && !has_credentials { Ok(url) } else { Err(refused) }
    }

    /// Reads a JSON document, as the bearer of a token where one is given.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        url: &str,
        token: Option<&str>,
    ) -> Result<T, UpstreamError> {
        let request = self.client.get(self.check_url(url)?).header("accept", "application/json");
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let request = request.build().or(Err(UpstreamError::Fault("a request cannot be made")))?;
        let answer = self.send(request).await?;
        if answer.status() != StatusCode::OK {
            return Err(UpstreamError::Refused("a document of the provider is not there"));
        }
        serde_json::from_slice(answer.body())
            .or(Err(UpstreamError::Refused("a document of the provider cannot be read")))
    }

    /// Sends a request of the OpenID library.
    pub(super) async fn call(&self, request: HttpRequest) -> Result<HttpResponse, UpstreamError> {
        self.check_url(&request.uri().to_string())?;
        let request = reqwest::Request::try_from(request);
        self.send(request.or(Err(UpstreamError::Fault("a request cannot be made")))?).await
    }

    async fn send(&self, request: reqwest::Request) -> Result<HttpResponse, UpstreamError> {
        let mut answer = self.client.execute(request).await.or(Err(UpstreamError::Unavailable))?;
        let status = answer.status();
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(UpstreamError::Unavailable);
        }
        if status.is_redirection() {
            return Err(UpstreamError::Refused("the provider answers with a redirect"));
        }
        let headers = answer.headers().clone();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.or(Err(UpstreamError::Unavailable))? {
            if body.len() + chunk.len() > self.options.max_bytes {
                return Err(UpstreamError::Refused("the provider's answer is too large"));
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::{Http, HttpOptions};

    #[test]
    fn only_https_is_spoken_but_on_loopback_where_that_is_allowed() {
        let strict = Http::new(HttpOptions::default()).unwrap();
        let sandbox = Http::new(HttpOptions { allows_loopback: true, ..HttpOptions::default() }).unwrap();
        for (url, is_strict, is_sandbox) in [
            ("https://auth.login.nhs.uk/token", true, true),
            ("http://auth.login.nhs.uk/token", false, false),
            ("http://127.0.0.1:8080/x", false, true),
            ("http://[::1]:8080/x", false, true),
            ("http://localhost/x", false, true),
            ("http://127.0.0.1.example.org/x", false, false),
            ("https://user:secret@example.org/", false, false),
            ("ftp://127.0.0.1/x", false, false),
            ("file:///etc/passwd", false, false),
            ("no url", false, false),
        ] {
            assert_eq!(strict.check_url(url).is_ok(), is_strict, "{url}");
            assert_eq!(sandbox.check_url(url).is_ok(), is_sandbox, "{url}");
        }
    }
}
