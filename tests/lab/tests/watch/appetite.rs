//! On a crossing the watch may lower the clients' appetite and notify the service.

use crate::world::{Course, MB, World};
use overspill::memory_watch::{Appetite, Looked};
use overspill::{Client, Mode, QueueShare};
use std::sync::{Arc, Mutex};

fn client(mode: Mode) -> Client {
    Client::builder("http://127.0.0.1:9/").mode(mode).build().unwrap()
}

#[test]
fn a_client_is_in_log_only_while_memory_is_short_and_is_switched_back_afterwards() {
    let world = World::new();
    let [on, off, chosen] = [Mode::On, Mode::Off, Mode::On].map(client);
    let builder = world.builder().client(&on).client(&off).client(&chosen);
    let mut watch = builder.appetite_on_crossing(Appetite::LogOnly).build().unwrap();
    let mut course = Course::new();
    world.resident(790 * MB);
    course.look(&mut watch, 15);
    assert_eq!(on.mode(), Mode::On);
    world.resident(850 * MB);
    assert!(matches!(course.look(&mut watch, 15), Looked::Taken(_)));
    assert_eq!([on.mode(), off.mode(), chosen.mode()], [Mode::LogOnly, Mode::Off, Mode::LogOnly]);
    chosen.set_mode(Mode::Off); // the service sets it in the meantime
    world.resident(300 * MB);
    course.look(&mut watch, 15);
    assert_eq!(on.mode(), Mode::LogOnly, "not yet: usage may rise again");
    assert!(matches!(course.look(&mut watch, 600), Looked::Rearmed));
    assert_eq!([on.mode(), off.mode(), chosen.mode()], [Mode::On, Mode::Off, Mode::Off]);
}

#[test]
fn a_client_has_a_share_of_its_budget_while_memory_is_short_and_all_of_it_afterwards() {
    let world = World::new();
    let [whole, chosen, other] = [Mode::On; 3].map(client);
    other.set_queue_share(QueueShare::Half);
    let builder = world.builder().client(&whole).client(&chosen).client(&other);
    let mut watch = builder.appetite_on_crossing(Appetite::QueueShare(QueueShare::Quarter)).build().unwrap();
    let (mut course, clients) = (Course::new(), [&whole, &chosen, &other]);
    world.resident(850 * MB);
    assert!(matches!(course.look(&mut watch, 15), Looked::Taken(_)));
    assert_eq!(
        clients.map(Client::queue_share),
        [QueueShare::Quarter, QueueShare::Quarter, QueueShare::Half]
    );
    chosen.set_queue_share(QueueShare::Eighth); // the service sets it in the meantime
    world.resident(300 * MB);
    course.look(&mut watch, 15);
    assert!(matches!(course.look(&mut watch, 600), Looked::Rearmed));
    assert_eq!(clients.map(Client::queue_share), [QueueShare::Whole, QueueShare::Eighth, QueueShare::Half]);
}

#[test]
fn without_an_appetite_on_crossing_clients_are_left_alone() {
    let world = World::new();
    let on = client(Mode::On);
    let mut watch = world.builder().client(&on).build().unwrap();
    world.resident(850 * MB);
    assert!(matches!(Course::new().look(&mut watch, 0), Looked::Taken(_)));
    assert_eq!(on.mode(), Mode::On);
}

#[test]
fn the_service_is_notified_of_each_crossing_and_its_panic_is_contained() {
    let world = World::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let builder = world.builder().on_crossing(move |crossing| {
        tell.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(crossing.threshold_bytes);
        assert!(crossing.rss_bytes < 900 * MB, "too much");
    });
    let (mut watch, mut course) = (builder.build().unwrap(), Course::new());
    for mb in [850, 950, 1_050] {
        world.resident(mb * MB);
        assert!(matches!(course.look(&mut watch, 60), Looked::Taken(_)));
    }
    let told = told.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
    assert_eq!(told, [800 * MB, 900 * MB, 1_000 * MB]);
    assert_eq!(world.notices("the hook of on_crossing panicked").len(), 2);
}
