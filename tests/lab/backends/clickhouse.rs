//! ClickHouse: alone, behind nginx, or two servers behind haproxy.

use crate::Failure;
use crate::backend::{Backend, BodyLimit, Keeps, Nature, Packed, Poison};
use crate::front::Front;
use crate::process::{Process, free_port, until_enough};
use crate::web::{Web, encoded};
use overspill::{Builder, Client, format};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const COLUMNS: &str = "id UInt64, n UInt64, price Float64, text String";
const USER: (&str, &str) = ("x-clickhouse-user", "writer");
const KEY: (&str, &str) = ("x-clickhouse-key", "right");
const WRONG_KEY: (&str, &str) = ("x-clickhouse-key", "wrong");
const INSERT: &str = "INSERT INTO events FORMAT JSONEachRow";

pub struct ClickHouse {
    home: PathBuf,
    pub port: u16,
    process: Option<Process>,
    front: Option<Front>,
    web: Web,
}

impl ClickHouse {
    pub fn new(home: &Path) -> Result<ClickHouse, Failure> {
        fs::create_dir_all(home)?;
        let port = free_port()?;
        fs::write(home.join("config.xml"), config(home, port))?;
        Ok(ClickHouse { home: home.to_owned(), port, process: None, front: None, web: Web::new()? })
    }

    /// With nginx in front, which requires its own password and limits body sizes.
    pub fn behind_nginx(home: &Path) -> Result<ClickHouse, Failure> {
        let server = ClickHouse::new(home)?;
        let front = Front::nginx(home, server.port)?;
        Ok(ClickHouse { front: Some(front), ..server })
    }

    fn url(&self, port: u16, query: &str) -> String {
        format!("http://127.0.0.1:{port}/?query={}", encoded(query))
    }

    fn ask(&self, query: &str) -> Result<String, Failure> {
        self.web.get(&self.url(self.port, query), &[USER, KEY])
    }

    fn anonymous(&self, port: u16) -> Builder {
        Client::builder(self.url(port, INSERT)).format(format::ClickHouse::new()).header(USER.0, USER.1)
    }

    /// A client of the proxy in front of it, at that port.
    pub fn client_of(&self, port: u16) -> Builder {
        self.anonymous(port).header(KEY.0, KEY.1)
    }
}

impl Backend for ClickHouse {
    fn name(&self) -> String {
        let version = self.ask("SELECT version()").unwrap_or_default();
        let front = self.front.as_ref().map(|front| format!("{} + ", front.name())).unwrap_or_default();
        format!("{front}clickhouse-server {}", version.trim())
    }

    fn nature(&self) -> Nature {
        let body_limit = match &self.front {
            Some(front) => BodyLimit::At(front.body_limit, "413 Request Entity Too Large"),
            None => BodyLimit::None("it has no limit"),
        };
        // A value that does not fit its column.
        let poison = Poison::Refused("Cannot parse input");
        Nature {
            keeps: Keeps::All,
            poison,
            body_limit,
            gzip: Packed::Unpacked,
            zstd: Packed::Refused("Code: 89"),
        }
    }

    fn start(&mut self) -> Result<(), Failure> {
        let mut command = Command::new("clickhouse-server");
        command.arg(format!("--config-file={}", self.home.join("config.xml").display()));
        let mut process = Process::start("clickhouse-server", &mut command, &self.home.join("server.out"))?;
        let ping = format!("http://127.0.0.1:{}/ping", self.port);
        process.await_ready(|| self.web.get(&ping, &[]).is_ok())?;
        self.process = Some(process);
        let create =
            format!("CREATE TABLE IF NOT EXISTS events ({COLUMNS}) ENGINE = MergeTree() ORDER BY id");
        // The query is in the body: this server requires a length with every POST, and a GET cannot change anything.
        self.web.post(&format!("http://127.0.0.1:{}/", self.port), &[USER, KEY], create)?;
        self.front.as_mut().map_or(Ok(()), Front::start)
    }

    fn process(&mut self) -> &mut Option<Process> {
        &mut self.process
    }

    fn client(&self) -> Builder {
        match &self.front {
            Some(front) => self.client_of(front.port).header("authorization", front.basic()),
            None => self.client_of(self.port),
        }
    }

    fn impostor(&self) -> Option<(Builder, &'static str)> {
        Some(match &self.front {
            Some(front) => {
                (self.client_of(front.port).header("authorization", front.wrong_basic()), "status 401")
            }
            None => (self.anonymous(self.port).header(WRONG_KEY.0, WRONG_KEY.1), "status 401"),
        })
    }

    fn read(&mut self, first: u64, expected: usize) -> Result<Vec<u64>, Failure> {
        let query = format!("SELECT id FROM events WHERE id >= {first} FORMAT TabSeparated");
        until_enough(expected, || Ok(self.ask(&query)?.lines().map(str::parse).collect::<Result<_, _>>()?))
    }
}

fn config(home: &Path, port: u16) -> String {
    let home = home.display();
    format!(
        "<yandex>
    <logger><level>warning</level><log>{home}/server.log</log><errorlog>{home}/server.err.log</errorlog></logger>
    <listen_host>127.0.0.1</listen_host>
    <http_port>{port}</http_port>
    <path>{home}/data/</path>
    <tmp_path>{home}/tmp/</tmp_path>
    <mark_cache_size>67108864</mark_cache_size>
    <profiles><default/></profiles>
    <quotas><default/></quotas>
    <users>
        <default><password>another</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default>
        <writer><password>right</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></writer>
    </users>
</yandex>
"
    )
}
