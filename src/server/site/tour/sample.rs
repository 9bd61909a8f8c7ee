//! Three requests with their answers. The server sends each to its own routes, inside the process, when the page is asked for:
//! what the page shows is what the API answers.

use actix_http::Request;
use actix_service::{IntoServiceFactory, Service, ServiceFactory};
use actix_web::App as WebApp;
use actix_web::body::{MessageBody, to_bytes_limited};
use actix_web::dev::{AppConfig, ServiceResponse};
use actix_web::http::header::HeaderValue;
use actix_web::http::{Method, StatusCode, Uri, Version};
use serde_json::Value;

use super::people::{Family, Named, ShownRole};
use crate::composition::Composition;
use ::web::request_id::REQUEST_ID;
use api_fhir as fhir;
use api_vrs as vrs;
use base::error::Error;
use domain::proxy::Status;

/// The id that the requests have, as in the documents.
const ID: &str = "60e0b220-8136-4ca5-ae46-1d97ef59d068";
/// How much of an answer is shown.
const MOST: usize = 64 * 1024;

/// A request, and what it was answered.
pub(super) struct Sample {
    pub(super) title: String,
    pub(super) why: &'static str,
    /// What to type.
    pub(super) curl: String,
    /// `200 OK`.
    pub(super) status: String,
    /// The body, indented.
    pub(super) answer: String,
}

/// A request before it is sent.
struct Question {
    title: String,
    why: &'static str,
    path: String,
}

/// The three, about these people.
pub(super) async fn samples(composition: &Composition, families: &[Family]) -> Result<Vec<Sample>, Error> {
    let app = WebApp::new()
        .configure(|config| composition.clone().register(config))
        .configure(vrs::configure)
        .configure(fhir::configure);
    let service = start(app).await.map_err(|()| Error::fault("the routes of the tour cannot be started"))?;
    let mut samples = Vec::new();
    for question in questions(families) {
        samples.push(send(&service, &composition.gate.public_url, question).await?);
    }
    Ok(samples)
}

fn questions(families: &[Family]) -> Vec<Question> {
    let Some(first) = families.first() else { return Vec::new() };
    // The last one that is active: of the first proxy it is the role of README.md.
    let active = families.iter().find_map(|family| {
        let role = family.roles.iter().rfind(|role| role.status == Status::Active)?;
        Some((&family.proxy, role))
    });
    let mut all =
        families.iter().flat_map(|family| family.roles.iter().map(move |role| (&family.proxy, role)));
    let ended = all.find(|(_, role)| role.status == Status::Inactive);
    let search = Some(of_proxy(&first.proxy));
    [search, active.map(read), ended.map(of_pair)].into_iter().flatten().collect()
}

fn of_proxy(proxy: &Named) -> Question {
    Question {
        title: format!("For whom can {} act?", proxy.name),
        why: "A patient portal or NHS login asks this when a person logs in. The answer has each role that is active now. This \
              request is one of the Validated Relationships API.",
        path: format!("{}/Consent?performer:identifier={}&status=active", vrs::BASE_PATH, proxy.number),
    }
}

fn read((proxy, role): (&Named, &ShownRole)) -> Question {
    Question {
        title: format!("On what basis can {} act for {}?", proxy.name, role.patient.name),
        why: "A clinical system reads the role: who granted it, on what legal basis, until when. FHIR calls a role a Consent. \
              This request is one of the FHIR R4 API, which can leave elements out.",
        path: format!(
            "{}/Consent/{}?_elements=status,patient,performer,policyRule,provision",
            fhir::BASE_PATH,
            role.id
        ),
    }
}

fn of_pair((proxy, role): (&Named, &ShownRole)) -> Question {
    Question {
        title: format!("Can {} still act for {}?", proxy.name, role.patient.name),
        why: "This role has ended. The search for an active role finds nothing from that moment on, and a token that was \
              issued for the role is refused.",
        path: format!(
            "{}/Consent?performer:identifier={}&patient:identifier={}&status=active",
            vrs::BASE_PATH,
            proxy.number,
            role.patient.number
        ),
    }
}

/// Makes a service of the routes of an app.
async fn start<R, S, B, E>(
    app: R,
) -> Result<impl Service<Request, Response = ServiceResponse<B>, Error = E>, S::InitError>
where
    R: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse<B>, Error = E>,
{
    app.into_factory().new_service(AppConfig::default()).await
}

async fn send<B: MessageBody>(
    service: &impl Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    public_url: &str,
    question: Question,
) -> Result<Sample, Error> {
    let Question { title, why, path } = question;
    let mut request = Request::new();
    let head = request.head_mut();
    // A head comes from a pool, and has the method and the address of a request before.
    (head.method, head.version, head.peer_addr) = (Method::GET, Version::HTTP_11, None);
    head.uri = path.parse::<Uri>().map_err(Error::fault)?;
    head.headers.insert(REQUEST_ID, HeaderValue::from_static(ID));
    let (status, body) = match service.call(request).await {
        Ok(response) => (response.status(), text_of(response.into_body()).await?),
        Err(error) => {
            let response = error.error_response();
            (response.status(), text_of(response.into_body()).await?)
        }
    };
    Ok(Sample {
        title,
        why,
        curl: format!("curl -H 'X-Request-ID: {ID}' \\\n'{public_url}{path}'"),
        status: phrase(status),
        answer: body,
    })
}

fn phrase(status: StatusCode) -> String {
    format!("{} {}", status.as_str(), status.canonical_reason().unwrap_or_default()).trim_end().to_owned()
}

/// A body as text, indented where it is JSON.
async fn text_of(body: impl MessageBody) -> Result<String, Error> {
    let too_large = |_large| Error::fault("an answer is too large for the tour");
    let bytes = to_bytes_limited(body, MOST).await.map_err(too_large)?;
    let bytes = bytes.map_err(|error| {
        let error: Box<dyn std::error::Error> = error.into();
        Error::fault(error.to_string())
    })?;
    Ok(match serde_json::from_slice::<Value>(&bytes) {
        Ok(json) => serde_json::to_string_pretty(&json).map_err(Error::fault)?,
        Err(_) => String::from_utf8_lossy(&bytes).into_owned(),
    })
}
