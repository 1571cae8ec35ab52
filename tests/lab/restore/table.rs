//! The table: one row per id, however many times it was sent.

use crate::Failure;
use reqwest::Url;
use std::ops::Range;
use std::time::Duration;

const QUERY_TIMEOUT: Duration = Duration::from_secs(60);

/// Where events are posted.
pub fn insert_url(server: &str) -> Result<String, Failure> {
    Ok(with_query(server, "INSERT INTO sold FORMAT JSONEachRow")?.to_string())
}

pub fn create(server: &str, name: &str, copy: Option<&str>) -> Result<(), Failure> {
    let columns = "(id UInt64, kind String, text String)";
    let engine = "ENGINE = ReplacingMergeTree() ORDER BY id";
    ask(server, &format!("CREATE TABLE IF NOT EXISTS {name} {columns} {engine}"))?;
    let Some(other) = copy else { return Ok(()) };
    ask(server, &format!("INSERT INTO {name} SELECT * FROM {other}")).map(drop)
}

pub fn remove(server: &str) -> Result<(), Failure> {
    ask(server, "DROP TABLE sold").map(drop)
}

/// Checks that each id below `events` is there once; those in `doubtful` may be missing.
pub fn check(server: &str, name: &str, events: u64, doubtful: Range<u64>) -> Result<(), Failure> {
    let rows = ask(server, &format!("SELECT count() FROM {name}"))?;
    let ids = ask(server, &format!("SELECT id FROM {name} FINAL ORDER BY id FORMAT TabSeparated"))?;
    let ids = ids.lines().map(str::parse).collect::<Result<Vec<u64>, _>>()?;
    let twice = ids.windows(2).filter(|pair| pair[0] == pair[1]).count();
    let unknown = ids.iter().filter(|&&id| id >= events).count();
    let missing: Vec<u64> = (0..events).filter(|id| ids.binary_search(id).is_err()).collect();
    let (pending, gone): (Vec<u64>, Vec<u64>) = missing.iter().partition(|id| doubtful.contains(id));
    println!("rows in {name:<16} {:>9}", rows.trim());
    println!("ids, each once           {:>9} of {events}", ids.len());
    println!("pending at the kill      {:>9} of at most {}", pending.len(), doubtful.end - doubtful.start);
    println!("missing                  {:>9}", gone.len());
    match (gone.first(), twice, unknown) {
        (None, 0, 0) => Ok(()),
        (first, ..) => {
            let missing = gone.len();
            Err(format!("missing {missing} (first {first:?}), twice {twice}, never emitted {unknown}").into())
        }
    }
}

fn with_query(server: &str, query: &str) -> Result<Url, Failure> {
    let mut url = Url::parse(server)?;
    url.query_pairs_mut().append_pair("query", query);
    Ok(url)
}

#[tokio::main(flavor = "current_thread")]
async fn ask(server: &str, query: &str) -> Result<String, Failure> {
    // Plain http needs no root certificates, which not every machine has.
    let http = reqwest::Client::builder().no_proxy().timeout(QUERY_TIMEOUT).tls_certs_only([]).build()?;
    // The query is in the body: this server requires a length with every POST.
    let answer = http.post(Url::parse(server)?).body(query.to_owned()).send().await?;
    let (status, text) = (answer.status(), answer.text().await?);
    if status.is_success() { Ok(text) } else { Err(format!("{status}: {}", text.trim()).into()) }
}
