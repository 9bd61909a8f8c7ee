//! Messages by e-mail (RFC 5321), sent through one mail server.

use std::fmt;
use std::fs;
use std::time::Duration;

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Address, SmtpTransport, Transport as _};

use crate::job::sender::email::{Away, OutgoingEmail, SendRefused, Sender};
use crate::job::settings::{Smtp, SmtpTls};

/// The time limit of one step of the mail server.
const PATIENCE: Duration = Duration::from_secs(15);

/// A mail server.
pub struct SmtpSender {
    transport: SmtpTransport,
    from: Mailbox,
}

impl fmt::Debug for SmtpSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpSender").finish_non_exhaustive()
    }
}

impl SmtpSender {
    /// A sender by these settings. It does not connect yet.
    ///
    /// # Errors
    ///
    /// A sentence for the operator.
    pub fn new(settings: &Smtp) -> Result<Self, String> {
        let from: Mailbox =
            settings.from.parse().map_err(|_wrong| "smtp.from is not a mailbox".to_owned())?;
        let parameters = || {
            TlsParameters::new(settings.host.clone())
                .map_err(|error| format!("smtp.tls cannot be used: {error}"))
        };
        let tls = match settings.tls {
            SmtpTls::Wrapped => Tls::Wrapper(parameters()?),
            SmtpTls::StartTls => Tls::Required(parameters()?),
            SmtpTls::None => Tls::None,
        };
        let mut builder = SmtpTransport::builder_dangerous(&settings.host)
            .port(settings.port)
            .tls(tls)
            .timeout(Some(PATIENCE));
        if !settings.username.is_empty() {
            let file = settings.password_file.display();
            let password = fs::read_to_string(&settings.password_file)
                .map_err(|error| format!("smtp.password_file: cannot read {file}: {error}"))?;
            let password = password.trim_end_matches(['\r', '\n']).to_owned();
            builder = builder.credentials(Credentials::new(settings.username.clone(), password));
        }
        Ok(Self { transport: builder.build(), from })
    }
}

impl Sender for SmtpSender {
    fn check(&self) -> Result<(), Away> {
        match self.transport.test_connection() {
            Ok(true) => Ok(()),
            Ok(false) => Err(Away("it does not respond".to_owned())),
            Err(error) => Err(Away(error.to_string())),
        }
    }

    fn send(&self, email: &OutgoingEmail<'_>) -> Result<(), SendRefused> {
        // The address comes from an identity provider: one address, no list, no second header.
        let to: Address = email.to.parse().map_err(|_wrong| SendRefused::Never)?;
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(email.subject)
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .header(ContentType::TEXT_PLAIN)
            .body(email.text.to_owned())
            .map_err(|_wrong| SendRefused::Never)?;
        match self.transport.send(&message) {
            Ok(_taken) => Ok(()),
            Err(error) if error.is_permanent() => Err(SendRefused::Never),
            Err(error) if error.is_transient() => Err(SendRefused::Later),
            Err(_broken) => Err(SendRefused::Unknown),
        }
    }
}
