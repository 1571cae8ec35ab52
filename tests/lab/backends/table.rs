//! The results, one row per scenario, and what was wrong.

use crate::Failure;
use crate::backend::{Backend, Poison};
use crate::judge::{Expected, Seen};
use crate::odd;
use crate::scenario::{ROUNDS_MAX, Scenario, WHILE_IT_LIVES};

#[derive(Default)]
pub struct Table {
    rows: Vec<String>,
    skipped: Vec<String>,
    wrong: Vec<String>,
}

const WORDS_SHOWN: usize = 150;

impl Table {
    /// Runs all scenarios, one after the other.
    pub fn play(&mut self, backend: &mut dyn Backend) -> Result<(), Failure> {
        backend.start()?;
        let name = backend.name();
        for scenario in WHILE_IT_LIVES {
            self.scenario(backend, &name, scenario)?;
        }
        let (what, wrong) = odd::play(backend).map_err(|failure| format!("odd events: {failure}"))?;
        self.note(&name, "odd events", &what);
        wrong.into_iter().for_each(|wrong| self.failed(format!("{name}, odd events: {wrong}")));
        self.scenario(backend, &name, Scenario::Killed)
    }

    fn scenario(&mut self, backend: &mut dyn Backend, name: &str, scenario: Scenario) -> Result<(), Failure> {
        for round in 0..ROUNDS_MAX {
            let played = scenario.play(backend, round);
            match played.map_err(|failure| format!("{}: {failure}", scenario.name()))? {
                Ok((seen, _)) if seen.machine_stood_still() && round + 1 < ROUNDS_MAX => {
                    println!("    {}: the machine stood still, runs again: {}", scenario.name(), seen.stats);
                    continue;
                }
                Ok((seen, expected)) => self.row(name, scenario.name(), &seen, &expected),
                Err(why) => self.note(name, scenario.name(), why),
            }
            break;
        }
        if let (Scenario::Poisoned, Poison::Altered(how)) = (scenario, backend.nature().poison) {
            self.note(name, scenario.name(), &format!("answered with a 2xx, and silently {how}"));
        }
        Ok(())
    }

    pub fn row(&mut self, name: &str, scenario: &str, seen: &Seen, expected: &Expected) {
        let words: String = seen.words().chars().take(WORDS_SHOWN).collect();
        let row = format!(
            "{name:<39} {scenario:<12} {:>9} {:>7} {:>5} {:>5} {:>5}  {words}",
            seen.stats.delivered,
            seen.stats.spilled,
            seen.maybe_delivered(),
            seen.in_both(),
            seen.posts,
        );
        println!("{row}");
        self.rows.push(row);
        for wrong in seen.wrong(expected) {
            self.failed(format!("{name}, {scenario}: {wrong}"));
        }
    }

    fn note(&mut self, name: &str, scenario: &str, what: &str) {
        let row = format!("{name:<39} {scenario:<12} {:>35}  {what}", "-");
        println!("{row}");
        self.rows.push(row);
    }

    pub fn skip(&mut self, what: String) {
        println!("skipped: {what}");
        self.skipped.push(what);
    }

    pub fn failed(&mut self, what: String) {
        println!("FAILED: {what}");
        self.wrong.push(what);
    }

    /// Whether all is well.
    pub fn print(&self) -> bool {
        println!(
            "\n{:<39} {:<12} {:>9} {:>7} {:>5} {:>5} {:>5}  the log",
            "server", "scenario", "delivered", "spilled", "maybe", "both", "posts"
        );
        self.rows.iter().for_each(|row| println!("{row}"));
        self.skipped.iter().for_each(|what| println!("skipped: {what}"));
        self.wrong.iter().for_each(|what| println!("FAILED: {what}"));
        if self.rows.is_empty() {
            println!("no server was found");
        }
        self.wrong.is_empty()
    }
}
