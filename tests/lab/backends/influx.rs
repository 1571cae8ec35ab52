//! Line protocol: InfluxDB, alone or behind haproxy, and VictoriaMetrics.

use crate::Failure;
use crate::backend::{Backend, BodyLimit, Keeps, Nature, Packed, Poison};
use crate::front::Front;
use crate::process::{Process, free_port, until_enough};
use crate::web::{Web, encoded};
use overspill::{Builder, Client, format};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `overspill:right`
const RIGHT: (&str, &str) = ("authorization", "Basic b3ZlcnNwaWxsOnJpZ2h0");
/// `overspill:wrong`
const WRONG: (&str, &str) = ("authorization", "Basic b3ZlcnNwaWxsOndyb25n");
const BODY_LIMIT: usize = 64 << 10;

pub struct InfluxDb {
    home: PathBuf,
    port: u16,
    process: Option<Process>,
    front: Option<Front>,
    web: Web,
}

impl InfluxDb {
    pub fn new(home: &Path) -> Result<InfluxDb, Failure> {
        fs::create_dir_all(home)?;
        let port = free_port()?;
        fs::write(home.join("influxdb.toml"), config(home, port, free_port()?))?;
        Ok(InfluxDb { home: home.to_owned(), port, process: None, front: None, web: Web::new()? })
    }

    pub fn behind_haproxy(home: &Path) -> Result<InfluxDb, Failure> {
        let server = InfluxDb::new(home)?;
        let front = Front::haproxy(home, "/ping", &[server.port])?;
        Ok(InfluxDb { front: Some(front), ..server })
    }

    fn ask(&self, query: &str) -> Result<Value, Failure> {
        let url = format!("http://127.0.0.1:{}/query?db=events&epoch=ns&q={}", self.port, encoded(query));
        Ok(serde_json::from_str(&self.web.post(&url, &[RIGHT], String::new())?)?)
    }

    fn anonymous(&self) -> Builder {
        let port = self.front.as_ref().map_or(self.port, |front| front.port);
        Client::builder(format!("http://127.0.0.1:{port}/write?db=events&precision=ns"))
            .format(format::Influx::new())
    }
}

impl Backend for InfluxDb {
    fn name(&self) -> String {
        let version = Command::new("influxd").arg("version").output().map(|output| output.stdout);
        let version = String::from_utf8_lossy(&version.unwrap_or_default()).into_owned();
        let version = version.split_whitespace().nth(1).unwrap_or_default().to_owned();
        let front = self.front.as_ref().map(|front| format!("{} + ", front.name())).unwrap_or_default();
        format!("{front}influxdb {version}")
    }

    fn nature(&self) -> Nature {
        Nature {
            keeps: Keeps::All,
            poison: Poison::Refused("field type conflict"),
            body_limit: BodyLimit::At(BODY_LIMIT, "Request Entity Too Large"),
            gzip: Packed::Unpacked,
            zstd: Packed::NotOffered,
        }
    }

    fn start(&mut self) -> Result<(), Failure> {
        let mut command = Command::new("influxd");
        command.arg("-config").arg(self.home.join("influxdb.toml"));
        let mut process = Process::start("influxd", &mut command, &self.home.join("server.out"))?;
        let ping = format!("http://127.0.0.1:{}/ping", self.port);
        process.await_ready(|| self.web.get(&ping, &[]).is_ok())?;
        self.process = Some(process);
        if !self.home.join("data/events").exists() {
            self.ask("CREATE USER overspill WITH PASSWORD 'right' WITH ALL PRIVILEGES")?;
            self.ask("CREATE DATABASE events")?;
        }
        self.front.as_mut().map_or(Ok(()), Front::start)
    }

    fn process(&mut self) -> &mut Option<Process> {
        &mut self.process
    }

    fn client(&self) -> Builder {
        self.anonymous().header(RIGHT.0, RIGHT.1)
    }

    fn impostor(&self) -> Option<(Builder, &'static str)> {
        Some((self.anonymous().header(WRONG.0, WRONG.1), "authorization failed"))
    }

    fn read(&mut self, first: u64, expected: usize) -> Result<Vec<u64>, Failure> {
        until_enough(expected, || {
            let answer = self.ask(&format!("SELECT id FROM events WHERE id >= {first}"))?;
            let rows = answer.pointer("/results/0/series/0/values").and_then(Value::as_array);
            let ids = rows.into_iter().flatten().filter_map(|row| row.get(1)?.as_u64());
            Ok(ids.collect())
        })
    }
}

pub struct VictoriaMetrics {
    home: PathBuf,
    port: u16,
    process: Option<Process>,
    web: Web,
}

impl VictoriaMetrics {
    pub fn new(home: &Path) -> Result<VictoriaMetrics, Failure> {
        fs::create_dir_all(home)?;
        Ok(VictoriaMetrics { home: home.to_owned(), port: free_port()?, process: None, web: Web::new()? })
    }

    fn ask(&self, path: &str) -> Result<String, Failure> {
        self.web.get(&format!("http://127.0.0.1:{}{path}", self.port), &[])
    }
}

impl Backend for VictoriaMetrics {
    fn name(&self) -> String {
        let metrics = self.ask("/metrics").unwrap_or_default();
        let version = metrics.split("short_version=\"").nth(1).and_then(|rest| rest.split('"').next());
        let version = version.filter(|version| !version.is_empty()).unwrap_or("1.79.5");
        format!("victoria-metrics {version}")
    }

    fn nature(&self) -> Nature {
        // A server that dies loses what it has not written to disk. It stores a text as 0.
        Nature {
            keeps: Keeps::Nothing,
            poison: Poison::Altered("a text is stored as 0"),
            body_limit: BodyLimit::None("it has no limit"),
            gzip: Packed::Unpacked,
            zstd: Packed::NotOffered,
        }
    }

    fn start(&mut self) -> Result<(), Failure> {
        let data = self.home.join("data");
        // Starts empty, so that it has only what has arrived since.
        let _ = fs::remove_dir_all(&data);
        let mut command = Command::new("victoria-metrics");
        command.arg(format!("-storageDataPath={}", data.display()));
        command.arg(format!("-httpListenAddr=127.0.0.1:{}", self.port));
        let mut process = Process::start("victoria-metrics", &mut command, &self.home.join("server.out"))?;
        process.await_ready(|| self.ask("/health").is_ok())?;
        self.process = Some(process);
        Ok(())
    }

    fn process(&mut self) -> &mut Option<Process> {
        &mut self.process
    }

    fn client(&self) -> Builder {
        Client::builder(format!("http://127.0.0.1:{}/write", self.port)).format(format::Influx::new())
    }

    fn read(&mut self, first: u64, expected: usize) -> Result<Vec<u64>, Failure> {
        until_enough(expected, || {
            self.ask("/internal/force_flush")?;
            let mut found = Vec::new();
            for line in self.ask("/api/v1/export?match[]=events_id&start=0")?.lines() {
                let series: Value = serde_json::from_str(line)?;
                let values = series.get("values").and_then(Value::as_array).cloned().unwrap_or_default();
                found.extend(values.iter().filter_map(Value::as_f64).map(|id| id as u64));
            }
            found.retain(|&id| id >= first);
            Ok(found)
        })
    }
}

fn config(home: &Path, port: u16, rpc: u16) -> String {
    let home = home.display();
    format!(
        "reporting-disabled = true
bind-address = \"127.0.0.1:{rpc}\"
[meta]
dir = \"{home}/meta\"
[data]
dir = \"{home}/data\"
wal-dir = \"{home}/wal\"
[monitor]
store-enabled = false
[http]
bind-address = \"127.0.0.1:{port}\"
auth-enabled = true
log-enabled = false
max-body-size = {BODY_LIMIT}
[ifql]
enabled = false
"
    )
}
