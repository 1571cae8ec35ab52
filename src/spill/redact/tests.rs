use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn redacted(redact: &Redact, text: &str) -> String {
    redact.apply(text).unwrap().text.into_owned()
}

#[test]
fn values_that_a_rule_names_are_gone_and_the_rest_is_there_byte_for_byte() {
    let text = r#"{"a":1.50,"user":{"email":"a@b.c","n":12345678901234567890123,"k":"\u00e9"},"list":[{"p":1},{"p":[2,{}]},3],"e":{}}"#;
    let digits = |value: &str| hash::HashKey::new(b"k").digits(value.as_bytes());
    for (redact, expected) in [
        (Redact::new().remove("/none"), text.to_owned()),
        (Redact::new().remove("/a"), text.replace(r#""a":1.50,"#, "")),
        (Redact::new().remove("/e"), text.replace(r#","e":{}"#, "")),
        (Redact::new().remove("/user/email"), text.replace(r#""email":"a@b.c","#, "")),
        (Redact::new().remove("/list/*/p"), text.replace(r#""p":1"#, "").replace(r#""p":[2,{}]"#, "")),
        (Redact::new().remove("/list/1"), text.replace(r#"{"p":[2,{}]}"#, "null")),
        (
            Redact::new().hash("/user/email", "k"),
            text.replace(r#""a@b.c""#, &format!("\"{}\"", digits("\"a@b.c\""))),
        ),
        (
            Redact::new().hash("/**/p", "k"),
            text.replace(r#""p":1"#, &format!("\"p\":\"{}\"", digits("1")))
                .replace(r#""p":[2,{}]"#, &format!("\"p\":\"{}\"", digits("[2,{}]"))),
        ),
        (Redact::new().remove("/*"), "{}".to_owned()),
        // The first rule that matches.
        (Redact::new().remove("/user").hash("/user/email", "k"), {
            let (before, after) = text.split_once(r#""user":{"#).unwrap();
            format!("{before}{}", after.split_once("},").unwrap().1)
        }),
        (Redact::new().rewrite(|_| None), text.to_owned()),
        (Redact::new().rewrite(|_| Some("7".to_owned())), "7".to_owned()),
    ] {
        let done = redact.apply(text).unwrap();
        assert_eq!(done.text, expected);
        assert_eq!(done.is_changed(), expected != text, "the record says so");
    }
    // A name written with escapes is the same name.
    let hidden = r#"{"p\u0061ss":"secret"}"#;
    assert_eq!(redacted(&Redact::new().remove("/pass"), hidden), "{}");
}

#[test]
fn a_rule_that_fails_gives_nothing() {
    let text = r#"{"a":1}"#;
    for redact in [
        Redact::new().rewrite(|_| panic!("a function of the user's")),
        Redact::new().rewrite(|_| Some("no json".to_owned())),
        Redact::new().rewrite(|_| Some("{\n}".to_owned())),
        Redact::new().rewrite(|_| Some("\"\u{202e}\"".to_owned())),
        Redact::new().rewrite(|_| Some(format!("\"{}\"", "x".repeat(1000)))),
    ] {
        assert_eq!(redact.apply(text), None);
    }
    // Text that only claims to be JSON.
    for text in [
        "",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,}",
        "[1,]",
        "[1 2]",
        "{a:1}",
        "\"",
        "1 2",
        "{\"a\":1}}",
    ] {
        assert_eq!(Redact::new().remove("/b").apply(text), None, "{text}");
    }
    assert_eq!(Redact::new().remove("user.email").wrong_path(), Some("user.email"));
}

#[test]
fn deeply_nested_text_is_redacted_without_recursion() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert_eq!(redacted(&Redact::new().remove("/none"), &deep), deep);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec(("[ab/~*]{0,2}", inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Does the same with a tree.
fn remove(value: &mut Value, path: &[&str]) {
    let Some((first, rest)) = path.split_first() else { return };
    match value {
        Value::Object(fields) if rest.is_empty() => fields.retain(|name, _| *first != "*" && name != first),
        Value::Object(fields) => {
            fields
                .iter_mut()
                .filter(|(name, _)| *first == "*" || name == first)
                .for_each(|(_, value)| remove(value, rest));
        }
        Value::Array(values) => {
            for (place, value) in values.iter_mut().enumerate() {
                if *first == "*" || *first == place.to_string() {
                    if rest.is_empty() { *value = Value::Null } else { remove(value, rest) }
                }
            }
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn a_path_removes_what_it_removes_from_the_tree(
        value in any_json(),
        path in proptest::collection::vec(prop_oneof!["a", "b", "ab", "0", "1", r"\*"], 1..4),
    ) {
        let steps: Vec<&str> = path.iter().map(String::as_str).collect();
        let mut expected = value.clone();
        remove(&mut expected, &steps);
        let text = redacted(&Redact::new().remove(&format!("/{}", path.join("/"))), &value.to_string());
        prop_assert_eq!(text, expected.to_string());
    }

    #[test]
    fn hashed_text_stays_json_of_bounded_length(value in any_json(), path in prop_oneof![Just("/*"), Just("/**/a"), Just("/**/*")]) {
        let text = value.to_string();
        let hashed = redacted(&Redact::new().hash(path, "key"), &text);
        prop_assert!(serde_json::from_str::<Value>(&hashed).is_ok(), "{}", hashed);
        prop_assert!(hashed.len() <= text.len() * REDACTED_GROWTH_MAX);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[\\[\\]{},:\"\\\\a1 世]{0,24}") {
        let redact = Redact::new().remove("/a").hash("/**/1", "k");
        if let Some(done) = redact.apply(&text) {
            prop_assert!(done.text.len() <= text.len() * REDACTED_GROWTH_MAX);
        }
    }
}

#[test]
fn one_digit_is_the_shortest_value_and_grows_by_no_more_than_the_bound() {
    let text = format!("[{}]", vec!["1"; 1000].join(","));
    let hashed = redacted(&Redact::new().hash("/*", "key"), &text);
    assert_eq!(serde_json::from_str::<Vec<String>>(&hashed).unwrap().len(), 1000);
    assert!(hashed.len() <= text.len() * REDACTED_GROWTH_MAX, "{} of {}", hashed.len(), text.len());
    assert_eq!(json!({}).to_string(), redacted(&Redact::new().remove("/*"), r#"{"a":1,"b":[1]}"#));
}
