//! Texts that people are shown on pages, and that others have written: what reorders or hides what stands beside it has no
//! place there.

use icu_properties::props::{BinaryProperty as _, DefaultIgnorableCodePoint, EnumeratedProperty as _};
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};

/// Categories Cc, Cf, Cs, Co and Cn (which are `Other` together), Zl and Zp.
const HIDDEN: GeneralCategoryGroup = GeneralCategoryGroup::Other
    .union(GeneralCategoryGroup::LineSeparator)
    .union(GeneralCategoryGroup::ParagraphSeparator);

/// Whether a character is a control or format character, ends a line, is ignored by default, or is not assigned.
fn is_hidden(letter: char) -> bool {
    HIDDEN.contains(GeneralCategory::for_char(letter)) || DefaultIgnorableCodePoint::for_char(letter)
}

/// Whether a text may be shown: it is not blank, and holds no such character.
pub fn is_shown_well(text: &str) -> bool {
    !text.trim().is_empty() && !text.chars().any(is_hidden)
}

/// A text that a register holds, without such characters.
pub fn without_hidden(text: &str) -> String {
    text.chars().filter(|letter| !is_hidden(*letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::{is_shown_well, without_hidden};

    #[test]
    fn letters_of_every_script_are_shown_and_hidden_characters_are_not() {
        for good in ["Northtown Portal", "Côté’s & Søn", "Ysgol Tŷ", "医療", "الصحة", "A–B (1)"]
        {
            assert!(is_shown_well(good), "{good}");
            assert_eq!(without_hidden(good), good);
        }
        let hidden = [
            '\u{0}',
            '\u{7f}',
            '\u{85}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{200e}',
            '\u{202e}',
            '\u{2028}',
            '\u{2029}',
            '\u{2066}',
            '\u{feff}',
            '\u{fe0f}',
            '\u{e000}',
            '\u{e0001}',
            '\u{378}',
            '\u{fffff}',
            '\n',
            '\t',
        ];
        for letter in hidden {
            let text = format!("Por{letter}tal");
            assert!(!is_shown_well(&text), "{text:?}");
            assert_eq!(without_hidden(&text), "Portal", "{text:?}");
        }
        assert!(!is_shown_well("") && !is_shown_well("  ") && !is_shown_well("\u{3000}"));
    }
}
