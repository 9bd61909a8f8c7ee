//! Reminders, and their messages, to a real mail server on localhost.

use std::sync::Arc;

use chrono::TimeDelta;
use domain::account::Vector;
use domain::account::identity::{Email, Proven, ProvenKind};
use rstest::rstest;
use service::account::log_in;
use service::job::sender::SmtpSender;
use service::job::settings::{Smtp, SmtpTls};
use service::job::{JOBS, Runner};

use super::{create_role, job, runner, settings, trail};
use crate::support::mail::{MailServer, Mood};
use crate::support::{Backend, TestApp, bodies, sql};
use crate::vrs::callers::number;
use crate::vrs::known::{LONER, MOTHER};

/// A runner of the jobs, which sends through this mail server.
fn sending(app: &TestApp, mail: &MailServer) -> Runner {
    let smtp = Smtp {
        host: mail.address.ip().to_string(),
        port: mail.address.port(),
        tls: SmtpTls::None,
        username: String::new(),
        password_file: String::new().into(),
        from: "Proxy access <no-reply@proxy.example>".to_owned(),
    };
    let sender = SmtpSender::new(&smtp).expect("the settings are right");
    Runner::new(app.store.clone(), app.clock.clone(), settings(), Arc::new(sender))
}

/// A person logs in, and their provider gives their address.
async fn has_address(app: &TestApp, principal: &str, address: &str) {
    let vot = Vector::parse("P9.Cp.Cd").expect("a vector");
    let proven = Proven {
        issuer: "https://login.example".to_owned(),
        subject: format!("subject of {address}"),
        kind: ProvenKind::Citizen { nhs_number: Some(number(principal)), vot },
        email: Email::parse(address),
    };
    let clock = app.clock.clone();
    let logged_in = app.store.write(move |tx| log_in(tx, &*clock, &proven)).await;
    assert!(logged_in.is_ok());
}

fn states(app: &TestApp) -> Vec<String> {
    sql::values(&app.database_url(), "SELECT state AS value FROM messages ORDER BY person, id")
}

/// A role that ends in 29 days, whose people can be written to.
async fn ending(app: &TestApp) -> String {
    has_address(app, MOTHER, "proxy@mail.example").await;
    has_address(app, LONER, "patient@mail.example").await;
    let role = create_role(app, MOTHER, LONER).await;
    app.clock.advance(TimeDelta::days(334));
    role
}

#[rstest]
#[actix_web::test]
async fn both_people_get_one_reminder_before_and_after_the_end(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (app, mail) = (TestApp::strict(backend).await, MailServer::start());
    let role = ending(&app).await;
    let runner = sending(&app, &mail);
    let reminders = async || {
        let (_, topics) = trail(&app, &role).await;
        topics.iter().filter(|topic| *topic == "proxy-role-reminder").count()
    };
    // 29 days before, 6 days before, 2 days after; and the days between, without a message.
    let mut heard = 0;
    for (days, is_heard) in [(0, true), (1, false), (22, true), (3, false), (5, true), (10, false)] {
        app.clock.advance(TimeDelta::days(days));
        runner.run_due();
        runner.run_due();
        heard += usize::from(is_heard);
        assert_eq!((reminders().await, mail.messages().len()), (heard, 2 * heard), "{days}");
    }
    let messages = mail.messages();
    for (message, says) in [(&messages[0], "ends after 20 November 2027"), (&messages[4], "has ended")] {
        assert!(message.text.replace("=\n", "").contains(says), "{}", message.text);
    }
    let mut to: Vec<&str> = messages[..2].iter().map(|message| message.to.as_str()).collect();
    to.sort_unstable();
    assert_eq!(to, ["patient@mail.example", "proxy@mail.example"]);
    for message in &messages {
        assert!(!message.text.contains(MOTHER) && !message.text.contains(LONER), "{}", message.text);
    }
    assert_eq!(states(&app), ["sent"; 6]);
}

#[rstest]
#[actix_web::test]
async fn changed_end_causes_a_new_reminder(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let app = TestApp::strict(backend).await;
    let role = ending(&app).await;
    let runner = runner(&app);
    runner.run_due();
    let longer = serde_json::json!([
        { "op": "replace", "path": "/provision/period/end", "value": "2027-11-21" }
    ]);
    let answer = app.patch(&format!("/Consent/{role}"), longer).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    app.clock.advance(TimeDelta::days(1));
    runner.run_due();
    let reminded = |topics: &[String]| topics.iter().filter(|it| *it == "proxy-role-reminder").count();
    assert_eq!(reminded(&trail(&app, &role).await.1), 2);
}

#[rstest]
#[actix_web::test]
async fn transient_smtp_failure_is_retried_with_back_off(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (app, mail) = (TestApp::strict(backend).await, MailServer::start());
    ending(&app).await;
    let runner = sending(&app, &mail);
    mail.becomes(Mood::Later);
    runner.run_due();
    assert_eq!(states(&app), ["waiting"; 2]);
    app.clock.advance(TimeDelta::minutes(1));
    runner.run_due();
    let attempts =
        || sql::number(&app.database_url(), "SELECT CAST(min(attempts) AS TEXT) AS value FROM messages");
    assert_eq!(attempts(), 2);
    app.clock.advance(TimeDelta::minutes(4));
    runner.run_due();
    assert_eq!(attempts(), 2, "the third is five minutes after the second");
    mail.becomes(Mood::Takes);
    app.clock.advance(TimeDelta::minutes(1));
    runner.run_due();
    assert_eq!((states(&app), mail.messages().len()), (vec!["sent".to_owned(); 2], 2));
}

#[rstest]
#[actix_web::test]
async fn permanent_smtp_failure_is_not_retried(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (app, mail) = (TestApp::strict(backend).await, MailServer::start());
    ending(&app).await;
    mail.becomes(Mood::Never);
    sending(&app, &mail).run_due();
    assert_eq!((states(&app), mail.messages().len()), (vec!["failed".to_owned(); 2], 0));
}

#[rstest]
#[actix_web::test]
async fn message_with_unknown_outcome_is_never_sent_again(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (app, mail) = (TestApp::strict(backend).await, MailServer::start());
    ending(&app).await;
    let runner = sending(&app, &mail);
    mail.becomes(Mood::HangsUp);
    runner.run_due();
    assert_eq!((states(&app), mail.messages().len()), (vec!["sending".to_owned(); 2], 2));
    mail.becomes(Mood::Takes);
    app.clock.advance(TimeDelta::days(1));
    runner.run_due();
    assert_eq!(mail.messages().len(), 2);
}

#[rstest]
#[actix_web::test]
async fn unreadable_message_is_given_up_and_blocks_no_other(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    for broken in ["end_text = 'some day'", "person = '123'"] {
        let (app, mail) = (TestApp::strict(backend).await, MailServer::start());
        ending(&app).await;
        let runner = sending(&app, &mail);
        let remind = JOBS.iter().copied().find(|job| job.name == "remind").expect("there is one");
        runner.run_now(&remind).expect("it runs");
        // It would be the first to be sent.
        let spoil = format!("UPDATE messages SET {broken}, due_at = due_at - 1 WHERE person = '{LONER}'");
        sql::execute(&app.database_url(), &spoil);
        let send = JOBS.iter().copied().find(|job| job.name == "send-messages").expect("there is one");
        assert!(runner.run_now(&send).expect("it runs"));
        let mut found = states(&app);
        found.sort_unstable();
        assert_eq!(found, ["failed", "sent"], "{broken}");
        assert_eq!(mail.messages()[0].to, "proxy@mail.example");
        assert_eq!(job(&app, "send-messages").await.outcome.as_deref(), Some("partly"));
    }
}

#[rstest]
#[actix_web::test]
async fn unavailable_mail_server_costs_no_attempt(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (app, mail) = (TestApp::strict(backend).await, MailServer::start());
    ending(&app).await;
    let mut nowhere = MailServer::start();
    nowhere.address.set_port(1);
    sending(&app, &nowhere).run_due();
    assert_eq!(states(&app), ["waiting"; 2]);
    assert_eq!(job(&app, "send-messages").await.outcome.as_deref(), Some("failed"));
    app.clock.advance(TimeDelta::minutes(1));
    sending(&app, &mail).run_due();
    assert_eq!(states(&app), ["sent"; 2]);
}

#[rstest]
#[actix_web::test]
async fn outdated_or_unaddressed_message_is_not_sent(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (app, mail) = (TestApp::strict(backend).await, MailServer::start());
    let runner = sending(&app, &mail);
    let role = create_role(&app, MOTHER, LONER).await;
    app.clock.advance(TimeDelta::days(334));
    let remind = JOBS.iter().copied().find(|job| job.name == "remind").expect("there is one");
    runner.run_now(&remind).expect("it runs");
    let send = JOBS.iter().copied().find(|job| job.name == "send-messages").expect("there is one");
    runner.run_now(&send).expect("it runs");
    assert_eq!(states(&app), ["unaddressed"; 2]);
    app.clock.advance(TimeDelta::days(23));
    runner.run_now(&remind).expect("it runs");
    has_address(&app, MOTHER, "proxy@mail.example").await;
    let end = bodies::move_to("inactive", &[bodies::reason("ROLE_DEACTIVATED_SAFEGUARDING")]);
    assert_eq!(app.patch(&format!("/Consent/{role}"), end).await.status, 200);
    runner.run_now(&send).expect("it runs");
    assert_eq!(states(&app).iter().filter(|state| *state == "withdrawn").count(), 2);
    assert!(mail.messages().is_empty());
}
