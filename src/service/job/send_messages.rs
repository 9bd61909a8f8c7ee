//! Sends messages to people, each at most once.
//!
//! Before the sender is called, the message is marked, and the mark is committed: a process that is killed in
//! between leaves a message that may have been sent, and such a one is never sent again. A message that was
//! certainly not sent is retried with growing delays.

use chrono::TimeDelta;

use crate::job::message_text;
use crate::job::run::{Halt, JobRun};
use crate::job::sender::{OutgoingEmail, SendRefused};
use base::error::{Error, ErrorKind};
use domain::person::{PersonOperation, Verdict, decide_person};
use domain::proxy::Status;
use store::{DueMessages, MessageKind, MessageState, OutgoingMessage, Tx};

/// The delays between attempts, in minutes. After the last there is none.
const BACK_OFF: [i64; 7] = [1, 5, 30, 120, 360, 720, 1440];

pub(super) fn run(run: &mut JobRun<'_>) -> Result<(), Halt> {
    loop {
        let (now, limit) = (run.now(), run.settings.batch);
        let due = run.store.read_here::<_, Error, _>(|tx| tx.list_due_messages(now, limit))?;
        let DueMessages { messages, unreadable } = due;
        if messages.is_empty() && unreadable.is_empty() {
            return Ok(());
        }
        for (id, attempts) in &unreadable {
            give_up(run, (id, *attempts), "it cannot be read")?;
        }
        if !messages.is_empty() {
            // While the mail server is unavailable, no message loses an attempt.
            run.sender.check().map_err(Error::busy)?;
        }
        for message in &messages {
            send(run, message)?;
        }
    }
}

fn send(run: &mut JobRun<'_>, message: &OutgoingMessage) -> Result<(), Halt> {
    let now = run.now();
    let attempts = message.attempts + 1;
    let prepared = run.commit(|tx| {
        let (state, address) = prepare(tx, message)?;
        let is_ours = tx.move_message(&message.id, (MessageState::Waiting, state), attempts, now)?;
        Ok(address.filter(|_| is_ours))
    });
    let address = match prepared {
        Ok(Some(address)) => address,
        Ok(None) => return Ok(()),
        Err(Halt::Failed(error)) if error.kind() != ErrorKind::Busy => {
            return give_up(run, (&message.id, attempts), &error.cause());
        }
        Err(halt) => return Err(halt),
    };
    let (subject, text) = message_text::write(message.kind, &message.end);
    let (state, due) = match run.sender.send(&OutgoingEmail { to: &address, subject, text: &text }) {
        Ok(()) => (MessageState::Sent, now),
        Err(SendRefused::Unknown) => {
            tracing::warn!("a message may have been sent; it is not sent again");
            run.skipped += 1;
            return Ok(());
        }
        Err(SendRefused::Later) => {
            match usize::try_from(message.attempts).ok().and_then(|at| BACK_OFF.get(at)) {
                Some(minutes) => (MessageState::Waiting, run.now() + TimeDelta::minutes(*minutes)),
                None => (MessageState::Failed, now),
            }
        }
        Err(SendRefused::Never) => (MessageState::Failed, now),
    };
    run.commit(|tx| tx.move_message(&message.id, (MessageState::Sending, state), attempts, due))?;
    match state {
        MessageState::Sent => run.done += 1,
        MessageState::Failed => run.skipped += 1,
        MessageState::Waiting
        | MessageState::Sending
        | MessageState::Unaddressed
        | MessageState::Withdrawn => {}
    }
    Ok(())
}

/// Gives up a message that cannot be processed, so that it does not block others.
fn give_up(run: &mut JobRun<'_>, (id, attempts): (&str, i64), cause: &str) -> Result<(), Halt> {
    tracing::error!(message = id, cause, "a message cannot be sent and is given up");
    let now = run.now();
    run.commit(|tx| tx.move_message(id, (MessageState::Waiting, MessageState::Failed), attempts, now))?;
    run.skipped += 1;
    Ok(())
}

/// Whether a message is still true, and its address.
fn prepare(tx: &mut Tx<'_>, message: &OutgoingMessage) -> Result<(MessageState, Option<String>), Error> {
    let is_so = tx.find_role(message.role)?.is_some_and(|role| {
        let is_active = role.value.status == Status::Active;
        role.value.period.end.as_ref() == Some(&message.end)
            && [role.value.proxy, role.value.patient].contains(&message.person)
            && is_active == (message.kind == MessageKind::EndsSoon)
    });
    let states = tx.list_person_states(&[message.person])?;
    let may_be_notified = states
        .iter()
        .all(|(_, state)| decide_person(*state, PersonOperation::SendMessage) == Verdict::Allowed);
    if !is_so || !may_be_notified {
        return Ok((MessageState::Withdrawn, None));
    }
    match tx.find_address(message.person)? {
        Some(address) => Ok((MessageState::Sending, Some(address))),
        None => Ok((MessageState::Unaddressed, None)),
    }
}
