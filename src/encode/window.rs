//! Checks sixteen bytes of text at a time: finds the bytes that need a closer look.
//!
//! In: UTF-8. Out: the bytes that need an escape, or begin a character that might. EW1: no other byte needs one. A
//! window may flag more than necessary, so that sixteen bytes take only a few vector comparisons; each flagged byte
//! is then checked individually (`escape`).

pub(super) const WINDOW: usize = 16;
/// A window and the same number of bytes after it.
pub(super) const AHEAD: usize = 2 * WINDOW;

/// The characters that a window recognizes as printable: each condition has a cost.
/// It flags all others, whatever they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    /// Not known yet: only ASCII so far. Uses Latin's window.
    Unknown,
    /// Also Greek, Cyrillic, Hebrew, and typographic dashes and quotes.
    Latin,
    /// Also Hangul.
    Cjk,
    /// Also other symbols.
    Emoji,
    /// Everything that the three above recognize, for mixed text.
    Common,
    /// Also Syriac, Thaana and N'Ko.
    Arabic,
    /// Also everything else that begins with 0xe0 or 0xe1, from Devanagari to Georgian,
    /// which includes Vietnamese's Latin letters.
    Indic,
}

impl Script {
    /// The script of the text's first character.
    #[inline(always)]
    pub(super) fn of(text: &[u8]) -> Script {
        match *text {
            [first, second, ..] => Script::Unknown.with(first, second),
            _ => Script::Unknown,
        }
    }

    /// The script whose window recognizes a character that begins with these bytes, and the characters before it.
    #[inline(always)]
    pub(super) fn with(self, first: u8, second: u8) -> Script {
        let script = match (first, second) {
            (..0x80, _) => return self,
            (..0xd8, _) | (0xe2, 0x80) => Script::Latin,
            (0xd8..0xe0, _) => return Script::Arabic,
            (0xe0 | 0xe1, _) => return Script::Indic,
            (0xe2 | 0xf0.., _) => Script::Emoji,
            (0xe3..0xf0, _) => Script::Cjk,
        };
        if self == script || self == Script::Unknown { script } else { Script::Common }
    }
}

/// One bit for each byte of the window that needs a closer look, the first byte's bit lowest.
#[inline(always)]
pub(super) fn suspicious(script: Script, window: &[u8; AHEAD]) -> u32 {
    match script {
        Script::Cjk => each(window, |first, second, _| ascii(first) | cjk(first, second)),
        Script::Emoji => each(window, |first, second, _| ascii(first) | emoji(first, second)),
        Script::Common if !is_ascii(window) => {
            each(window, |first, second, third| ascii(first) | common(first, second, third))
        }
        Script::Arabic => each(window, |first, second, _| ascii(first) | arabic(first, second)),
        Script::Indic => each(window, |first, second, _| ascii(first) | indic(first, second)),
        _ => each(window, |first, second, third| ascii(first) | latin(first, second, third)),
    }
}

#[inline(always)]
fn is_ascii(window: &[u8; AHEAD]) -> bool {
    u128::from_le_bytes(*part(window, 0)) & (u128::MAX / 0xff * 0x80) == 0
}

/// Written so that the compiler turns it into vector instructions.
#[inline(always)]
fn each(window: &[u8; AHEAD], is_suspicious: impl Fn(u8, u8, u8) -> bool) -> u32 {
    let (first, second, third) = (part(window, 0), part(window, 1), part(window, 2));
    let mut found = [0_u8; WINDOW];
    for at in 0..WINDOW {
        // Minus one instead of one, because the compiler turns one into sixteen scalar tests.
        found[at] = 0_u8.wrapping_sub(is_suspicious(first[at], second[at], third[at]) as u8);
    }
    let found = u128::from_le_bytes(found);
    if found == 0 { 0 } else { gathered(found as u64) | gathered((found >> 64) as u64) << 8 }
}

#[inline(always)]
fn part(window: &[u8; AHEAD], at: usize) -> &[u8; WINDOW] {
    const EMPTY: [u8; WINDOW] = [0; WINDOW];
    window[at..].first_chunk().unwrap_or(&EMPTY)
}

/// Gathers one bit of each byte.
#[inline(always)]
fn gathered(bytes: u64) -> u32 {
    const ONES: u64 = u64::MAX / 0xff;
    ((bytes & ONES).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
}

/// Flags everything below 0x20, and the quote, which is 0x22; the backslash; DEL.
#[inline(always)]
fn ascii(first: u8) -> bool {
    (first ^ 2).saturating_sub(0x20).min(first ^ b'\\').min(first ^ 0x7f) == 0
}

/// Flags U+0080 to U+009F and the soft hyphen; the grapheme joiner; everything except dashes and quotes.
#[inline(always)]
const fn latin(first: u8, second: u8, third: u8) -> bool {
    (first == 0xc2)
        | (first == 0xcd)
        | (first >= 0xd8) & !((first == 0xe2) & (second == 0x80) & is_typeset(third))
}

/// Whether this is the last byte of a typographic dash, quote or other mark, after `E2 80`.
#[inline(always)]
const fn is_typeset(third: u8) -> bool {
    third.wrapping_sub(0x90) < 0x18
}

/// Flags a filler; everything that is not full-width.
#[inline(always)]
const fn cjk(first: u8, second: u8) -> bool {
    (first == 0xe3) & (second == 0x85)
        | (first == 0xef) & (second & 0xfe != 0xbc)
        | (first >= 0xc2) & (first < 0xe3)
        | (first >= 0xf0)
}

/// Flags U+2000 to U+207F, the blank that counts as a symbol; everything that is not an emoji.
#[inline(always)]
const fn emoji(first: u8, second: u8) -> bool {
    (first >= 0xc2) & !((first == 0xe2) & (second & 0xde != 0x80) | (first == 0xf0) & (second == 0x9f))
}

#[inline(always)]
const fn common(first: u8, second: u8, third: u8) -> bool {
    (first == 0xc2)
        | (first == 0xcd)
        | (first >= 0xd8) & (first < 0xe2)
        | (first == 0xe2) & (second & 0xde == 0x80) & !((second == 0x80) & is_typeset(third))
        | (first == 0xe3) & (second == 0x85)
        | (first == 0xef) & (second & 0xfe != 0xbc)
        | (first >= 0xf0) & (second != 0x9f)
}

/// Flags number signs and the letter mark; the end of a verse; an abbreviation.
#[inline(always)]
const fn arabic(first: u8, second: u8) -> bool {
    (first == 0xc2)
        | (first == 0xcd)
        | (first == 0xd8) & (second < 0xa0)
        | (first == 0xdb) & (second == 0x9d)
        | (first == 0xdc) & (second == 0x8f)
        | (first >= 0xe0)
}

/// Flags number signs; fillers, vowels, selectors.
#[inline(always)]
const fn indic(first: u8, second: u8) -> bool {
    (first == 0xc2)
        | (first == 0xcd)
        | (first >= 0xd8) & (first != 0xe0) & (first != 0xe1)
        | (first == 0xe0) & (second & 0xfe == 0xa2)
        | (first == 0xe1) & ((second & 0xfe == 0x84) | (second == 0x9e) | (second == 0xa0))
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::super::unprintable::is_unprintable;
    use super::*;

    const SCRIPTS: [Script; 7] = [
        Script::Unknown,
        Script::Latin,
        Script::Cjk,
        Script::Emoji,
        Script::Common,
        Script::Arabic,
        Script::Indic,
    ];

    fn window(text: &str) -> [u8; AHEAD] {
        let mut window = [b' '; AHEAD];
        window[..text.len()].copy_from_slice(text.as_bytes());
        window
    }

    #[test]
    fn a_window_of_any_script_flags_each_character_that_needs_an_escape_at_any_position() {
        for character in '\0'..=char::MAX {
            if is_unprintable(character) || character == '"' || character == '\\' {
                for script in SCRIPTS {
                    // The position follows the code point, so a range of characters is tried at every position.
                    let at = u32::from(character) as usize % WINDOW;
                    for text in ["x".repeat(at) + &character.to_string(), format!("{character}ж{character}")]
                    {
                        let first = text.find(character).unwrap();
                        let found = suspicious(script, &window(&text));
                        assert!(found >> first & 1 == 1, "{script:?} {}", text.escape_unicode());
                    }
                }
            }
        }
    }

    #[test]
    fn every_position_of_a_window_is_checked_and_nothing_after_it() {
        for script in SCRIPTS {
            for odd in ["\n", "\"", "\u{85}", "\u{61c}", "\u{8e2}", "\u{200b}", "\u{fe0f}", "\u{e0041}"] {
                for at in 0..AHEAD - 4 {
                    let expected = if at < WINDOW { 1 << at } else { 0 };
                    let text = "x".repeat(at) + odd;
                    assert_eq!(suspicious(script, &window(&text)), expected, "{script:?} {text:?}");
                }
            }
        }
    }

    #[test]
    fn text_of_each_script_has_a_window_that_recognizes_it() {
        for (script, texts) in [
            (Script::Latin, &["größe, é", "заказ, ещё", "שלום", "— “b” it’s…", "Ελλάδα"][..]),
            (Script::Cjk, &["订单，已付款。", "注文は「です」", "주문이"]),
            (Script::Emoji, &["🎉🚀→€✔", "└──"]),
            (Script::Arabic, &["طلب جديد", "سفارش", "ކޮޑު"]),
            (Script::Indic, &["คำสั่งซื้อ", "आदेश", "ტექსტი", "Việt"]),
        ] {
            for text in texts {
                let mut known = Script::Unknown;
                for (at, character) in text.char_indices() {
                    let mut both = [b' '; 2];
                    let len = character.len_utf8().min(2);
                    both[..len].copy_from_slice(&text.as_bytes()[at..at + len]);
                    known = known.with(both[0], both[1]);
                }
                assert_eq!(known, script, "{text}");
                let padded = text.as_bytes().iter().copied().chain([b' '; 2 * AHEAD]).collect::<Vec<u8>>();
                for at in 0..text.len() {
                    assert_eq!(suspicious(script, padded[at..].first_chunk().unwrap()), 0, "{text}");
                }
            }
        }
    }

    #[test]
    fn mixed_text_has_a_window_that_recognizes_most_of_it() {
        let known = Script::Latin.with(0xe4, 0xb8);
        assert_eq!(known, Script::Common);
        for text in ["заказ 订单 🎉", "größe “a”, です→"] {
            assert_eq!(suspicious(known, &window(text)), 0, "{text}");
        }
    }
}
