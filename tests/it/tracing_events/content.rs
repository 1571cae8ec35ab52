//! What an event has: typed values, the members of the layer, its name and its time.

use super::{Members, Scene};
use crate::support::*;
use overspill::tracing_events::Member;
use overspill::{LostReason, Mode};
use std::error::Error;
use std::fmt::{self, Debug, Display};
use tracing::field::Empty;
use tracing::{error, info};

/// An error with causes. If it is its own cause, the chain is endless.
#[derive(Debug)]
struct Failed(&'static str, Option<&'static Failed>);

impl Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.map(|cause| cause as &(dyn Error + 'static))
    }
}

static ROOT: Failed = Failed("broken pipe", None);
static MIDDLE: Failed = Failed("cannot write", Some(&ROOT));
static ENDLESS: Failed = Failed("again", Some(&ENDLESS));

#[test]
fn each_type_of_field_arrives_as_what_it_is() {
    let scene = Scene::new(|builder| builder);
    let failed = Failed("order lost", Some(&MIDDLE));
    scene.run(
        |b| b,
        || {
            error!(
                small = -7_i8,
                signed = i64::MIN,
                unsigned = u64::MAX,
                wide = 12_i128,
                wider = i128::from(i64::MIN),
                widest = u128::MAX,
                lowest = i128::MIN,
                float = 12.5,
                whole = 3.0_f32,
                nan = f64::NAN,
                infinite = f64::INFINITY,
                yes = true,
                text = "caf\u{e9} \"x\"\n\u{1b}",
                owned = String::from("s").as_str(),
                some = Some(4),
                none = None::<u64>,
                empty = Empty,
                debug = ?[1, 2],
                display = %"d\\d",
                bytes = &b"\x01\xff"[..],
                error = &failed as &(dyn Error + 'static),
                r#type = "t",
                dotted.name = 1,
                "quoted name" = 2,
                "order {} was lost",
                7
            );
        },
    );
    let expected = concat!(
        r#"{"level":"ERROR","target":"it::tracing_events::content","message":"order 7 was lost","#,
        r#""small":-7,"signed":-9223372036854775808,"unsigned":18446744073709551615,"wide":12,"#,
        r#""wider":-9223372036854775808,"widest":"340282366920938463463374607431768211455","#,
        r#""lowest":"-170141183460469231731687303715884105728","float":12.5,"whole":3.0,"nan":null,"infinite":null,"#,
        r#""yes":true,"text":"café \"x\"\n\u001b","owned":"s","some":4,"debug":"[1, 2]","display":"d\\d","#,
        r#""bytes":"[01 ff]","error":"order lost: cannot write: broken pipe","type":"t","dotted.name":1,"quoted name":2}"#
    );
    let event = scene.only();
    assert_eq!(event, expected);
    let _ = Members::of(&event);
}

#[test]
fn a_chain_of_errors_without_an_end_is_cut() {
    let scene = Scene::new(|builder| builder);
    scene.run(|b| b, || error!(error = &ENDLESS as &(dyn Error + 'static)));
    let expected =
        format!("again{}: ...", ": again".repeat(overspill::tracing_events::limits::ERROR_SOURCES_MAX));
    assert_eq!(Members::of(&scene.only()).get("error"), &expected.as_str());
}

#[test]
fn members_are_written_under_the_configured_names() {
    let scene = Scene::new(|builder| builder);
    scene.run(
        |b| {
            b.called(Member::Level, "severity")
                .called(Member::Message, "body")
                .leave_out(Member::Target)
                .write(Member::ModulePath)
                .called(Member::File, "code.file.path")
                .write(Member::Line)
                .write(Member::Span)
        },
        || tracing::info_span!("request", id = 1).in_scope(|| info!(severity = 3, message_ = 1, "hello")),
    );
    let event = scene.only();
    let line = Members::of(&event).get("line").as_u64().unwrap();
    let expected = format!(
        r#"{{"severity":"INFO","module_path":"it::tracing_events::content","code.file.path":{:?},"line":{line},"body":"hello","severity_":3,"message_":1,"span":"request"}}"#,
        file!()
    );
    assert_eq!(event, expected);
}

#[test]
fn an_event_without_any_member_is_an_empty_object_and_one_outside_of_spans_has_no_span() {
    let scene = Scene::new(|builder| builder);
    let bare = [Member::Level, Member::Target, Member::Message];
    scene.run(
        |b| bare.into_iter().fold(b.write(Member::Span), |b, member| b.leave_out(member)),
        || info!("nothing of this"),
    );
    assert_eq!(scene.only(), "{}");
}

#[test]
fn an_explicit_name_is_the_events_name_and_one_generated_by_tracing_is_not() {
    let scene = Scene::new(|builder| builder.time_field("at"));
    scene.run(
        |b| b.leave_out(Member::Target),
        || {
            info!(name: "order_placed", order = 7);
            info!(order = 8);
            info!(name: "event of ours", order = 9);
        },
    );
    let (stats, mut events) = scene.end();
    assert_eq!(stats.delivered, 3);
    // Without the time, whose value varies.
    for event in &mut events {
        let at = Members::of(event).get("at").as_str().unwrap().to_owned();
        assert_eq!(at.len(), "2026-11-26T12:19:45.123Z".len(), "{event}");
        *event = event.replace(&format!(r#""at":"{at}","#), "");
    }
    events.sort();
    assert_eq!(
        events,
        [
            r#"{"event.name":"event of ours","level":"INFO","order":9}"#,
            r#"{"event.name":"order_placed","level":"INFO","order":7}"#,
            r#"{"level":"INFO","order":8}"#,
        ]
    );
}

#[test]
fn a_field_whose_debug_fails_or_panics_costs_its_event_and_nothing_else() {
    struct Fails;
    impl Debug for Fails {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }
    struct Panics;
    impl Debug for Panics {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("in a Debug")
        }
    }
    let scene = Scene::new(|builder| builder);
    scene.run(
        |b| b,
        || {
            info!(bad = ?Fails, "one");
            info!(bad = ?Panics, "two");
            info!("three");
        },
    );
    let notices = scene.world.log.clone();
    let stats = scene.client.shutdown_blocking(LONG);
    let lost = stats.lost_by(LostReason::EncodeFailed);
    assert_eq!((stats.emitted, stats.delivered, lost, stats.pending), (3, 1, 2, 0), "{stats}");
    assert!(scene.world.taken.events()[0].contains("three"));
    assert!(notices.count_notices("its Display failed") + notices.count_notices("Serialize panicked") > 0);
}

#[test]
fn what_cannot_be_delivered_is_in_the_log_as_the_identical_json() {
    let scene = Scene::new(|builder| builder.mode(Mode::LogOnly));
    scene.run(|b| b, || info!(order = 7, text = "\u{2028}", "placed"));
    assert_eq!(
        scene.only(),
        r#"{"level":"INFO","target":"it::tracing_events::content","message":"placed","order":7,"text":"\u2028"}"#
    );
}
