//! `POST /QuestionnaireResponse`, `GET /QuestionnaireResponse/{id}`.

mod form;
mod read;
mod submit;
