//! Row 33 and E5: all keys and values that serde offers are in the log as serde_json writes them, or refused if serde_json refuses.
//!
//! A tree is made from bytes. The package that builds this decides serde_json's features: `.ci/serde-features` and
//! `.ci/fuzz` build it with and without `arbitrary_precision`, `preserve_order` and `raw_value`.

use overspill::spill::{Record, SpillSink};
use overspill::transport::{Posting, Request, Transport};
use overspill::{Client, Emitted, LostReason, Mode};
use serde::ser::{
    SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct, SerializeTupleVariant,
};
use serde::{Serialize, Serializer};
use std::io;
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

/// Far below the 127 levels that overspill accepts; serde_json accepts any number.
const DEPTH_MAX: u32 = 12;
const NUMBER: &str = "$serde_json::private::Number";
const RAW_VALUE: &str = "$serde_json::private::RawValue";
const NAMES: [&str; 10] = [
    "id",
    "a_name",
    "a_name_of_24_characters_",
    "a_name_that_is_longer_than_are_framed",
    "",
    "\"\\\n",
    "ключ",
    "\u{202e}\u{fe0f}",
    NUMBER,
    RAW_VALUE,
];
/// Runs of one script, as people write, and hostile text.
const TEXTS: [&str; 18] = [
    "plain ascii and more of it ",
    "заказ оплачен — ещё «раз» ",
    "größer, l’été “naïve”… ",
    "订单已付款，等待。",
    "注文は支払い済みです",
    "주문이 ㅋㅋㅋ ",
    "طلب، ۝ \u{61c}",
    "คำสั่งซื้อ",
    "ការបញ្ជាទិញ\u{17b4}",
    "🎉🚀❤\u{fe0f}👩\u{200d}💻",
    "\"q\"\\",
    "\n",
    "a\tb\r\n",
    "\0\u{1b}[31m\u{7f}",
    "\u{85}\u{ad}\u{34f}\u{180b}",
    "\u{2028}\u{202e}\u{2066}\u{2800}",
    "\u{115f}\u{1160}\u{3164}\u{ffa0}\u{feff}",
    "\u{e0041}\u{e0100}\u{1d173}",
];

/// The bytes that the tree is made from. Endless zeros follow them and end the tree.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&byte, behind)) = self.0.split_first() else { return 0 };
        self.0 = behind;
        byte
    }

    fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    fn number(&mut self) -> u128 {
        let len = self.below(17);
        (0..len).fold(0, |number, _| number << 8 | u128::from(self.byte()))
    }

    fn text(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..self.below(6) {
            match self.below(4) {
                0 => text.push(char::from_u32(self.number() as u32 % 0x11_0000).unwrap_or('x')),
                1 => text.push(self.byte().into()),
                _ => text.push_str(TEXTS[self.below(TEXTS.len())]),
            }
        }
        text
    }

    fn name(&mut self) -> &'static str {
        NAMES[self.below(NAMES.len())]
    }
}

/// Everything that a `Serialize` may call.
#[derive(Debug)]
enum Tree {
    Bool(bool),
    Int(u8, u128),
    F32(f32),
    F64(f64),
    Char(char),
    Text(String),
    Displayed(String),
    Bytes(Vec<u8>),
    None,
    Some(Box<Tree>),
    Unit,
    UnitStruct,
    Variant(&'static str),
    Newtype(Box<Tree>),
    NewtypeVariant(&'static str, Box<Tree>),
    Row(u8, Vec<Tree>),
    Map(Vec<(Tree, Tree)>),
    Fields(u8, &'static str, Vec<(&'static str, Tree)>),
    /// Values of serde_json itself: an object keeps its order, a number its precision.
    Value(serde_json::Value),
    /// A struct of serde_json's private name, with its one field.
    Named(&'static str, String),
}

fn tree(bytes: &mut Bytes<'_>, depth: u32) -> Tree {
    let kinds = if depth < DEPTH_MAX { 20 } else { 12 };
    let boxed = |bytes: &mut Bytes<'_>| Box::new(tree(bytes, depth + 1));
    match bytes.below(kinds) {
        0 => Tree::None,
        1 => Tree::Bool(bytes.byte() & 1 == 1),
        2 => Tree::Int(bytes.byte(), bytes.number()),
        3 => Tree::F32(f32::from_bits(bytes.number() as u32)),
        4 => Tree::F64(f64::from_bits(bytes.number() as u64)),
        5 => Tree::Char(bytes.text().chars().next().unwrap_or('y')),
        6 => Tree::Text(bytes.text()),
        7 => Tree::Displayed(bytes.text()),
        8 => Tree::Bytes(bytes.number().to_le_bytes()[..bytes.below(16)].to_vec()),
        9 => Tree::Unit,
        10 => Tree::UnitStruct,
        11 => Tree::Variant(bytes.name()),
        12 => Tree::Some(boxed(bytes)),
        13 => Tree::Newtype(boxed(bytes)),
        14 => Tree::NewtypeVariant(bytes.name(), boxed(bytes)),
        15 => Tree::Row(bytes.byte(), (0..bytes.below(5)).map(|_| tree(bytes, depth + 1)).collect()),
        16 => {
            Tree::Map((0..bytes.below(5)).map(|_| (key(bytes, depth + 1), tree(bytes, depth + 1))).collect())
        }
        17 => {
            let fields = (0..bytes.below(5)).map(|_| (bytes.name(), tree(bytes, depth + 1))).collect();
            // Not a private name of serde_json: with such a name serde_json writes JSON only if there is exactly one field, see `Named`.
            Tree::Fields(bytes.byte(), NAMES[bytes.below(NAMES.len() - 2)], fields)
        }
        18 => Tree::Value(serde_json::from_str(&json(bytes)).expect("JSON")),
        _ => Tree::Named([NUMBER, RAW_VALUE][bytes.below(2)], json(bytes)),
    }
}

/// A key of any kind, and now and then an invalid one.
fn key(bytes: &mut Bytes<'_>, depth: u32) -> Tree {
    match bytes.below(8) {
        0..=3 => Tree::Text(bytes.text()),
        4 => Tree::Some(Box::new(key(bytes, depth))),
        5 => Tree::Newtype(Box::new(key(bytes, depth))),
        _ if depth < DEPTH_MAX => tree(bytes, depth + 1),
        _ => Tree::Variant(bytes.name()),
    }
}

/// JSON without white space, numbers that no float holds, an object whose keys are out of order, or text.
fn json(bytes: &mut Bytes<'_>) -> String {
    let digits = bytes.number();
    match bytes.below(5) {
        0 => format!("{digits}.{digits:050}e{}", bytes.below(100)),
        1 => format!("-{digits}"),
        2 => format!(r#"{{"z":{digits},"a":[{digits}.50],"m":null}}"#),
        3 => serde_json::to_string(&bytes.text()).expect("a string"),
        _ => digits.to_string(),
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Tree::Bool(value) => serializer.serialize_bool(*value),
            Tree::Int(width, value) => match width % 10 {
                0 => serializer.serialize_i8(*value as i8),
                1 => serializer.serialize_i16(*value as i16),
                2 => serializer.serialize_i32(*value as i32),
                3 => serializer.serialize_i64(*value as i64),
                4 => serializer.serialize_i128(*value as i128),
                5 => serializer.serialize_u8(*value as u8),
                6 => serializer.serialize_u16(*value as u16),
                7 => serializer.serialize_u32(*value as u32),
                8 => serializer.serialize_u64(*value as u64),
                _ => serializer.serialize_u128(*value),
            },
            Tree::F32(value) => serializer.serialize_f32(*value),
            Tree::F64(value) => serializer.serialize_f64(*value),
            Tree::Char(value) => serializer.serialize_char(*value),
            Tree::Text(text) => serializer.serialize_str(text),
            Tree::Displayed(text) => serializer.collect_str(text),
            Tree::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Tree::None => serializer.serialize_none(),
            Tree::Some(tree) => serializer.serialize_some(tree),
            Tree::Unit => serializer.serialize_unit(),
            Tree::UnitStruct => serializer.serialize_unit_struct("U"),
            Tree::Variant(name) => serializer.serialize_unit_variant("E", 0, name),
            Tree::Newtype(tree) => serializer.serialize_newtype_struct("N", tree),
            Tree::NewtypeVariant(name, tree) => serializer.serialize_newtype_variant("E", 1, name, tree),
            Tree::Row(which, trees) => row(serializer, *which, trees),
            Tree::Map(entries) => serializer.collect_map(entries.iter().map(|(key, value)| (key, value))),
            Tree::Fields(which, name, fields) => match which % 2 {
                0 => {
                    let mut row = serializer.serialize_struct(name, fields.len())?;
                    fields.iter().try_for_each(|(name, tree)| row.serialize_field(name, tree))?;
                    row.end()
                }
                _ => {
                    let mut row = serializer.serialize_struct_variant("E", 2, name, fields.len())?;
                    fields.iter().try_for_each(|(name, tree)| row.serialize_field(name, tree))?;
                    row.end()
                }
            },
            Tree::Value(value) => value.serialize(serializer),
            Tree::Named(name, json) => {
                let mut fields = serializer.serialize_struct(name, 1)?;
                fields.serialize_field(name, json)?;
                fields.end()
            }
        }
    }
}

fn row<S: Serializer>(serializer: S, which: u8, trees: &[Tree]) -> Result<S::Ok, S::Error> {
    match which % 4 {
        0 => serializer.collect_seq(trees),
        1 => {
            let mut row = serializer.serialize_tuple(trees.len())?;
            trees.iter().try_for_each(|tree| row.serialize_element(tree))?;
            row.end()
        }
        2 => {
            let mut row = serializer.serialize_tuple_struct("T", trees.len())?;
            trees.iter().try_for_each(|tree| row.serialize_field(tree))?;
            row.end()
        }
        _ => {
            let mut row = serializer.serialize_tuple_variant("E", 3, "V", trees.len())?;
            trees.iter().try_for_each(|tree| row.serialize_field(tree))?;
            row.end()
        }
    }
}

/// A client that writes each event to the test's log.
pub struct Encoding {
    client: Client,
    log: Receiver<(String, bool)>,
}

impl Encoding {
    pub fn start() -> Encoding {
        let (parts, log) = mpsc::channel();
        let client = Client::builder("http://127.0.0.1:9/")
            .transport(Nowhere)
            .mode(Mode::LogOnly)
            .event_bytes_max(1 << 20)
            .batch_bytes_max(8 << 20)
            .queue_bytes_max(64 << 20)
            .spill_sink(Parts(Mutex::new(parts)))
            .build()
            .expect("sound settings");
        Encoding { client, log }
    }

    /// Checks that the tree from these bytes is in the log as serde_json writes it, or refused by both.
    pub fn check(&self, bytes: &[u8]) {
        let tree = tree(&mut Bytes(bytes), 0);
        let emitted = self.client.emit(&tree);
        match serde_json::to_string(&tree) {
            Ok(expected) => {
                assert!(!matches!(emitted, Emitted::Lost(_)), "{emitted:?}, not {expected}: {tree:?}");
                check_equal(&self.text(), &expected);
            }
            Err(_) => assert_eq!(emitted, Emitted::Lost(LostReason::EncodeFailed), "{tree:?}"),
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        loop {
            let (part, is_last) =
                self.log.recv_timeout(Duration::from_secs(30)).expect("the event is in the log");
            text += &part;
            if is_last {
                return text;
            }
        }
    }
}

/// Checks that the texts are equal, except that hostile characters beyond ASCII, and DEL, must be written as `\uXXXX`; others may
/// be.
fn check_equal(text: &str, expected: &str) {
    let mut rest = text;
    for character in expected.chars() {
        let escaped = || {
            let units = character
                .encode_utf16(&mut [0; 2])
                .iter()
                .map(|unit| format!("\\u{unit:04x}"))
                .collect::<String>();
            (!character.is_ascii() || character == '\u{7f}')
                .then(|| rest.strip_prefix(units.as_str()))
                .flatten()
        };
        let as_it_is = rest.strip_prefix(character).filter(|_| !super::is_hostile(character));
        rest = as_it_is
            .or_else(escaped)
            .unwrap_or_else(|| panic!("{character:?} of {expected} at {rest} in {text}"));
    }
    assert_eq!(rest, "", "{text} is more than {expected}");
}

struct Parts(Mutex<mpsc::Sender<(String, bool)>>);

impl SpillSink for Parts {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        let part = (record.event.to_owned(), record.part == record.parts);
        self.0.lock().expect("nobody panics").send(part).map_err(io::Error::other)
    }
}

/// No request is ever made.
struct Nowhere;

impl Transport for Nowhere {
    fn post(&mut self, _: Request) -> Posting {
        unreachable!("the mode is LogOnly")
    }
}
