//! Formats with real servers. Each server starts on loopback, in its own folder, and goes through the same scenarios. After
//! each scenario, the server and the log together must hold all emitted events.
//!
//! `.ci/backends` installs the servers and runs this program, which skips and reports a missing server. It looks for servers
//! from Python packages (`rotel`, `oteltap`, `osmem-server`) in a virtual environment.
//!
//! ```text
//! tests/lab/run backends --venv target/backends/venv
//! ```
#![expect(unreachable_pub, reason = "a program has no public API")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "prints for people to read")]

mod backend;
mod bulk;
mod clickhouse;
mod cluster;
mod flow;
mod front;
mod influx;
mod judge;
mod odd;
mod otlp;
mod packages;
mod process;
mod receiver;
mod scenario;
mod table;
mod web;

use backend::Backend;
use clap::Parser;
use otlp::Encoding;
use packages::{Packages, is_installed};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use table::Table;

type Failure = Box<dyn Error>;

#[derive(Parser)]
#[command(about = "Takes real servers through healthy, poisoned, oversized, unauthorized and killed")]
struct Arguments {
    /// The virtual environment with rotel, oteltap and osmem-server
    #[arg(long, default_value = "target/backends/venv")]
    venv: PathBuf,
    /// Where to create the servers' folders; old contents are deleted
    #[arg(long, default_value = "target/backends/homes")]
    homes: PathBuf,
    /// Only servers whose name contains this
    #[arg(long, default_value = "")]
    only: String,
}

/// What to run, and the program that it needs.
const SERVERS: &[(&str, &str)] = &[
    ("clickhouse", "clickhouse-server"),
    ("nginx-clickhouse", "nginx"),
    ("influxdb", "influxd"),
    ("haproxy-influxdb", "haproxy"),
    ("victoria-metrics", "victoria-metrics"),
    ("osmem", "osmem-server"),
    ("rotel-protobuf", "rotel"),
    ("rotel-json", "rotel"),
    ("oteltap", "oteltap"),
    ("cluster", "haproxy"),
];

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let (began, mut table) = (Instant::now(), Table::default());
    fs::create_dir_all(&arguments.homes)?;
    let homes = arguments.homes.canonicalize()?;
    let packages = Packages::of(&arguments.venv);
    for (name, program) in SERVERS.iter().filter(|(name, _)| name.contains(&arguments.only)) {
        let home = homes.join(name);
        let _ = fs::remove_dir_all(&home);
        println!("=== [{:3} s] {name}", began.elapsed().as_secs());
        let missing = missing(name, program, &packages);
        if let Some(missing) = missing {
            table.skip(format!("{name}: {missing} is not installed"));
            continue;
        }
        let played = match *name {
            "cluster" => cluster::play(&home).map(|(name, seen, expected)| {
                table.row(&name, "one killed", &seen, &expected);
            }),
            name => server(name, &home, &packages).and_then(|mut server| table.play(&mut *server)),
        };
        if let Err(failure) = played {
            table.failed(format!("{name}: {failure}"));
        }
    }
    println!("=== [{:3} s] the end", began.elapsed().as_secs());
    Ok(if table.print() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn missing(name: &str, program: &str, packages: &Packages) -> Option<String> {
    let behind = match name {
        "nginx-clickhouse" | "cluster" => "clickhouse-server",
        "haproxy-influxdb" => "influxd",
        _ => program,
    };
    [program, behind]
        .into_iter()
        .find(|program| !is_installed(program) && !packages.has(program))
        .map(str::to_owned)
}

fn server(name: &str, home: &Path, packages: &Packages) -> Result<Box<dyn Backend>, Failure> {
    Ok(match name {
        "clickhouse" => Box::new(clickhouse::ClickHouse::new(home)?),
        "nginx-clickhouse" => Box::new(clickhouse::ClickHouse::behind_nginx(home)?),
        "influxdb" => Box::new(influx::InfluxDb::new(home)?),
        "haproxy-influxdb" => Box::new(influx::InfluxDb::behind_haproxy(home)?),
        "victoria-metrics" => Box::new(influx::VictoriaMetrics::new(home)?),
        "osmem" => Box::new(bulk::Osmem::new(home, packages)?),
        "rotel-protobuf" => Box::new(otlp::Rotel::new(home, packages, Encoding::Protobuf)?),
        "rotel-json" => Box::new(otlp::Rotel::new(home, packages, Encoding::Json)?),
        "oteltap" => Box::new(otlp::Oteltap::new(home, packages)?),
        _ => return Err(format!("no server of that name: {name}").into()),
    })
}
