//! Where the parts of the picture are: a drawing for each proxy, with an arrow to each of their patients. An arrow says the status in words too, not by its colour and its dashes alone.

use super::people::{Family, ShownRole};
use domain::proxy::Status;

/// Where the first role begins. A drawing is 360 units wide, which are pixels on a wide screen.
const TOP: usize = 52;
/// How far apart the roles are.
const STEP: usize = 68;
/// How many letters fit on a line of a box.
const NAME: usize = 27;
const BASIS: usize = 32;

/// A drawing.
pub(super) struct Drawing {
    /// Tells the ids of one drawing from those of another.
    pub(super) id: String,
    pub(super) height: usize,
    pub(super) proxy: String,
    /// All that it shows, in words.
    pub(super) description: String,
    /// Where the trunk ends, from which the arrows go.
    pub(super) trunk: usize,
    pub(super) arrows: Vec<Arrow>,
}

/// A role of a drawing.
pub(super) struct Arrow {
    /// The top of the box, and the lines in it.
    pub(super) top: usize,
    pub(super) middle: usize,
    pub(super) label: usize,
    pub(super) first_line: usize,
    pub(super) second_line: usize,
    pub(super) patient: String,
    pub(super) basis: String,
    pub(super) status: &'static str,
    pub(super) is_active: bool,
}

/// The drawing of a family.
pub(super) fn draw(family: &Family) -> Drawing {
    let arrows: Vec<Arrow> = family.roles.iter().enumerate().map(|(at, role)| arrow(at, role)).collect();
    let said: Vec<String> = family
        .roles
        .iter()
        .map(|role| format!("{} ({}, {})", role.patient.name, role.basis, role.status.as_str()))
        .collect();
    Drawing {
        id: family.proxy.number.clone(),
        height: TOP + STEP * arrows.len(),
        proxy: shortened(&family.proxy.name, NAME + 8),
        description: format!("{} has roles for {}.", family.proxy.name, said.join(", ")),
        trunk: arrows.last().map_or(TOP, |arrow| arrow.middle),
        arrows,
    }
}

fn arrow(at: usize, role: &ShownRole) -> Arrow {
    let top = TOP + STEP * at;
    Arrow {
        top,
        middle: top + 29,
        label: top + 22,
        first_line: top + 25,
        second_line: top + 46,
        patient: shortened(&role.patient.name, NAME),
        basis: shortened(role.basis, BASIS),
        status: role.status.as_str(),
        is_active: role.status == Status::Active,
    }
}

/// A text that fits: the table beside the picture has the whole.
fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let begun: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", begun.trim_end())
}

#[cfg(test)]
mod tests {
    use super::super::people::Named;
    use super::*;

    fn role(name: &str, status: Status) -> ShownRole {
        let patient = Named { number: "9000000009".to_owned(), name: name.to_owned() };
        ShownRole { id: "1".to_owned(), patient, basis: "Consent", status }
    }

    #[test]
    fn each_role_has_an_arrow_below_the_one_before_and_the_description_says_all() {
        let proxy = Named { number: "9000000017".to_owned(), name: "Lisa".to_owned() };
        let roles = vec![role("Jane", Status::Active), role("Sally", Status::Inactive)];
        let drawing = draw(&Family { proxy, roles, more: 0 });
        let [first, second] = drawing.arrows.as_slice() else { panic!("two arrows") };
        assert!(first.top >= TOP && second.top == first.top + STEP && second.middle == drawing.trunk);
        assert!(drawing.height >= second.second_line && first.is_active && !second.is_active);
        assert_eq!(
            drawing.description,
            "Lisa has roles for Jane (Consent, active), Sally (Consent, inactive)."
        );
    }

    #[test]
    fn a_long_text_is_shortened_between_letters() {
        assert_eq!(shortened("Ærøskøbing", 10), "Ærøskøbing");
        assert_eq!(shortened("Ærøskøbing by", 11), "Ærøskøbing…");
        assert_eq!(shortened("", 3), "");
    }
}
