//! The endpoint: answers with 200, and writes what it accepted to a file when its input ends. Once told to go dark, it answers nothing.

use super::network::{ENDPOINT, PORT};
use super::{Arguments, Failure};
use overspill::testkit::{Act, Endpoint, Greet};
use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Each line that was answered with 200: `client-seq TAB json`.
pub const TAKEN: &str = "endpoint.tsv";

pub struct Server {
    endpoint: Endpoint,
    dark: Arc<AtomicBool>,
    taken: Arc<Mutex<Vec<u8>>>,
}

impl Server {
    pub fn start(listener: TcpListener) -> Result<Server, Failure> {
        let (dark, taken) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (is_dark, keep) = (Arc::clone(&dark), Arc::clone(&taken));
        let script = move |request: &overspill::testkit::Received| {
            if is_dark.load(Ordering::Relaxed) {
                return Act::Hang;
            }
            keep.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&request.body);
            Act::Status(200)
        };
        Ok(Server { endpoint: Endpoint::start_on(listener, |_| Greet::Talk, script)?, dark, taken })
    }

    pub fn url(&self) -> String {
        self.endpoint.url()
    }

    pub fn go_dark(&self) {
        self.dark.store(true, Ordering::Relaxed);
    }

    pub fn heal(&self) {
        self.dark.store(false, Ordering::Relaxed);
        self.endpoint.hang_up();
    }

    pub fn write_down(&self, out: &Path) -> Result<(), Failure> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        File::create(out.join(TAKEN))?.write_all(&taken)?;
        Ok(())
    }
}

/// Runs in a namespace, on its own address.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let server = Server::start(TcpListener::bind((ENDPOINT, PORT))?)?;
    println!("ready");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    server.write_down(&arguments.out)
}
