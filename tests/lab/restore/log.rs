//! The application log of `restore emit`: tracing-subscriber's JSON lines, in a file that can be rotated or in the journal.

use crate::{Emit, Failure};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

pub fn install(emit: &Emit) -> Result<(), Failure> {
    let subscriber = tracing_subscriber::fmt().json();
    match (&emit.log, &emit.journal) {
        (Some(path), _) => subscriber
            .with_writer(Mutex::new(Rotated::open(path)?))
            .try_init()
            .map_err(|error| error as Failure),
        (None, Some(socket)) => {
            let stream = service_stdout(socket)?;
            subscriber.with_writer(Mutex::new(stream)).try_init().map_err(|error| error as Failure)
        }
        (None, None) => Err("neither --log nor --journal".into()),
    }
}

/// A file that is reopened after SIGHUP, as logrotate expects.
struct Rotated {
    path: PathBuf,
    file: File,
    hung_up: Arc<AtomicBool>,
}

impl Rotated {
    fn open(path: &Path) -> io::Result<Rotated> {
        let hung_up = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::clone(&hung_up))?;
        Ok(Rotated { path: path.to_owned(), file: append(path)?, hung_up })
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

impl Write for Rotated {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A line is one write, so the next write begins a line.
        if self.hung_up.swap(false, Ordering::AcqRel) {
            self.file = append(&self.path)?;
        }
        self.file.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The connection that systemd uses for a service's standard output: header lines, then the service's lines.
fn service_stdout(socket: &Path) -> io::Result<UnixStream> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(b"restore\noverspill-restore.service\n4\n0\n0\n0\n0\n")?;
    Ok(stream)
}
