//! HTTP requests to providers, by the shared fetcher; errors as those of a log-in.

use openidconnect::http::{Response, StatusCode};
use openidconnect::{HttpRequest, HttpResponse};
use serde::de::DeserializeOwned;

use crate::error::UpstreamError;
use crate::settings::HttpOptions;
use base::net::fetch::{FetchError, FetchOptions, Fetched, Fetcher, Reach};

/// The HTTP client.
#[derive(Clone, Debug)]
pub(super) struct Http(Fetcher);

impl Http {
    /// Builds the client. The operator has configured the providers, so they may be in a private network.
    pub(super) fn new(options: HttpOptions) -> Result<Self, UpstreamError> {
        let HttpOptions { timeout, max_bytes, allows_loopback, .. } = options;
        let options = FetchOptions { timeout, max_bytes, allows_loopback, reach: Reach::Anywhere };
        Ok(Self(Fetcher::new(options)?))
    }

    /// Checks that requests may be sent to a URL.
    pub(super) fn check_url(&self, url: &str) -> Result<(), UpstreamError> {
        self.0.check_url(url)?;
        Ok(())
    }

    /// Reads a JSON document.
    pub(super) async fn get<T: DeserializeOwned>(&self, url: &str) -> Result<T, UpstreamError> {
        let answer = self.get_as(url, "application/json", None).await?;
        read_json(&answer.body)
    }

    /// Reads a document, with a bearer token where one is given.
    pub(super) async fn get_as(
        &self,
        url: &str,
        accept: &'static str,
        token: Option<&str>,
    ) -> Result<Fetched, UpstreamError> {
        let answer = check(self.0.get(url, accept, token).await?)?;
        if answer.status != StatusCode::OK {
            return Err(UpstreamError::Refused("the provider did not return the requested document"));
        }
        Ok(answer)
    }

    /// Sends a request of the OpenID library.
    pub(super) async fn call(&self, request: HttpRequest) -> Result<HttpResponse, UpstreamError> {
        let request = reqwest::Request::try_from(request);
        let request = request.or(Err(UpstreamError::Fault("a request cannot be built")))?;
        let answer = check(self.0.send(request).await?)?;
        let mut response = Response::new(answer.body);
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}

/// Parses a JSON document.
pub(super) fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, UpstreamError> {
    serde_json::from_slice(body).or(Err(UpstreamError::Refused("a document of the provider cannot be read")))
}

/// Whether the response is the provider's own, with a usable status.
fn check(answer: Fetched) -> Result<Fetched, UpstreamError> {
    if answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS {
        return Err(UpstreamError::Unavailable);
    }
    if answer.status.is_redirection() {
        return Err(UpstreamError::Refused("the provider responded with a redirect"));
    }
    Ok(answer)
}

impl From<FetchError> for UpstreamError {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Url => Self::Refused("a URL of the provider is not https"),
            FetchError::Unavailable => Self::Unavailable,
            FetchError::TooLarge => Self::Refused("the provider's response is too large"),
            FetchError::Client => Self::Fault("the HTTP client cannot be built"),
        }
    }
}
