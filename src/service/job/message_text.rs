//! The plain text of messages to people. Others may see the screen, so a message holds no name, no number,
//! nothing clinical, and no link that could be imitated.

use base::date_time::FhirDateTime;
use store::MessageKind;

/// The subject and the text of a message.
pub(super) fn write(kind: MessageKind, end: &FhirDateTime) -> (&'static str, String) {
    let day = end.last_day().format("%-d %B %Y");
    let (subject, said, then) = match kind {
        MessageKind::EndsSoon => (
            "Proxy access that you are part of ends soon",
            format!("Proxy access that you are part of ends after {day}."),
            "If it is still needed, ask the GP surgery that set it up before that day.",
        ),
        MessageKind::HasEnded => (
            "Proxy access that you were part of has ended",
            format!("Proxy access that you were part of has ended. Its last day was {day}."),
            "If it is still needed, ask the GP surgery that set it up.",
        ),
    };
    let text = format!(
        "Hello,\n\n{said}\n\nProxy access lets one person use health services online for another. To see whose \
         it is, log in to the service that you use for it, in the way that you always do.\n\n{then}\n\nThis \
         message was sent by a computer. Answers to it are not read.\n"
    );
    (subject, text)
}

#[cfg(test)]
mod tests {
    use super::{FhirDateTime, MessageKind, write};

    #[test]
    fn message_text_has_the_last_day_and_no_nhs_number() {
        for kind in [MessageKind::EndsSoon, MessageKind::HasEnded] {
            let (subject, text) = write(kind, &FhirDateTime::parse("2027-07-05").unwrap());
            assert!(text.contains("5 July 2027"), "{text}");
            let digits: String = text.chars().chain(subject.chars()).filter(char::is_ascii_digit).collect();
            assert_eq!(digits, "52027");
            assert!(text.is_ascii() && !text.contains("http"));
        }
    }
}
