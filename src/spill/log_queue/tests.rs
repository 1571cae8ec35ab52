use super::stall::Stalled;
use super::*;
use crate::clock::Stamp;
use std::sync::mpsc;
use std::time::Instant;

/// Records what is written, in order; a write takes as long as the gate is shut.
#[derive(Default)]
struct Noting {
    seen: Mutex<Vec<u64>>,
    gate: Mutex<()>,
    inside: AtomicU64,
    rung: AtomicU64,
    queue: OnceLock<Arc<LogQueue>>,
}

impl Writer for Noting {
    fn write(&self, work: Work) {
        if let Some(queue) = self.queue.get() {
            queue.write_begins();
        }
        self.inside.fetch_add(1, Ordering::AcqRel);
        drop(lock(&self.gate));
        if let Work::Event(event, ..) = work {
            lock(&self.seen).push(event.seq);
        }
    }

    fn written(&self, _: LaneCounts) {}

    fn ring(&self) {
        self.rung.fetch_add(1, Ordering::AcqRel);
    }
}

fn queue(events_max: usize, bytes_max: usize, sender: SenderPart) -> (Arc<LogQueue>, Arc<Noting>) {
    let (queue, noting) = (Arc::new(LogQueue::new(events_max, bytes_max, sender)), Arc::<Noting>::default());
    assert!(noting.queue.set(Arc::clone(&queue)).is_ok());
    let writer: Weak<dyn Writer> = Arc::downgrade(&noting) as Weak<dyn Writer>;
    queue.is_written_by(writer);
    (queue, noting)
}

fn event(seq: u64, bytes: usize) -> Event {
    let mut event = Event::vacant(Stamp(0));
    assert!(event.append(&vec![b'7'; bytes]).is_ok());
    event.seq = seq;
    event
}

fn put(queue: &Arc<LogQueue>, seq: u64, bytes: usize) -> bool {
    queue.hand_over(event(seq, bytes), Side::Open, Reason::LogOnly).is_ok()
}

fn until(condition: impl Fn() -> bool) {
    for _ in 0..20_000 {
        if condition() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    panic!("it did not come about");
}

#[test]
fn events_from_many_threads_are_written_once_and_each_threads_in_order() {
    let (queue, noting) = queue(4, 100, SenderPart::StandsBy);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let queue = &queue;
            scope.spawn(move || (0..200).for_each(|nth| assert!(put(queue, 1000 * thread + nth, 10))));
        }
    });
    queue.catch_up();
    let mut seen = lock(&noting.seen).clone();
    for thread in 0..4 {
        let own: Vec<u64> = seen.iter().copied().filter(|seq| seq / 1000 == thread).collect();
        assert!(own.is_sorted(), "{own:?}");
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..4).flat_map(|thread| 1000 * thread..1000 * thread + 200).collect::<Vec<_>>());
}

#[test]
fn callers_wait_once_behind_a_stuck_write_and_then_not_at_all() {
    let (queue, noting) = queue(2, 100, SenderPart::StandsBy);
    let shut = lock(&noting.gate);
    assert!(put(&queue, 0, 1));
    until(|| noting.inside.load(Ordering::Acquire) == 1);
    assert!(put(&queue, 1, 1) && put(&queue, 2, 1));
    let began = Instant::now();
    assert!(!put(&queue, 3, 1));
    assert!(began.elapsed() >= LOG_STALL / 2, "the first caller waits as long as a slow log may take");
    let again = Instant::now();
    assert!(!put(&queue, 4, 1));
    assert!(again.elapsed() < LOG_STALL / 2, "no caller waits for a log that is known to be stuck");
    drop(shut);
    until(|| *lock(&noting.seen) == [0, 1, 2]);
}

#[test]
fn callers_that_wait_for_room_are_let_in_in_order_of_arrival() {
    let (queue, noting) = queue(1, 100, SenderPart::StandsBy);
    let shut = lock(&noting.gate);
    assert!(put(&queue, 0, 1));
    until(|| noting.inside.load(Ordering::Acquire) == 1);
    assert!(put(&queue, 1, 1));
    std::thread::scope(|scope| {
        for seq in 2..10 {
            let queue = &queue;
            scope.spawn(move || assert!(put(queue, seq, 1)));
            until(|| lock(&queue.state).for_room.len() as u64 == seq - 1);
        }
        drop(shut);
    });
    queue.catch_up();
    assert_eq!(*lock(&noting.seen), (0..10).collect::<Vec<_>>());
}

#[test]
fn an_event_larger_than_the_byte_limit_has_room_if_it_is_alone() {
    let (queue, noting) = queue(8, 10, SenderPart::Writes);
    assert!(put(&queue, 0, 200));
    assert!(!queue.has_room(&lock(&queue.state), 1, 0));
    queue.write_here();
    assert!(queue.has_room(&lock(&queue.state), 200, 0));
    assert_eq!(lock(&queue.state).bytes, 0);
    assert_eq!(*lock(&noting.seen), [0]);
}

#[test]
fn a_sender_that_writes_itself_is_woken_and_no_thread_starts() {
    let (queue, noting) = queue(8, 100, SenderPart::Writes);
    assert!(put(&queue, 0, 1) && put(&queue, 1, 1));
    assert!(queue.needs_sender() && noting.rung.load(Ordering::Acquire) > 0);
    assert_eq!(lock(&queue.state).active, Active::Nobody);
    queue.write_here();
    assert!(!queue.needs_sender());
    assert_eq!(*lock(&noting.seen), [0, 1]);
}

#[test]
fn a_full_queue_that_its_sender_neglects_is_written_by_a_thread() {
    let (queue, noting) = queue(2, 100, SenderPart::Writes);
    let began = Instant::now();
    (0..10).for_each(|seq| assert!(put(&queue, seq, 1)));
    assert!(began.elapsed() < LOG_STALL, "{:?}", began.elapsed());
    queue.write_here();
    assert_eq!(*lock(&noting.seen), (0..10).collect::<Vec<_>>());
}

#[test]
fn the_writing_thread_does_not_wait_for_itself() {
    struct Again(OnceLock<Arc<LogQueue>>, mpsc::SyncSender<(bool, Duration)>);
    impl Writer for Again {
        fn write(&self, work: Work) {
            let (Some(queue), Work::Event(first, ..)) = (self.0.get(), work) else { return };
            queue.write_begins();
            if first.seq > 0 {
                return;
            }
            let began = Instant::now();
            let room = (1..=2).all(|seq| put(queue, seq, 1));
            queue.write_here();
            queue.catch_up();
            self.1.send((room, began.elapsed())).unwrap();
        }
        fn written(&self, _: LaneCounts) {}
        fn ring(&self) {}
    }
    let (say, said) = mpsc::sync_channel(1);
    let queue = Arc::new(LogQueue::new(1, 100, SenderPart::StandsBy));
    let again = Arc::new(Again(OnceLock::new(), say));
    again.0.set(Arc::clone(&queue)).ok().unwrap();
    let writer: Weak<dyn Writer> = Arc::downgrade(&again) as Weak<dyn Writer>;
    queue.is_written_by(writer);
    assert!(put(&queue, 0, 1));
    let (room, took) = said.recv().unwrap();
    assert!(!room && took < LOG_STALL / 2, "{took:?}");
}

#[test]
fn events_that_are_not_begun_are_taken_over_and_notices_stay() {
    let (queue, noting) = queue(8, 100, SenderPart::Writes);
    (0..3).for_each(|seq| assert!(put(&queue, seq, 1)));
    queue.end();
    assert_eq!(queue.take_over().len(), 0, "the end wrote everything");
    assert_eq!(*lock(&noting.seen), [0, 1, 2]);
    let (queue, noting) = self::queue(8, 100, SenderPart::Writes);
    (0..3).for_each(|seq| assert!(put(&queue, seq, 1)));
    assert_eq!(queue.take_over().len(), 3);
    assert_eq!((queue.events(), queue.position().callers), (0, 3));
    queue.write_here();
    assert!(lock(&noting.seen).is_empty());
}

#[test]
fn after_the_end_the_thread_leaves_soon_and_a_late_event_starts_another() {
    let (queue, noting) = queue(8, 100, SenderPart::StandsBy);
    queue.end();
    until(|| lock(&queue.state).active == Active::Nobody);
    assert!(queue.hand_over(event(7, 1), Side::Closed, Reason::Closed).is_ok());
    until(|| *lock(&noting.seen) == [7]);
    until(|| lock(&queue.state).active == Active::Nobody);
}

#[test]
fn a_stuck_write_is_reported_during_and_after_it_and_no_figure_goes_down() {
    let (queue, noting) = queue(2, 100, SenderPart::StandsBy);
    assert_eq!(queue.stalled(), Stalled::default());
    let shut = lock(&noting.gate);
    assert!(put(&queue, 0, 1));
    until(|| queue.stalled().stalls == 1);
    let during = queue.stalled();
    assert!(during.write_lasts >= LOG_STALL && during.lasted >= LOG_STALL, "{during:?}");
    drop(shut);
    until(|| queue.stalled().write_lasts.is_zero());
    let after = queue.stalled();
    assert_eq!(after.stalls, 1);
    assert!(after.lasted >= during.lasted, "{during:?} {after:?}");
    assert!(put(&queue, 1, 1));
    queue.catch_up();
    assert_eq!(queue.stalled(), after, "a quick write is no stall");
    let shut = lock(&noting.gate);
    assert!(put(&queue, 2, 1));
    until(|| queue.stalled().stalls == 2);
    drop(shut);
}
