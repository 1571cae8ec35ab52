//! The receiver that the collector forwards to: it reads the requests and keeps their ids.

use crate::Failure;
use crate::process::until_enough;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use prost::Message;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

pub struct Receiver {
    pub port: u16,
    ids: Ids,
    _runtime: tokio::runtime::Runtime,
}

type Ids = Arc<Mutex<Vec<u64>>>;

impl Receiver {
    pub fn start(port: u16) -> Result<Receiver, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let ids = Ids::default();
        let listener = runtime.block_on(tokio::net::TcpListener::bind(("127.0.0.1", port)))?;
        let router = Router::new()
            .route("/v1/logs", post(take))
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&ids));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Receiver { port, ids, _runtime: runtime })
    }

    /// The ids from `first` on that have arrived since the last call.
    pub fn take(&self, first: u64, expected: usize) -> Result<Vec<u64>, Failure> {
        let held = || self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        until_enough(expected, || Ok(held().clone()))?;
        let mut found = std::mem::take(&mut *held());
        found.retain(|&id| id >= first);
        Ok(found)
    }
}

async fn take(State(ids): State<Ids>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut plain = Vec::new();
    let unpacked = match headers.get("content-encoding").map(|encoding| encoding.as_bytes()) {
        Some(b"gzip") => flate2::read::GzDecoder::new(&*body).read_to_end(&mut plain).is_ok(),
        None => {
            plain.extend_from_slice(&body);
            true
        }
        Some(_) => false,
    };
    let Ok(request) = Request::decode(&*plain) else { return StatusCode::BAD_REQUEST };
    if !unpacked {
        return StatusCode::BAD_REQUEST;
    }
    let records = request.resources.into_iter().flat_map(|resource| resource.scopes);
    let records = records.flat_map(|scope| scope.records);
    let found = records.filter_map(|record| {
        let id = record.attributes.into_iter().find(|attribute| attribute.key == "id")?;
        u64::try_from(id.value?.int?).ok()
    });
    ids.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
    StatusCode::OK
}

/// The part of `ExportLogsServiceRequest` that leads to an id.
#[derive(Message)]
struct Request {
    #[prost(message, repeated, tag = "1")]
    resources: Vec<Resource>,
}

#[derive(Message)]
struct Resource {
    #[prost(message, repeated, tag = "2")]
    scopes: Vec<Scope>,
}

#[derive(Message)]
struct Scope {
    #[prost(message, repeated, tag = "2")]
    records: Vec<Record>,
}

#[derive(Message)]
struct Record {
    #[prost(message, repeated, tag = "6")]
    attributes: Vec<Attribute>,
}

#[derive(Message)]
struct Attribute {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Message)]
struct AnyValue {
    #[prost(int64, optional, tag = "3")]
    int: Option<i64>,
}
