//! `/oauth/patient`: the user chooses for whom they act (SMART App Launch 2.2, `launch/patient`; LA-02). The
//! page shows no NHS number: NHS login's rules forbid showing a traced one.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use ::web::gate::Gate;
use base::error::Error;
use domain::account::{Acting, KnownPerson, LogIn, LogInStage};
use service::account::{Patient, list_patients};
use web::page::name_of;

use super::log_in::{client_of, next_page};
use super::page::{self, CancelForm, ErrorPage, PatientChoice, PatientPage};
use super::redirect::see_other;
use super::session::{self, BrowserSession};

/// The form value for acting for oneself.
const ONESELF: &str = "self";

pub(super) async fn show(gate: Data<Gate>, request: HttpRequest) -> Result<HttpResponse, ErrorPage> {
    let (session, log_in) = session::current(&gate, &request).await?;
    if !log_in.asks_for_whom() {
        return Ok(see_other(next_page(&log_in)));
    }
    ask(&gate, &session, &log_in, StatusCode::OK, None).await
}

/// The page, with the error of the last choice.
pub(super) async fn ask(
    gate: &Gate,
    session: &BrowserSession,
    log_in: &LogIn,
    status: StatusCode,
    error: Option<&'static str>,
) -> Result<HttpResponse, ErrorPage> {
    let client = client_of(gate, log_in).await?;
    let patients = match log_in.person() {
        Some(person) => patients_of(gate, person).await?,
        None => Vec::new(),
    };
    let choice = |patient: &Patient| PatientChoice {
        value: patient.role.to_string(),
        name: name_of(&patient.person),
        born: patient.person.birth_date.as_ref().map(|date| in_words(date.text())),
    };
    let cancel = CancelForm::new(session.form_token(), log_in, &client);
    let patients = patients.iter().map(choice).collect();
    let page = PatientPage { style: page::style_url(), cancel: cancel.clone(), error, patients };
    Ok(page::render(status, &page, &cancel))
}

async fn patients_of(gate: &Gate, person: &KnownPerson) -> Result<Vec<Patient>, ErrorPage> {
    let Some(number) = person.proved_number() else { return Ok(Vec::new()) };
    let clock = gate.clock.clone();
    let found: Result<_, Error> = gate.store.read(move |tx| list_patients(tx, &*clock, number)).await;
    Ok(found?)
}

pub(super) async fn choose(
    gate: Data<Gate>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ErrorPage> {
    let (session, log_in, params) = session::submitted(&gate, &request, payload).await?;
    let LogInStage::Known { person, .. } = &log_in.stage else { return Ok(see_other(next_page(&log_in))) };
    if !log_in.asks_for_whom() {
        return Ok(see_other(next_page(&log_in)));
    }
    let acting = match params.last("patient") {
        None => None,
        Some(ONESELF) => Some(Acting::Oneself),
        Some(role) => {
            let patients = patients_of(&gate, person).await?;
            let chosen = patients.iter().find(|patient| patient.role.to_string() == role);
            let Some(chosen) = chosen else {
                let message = "You cannot act for this person now. Choose again";
                return ask(&gate, &session, &log_in, StatusCode::CONFLICT, Some(message)).await;
            };
            Some(Acting::For { patient: chosen.person.nhs_number, role: chosen.role })
        }
    };
    if acting.is_none() {
        let message = "Select who you want to use the app for";
        return ask(&gate, &session, &log_in, StatusCode::BAD_REQUEST, Some(message)).await;
    }
    let log_in = LogIn { stage: LogInStage::Known { person: person.clone(), acting }, ..log_in };
    let (digest, next) = (session.digest(), next_page(&log_in));
    let saved: Result<(), Error> = gate.store.write(move |tx| tx.save_log_in(&digest, &log_in)).await;
    saved?;
    Ok(see_other(next))
}

/// A FHIR date in words: `22 October 2022`.
fn in_words(date: &str) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let mut parts = date.split('-');
    let year = parts.next().unwrap_or_default();
    let month = parts.next().and_then(|month| month.parse::<usize>().ok());
    let month = month.and_then(|month| MONTHS.get(month.checked_sub(1)?));
    let day = parts.next().and_then(|day| day.parse::<u8>().ok());
    match (day, month) {
        (Some(day), Some(month)) => format!("{day} {month} {year}"),
        (None, Some(month)) => format!("{month} {year}"),
        (_, None) => year.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn a_date_is_written_as_people_do() {
        for (date, words) in [
            ("2022-10-02", "2 October 2022"),
            ("2022-10", "October 2022"),
            ("2022", "2022"),
            ("2022-13", "2022"),
        ] {
            assert_eq!(in_words(date), words);
        }
    }
}
