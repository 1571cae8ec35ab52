//! No name occurs twice in an event, even if the client, the layer, another field or a span uses it too.

use super::{Members, Scene};
use overspill::tracing_events::{Member, SpanFields};
use serde_json::Value;
use std::collections::BTreeSet;
use tracing::{info, info_span};

/// The values of an event, all of which are different here.
fn values(event: &Members) -> BTreeSet<String> {
    event.0.iter().map(|(_, value)| value.to_string()).collect()
}

fn adding(builder: overspill::Builder) -> overspill::Builder {
    builder.common_field("region", "eu").service_name("shop").time_field("at").name_field("kind")
}

/// Uses every reserved name as a field: alone, then all together, then twice, each time also with an underscore appended.
#[test]
fn a_field_whose_name_is_taken_gets_an_underscore_and_none_is_left_out() {
    macro_rules! each {
        ($($name:literal)*) => {
            $({
                let scene = Scene::new(adding);
                scene.run(|b| b.write(Member::Line), || info!(name: "named", { $name = 1000, other = 1001 }, "text"));
                let event = Members::of(&scene.only());
                assert_eq!(event.get(concat!($name, "_")), &Value::from(1000));
                assert_eq!(event.get("other"), &Value::from(1001));
                assert_eq!(event.get("message"), &Value::from("text"));

                let scene = Scene::new(adding);
                scene.run(|b| b, || info!({ $name = 1000, { concat!($name, "_") } = 1001, $name = 1002 }, "text"));
                let event = Members::of(&scene.only());
                let found = values(&event);
                assert!((1000..1003).all(|n| found.contains(&n.to_string())), "{found:?}");
                assert_eq!(event.get(concat!($name, "_")), &Value::from(1001), "a field that is called so keeps its name");
            })*
            let scene = Scene::new(adding);
            scene.run(|b| b.spans(SpanFields::All).write(Member::Line), || {
                let _outer = info_span!("outer", $({ concat!($name, "__") } = concat!($name, " outer"),)* ).entered();
                let _inner = info_span!("inner", $($name = concat!($name, " inner"),)* ).entered();
                info!({ $($name = concat!($name, " first"), { concat!($name, "_") } = concat!($name, " second"),)* }, "text");
            });
            let found = values(&Members::of(&scene.only()));
            $(for which in ["first", "second", "outer"] {
                let value = format!("{:?}", format!("{} {which}", $name));
                assert!(found.contains(&value), "{value} of {found:?}");
            })*
        };
    }
    each!("level" "target" "message" "region" "service.name" "at" "kind" "span_fields_left_out");
}

#[test]
fn a_field_that_an_event_has_twice_is_written_twice_under_two_names() {
    let scene = Scene::new(|builder| builder);
    scene.run(|b| b, || info!(a = 1, r#type = 2, "type" = 3, a = 4, a_ = 5, a = 6, r#a = 7));
    assert_eq!(
        scene.only(),
        r#"{"level":"INFO","target":"it::tracing_events::names","a":1,"type":2,"type_":3,"a__":4,"a_":5,"a___":6,"a____":7}"#
    );
}

#[test]
fn a_second_message_is_a_field() {
    let scene = Scene::new(|builder| builder);
    scene.run(|b| b.called(Member::Message, "msg"), || info!(msg = 1, message = 2, "text {}", 3));
    let event = scene.only();
    let found = values(&Members::of(&event));
    assert!(["1", "2", "\"text 3\""].iter().all(|value| found.contains(*value)), "{event}");
}

#[test]
fn among_equal_names_the_innermost_is_written_and_the_layers_own_names_stay() {
    let scene = Scene::new(adding);
    scene.run(
        |b| b.spans(SpanFields::All),
        || {
            let _root =
                info_span!("root", a = "root", b = "root", c = "root", level = "root", at = "root").entered();
            let _child = info_span!("child", b = "child", c = "child", level = "child").entered();
            info!(c = "own", level_ = "own", "text");
        },
    );
    let event = scene.only();
    let at = Members::of(&event).get("at").clone();
    assert_eq!(
        event.replace(&at.to_string(), "0"),
        r#"{"region":"eu","service.name":"shop","at":0,"level":"INFO","target":"it::tracing_events::names","message":"text","c":"own","level_":"own","b":"child","level__":"child","a":"root","at_":"root"}"#
    );
}

/// More fields than the bit mask has bits.
#[test]
fn many_fields_with_similar_names_are_all_written() {
    macro_rules! many {
        ($($name:ident)*) => {{
            let scene = Scene::new(|builder| builder);
            scene.run(|b| b, || info!($($name = stringify!($name),)* level = "x"));
            let event = Members::of(&scene.only());
            $(assert_eq!(event.get(stringify!($name)), &Value::from(stringify!($name)));)*
            assert_eq!(event.get("level_"), &Value::from("x"));
        }};
    }
    many!(aaa aba aca ada aea afa aga aha aia aja aka ala ama ana aoa apa aqa ara asa ata aua ava awa axa aya aza abba acca adda);
}
