//! Log-ins in progress, each by the digest of the cookie that binds it to a browser.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::corrupt;
use crate::person::nhs_number;
use crate::schema::log_ins;
use crate::tx::Tx;
use base::date_time::{from_millis, to_millis};
use base::error::Error;
use domain::account::identity::{Departure, Proven, ProvenKind};
use domain::account::{Acting, AuthorizationRequest, KnownPerson, LogIn, LogInStage, Scopes, Vector};
use domain::proxy::OdsCode;

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = log_ins, treat_none_as_null = true)]
struct LogInRow {
    digest: String,
    app: String,
    request: String,
    provider: Option<String>,
    departure: Option<String>,
    user_id: Option<String>,
    person: Option<String>,
    has_chosen: bool,
    patient: Option<String>,
    role_id: Option<String>,
    expires_at: i64,
}

#[derive(Serialize, Deserialize)]
struct RequestText {
    redirect_uri: String,
    state: String,
    scope: String,
    challenge: String,
    nonce: Option<String>,
    dpop_jkt: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    audience: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct DepartureText {
    url: String,
    state: String,
    nonce: String,
    verifier: String,
}

#[derive(Serialize, Deserialize)]
struct KnownText {
    issuer: String,
    subject: String,
    kind: PersonText,
}

#[derive(Serialize, Deserialize)]
enum PersonText {
    Citizen { nhs_number: Option<String>, vot: String },
    Staff { uid: String, organisation: String },
}

impl Tx<'_> {
    /// Stores a new log-in by the digest of its cookie.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn insert_log_in(&mut self, digest: &str, log_in: &LogIn) -> Result<(), Error> {
        let row = LogInRow::of(digest, log_in)?;
        diesel::insert_into(log_ins::table).values(row).execute(self.db)?;
        Ok(())
    }

    /// The log-in of a cookie, unless it has expired.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn find_log_in(&mut self, digest: &str, now: DateTime<Utc>) -> Result<Option<LogIn>, Error> {
        let live = log_ins::table.find(digest).filter(log_ins::expires_at.gt(to_millis(now)));
        let row: Option<LogInRow> = live.first(self.db).optional()?;
        row.map(LogInRow::into_log_in).transpose()
    }

    /// Takes a log-in. Of two concurrent takers, one gets it.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn take_log_in(&mut self, digest: &str, now: DateTime<Utc>) -> Result<Option<LogIn>, Error> {
        let found = self.find_log_in(digest, now)?;
        let taken = diesel::delete(log_ins::table.find(digest)).execute(self.db)?;
        Ok(found.filter(|_| taken == 1))
    }

    /// Stores the stage of a log-in.
    ///
    /// # Errors
    ///
    /// Database errors.
    pub fn save_log_in(&mut self, digest: &str, log_in: &LogIn) -> Result<(), Error> {
        let row = LogInRow::of(digest, log_in)?;
        diesel::update(log_ins::table.find(digest)).set(row).execute(self.db)?;
        Ok(())
    }
}

fn to_json(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(Error::fault)
}

impl LogInRow {
    fn of(digest: &str, log_in: &LogIn) -> Result<Self, Error> {
        let AuthorizationRequest { redirect_uri, state, scopes, challenge, nonce, dpop_jkt, audience } =
            log_in.request.clone();
        let scope = scopes.to_string();
        let request = RequestText { redirect_uri, state, scope, challenge, nonce, dpop_jkt, audience };
        let mut row = Self {
            digest: digest.to_owned(),
            app: log_in.app.clone(),
            request: to_json(&request)?,
            provider: None,
            departure: None,
            user_id: None,
            person: None,
            has_chosen: false,
            patient: None,
            role_id: None,
            expires_at: to_millis(log_in.expires_at),
        };
        match &log_in.stage {
            LogInStage::Begun => {}
            LogInStage::Away { provider, departure } => row.is_away(provider, departure)?,
            LogInStage::Known { person, acting } => row.is_known(person, *acting)?,
            LogInStage::Linking { person, acting, provider, departure } => {
                row.is_known(person, *acting)?;
                row.is_away(provider, departure)?;
            }
        }
        Ok(row)
    }

    fn is_away(&mut self, provider: &str, departure: &Departure) -> Result<(), Error> {
        let Departure { url, state, nonce, verifier } = departure.clone();
        self.provider = Some(provider.to_owned());
        self.departure = Some(to_json(&DepartureText { url, state, nonce, verifier })?);
        Ok(())
    }

    fn is_known(&mut self, person: &KnownPerson, acting: Option<Acting>) -> Result<(), Error> {
        // The address was stored when they logged in.
        let Proven { issuer, subject, kind, email: _ } = &person.proven;
        let kind = PersonText::of(kind);
        let known = KnownText { issuer: issuer.clone(), subject: subject.clone(), kind };
        self.user_id = Some(person.user.to_string());
        self.person = Some(to_json(&known)?);
        self.has_chosen = acting.is_some();
        if let Some(Acting::For { patient, role }) = acting {
            self.patient = Some(patient.to_string());
            self.role_id = Some(role.to_string());
        }
        Ok(())
    }

    fn into_log_in(self) -> Result<LogIn, Error> {
        let request: RequestText = serde_json::from_str(&self.request).map_err(Error::fault)?;
        let acting = match (self.patient, self.role_id) {
            (Some(patient), Some(role)) => Some(Acting::For {
                patient: nhs_number(&patient)?,
                role: Uuid::parse_str(&role).map_err(Error::fault)?,
            }),
            _ => self.has_chosen.then_some(Acting::Oneself),
        };
        let away = match (self.provider, self.departure) {
            (Some(provider), Some(departure)) => {
                let departure: DepartureText = serde_json::from_str(&departure).map_err(Error::fault)?;
                let DepartureText { url, state, nonce, verifier } = departure;
                Some((provider, Departure { url, state, nonce, verifier }))
            }
            _ => None,
        };
        let known = match (self.user_id, self.person) {
            (Some(user), Some(person)) => Some(known_person(&user, &person)?),
            _ => None,
        };
        let stage = match (known, away) {
            (Some(person), Some((provider, departure))) => {
                LogInStage::Linking { person, acting, provider, departure }
            }
            (Some(person), None) => LogInStage::Known { person, acting },
            (None, Some((provider, departure))) => LogInStage::Away { provider, departure },
            (None, None) => LogInStage::Begun,
        };
        let RequestText { redirect_uri, state, scope, challenge, nonce, dpop_jkt, audience } = request;
        let scopes = Scopes::of_token(&scope);
        Ok(LogIn {
            app: self.app,
            request: AuthorizationRequest {
                redirect_uri,
                state,
                scopes,
                challenge,
                nonce,
                dpop_jkt,
                audience,
            },
            stage,
            expires_at: from_millis(self.expires_at),
        })
    }
}

fn known_person(user: &str, text: &str) -> Result<KnownPerson, Error> {
    let known: KnownText = serde_json::from_str(text).map_err(Error::fault)?;
    let user = Uuid::parse_str(user).map_err(Error::fault)?;
    let proven =
        Proven { issuer: known.issuer, subject: known.subject, kind: known.kind.into_kind()?, email: None };
    Ok(KnownPerson { user, proven })
}

impl PersonText {
    fn of(kind: &ProvenKind) -> Self {
        match kind {
            ProvenKind::Citizen { nhs_number, vot } => Self::Citizen {
                nhs_number: nhs_number.map(|number| number.to_string()),
                vot: vot.to_string(),
            },
            ProvenKind::Staff { uid, organisation } => {
                Self::Staff { uid: uid.clone(), organisation: organisation.as_str().to_owned() }
            }
        }
    }

    fn into_kind(self) -> Result<ProvenKind, Error> {
        Ok(match self {
            Self::Citizen { nhs_number: number, vot } => ProvenKind::Citizen {
                nhs_number: number.map(|number| nhs_number(&number)).transpose()?,
                vot: Vector::parse(&vot).or(Err(corrupt("vector of trust")))?,
            },
            Self::Staff { uid, organisation } => ProvenKind::Staff {
                uid,
                organisation: OdsCode::parse(&organisation).or(Err(corrupt("ODS code")))?,
            },
        })
    }
}
