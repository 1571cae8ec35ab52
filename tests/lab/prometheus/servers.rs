//! Configures, starts and queries the Prometheus and the Alertmanager. Both end with this program.

use super::Failure;
use serde_json::Value;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Both normally answer within a second or two.
const READY_WITHIN: Duration = Duration::from_secs(20);

pub struct Servers {
    prometheus: String,
    children: Vec<Child>,
}

/// The one change to the rules: a minute becomes a second, in ranges (`[5m]`), in `for: 5m`, and in comparisons (`5 * 60`), so that a run
/// takes a minute and a half. Shares, names and labels stay.
pub fn by_the_second(rules: &str) -> Result<String, Failure> {
    let (mut out, mut changes) = (String::new(), [0; 3]);
    for line in rules.lines() {
        let is_rule = ["expr:", "for:", "rate(", "max_over_time(", "and ", "or "]
            .iter()
            .any(|begin| line.trim_start().starts_with(begin));
        let mut line = line.to_owned();
        if is_rule && line.contains("m]") {
            changes[0] += line.matches("m]").count();
            line = line.replace("m]", "s]");
        }
        if let Some(minutes) = line.trim().strip_prefix("for: ").and_then(|time| time.strip_suffix('m')) {
            changes[1] += 1;
            line = line.replace(&format!("{minutes}m"), &format!("{minutes}s"));
        }
        if is_rule && line.contains(" * 60") {
            changes[2] += 1;
            line = line.replace(" * 60", "");
        }
        out.push_str(&line);
        out.push('\n');
    }
    if changes.contains(&0) {
        return Err(format!("the rules are no longer written in minutes: {changes:?} changes").into());
    }
    Ok(out)
}

/// Seconds since 1970, as Prometheus counts.
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

impl Servers {
    pub async fn start(out: &Path, rules: &Path, page: &str, webhook: &str) -> Result<Servers, Failure> {
        let (alertmanager, prometheus) = (free_port()?, free_port()?);
        let derived = by_the_second(&fs::read_to_string(rules.join("alerts.yml"))?)?;
        fs::write(out.join("alerts.yml"), derived)?;
        let target = page.trim_start_matches("http://").trim_end_matches("/metrics");
        fs::write(
            out.join("prometheus.yml"),
            format!(
                "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\n\
                 rule_files: [ alerts.yml ]\n\
                 alerting: {{ alertmanagers: [ {{ static_configs: [ {{ targets: [ '127.0.0.1:{alertmanager}' ] }} ] }} ] }}\n\
                 scrape_configs: [ {{ job_name: shop, static_configs: [ {{ targets: [ '{target}' ] }} ] }} ]\n"
            ),
        )?;
        fs::write(
            out.join("alertmanager.yml"),
            format!(
                "route: {{ receiver: test, group_by: [ '...' ], group_wait: 0s, group_interval: 1s, repeat_interval: 1h }}\n\
                 receivers: [ {{ name: test, webhook_configs: [ {{ url: '{webhook}', send_resolved: true }} ] }} ]\n"
            ),
        )?;
        let mut servers =
            Servers { prometheus: format!("http://127.0.0.1:{prometheus}"), children: Vec::new() };
        servers.spawn(
            "prometheus-alertmanager",
            out,
            &[
                format!("--config.file={}", out.join("alertmanager.yml").display()),
                format!("--storage.path={}", out.join("alertmanager").display()),
                format!("--web.listen-address=127.0.0.1:{alertmanager}"),
                "--cluster.listen-address=".to_owned(),
            ],
        )?;
        servers.spawn(
            "prometheus",
            out,
            &[
                format!("--config.file={}", out.join("prometheus.yml").display()),
                format!("--storage.tsdb.path={}", out.join("data").display()),
                format!("--web.listen-address=127.0.0.1:{prometheus}"),
            ],
        )?;
        servers.ready(&format!("http://127.0.0.1:{alertmanager}/-/ready"), out).await?;
        servers.ready(&format!("http://127.0.0.1:{prometheus}/-/ready"), out).await?;
        Ok(servers)
    }

    fn spawn(&mut self, program: &str, out: &Path, arguments: &[String]) -> Result<(), Failure> {
        let log = |to: &str| File::create(out.join(format!("{program}.{to}")));
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log("out")?)
            .stderr(log("err")?)
            .spawn()
            .map_err(|error| format!("cannot start {program} (.ci/prometheus installs it): {error}"))?;
        self.children.push(child);
        Ok(())
    }

    async fn ready(&mut self, url: &str, out: &Path) -> Result<(), Failure> {
        let until = Instant::now() + READY_WITHIN;
        while Instant::now() < until {
            if reqwest::get(url).await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            for child in &mut self.children {
                if let Some(status) = child.try_wait()? {
                    return Err(format!("a server ended with {status}: see {}/*.err", out.display()).into());
                }
            }
            // The polling interval.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(format!("{url} did not answer in time: see {}/*.err", out.display()).into())
    }

    /// Queries as a dashboard panel does: one value per second. Returns each series' labels and points.
    pub async fn query_range(&self, query: &str, from: f64, to: f64) -> Result<Vec<Series>, Failure> {
        let body = format!("query={}&start={from:.3}&end={to:.3}&step=1", encoded(query));
        let answer = reqwest::Client::new()
            .post(format!("{}/api/v1/query_range", self.prometheus))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await?
            .text()
            .await?;
        let answer: Value = serde_json::from_str(&answer)?;
        if answer["status"] != "success" {
            return Err(format!("{query}: {}", answer["error"]).into());
        }
        let found = answer["data"]["result"].as_array().ok_or("an answer without a result")?;
        Ok(found.iter().map(|series| Series::of(series, from)).collect())
    }
}

/// One series of the answer to a query.
#[derive(Debug, Clone)]
pub struct Series {
    pub labels: Vec<(String, String)>,
    /// Seconds since the start of the queried span, and values.
    pub points: Vec<(f64, f64)>,
}

impl Series {
    fn of(series: &Value, from: f64) -> Series {
        let labels = series["metric"].as_object().into_iter().flatten();
        let labels =
            labels.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
        let point = |point: &Value| {
            let value = point[1].as_str()?.parse::<f64>().ok().filter(|value| value.is_finite())?;
            Some((point[0].as_f64()? - from, value))
        };
        let points = series["values"].as_array().into_iter().flatten().filter_map(point).collect();
        Series { labels: labels.collect(), points }
    }
}

/// Kills them at once: they have nothing to save.
impl Drop for Servers {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A port on loopback that was free a moment ago.
fn free_port() -> Result<u16, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// Whether the servers' programs are installed, under Debian's names.
pub fn installed() -> bool {
    let has = |folder: PathBuf| move |program: &str| folder.join(program).exists();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    ["prometheus", "prometheus-alertmanager"]
        .iter()
        .all(|program| folders.iter().any(|folder| has(folder.clone())(program)))
}
