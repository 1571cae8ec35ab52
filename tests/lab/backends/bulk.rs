//! The bulk API: osmem-server, which answers as OpenSearch does and keeps nothing on disk.

use crate::backend::{Backend, BodyLimit, Keeps, Nature, Packed, Poison};
use crate::process::{Process, free_port, until_enough};
use crate::web::Web;
use crate::{Failure, Packages};
use overspill::{Builder, Client, format};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const JSON: (&str, &str) = ("content-type", "application/json");
/// The maximum number of hits that a search returns.
const HITS_MAX: usize = 10_000;

pub struct Osmem {
    home: PathBuf,
    program: PathBuf,
    version: String,
    port: u16,
    process: Option<Process>,
    web: Web,
}

impl Osmem {
    pub fn new(home: &Path, packages: &Packages) -> Result<Osmem, Failure> {
        fs::create_dir_all(home)?;
        let program = packages.file("osmem_server/bin/osmem-server")?;
        let version = packages.version("osmem_server");
        Ok(Osmem {
            home: home.to_owned(),
            program,
            version,
            port: free_port()?,
            process: None,
            web: Web::new()?,
        })
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

impl Backend for Osmem {
    fn name(&self) -> String {
        format!("osmem-server {}", self.version)
    }

    fn nature(&self) -> Nature {
        Nature {
            keeps: Keeps::Nothing,
            poison: Poison::Refused("failed to parse field [n] of type [long]"),
            body_limit: BodyLimit::None("its limit is above what is posted"),
            gzip: Packed::Unpacked,
            zstd: Packed::NotOffered,
        }
    }

    fn start(&mut self) -> Result<(), Failure> {
        let mut command = Command::new(&self.program);
        command.args(["-no-ja", "-no-stdin-watch", "-addr", &format!("127.0.0.1:{}", self.port)]);
        let mut process = Process::start("osmem-server", &mut command, &self.home.join("server.out"))?;
        process.await_ready(|| self.web.get(&self.url("/"), &[]).is_ok())?;
        self.process = Some(process);
        let fields =
            json!({ "id": { "type": "long" }, "n": { "type": "long" }, "@timestamp": { "type": "date" } });
        let index = json!({ "mappings": { "properties": fields } });
        match self.web.put(&self.url("/events"), &[JSON], index.to_string()) {
            // At a restart, a request of the client may have arrived first and created the index.
            Err(failure) if failure.to_string().contains("already exists") => Ok(()),
            made => made.map(|_| ()),
        }
    }

    fn process(&mut self) -> &mut Option<Process> {
        &mut self.process
    }

    fn client(&self) -> Builder {
        let url = self.url("/events/_bulk?filter_path=errors,items.*.status,items.*.error");
        Client::builder(url).format(format::Bulk::new())
    }

    /// Reads page by page.
    fn read(&mut self, first: u64, expected: usize) -> Result<Vec<u64>, Failure> {
        until_enough(expected, || {
            let (mut found, mut from) = (Vec::new(), first);
            loop {
                let query = json!({
                    "size": HITS_MAX, "_source": ["id"], "sort": [{ "id": "asc" }], "query": { "range": { "id": { "gte": from } } },
                });
                let answer = self.web.post(&self.url("/events/_search"), &[JSON], query.to_string())?;
                let answer: Value = serde_json::from_str(&answer)?;
                let hits = answer.pointer("/hits/hits").and_then(Value::as_array).ok_or("no hits")?;
                let ids: Vec<u64> =
                    hits.iter().filter_map(|hit| hit.pointer("/_source/id")?.as_u64()).collect();
                found.extend(&ids);
                match ids.last() {
                    Some(last) if ids.len() == HITS_MAX => from = last + 1,
                    _ => return Ok(found),
                }
            }
        })
    }
}
