//! The cost of depending on overspill: a clean build, the crates in it, and the growth of the binary.
//!
//! Each candidate is a hello world in its own folder with its own target, which builds a client and emits one event, in a stripped
//! release build. Crates are downloaded before the clock starts.

use crate::output::{Goal, Page, Table, folder, short};
use crate::{Failure, output};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Only these candidates, by name
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only count crates: no builds, a few seconds
    #[arg(long)]
    count_only: bool,
}

struct Candidate {
    name: &'static str,
    /// `{overspill}` stands for the path of this repository.
    dependencies: &'static str,
    program: &'static str,
}

const OURS: &str = "overspill";
const WITHOUT_TLS: &str = "overspill, no features";
const WITH_RUSTLS: &str = "opentelemetry-otlp http, + rustls";
const PEERS: [&str; 2] = ["opentelemetry-otlp http", "sentry"];

const EMIT: &str = "let client = overspill::Client::builder(\"http://127.0.0.1:9/\").build().unwrap();
    client.emit(&(\"hello\", 7));
    client.shutdown_blocking(std::time::Duration::from_secs(1));";

const OTEL: &str = "use opentelemetry::logs::{LogRecord as _, Logger as _, LoggerProvider as _};
    let exporter = opentelemetry_otlp::LogExporter::builder().with_http().build().unwrap();
    let provider = opentelemetry_sdk::logs::SdkLoggerProvider::builder().with_batch_exporter(exporter).build();
    let logger = provider.logger(\"hello\");
    let mut record = logger.create_log_record();
    record.add_attribute(\"hello\", 7);
    logger.emit(record);
    let _ = provider.shutdown();";

const CANDIDATES: [Candidate; 9] = [
    Candidate { name: "nothing", dependencies: "", program: "println!(\"hello\");" },
    Candidate { name: OURS, dependencies: "overspill = { path = \"{overspill}\" }", program: EMIT },
    Candidate {
        name: WITHOUT_TLS,
        dependencies: "overspill = { path = \"{overspill}\", default-features = false }",
        program: EMIT,
    },
    Candidate {
        name: "overspill, + gzip",
        dependencies: "overspill = { path = \"{overspill}\", default-features = false, features = [\"gzip\"] }",
        program: EMIT,
    },
    Candidate {
        name: "overspill, + zstd",
        dependencies: "overspill = { path = \"{overspill}\", default-features = false, features = [\"zstd\"] }",
        program: EMIT,
    },
    Candidate {
        name: "overspill, + testkit",
        dependencies: "overspill = { path = \"{overspill}\", default-features = false, features = [\"testkit\"] }",
        program: EMIT,
    },
    Candidate {
        name: PEERS[0],
        dependencies: "opentelemetry = \"0.33\"\nopentelemetry_sdk = \"0.33\"\nopentelemetry-otlp = \"0.33\"",
        program: OTEL,
    },
    Candidate {
        name: WITH_RUSTLS,
        dependencies: "opentelemetry = \"0.33\"\nopentelemetry_sdk = \"0.33\"\n\
            opentelemetry-otlp = { version = \"0.33\", features = [\"reqwest-rustls\"] }",
        program: OTEL,
    },
    Candidate {
        name: PEERS[1],
        dependencies: "sentry = \"0.49\"",
        program: "let _guard = sentry::init(\"http://key@127.0.0.1:9/1\");
    sentry::capture_message(\"hello\", sentry::Level::Info);",
    },
];

#[derive(Debug, Serialize)]
struct Measured {
    name: &'static str,
    crates: usize,
    build_seconds: f64,
    bytes: u64,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let home = folder()?.join("adopt");
    let mut measured = Vec::new();
    for candidate in &CANDIDATES {
        let wanted = arguments.only.is_empty() || arguments.only.iter().any(|name| name == candidate.name);
        if wanted || candidate.name == "nothing" {
            let of = measure(candidate, &home, arguments.count_only);
            // Removed even if the build failed: it takes half a gigabyte.
            let _ = std::fs::remove_dir_all(&home);
            let of = of?;
            eprintln!("{}: {} crates, {:.0} s", of.name, of.crates, of.build_seconds);
            measured.push(of);
        }
    }
    show(arguments, &measured)
}

fn cargo(folder: &Path) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(folder).stdin(Stdio::null()).stderr(Stdio::piped()).stdout(Stdio::piped());
    for (variable, _) in std::env::vars_os() {
        // The settings of this build must not affect those.
        let name = variable.to_string_lossy();
        if name.starts_with("CARGO_PKG") || name.starts_with("CARGO_MANIFEST") || name == "CARGO_TARGET_DIR" {
            cargo.env_remove(&variable);
        }
    }
    cargo
}

fn complete(command: &mut Command) -> Result<String, Failure> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn measure(candidate: &Candidate, home: &Path, count_only: bool) -> Result<Measured, Failure> {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).canonicalize()?;
    let dependencies = candidate.dependencies.replace("{overspill}", &root.display().to_string());
    std::fs::create_dir_all(home.join("src"))?;
    std::fs::write(
        home.join("Cargo.toml"),
        format!(
            "[package]\nname = \"hello\"\nedition = \"2024\"\n[workspace]\n[profile.release]\nstrip = true\n\
             [dependencies]\n{dependencies}\n"
        ),
    )?;
    std::fs::write(home.join("src/main.rs"), format!("fn main() {{\n    {}\n}}\n", candidate.program))?;
    complete(cargo(home).args(["fetch", "--quiet"]))?;
    let tree =
        complete(cargo(home).args(["tree", "--prefix", "none", "--edges", "normal,build", "--no-dedupe"]))?;
    let mut crates: Vec<&str> = tree.lines().filter_map(|line| line.split(" (").next()).collect();
    crates.sort_unstable();
    crates.dedup();
    let mut measured =
        Measured { name: candidate.name, crates: crates.len() - 1, build_seconds: f64::NAN, bytes: 0 };
    if !count_only {
        let begin = Instant::now();
        complete(cargo(home).args(["build", "--release", "--quiet", "--offline"]))?;
        measured.build_seconds = begin.elapsed().as_secs_f64();
        measured.bytes = std::fs::metadata(home.join("target/release/hello"))?.len();
    }
    Ok(measured)
}

fn show(arguments: &Arguments, measured: &[Measured]) -> Result<(), Failure> {
    let mut page = Page::of("adopt");
    page.say(&format!(
        "A hello world with its client and one event, release profile, stripped, one clean build each; growth is over a hello \
         world with nothing. Versions: opentelemetry-otlp {}, sentry {}, their default features, which have no TLS for opentelemetry-otlp.",
        output::version("opentelemetry-otlp"),
        output::version("sentry")
    ));
    let mut table = Table::of(&["to depend on", "crates", "clean build s", "binary grows by MB"]);
    let nothing = measured.iter().find(|of| of.name == "nothing").map_or(0, |of| of.bytes);
    let grown = |of: &Measured| {
        if arguments.count_only { f64::NAN } else { (of.bytes - nothing.min(of.bytes)) as f64 / 1e6 }
    };
    for of in measured {
        table.row(vec![of.name.to_owned(), of.crates.to_string(), short(of.build_seconds), short(grown(of))]);
    }
    page.table(&table);
    let of = |name: &str| measured.iter().find(|of| of.name == name);
    for (ours, peer, beside) in [
        (OURS, PEERS[0], "default features, over opentelemetry-otlp http (which has no TLS then)"),
        (OURS, PEERS[1], "default features, over sentry (which has the system's OpenSSL then)"),
        (WITHOUT_TLS, PEERS[0], "without TLS, over opentelemetry-otlp http"),
        (OURS, WITH_RUSTLS, "with rustls, over opentelemetry-otlp http with rustls"),
    ] {
        let (Some(ours), Some(peer)) = (of(ours), of(peer)) else { continue };
        let crates = ours.crates as f64 / peer.crates as f64;
        page.goal(Goal::at_most("P12", &format!("crates, {beside}"), crates, 1.0, " x"));
        if !arguments.count_only {
            let time = ours.build_seconds / peer.build_seconds;
            page.goal(Goal::at_most("P12", &format!("clean build, {beside}"), time, 1.0, " x"));
            let growth = grown(ours) / grown(peer);
            page.goal(Goal::at_most("P12", &format!("binary growth, {beside}"), growth, 1.0, " x"));
        }
    }
    page.keep(&measured)
}
