//! The parts of a client, and of another one in each child of its process: the only place where all parts meet.

use crate::build_error::BuildError;
use crate::clock::{Clock, Source, entropy};
use crate::closing::Closing;
use crate::config::{Builder, Config, Tls};
use crate::encode::Encoder;
use crate::fork::Own;
use crate::format::Format;
use crate::ledger::Ledger;
use crate::mode::ModeSwitch;
use crate::notice::Notices;
use crate::observer::Observer;
use crate::process::Process;
use crate::queue::Queue;
use crate::sender::Sender;
use crate::shared::Shared;
use crate::spill::log::{Home, Log};
use crate::spill::log_queue::{LogQueue, SenderPart};
use crate::spill::{LogLevel, Primary, RecordSettings, Spill, SpillSink};
use crate::sync::plain::AtomicU64;
use crate::sync::{Arc, Padded};
use crate::transport::Transport;
use crate::transport::http::{ChildHttp, Headers, Http};

/// The settings, as the clients of all processes have them. What the user supplied is shared; nothing here holds a lock of ours.
#[derive(Clone)]
pub(crate) struct Parts {
    config: Config,
    /// The user's, if one was chosen; otherwise each client draws its own.
    jitter_seed: Option<u64>,
    format: Arc<dyn Format>,
    observers: Vec<Arc<dyn Observer>>,
    level: LogLevel,
    sink: Option<Arc<dyn SpillSink>>,
    fallback: Arc<dyn SpillSink>,
    home: Home,
    way: Arc<Way>,
}

/// How a child gets its transport.
pub(super) enum Way {
    Http(ChildHttp),
    /// Not at all: the transport is the user's.
    Another,
    /// Not at all, like its parent.
    Nowhere(String),
}

/// A transport, and what the client needs to know about it.
pub(super) struct Carrier {
    transport: Box<dyn Transport>,
    pub(super) shown: String,
    tls: Tls,
    headers: Option<Arc<Headers>>,
}

impl Carrier {
    pub(super) fn of(http: Http) -> Carrier {
        Carrier {
            shown: http.shown(),
            tls: if http.needs_roots() { Tls::Yes } else { Tls::No },
            headers: Some(http.headers()),
            transport: Box::new(http),
        }
    }

    pub(super) fn another(transport: Box<dyn Transport>) -> Carrier {
        // The endpoint is only a name then, but may still be a URL with a key in it.
        Carrier { transport, shown: "by another transport".to_owned(), tls: Tls::No, headers: None }
    }
}

impl Parts {
    /// The parts of a first client, and its transport.
    pub(super) fn of(mut builder: Builder, clock: Clock) -> Result<(Parts, Carrier), BuildError> {
        let config = builder.config()?;
        let (carrier, way) = match builder.transport.take() {
            Some(transport) => (Carrier::another(transport), Way::Another),
            None => {
                let http = Http::new(&builder.http_settings(&config), clock)?;
                let way = Way::Http(http.again());
                (Carrier::of(http), way)
            }
        };
        let parts = Parts {
            config,
            jitter_seed: builder.jitter_seed,
            format: Arc::from(builder.format),
            observers: builder.observers,
            level: builder.spill_level,
            sink: builder.spill_sink,
            fallback: builder.spill_fallback,
            home: Home::capture(),
            way: Arc::new(way),
        };
        Ok((parts, carrier))
    }

    pub(super) fn with(self, way: Way) -> Parts {
        Parts { way: Arc::new(way), ..self }
    }

    pub(super) fn way(&self) -> &Way {
        &self.way
    }

    /// For a child's client.
    pub(super) fn again(&self) -> Parts {
        let mut again = self.clone();
        // Children that all probed at the same moments would be a herd.
        again.config.jitter_seed = self.jitter_seed.unwrap_or_else(entropy);
        again.config.common = Arc::new(self.config.common.again());
        again
    }

    /// # Errors
    /// [`Process::this`].
    pub(super) fn assemble(
        self,
        carrier: Carrier,
        (source, clock): (Source, Clock),
        switch: ModeSwitch,
    ) -> Result<(Own, Sender), BuildError> {
        let process = Process::this().map_err(BuildError::Sender)?;
        let Carrier { transport, tls, headers, .. } = carrier;
        let config = self.config.clone();
        let memory_bound = config.memory_bound(config.overhead, tls);
        let id = format!("{:016x}", entropy());
        let home = self.home.clone();
        let sender_part = match source {
            Source::Machine => SenderPart::StandsBy,
            Source::Tokio => SenderPart::Writes,
        };
        let log =
            Arc::new(LogQueue::new(config.log_queue_events_max(), config.log_queue_bytes_max(), sender_part));
        let notice_log = match &self.sink {
            None => Arc::clone(&log),
            Some(_) => Arc::new(LogQueue::new(0, 0, sender_part)),
        };
        let fallback = Arc::clone(&self.fallback);
        let notices =
            Arc::new(Notices::new(id.clone(), home.clone(), Arc::clone(&fallback), Arc::clone(&notice_log)));
        if let Some(headers) = &headers {
            headers.tell(&notices);
        }
        let primary = match &self.sink {
            Some(sink) => Primary::Sink(Arc::clone(sink)),
            None => Primary::Log(Log { home }),
        };
        let settings = RecordSettings {
            level: self.level,
            packing: config.spill_packing,
            line_bytes_max: config.spill_line_bytes_max,
            bytes_per_second_max: config.spill_bytes_per_second_max,
            redact: Arc::new(config.spill_redact.clone()),
            common: config.common_in_log.clone(),
        };
        let queue = Queue::new(
            config.queue_events_max,
            config.queue_bytes_max,
            config.chunk_shape(self.format.layout()),
        );
        let shared = Arc::new(Shared {
            process,
            mode: switch,
            memory_bound,
            clock,
            encoder: Encoder::new(config.text_bytes_max),
            common: Arc::clone(&config.common),
            config,
            queue,
            ledger: Ledger::default(),
            spill: Spill::new(id, primary, fallback, clock, Arc::clone(&notices), settings),
            log,
            notice_log,
            notices,
            observers: self.observers.clone(),
            headers,
            endpoint: Padded::default(),
            board: Arc::default(),
            closing: Closing::default(),
            end_wanted: AtomicU64::new(0),
        });
        shared.write_its_logs();
        let format = Box::new(Arc::clone(&self.format));
        let sender = Sender::new(Arc::clone(&shared), transport, format);
        let make_for_child = move |parent: &Shared| super::in_child(&self, parent);
        Ok((Own::new(shared, Box::new(make_for_child)), sender))
    }
}
