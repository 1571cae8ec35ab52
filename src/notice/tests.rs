use super::*;
use crate::limits::{NOTICE_EVERY, SWITCH_NOTICES};
use crate::spill::Record;
use crate::spill::log_queue::SenderPart;
use crate::sync::{Mutex, lock};
use std::io;

/// A fallback on the same pipe as the log: a thread that writes to it gets stuck.
struct Stuck(Arc<AtomicU64>, Arc<Mutex<()>>);

impl SpillSink for Stuck {
    fn write(&self, _: &Record<'_>) -> io::Result<()> {
        Ok(())
    }

    fn notice(&self, _: &Notice<'_>) -> io::Result<()> {
        self.0.fetch_add(1, Ordering::AcqRel);
        drop(lock(&self.1));
        Ok(())
    }
}

fn until(condition: impl Fn() -> bool) {
    for _ in 0..20_000 {
        if condition() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    panic!("it did not happen");
}

#[test]
fn a_few_switches_in_a_row_are_all_reported_and_of_many_the_number() {
    let (once, switches) = (Throttle::default(), Throttle::of_switches());
    let soon = Stamp(0).after(NOTICE_EVERY / 2);
    let told = |throttle: &Throttle| (0..20).filter(|_| throttle.speak(soon).is_some()).count() as u64;
    assert_eq!((told(&once), told(&switches)), (1, SWITCH_NOTICES));
    let later = soon.after(NOTICE_EVERY);
    assert_eq!((once.speak(later), switches.speak(later)), (Some(19), Some(20 - SWITCH_NOTICES)));
    assert_eq!((once.speak(later), switches.speak(later)), (None, Some(0)));
}

#[test]
fn a_stall_of_hours_holds_one_thread_however_often_it_is_reported() {
    let (told, gate) = (Arc::<AtomicU64>::default(), Arc::new(Mutex::new(())));
    let fallback = Arc::new(Stuck(Arc::clone(&told), Arc::clone(&gate)));
    let notices = Notices::new(
        String::new(),
        Home::capture(),
        fallback,
        Arc::new(LogQueue::new(1, 1, SenderPart::Gone)),
    );
    let minute = |nth: u64| Stamp(0).after(Duration::from_secs(60 * nth));
    let shut = lock(&gate);
    (0..100).for_each(|nth| notices.log_stalled(minute(nth)));
    until(|| told.load(Ordering::Acquire) == 1);
    drop(shut);
    until(|| notices.telling.load(Ordering::Acquire) == 0);
    assert_eq!(told.load(Ordering::Acquire), 1, "one thread, not a hundred");
    notices.log_stalled(minute(200));
    until(|| told.load(Ordering::Acquire) == 2);
}
