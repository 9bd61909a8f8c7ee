//! The first page of the sandbox.

use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::app::TourApp;
use super::people::{Family, list_families};
use super::picture::{Drawing, draw};
use super::sample::{Sample, samples};
use crate::composition::Composition;
use crate::nowhere::{root, wants_html};
use crate::site::answer::{failed, render};
use ::web::page;
use base::error::Error;
use domain::proxy::Status;
use simulated_idp::STAFF;

#[derive(Template)]
#[template(path = "tour.html")]
struct TourPage {
    style: String,
    drawings: Vec<Drawing>,
    families: Vec<Family>,
    citizens: Vec<LogInLink>,
    staff: Vec<LogInLink>,
    samples: Vec<Sample>,
}

/// A link that logs in.
struct LogInLink {
    url: String,
    name: String,
    /// What that person can try.
    what: String,
}

/// `GET /`.
pub(crate) async fn show(composition: Composition, request: HttpRequest) -> HttpResponse {
    if !wants_html(&request) {
        return root(request).await;
    }
    match read(&composition).await {
        Ok(page) => render(&page),
        Err(error) => failed(&error),
    }
}

async fn read(composition: &Composition) -> Result<TourPage, Error> {
    let families = list_families(&composition.gate).await?;
    let samples = samples(composition, &families).await?;
    let staff = STAFF.iter().map(|(id, name)| LogInLink {
        url: url(TourApp::Staff, id),
        name: (*name).to_owned(),
        what: "works at a GP practice, and sees roles and access requests.".to_owned(),
    });
    Ok(TourPage {
        style: page::style_url(),
        drawings: families.iter().map(draw).collect(),
        citizens: citizens(&families),
        staff: staff.collect(),
        samples,
        families,
    })
}

/// Those who act, and one of those for whom they act.
fn citizens(families: &[Family]) -> Vec<LogInLink> {
    let acting = families.iter().map(|family| {
        let active = family.roles.iter().filter(|role| role.status == Status::Active);
        let names: Vec<&str> = active.map(|role| role.patient.name.as_str()).collect();
        let what = match names.as_slice() {
            [] => "has no active role now.".to_owned(),
            [only] => format!("can act for {only}."),
            [some @ .., last] => format!("can act for {} and {last}.", some.join(", ")),
        };
        LogInLink { url: url(TourApp::Citizen, &family.proxy.number), name: family.proxy.name.clone(), what }
    });
    let patient = families.last().and_then(|family| Some((family, family.roles.first()?)));
    let patient = patient.map(|(family, role)| LogInLink {
        url: url(TourApp::Citizen, &role.patient.number),
        name: role.patient.name.clone(),
        what: format!("is a patient, and sees the role of {}.", family.proxy.name),
    });
    acting.chain(patient).collect()
}

fn url(app: TourApp, person: &str) -> String {
    format!("/tour/log-in/{}/{person}", app.as_str())
}
