//! The page benches/COSTS.md: a handwritten preface, and all figures from the last run of each command. If a command was not run, its
//! chapter stays as it is, and its pictures are redrawn from its tables.

use crate::Failure;
use crate::drawn;
use crate::output::{Goal, Table, folder};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Where to write the page; its pictures go to `costs/` next to it
    #[arg(long)]
    out: Option<PathBuf>,
}

/// The commands in the order of the page, with their headings.
const CHAPTERS: [(&str, &str); 8] = [
    ("call", "What a call costs"),
    ("layers", "What a tracing event costs"),
    ("wire", "From emit to the 2xx"),
    ("formats", "Formats"),
    ("outage", "In an outage"),
    ("spill", "The spill at speed"),
    ("sweep", "As work grows"),
    ("adopt", "To depend on it"),
];

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let benches = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let out = arguments.out.clone().unwrap_or_else(|| benches.join("COSTS.md"));
    let pictures = out.with_file_name("costs");
    let page = std::fs::read_to_string(&out).unwrap_or_default();
    let (kept, mut text) = (folder()?, include_str!("preface.md").to_owned());
    let (mut chapters, mut goals) = (String::new(), Vec::<Goal>::new());
    std::fs::create_dir_all(&pictures)?;
    for (command, title) in CHAPTERS {
        let fragment = match std::fs::read_to_string(kept.join(format!("{command}.md"))) {
            Ok(fragment) => {
                let judged = std::fs::read(kept.join(format!("{command}.goals.json"))).map_err(|error| {
                    format!("{command}: {error}: run `benches/peers/run {command}` again")
                })?;
                goals.extend(serde_json::from_slice::<Vec<Goal>>(&judged)?);
                drawn::draw(command, &fragment, &kept)?;
                copy_pictures(&fragment, &kept, &pictures)?;
                fragment
            }
            Err(_) => {
                let Some(fragment) = chapter_of(&page, title) else {
                    eprintln!("{command}: not measured yet: run `benches/peers/run {command}`");
                    continue;
                };
                goals.extend(goals_of(&page, command));
                if command != "outage" {
                    drawn::draw(command, &fragment, &pictures)?;
                }
                fragment
            }
        };
        chapters += &format!("\n## {title}\n\n{fragment}");
    }
    goals.sort_by_key(|goal| goal.name.trim_start_matches('P').parse::<u32>().unwrap_or(u32::MAX));
    let missed = goals.iter().filter(|goal| !goal.holds).count();
    text += &format!("\n## Goals\n\n{} of {} hold.\n\n", goals.len() - missed, goals.len());
    let mut table = Table::of(&["", "goal", "measured", "holds", "command"]);
    for goal in &goals {
        let holds = if goal.holds { "yes" } else { "**no**" };
        let command = format!("`run {}`", goal.command);
        table.row(
            [&goal.name, &goal.goal, &goal.measured, holds, &command]
                .map(|cell: &str| cell.to_owned())
                .to_vec(),
        );
    }
    text += &table.markdown();
    text += "\n`tests/idle.rs` checks P11 (an idle client never wakes); `.ci/instructions` checks instructions per event.\n";
    text += &chapters;
    std::fs::write(&out, text).map_err(|error| format!("{}: {error}", out.display()))?;
    println!("wrote {}: {missed} of {} goals missed", out.display(), goals.len());
    Ok(())
}

fn copy_pictures(fragment: &str, from: &Path, to: &Path) -> Result<(), Failure> {
    for file in fragment.split("](costs/").skip(1).filter_map(|rest| rest.split(')').next()) {
        std::fs::copy(from.join(file), to.join(file)).map_err(|error| format!("{file}: {error}"))?;
    }
    Ok(())
}

/// A chapter of the current page.
fn chapter_of(page: &str, title: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!("\n## {title}\n\n"))?;
    let chapter = rest.split_once("\n\n## ").map_or(rest, |(chapter, _)| chapter);
    Some(format!("{}\n", chapter.trim_end()))
}

/// The goals of a command on the current page.
fn goals_of(page: &str, command: &str) -> Vec<Goal> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.strip_prefix("| P")?.split('|').map(str::trim).collect();
        let [name, goal, measured, holds, of, ..] = cells[..] else { return None };
        (of.trim_matches('`').strip_prefix("run ") == Some(command)).then(|| Goal {
            name: format!("P{name}"),
            goal: goal.to_owned(),
            measured: measured.to_owned(),
            holds: holds == "yes",
            command: command.to_owned(),
        })
    };
    page.lines().filter_map(row).collect()
}
