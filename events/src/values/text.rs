//! Rules for text that people read.

use unicode_general_category::{GeneralCategory, get_general_category};

/// Characters that count as letters or symbols but are invisible: the Hangul fillers and the blank
/// Braille pattern.
const BLANK: [char; 5] = ['\u{115f}', '\u{1160}', '\u{2800}', '\u{3164}', '\u{ffa0}'];

/// Whether a person can read `text`: it has 1 to `max_characters` characters, and at least one of
/// them is visible. Characters that are not text (control characters, line and paragraph
/// separators), reorder the text around them (bidirectional embeddings, overrides and isolates) or
/// hide text (tags, interlinear annotations) are not allowed.
///
/// Joiners, non-joiners and direction marks are part of many scripts and of emoji, so they are
/// allowed between visible characters.
#[must_use]
pub fn is_readable(text: &str, max_characters: usize) -> bool {
    text.chars().any(is_visible)
        && text.chars().count() <= max_characters
        && !text.chars().any(is_unwanted)
}

/// Whether every character of `text` is visible: no spaces, no invisible characters, and no
/// combining mark without a base character.
#[must_use]
pub fn is_visible_throughout(text: &str) -> bool {
    text.starts_with(is_visible) && text.chars().all(|c| is_visible(c) || is_mark(c))
}

/// Whether `text` is 1 to `max_characters` visible ASCII characters (0x21 to 0x7e).
#[must_use]
pub fn is_visible_ascii(text: &str, max_characters: usize) -> bool {
    (1..=max_characters).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Whether a character is visible by itself: a letter, a digit, a punctuation mark or a symbol.
/// Combining marks need a base character. Private and unassigned characters are not visible
/// everywhere.
fn is_visible(c: char) -> bool {
    use GeneralCategory as C;
    let category = get_general_category(c);
    let is_letter = matches!(
        category,
        C::UppercaseLetter
            | C::LowercaseLetter
            | C::TitlecaseLetter
            | C::ModifierLetter
            | C::OtherLetter
    );
    let is_number = matches!(category, C::DecimalNumber | C::LetterNumber | C::OtherNumber);
    let is_punctuation = matches!(
        category,
        C::ConnectorPunctuation
            | C::DashPunctuation
            | C::OpenPunctuation
            | C::ClosePunctuation
            | C::InitialPunctuation
            | C::FinalPunctuation
            | C::OtherPunctuation
    );
    let is_symbol =
        matches!(category, C::MathSymbol | C::CurrencySymbol | C::ModifierSymbol | C::OtherSymbol);
    (is_letter || is_number || is_punctuation || is_symbol) && !BLANK.contains(&c)
}

/// Whether a character combines with the one before it, except variation selectors, which only
/// choose its form.
fn is_mark(c: char) -> bool {
    use GeneralCategory as C;
    let chooses_a_form = matches!(c, '\u{34f}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}');
    let marks =
        matches!(get_general_category(c), C::NonspacingMark | C::SpacingMark | C::EnclosingMark);
    marks && !chooses_a_form
}

/// Whether a character is not text, reorders the text around it, or hides text.
fn is_unwanted(c: char) -> bool {
    use GeneralCategory as C;
    let reorders = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}');
    let hides = matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    let is_no_text =
        matches!(get_general_category(c), C::Control | C::LineSeparator | C::ParagraphSeparator);
    is_no_text || reorders || hides
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_any_script_is_readable() {
        for text in [
            "Mug",
            "T-shirt \"Ä\"",
            "マグカップ",
            "ม\u{e31}ก",
            "कॉफ\u{940}",
            "می\u{200c}خواهم",
            "قهوة \u{200f}(CUP)",
            "☕",
            "👩\u{200d}🍳",
            "❤\u{fe0f}",
            "½",
            "-",
            "e\u{301}",
            "a\u{a0}b",
        ] {
            assert!(is_readable(text, 200), "{text:?}");
        }
    }

    /// No list would show a product with such a name.
    #[test]
    fn text_without_a_visible_character_is_not_readable() {
        let invisible = [
            "",
            " ",
            "\u{a0}",
            "\u{2003}",
            "\u{3000}", // spaces
            "\u{200b}",
            "\u{200c}",
            "\u{200d}",
            "\u{2060}",
            "\u{feff}",
            "\u{ad}", // zero width
            "\u{200e}",
            "\u{200f}",
            "\u{61c}",
            "\u{180e}", // direction marks, a separator
            "\u{34f}",
            "\u{fe0f}",
            "\u{e0100}",
            "\u{301}", // combining marks
            "\u{115f}",
            "\u{1160}",
            "\u{3164}",
            "\u{ffa0}",
            "\u{2800}",
            "\u{17b4}", // blank letters and symbols
            "\u{e000}",
            "\u{fdd0}",
            "\u{378}", // private, not a character, unassigned
        ];
        for text in invisible {
            assert!(!is_readable(text, 200), "{text:?}");
            assert!(!is_readable(&format!("{text}\u{200b} {text}"), 200), "{text:?}");
            assert!(!is_visible_throughout(text), "{text:?}");
        }
    }

    #[test]
    fn characters_that_reorder_or_hide_text_or_end_a_line_are_not_readable() {
        let unwanted = [
            '\0',
            '\n',
            '\r',
            '\t',
            '\u{7}',
            '\u{7f}',
            '\u{85}',
            '\u{2028}',
            '\u{2029}', // not text
            '\u{202a}',
            '\u{202b}',
            '\u{202c}',
            '\u{202d}',
            '\u{202e}', // embeddings and overrides
            '\u{2066}',
            '\u{2067}',
            '\u{2068}',
            '\u{2069}',
            '\u{206a}',
            '\u{206f}', // isolates and deprecated characters
            '\u{fff9}',
            '\u{fffa}',
            '\u{fffb}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e007f}', // annotations and tags
        ];
        for c in unwanted {
            assert!(!is_readable(&format!("Mug{c}s"), 200), "{c:?}");
        }
    }

    #[test]
    fn lengths_count_characters() {
        assert!(is_readable(&"ö".repeat(200), 200));
        assert!(!is_readable(&"ö".repeat(201), 200));
    }

    #[test]
    fn text_that_is_visible_throughout_has_no_gap() {
        for (text, visible) in [
            ("jörg", true),
            ("e\u{301}", true),
            ("a b", false),
            ("a\u{200b}b", false),
            ("a\u{200d}b", false),
            ("a\u{fe0f}", false),
            ("\u{301}e", false),
        ] {
            assert_eq!(is_visible_throughout(text), visible, "{text:?}");
        }
    }
}
