//! Decides which characters are unprintable: one test for everything that breaks a
//! line, hides text or changes its direction.
//!
//! In: a character, or its bytes. Out: whether it is written as `\uXXXX`. Not here, on purpose: spaces
//! of any width (a gap is visible), combining marks and private-use characters (something is drawn).

/// Control characters (DEL and U+0080 to U+009F too), line and paragraph separators, format characters (category Cf: bidi marks,
/// zero-width joiners, tags), all other characters that Unicode calls default-ignorable (variation selectors,
/// fillers, the grapheme joiner), and the four that are drawn as nothing although they count as letters or symbols:
/// U+2800, U+13441, U+13442, U+1D159. In ascending order.
const UNPRINTABLE: [(u32, u32); 31] = [
    (0x0, 0x1f),
    (0x7f, 0x9f),
    (0xad, 0xad),
    (0x34f, 0x34f),
    (0x600, 0x605),
    (0x61c, 0x61c),
    (0x6dd, 0x6dd),
    (0x70f, 0x70f),
    (0x890, 0x891),
    (0x8e2, 0x8e2),
    (0x115f, 0x1160),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x200b, 0x200f),
    (0x2028, 0x202e),
    (0x2060, 0x206f),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff0, 0xfffb),
    (0xfffe, 0xffff),
    (0x110bd, 0x110bd),
    (0x110cd, 0x110cd),
    (0x13430, 0x1343f),
    (0x13441, 0x13442),
    (0x1bca0, 0x1bca3),
    (0x1d159, 0x1d159),
    (0x1d173, 0x1d17a),
    (0xe0000, 0xe0fff),
];

/// One bit for each character of up to three bytes, which is all text except emoji and rare
/// scripts. 8 KiB, of which a text in one script touches one or two cache lines.
static BASIC: [u64; 1024] = basic();

const fn basic() -> [u64; 1024] {
    let mut bits = [0; 1024];
    let mut nth = 0;
    while nth < UNPRINTABLE.len() {
        let (mut character, last) = UNPRINTABLE[nth];
        while character <= last && character < 0x1_0000 {
            bits[(character >> 6) as usize] |= 1 << (character & 0x3f);
            character += 1;
        }
        nth += 1;
    }
    bits
}

/// Whether the character may break a line, hide text or change its direction.
pub(crate) fn is_unprintable(character: char) -> bool {
    let code = u32::from(character);
    match BASIC.get((code >> 6) as usize) {
        Some(bits) => bits >> (code & 0x3f) & 1 != 0,
        None => is_rare(code),
    }
}

/// Whether the character of these two bytes of UTF-8 is unprintable.
#[inline]
pub(super) fn is_unprintable_2([first, second]: [u8; 2]) -> bool {
    BASIC[usize::from(first & 0x1f)] >> (second & 0x3f) & 1 != 0
}

/// Whether the character of these three bytes of UTF-8 is unprintable.
#[inline]
pub(super) fn is_unprintable_3([first, second, third]: [u8; 3]) -> bool {
    BASIC[usize::from(first & 0xf) << 6 | usize::from(second & 0x3f)] >> (third & 0x3f) & 1 != 0
}

/// Whether the character of these four bytes of UTF-8 is unprintable. The emoji, `F0 9F`, are all printable.
#[inline]
pub(super) fn is_unprintable_4([first, second, third, fourth]: [u8; 4]) -> bool {
    let rest = |byte: u8| u32::from(byte & 0x3f);
    let code = || u32::from(first & 7) << 18 | rest(second) << 12 | rest(third) << 6 | rest(fourth);
    [first, second] != [0xf0, 0x9f] && is_rare(code())
}

#[cold]
fn is_rare(code: u32) -> bool {
    UNPRINTABLE.iter().any(|&(first, last)| (first..=last).contains(&code))
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    #[test]
    fn the_ranges_are_in_order_and_apart() {
        assert!(UNPRINTABLE.iter().all(|(first, last)| first <= last));
        assert!(UNPRINTABLE.windows(2).all(|two| two[0].1 + 1 < two[1].0));
    }

    #[test]
    fn each_test_gives_the_same_answer_for_every_character() {
        for character in '\0'..=char::MAX {
            let code = u32::from(character);
            let expected = UNPRINTABLE.iter().any(|&(first, last)| (first..=last).contains(&code));
            assert_eq!(is_unprintable(character), expected, "{code:x}");
            let mut bytes = [0; 4];
            let by_bytes = match *character.encode_utf8(&mut bytes).as_bytes() {
                [a, b] => is_unprintable_2([a, b]),
                [a, b, c] => is_unprintable_3([a, b, c]),
                [a, b, c, d] => is_unprintable_4([a, b, c, d]),
                _ => expected,
            };
            assert_eq!(by_bytes, expected, "{code:x}");
        }
    }

    /// Spelled out from Unicode's tables, independently of the ranges above.
    #[test]
    fn invisible_characters_are_unprintable_and_visible_ones_are_printable() {
        let invisible = "\0\t\n\r\u{1b}\u{7f}\u{85}\u{9b}\u{ad}\u{34f}\u{600}\u{61c}\u{6dd}\u{70f}\u{890}\u{8e2}\u{115f}\u{1160}\
            \u{17b4}\u{17b5}\u{180b}\u{180c}\u{180d}\u{180e}\u{180f}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{2028}\u{2029}\
            \u{202a}\u{202e}\u{2060}\u{2065}\u{2066}\u{2069}\u{206f}\u{2800}\u{3164}\u{fe00}\u{fe0e}\u{fe0f}\u{feff}\u{ffa0}\
            \u{fff0}\u{fff9}\u{fffb}\u{fffe}\u{ffff}\u{110bd}\u{110cd}\u{13430}\u{13441}\u{1bca0}\u{1d159}\u{1d173}\u{1d17a}\
            \u{e0001}\u{e0041}\u{e007f}\u{e0100}\u{e01ef}\u{e0fff}";
        for character in invisible.chars() {
            assert!(is_unprintable(character), "{}", character.escape_unicode());
        }
        let seen = " a~\u{a0}\u{ac}\u{ae}éżßΩжשيअกကក한あ漢ｱ，。“”–…€→❤✔🎉🚀𠀀\u{300}\u{2007}\u{3000}\u{fffc}\u{fffd}\u{e000}";
        for character in seen.chars() {
            assert!(!is_unprintable(character), "{}", character.escape_unicode());
        }
    }

    #[test]
    fn control_characters_of_the_standard_library_are_unprintable() {
        assert!(('\0'..=char::MAX).filter(|character| character.is_control()).all(is_unprintable));
    }
}
