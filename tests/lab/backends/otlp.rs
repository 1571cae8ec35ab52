//! OTLP/HTTP: rotel, a collector that forwards to this program's own receiver, and oteltap, which prints what it gets.

use crate::backend::{Backend, BodyLimit, Keeps, Nature, Packed, Poison, odd_event};
use crate::process::{Process, free_port, until_enough};
use crate::receiver::Receiver;
use crate::{Failure, Packages};
use overspill::{Builder, Client, format};
use serde_json::Value;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Clone, Copy, PartialEq)]
pub enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    fn client(self, port: u16) -> Builder {
        let client = Client::builder(format!("http://127.0.0.1:{port}/v1/logs"));
        match self {
            Encoding::Protobuf => client.format(format::Otlp::new()),
            Encoding::Json => client.format(format::OtlpJson::new()),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Encoding::Protobuf => "protobuf",
            Encoding::Json => "JSON",
        }
    }
}

pub struct Rotel {
    home: PathBuf,
    program: PathBuf,
    version: String,
    encoding: Encoding,
    port: u16,
    receiver: Receiver,
    process: Option<Process>,
}

impl Rotel {
    pub fn new(home: &Path, packages: &Packages, encoding: Encoding) -> Result<Rotel, Failure> {
        fs::create_dir_all(home)?;
        Ok(Rotel {
            home: home.to_owned(),
            program: packages.file("rotel/rotel-agent")?,
            version: packages.version("rotel"),
            encoding,
            port: free_port()?,
            receiver: Receiver::start(free_port()?)?,
            process: None,
        })
    }
}

impl Backend for Rotel {
    fn name(&self) -> String {
        format!("rotel {}, {}", self.version, self.encoding.name())
    }

    fn nature(&self) -> Nature {
        Nature {
            keeps: Keeps::Nothing,
            poison: Poison::Taken,
            body_limit: BodyLimit::Full(20 << 20),
            gzip: Packed::Unpacked,
            zstd: Packed::Refused("status 400"),
        }
    }

    fn start(&mut self) -> Result<(), Failure> {
        let mut command = Command::new(&self.program);
        command.args(["start", "--exporter", "otlp", "--otlp-exporter-protocol", "http"]);
        command.arg("--otlp-exporter-endpoint").arg(format!("http://127.0.0.1:{}", self.receiver.port));
        command.arg("--otlp-http-endpoint").arg(format!("127.0.0.1:{}", self.port));
        command.arg("--otlp-grpc-endpoint").arg(format!("127.0.0.1:{}", free_port()?));
        command.arg("--pid-file").arg(self.home.join("pid")).args(["--batch-timeout", "100ms"]);
        let mut process = Process::start("rotel", &mut command, &self.home.join("server.out"))?;
        process.await_ready(|| TcpStream::connect(("127.0.0.1", self.port)).is_ok())?;
        self.process = Some(process);
        Ok(())
    }

    fn process(&mut self) -> &mut Option<Process> {
        &mut self.process
    }

    fn client(&self) -> Builder {
        self.encoding.client(self.port)
    }

    fn read(&mut self, first: u64, expected: usize) -> Result<Vec<u64>, Failure> {
        self.receiver.take(first, expected)
    }

    fn poison(&self, id: u64) -> Value {
        odd_event(id)
    }
}

pub struct Oteltap {
    home: PathBuf,
    python: PathBuf,
    version: String,
    port: u16,
    starts: u32,
    process: Option<Process>,
}

impl Oteltap {
    pub fn new(home: &Path, packages: &Packages) -> Result<Oteltap, Failure> {
        fs::create_dir_all(home)?;
        Ok(Oteltap {
            home: home.to_owned(),
            python: packages.python(),
            version: packages.version("oteltap"),
            port: free_port()?,
            starts: 0,
            process: None,
        })
    }

    /// Each start has its own file.
    fn printed(&self) -> PathBuf {
        self.home.join(format!("printed.{}", self.starts))
    }
}

impl Backend for Oteltap {
    fn name(&self) -> String {
        format!("oteltap {}, protobuf", self.version)
    }

    fn nature(&self) -> Nature {
        Nature {
            keeps: Keeps::Nothing,
            poison: Poison::Taken,
            body_limit: BodyLimit::None("it has no limit"),
            gzip: Packed::Refused("status 400"),
            zstd: Packed::Refused("status 400"),
        }
    }

    fn start(&mut self) -> Result<(), Failure> {
        self.starts += 1;
        let mut command = Command::new(&self.python);
        command.args(["-u", "-m", "oteltap", "--port", &self.port.to_string()]);
        let mut process = Process::start("oteltap", &mut command, &self.printed())?;
        process.await_ready(|| TcpStream::connect(("127.0.0.1", self.port)).is_ok())?;
        self.process = Some(process);
        Ok(())
    }

    fn process(&mut self) -> &mut Option<Process> {
        &mut self.process
    }

    fn client(&self) -> Builder {
        Encoding::Protobuf.client(self.port)
    }

    fn read(&mut self, first: u64, expected: usize) -> Result<Vec<u64>, Failure> {
        until_enough(expected, || {
            let text = fs::read_to_string(self.printed())?;
            let records = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let mut found: Vec<u64> = records.filter_map(|record| id_of(&record)).collect();
            found.retain(|&id| id >= first);
            Ok(found)
        })
    }

    fn poison(&self, id: u64) -> Value {
        odd_event(id)
    }
}

/// In that JSON a 64-bit integer is a string.
fn id_of(record: &Value) -> Option<u64> {
    let attributes = record.get("attributes")?.as_array()?;
    let id = attributes.iter().find(|attribute| attribute.get("key").is_some_and(|key| key == "id"))?;
    id.pointer("/value/intValue")?.as_str()?.parse().ok()
}
