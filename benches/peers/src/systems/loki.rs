//! tracing-loki: a layer and its task, on a tokio runtime of one thread.

use super::{Caller, Ended, System};
use crate::Failure;
use crate::trace_event;
use std::thread::JoinHandle;
use std::time::Duration;
use tracing_subscriber::layer::SubscriberExt;

pub struct Loki {
    controller: tracing_loki::BackgroundTaskController,
    task: JoinHandle<()>,
}

impl Loki {
    /// Becomes the global subscriber of the process.
    pub fn start(endpoint: &str) -> Result<Loki, Failure> {
        let url = tracing_loki::url::Url::parse(&format!("http://{endpoint}/"))?;
        let (layer, controller, task) =
            tracing_loki::builder().label("host", "peers")?.build_controller_url(url)?;
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let task =
            std::thread::Builder::new().name("loki".to_owned()).spawn(move || runtime.block_on(task))?;
        Ok(Loki { controller, task })
    }
}

impl System for Loki {
    fn caller(&self) -> Caller<'_> {
        Box::new(|event| trace_event!(event))
    }

    /// Has no deadline: a shutdown waits until it is done.
    fn finish(self: Box<Self>, _within: Duration) -> Ended {
        let Loki { controller, task } = *self;
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() {
            runtime.block_on(controller.shutdown());
        }
        let _ = task.join();
        Ended::default()
    }
}
