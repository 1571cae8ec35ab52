//! The database, by its HTTP interface.

use super::*;

pub struct Database {
    pub url: Url,
    pub http: reqwest::Client,
}

impl Database {
    pub fn at(url: Url) -> Result<Database, Failure> {
        let http = reqwest::Client::builder().no_proxy().timeout(QUERY_TIMEOUT);
        // Plain http needs no root certificates, which not every machine has.
        let http = http.tls_certs_only([]);
        Ok(Database { url, http: http.build()? })
    }

    pub fn query_url(&self, query: &str) -> Url {
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("query", query);
        url
    }

    /// Where events are posted: the query is in the URL, the rows are the body.
    pub fn insert_url(&self) -> String {
        self.query_url("INSERT INTO packages FORMAT JSONEachRow").to_string()
    }

    pub async fn ping(&self) -> Result<(), Failure> {
        let mut url = self.url.clone();
        url.set_path("/ping");
        self.http.get(url).send().await?.error_for_status()?;
        Ok(())
    }

    pub async fn create_table(&self) -> Result<(), Failure> {
        let columns = "id UInt64, package String, version String, architecture String, section String, \
             priority String, installed_size UInt64, maintainer String, depends String, description String";
        let query = format!("CREATE TABLE packages ({columns}) ENGINE = MergeTree() ORDER BY id");
        // The query is in the body: this server requires a length with every POST.
        let answer = self.http.post(self.url.clone()).body(query).send().await;
        let answer =
            answer.map_err(|error| format!("the endpoint does not answer: {}", root_cause(&error)))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let why = answer.text().await.unwrap_or_default();
        let why: String = why.lines().next().unwrap_or_default().chars().take(200).collect();
        Err(format!("the endpoint does not create the table: {status}: {why}").into())
    }

    /// Reads the whole table. Starts again at the beginning if the connection breaks.
    pub async fn read_table(&self, packages: &[Package]) -> Result<Found, Failure> {
        let mut attempts = 1;
        loop {
            match self.try_read_table(packages).await {
                Err(_) if attempts < READ_ATTEMPTS_MAX => {
                    attempts += 1;
                    // The pause before the next attempt.
                    tokio::time::sleep(READ_PAUSE).await;
                }
                Err(error) => return Err(format!("the table cannot be read back: {error}").into()),
                Ok(found) => return Ok(found),
            }
        }
    }

    /// Line by line, because the table may be too large to hold in memory.
    pub async fn try_read_table(&self, packages: &[Package]) -> Result<Found, Failure> {
        let mut url = self.query_url("SELECT * FROM packages FORMAT JSONEachRow");
        url.query_pairs_mut().append_pair("output_format_json_quote_64bit_integers", "0");
        let mut answer = self.http.get(url).send().await?.error_for_status()?;
        let (mut found, mut rest) = (Found::default(), Vec::new());
        while let Some(chunk) = answer.chunk().await? {
            rest.extend_from_slice(&chunk);
            let whole = rest.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            for line in rest[..whole].split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
                found.add(line, packages)?;
            }
            rest.drain(..whole);
        }
        Ok(found)
    }
}

/// The innermost error says what happened; the outer errors only say where.
pub fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
