//! The pages of the authorization endpoint. `web::page` adds the headers and the layout that all pages share.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};
use askama::Template;

use base::error::{Error, ErrorKind};
use domain::account::{LogIn, Registration};
use service::account::LogInError;
use web::body::BodyFault;
use web::error::HttpError;
use web::observe::log_failure;
use web::page;
pub(super) use web::page::style_url;

use super::redirect::csp_source;

/// The form that returns to the app without approval.
#[derive(Clone, Debug)]
pub(super) struct CancelForm {
    /// The app's name.
    pub(super) app: String,
    /// The form's token.
    pub(super) token: String,
    /// The app's redirect URI, for the page's policy.
    redirect_uri: String,
}

impl CancelForm {
    pub(super) fn new(token: String, log_in: &LogIn, app: &Registration) -> Self {
        Self { app: app.name.clone(), token, redirect_uri: log_in.request.redirect_uri.clone() }
    }
}

/// A help page of a provider.
#[derive(Debug)]
pub(super) struct Help {
    pub(super) url: &'static str,
    /// The text of the link.
    pub(super) words: &'static str,
}

/// A provider on a page.
pub(super) struct ProviderChoice {
    pub(super) url: String,
    pub(super) name: String,
}

#[derive(Template)]
#[template(path = "provider.html")]
pub(super) struct ProviderPage {
    pub(super) style: String,
    pub(super) cancel: CancelForm,
    pub(super) providers: Vec<ProviderChoice>,
}

/// The page that offers to add another identity.
#[derive(Template)]
#[template(path = "link.html")]
pub(super) struct LinkPage {
    pub(super) style: String,
    pub(super) cancel: CancelForm,
    pub(super) providers: Vec<ProviderChoice>,
    /// How many identities the user has.
    pub(super) known: usize,
    /// Whether that number is one.
    pub(super) has_one: bool,
    /// The page on which the log-in continues.
    pub(super) next: &'static str,
}

/// A patient on the page of choice.
pub(super) struct PatientChoice {
    pub(super) value: String,
    pub(super) name: String,
    pub(super) born: Option<String>,
}

#[derive(Template)]
#[template(path = "patient.html")]
pub(super) struct PatientPage {
    pub(super) style: String,
    pub(super) cancel: CancelForm,
    pub(super) error: Option<&'static str>,
    pub(super) patients: Vec<PatientChoice>,
}

#[derive(Template)]
#[template(path = "approve.html")]
pub(super) struct ApprovePage {
    pub(super) style: String,
    pub(super) cancel: CancelForm,
    /// The patient's name, unless the user acts for themselves.
    pub(super) patient: Option<String>,
    pub(super) descriptions: Vec<String>,
    /// Whether the user may add another identity.
    pub(super) may_link: bool,
    /// Whether the user may choose another patient.
    pub(super) has_choice: bool,
}

/// The page that asks whether to log out, and where.
#[derive(Template)]
#[template(path = "log_out.html")]
pub(super) struct LogOutPage {
    pub(super) style: String,
    /// The parameters that its form repeats.
    pub(super) fields: Vec<(&'static str, String)>,
    /// The app whose access can end, if the request names one.
    pub(super) app: Option<String>,
}

#[derive(Template)]
#[template(path = "logged_out.html")]
pub(super) struct LoggedOutPage {
    pub(super) style: String,
    pub(super) app: Option<String>,
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'p> {
    style: String,
    title: &'p str,
    said: &'p [String],
    steps: &'p [&'static str],
    help: Option<&'static Help>,
    again: Option<&'p str>,
    cancel: Option<&'p CancelForm>,
}

/// A page of the log-in, with its forms.
pub(super) fn render(status: StatusCode, page: &impl Template, cancel: &CancelForm) -> HttpResponse {
    render_towards(status, page, Some(&cancel.redirect_uri))
}

/// A page with a form whose response may redirect to this URI.
pub(super) fn render_towards(
    status: StatusCode,
    page: &impl Template,
    towards: Option<&str>,
) -> HttpResponse {
    match page.render() {
        Ok(html) => respond(status, html, towards),
        Err(error) => ErrorPage::from(Error::fault(error)).render(),
    }
}

fn respond(status: StatusCode, html: String, redirect_uri: Option<&str>) -> HttpResponse {
    page::respond(status, html, redirect_uri.and_then(csp_source).as_deref())
}

/// An error page: what went wrong, and what to do.
#[derive(Clone, Debug)]
pub(super) struct ErrorPage {
    status: u16,
    title: String,
    said: Vec<String>,
    steps: Vec<&'static str>,
    help: Option<&'static Help>,
    again: Option<&'static str>,
    cancel: Option<Box<CancelForm>>,
    retry_after: Option<u32>,
}

impl ErrorPage {
    pub(super) fn new(status: u16, title: impl Into<String>) -> Self {
        Self {
            status,
            title: title.into(),
            said: Vec::new(),
            steps: Vec::new(),
            help: None,
            again: None,
            cancel: None,
            retry_after: None,
        }
    }

    /// Adds a paragraph.
    pub(super) fn saying(mut self, words: impl Into<String>) -> Self {
        self.said.push(words.into());
        self
    }

    /// Adds a list of steps for the user.
    pub(super) fn with_steps(mut self, steps: &[&'static str]) -> Self {
        self.steps = steps.to_vec();
        self
    }

    /// Adds a link to the provider's help page.
    pub(super) fn with_help(mut self, help: &'static Help) -> Self {
        self.help = Some(help);
        self
    }

    /// Adds a link `Try again`.
    pub(super) fn again_at(mut self, url: &'static str) -> Self {
        self.again = Some(url);
        self
    }

    /// Adds the form that returns to the app.
    pub(super) fn with_cancel(mut self, cancel: CancelForm) -> Self {
        self.cancel = Some(Box::new(cancel));
        self
    }

    /// Renders the page.
    pub(super) fn render(&self) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let page = ProblemPage {
            style: style_url(),
            title: &self.title,
            said: &self.said,
            steps: &self.steps,
            help: self.help,
            again: self.again,
            cancel: self.cancel.as_deref(),
        };
        let redirect_uri = self.cancel.as_ref().map(|cancel| cancel.redirect_uri.as_str());
        let html = page.render().unwrap_or_else(|_unwritten| self.title.clone());
        let mut response = respond(status, html, redirect_uri);
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// 429: too many log-ins from one address.
impl HttpError for ErrorPage {
    fn throttled(seconds: u64) -> Self {
        let problem =
            Self::new(429, "Too many people are logging in").saying("Wait a minute, then try again.");
        Self { retry_after: Some(u32::try_from(seconds).unwrap_or(u32::MAX)), ..problem }
    }
}

impl fmt::Display for ErrorPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title)
    }
}

impl ResponseError for ErrorPage {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        self.render()
    }
}

impl From<Error> for ErrorPage {
    fn from(error: Error) -> Self {
        log_failure(&error);
        if error.kind() == ErrorKind::Busy {
            let busy = Self::new(503, "The service is busy").saying("Try again in a moment.");
            return Self { retry_after: Some(5), ..busy };
        }
        Self::new(500, "Sorry, there is a problem with the service").saying("Try again later.")
    }
}

impl From<LogInError> for ErrorPage {
    fn from(error: LogInError) -> Self {
        match error {
            // The reason is not shown: the standing of a person can be confidential.
            LogInError::NotCurrent => Self::new(403, "You cannot use this service")
                .saying("Contact your GP surgery to find out why."),
            LogInError::Store(error) => error.into(),
        }
    }
}

impl From<BodyFault> for ErrorPage {
    fn from(fault: BodyFault) -> Self {
        let (status, title) = match fault {
            BodyFault::TooLarge => (413, "The form is too large"),
            BodyFault::Encoded => (415, "The form is encoded"),
            BodyFault::Incomplete => (400, "The form is incomplete"),
            BodyFault::Late => (408, "The form did not arrive in time"),
        };
        Self::new(status, title)
    }
}
