//! `GET /QuestionnaireResponse/{id}`: an access request as it was handed in.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::account::{Action, Letter, access};
use crate::app::App;
use crate::audit::People;
use crate::error::Error;
use crate::vrs::catalogue;
use crate::vrs::gateway::{Answer, Operation, carry_out};
use crate::vrs::operation::id_in_path;
use crate::vrs::problem::Problem;
use crate::vrs::resource::{access_request, answer};

const OPERATION: Operation = Operation {
    action: Action::ReadAccessRequest,
    scope: ("QuestionnaireResponse", Letter::Read),
    content_types: &[],
};

pub(crate) async fn read_questionnaire_response(
    app: Data<App>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    carry_out(&app, &request, OPERATION, async |caller| {
        let id = id_in_path(&request).ok_or(catalogue::INVALID_ACCESS_REQUEST_ID)?;
        let found: Result<_, Error> = app.read_as(caller.clone(), move |tx| tx.find_access_request(id)).await;
        let found = found?.ok_or(catalogue::QUESTIONNAIRE_RESPONSE_NOT_FOUND)?.value;
        access::decide_parties(&caller.who, &[found.proxy, found.patient])?;
        let people = People { patient: Some(found.patient), proxy: Some(found.proxy) };
        Ok(Answer::showing(answer(StatusCode::OK, &access_request(&found)?), [people]))
    })
    .await
}
