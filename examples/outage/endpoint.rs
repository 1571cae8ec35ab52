//! The endpoint, which goes away and comes back, and remembers the ids that it answered with 200.

use super::ids::{Ids, ids_in};
use overspill::testkit::{Act, Endpoint};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

pub struct Server {
    endpoint: Endpoint,
    tarpit: Arc<AtomicBool>,
    ids: Arc<Mutex<Ids>>,
}

impl Server {
    pub fn start() -> io::Result<Server> {
        let (tarpit, ids) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Ids::default())));
        let (is_tarpit, keep) = (Arc::clone(&tarpit), Arc::clone(&ids));
        let endpoint = Endpoint::start(move |request| {
            if is_tarpit.load(Ordering::Relaxed) {
                return Act::Hang;
            }
            let found = ids_in(&request.body);
            if let Ok(mut ids) = keep.lock() {
                found.into_iter().for_each(|id| ids.insert(id));
            }
            Act::Status(200)
        })?;
        Ok(Server { endpoint, tarpit, ids })
    }

    pub fn url(&self) -> String {
        self.endpoint.url()
    }

    pub fn refuse(&self) {
        self.endpoint.refuse();
    }

    pub fn tarpit(&self) -> io::Result<()> {
        self.tarpit.store(true, Ordering::Relaxed);
        self.endpoint.accept()
    }

    pub fn heal(&self) {
        self.tarpit.store(false, Ordering::Relaxed);
        self.endpoint.hang_up();
    }

    pub fn ids(&self) -> Ids {
        self.ids.lock().map(|ids| ids.clone()).unwrap_or_default()
    }
}
