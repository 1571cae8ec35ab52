//! The guide: chapters for those who use overspill and for those who operate it.
//!
//! New here? Read the first four in order. The rest is for when you need it.
//!
//! | if you want to | read |
//! |---|---|
//! | **begin** | |
//! | get from nothing to a service with overspill | [`start`] |
//! | know whether it is the right choice | [`alternatives`] |
//! | understand what it does, promises, and does not | [`how_it_works`] |
//! | look a word up | [`glossary`] |
//! | **connect** | |
//! | choose a backend, and learn how it refuses events | [`backends`] |
//! | put something between it and several systems | [`several`] |
//! | make events of `tracing` or `log` macros | [`mod@tracing`] |
//! | make events of `metrics` macros | [`metrics`] |
//! | use axum or tower, no tokio, a job, a function | [`frameworks`] |
//! | **before production** | |
//! | size queue, batches, timeouts and the log | [`sizing`] |
//! | set up alerts, log rotation and switches; read a notice | [`operating`] |
//! | know what journald, Docker or Kubernetes drop in a flood | [`log`] |
//! | keep spilled lines whole in rsyslog, Fluent Bit, Vector, … | [`aggregators`] |
//! | have metrics, alert rules with runbooks, a dashboard | [`prometheus`] |
//! | switch it by feature flags | [`toggles`] |
//! | test your service's outage | [`testing`] |
//! | **when it happens** | |
//! | see a whole service go through an outage | [`outage`] |
//! | send spilled events to the endpoint again | [`replay`] |
//! | find a leak | [`memory`] |
//! | use the command `overspill` | `command` (feature `cli`) |
//! | fork, share a file, run in a bare container | [`processes`] |

// In the order of the table.
#[doc = include_str!("guide/start.md")]
pub mod start {}
#[doc = include_str!("guide/alternatives.md")]
pub mod alternatives {}
#[doc = include_str!("guide/how_it_works.md")]
pub mod how_it_works {}
#[doc = include_str!("guide/glossary.md")]
pub mod glossary {}

#[doc = include_str!("guide/backends.md")]
pub mod backends {
    #[doc = include_str!("guide/backends/otlp.md")]
    pub mod otlp {}
    #[doc = include_str!("guide/backends/elasticsearch.md")]
    pub mod elasticsearch {}
    #[doc = include_str!("guide/backends/loki.md")]
    pub mod loki {}
    #[doc = include_str!("guide/backends/clickhouse.md")]
    pub mod clickhouse {}
    #[doc = include_str!("guide/backends/influxdb.md")]
    pub mod influxdb {}
    #[doc = include_str!("guide/backends/victoria_logs.md")]
    pub mod victoria_logs {}
    #[doc = include_str!("guide/backends/splunk.md")]
    pub mod splunk {}
    #[doc = include_str!("guide/backends/datadog.md")]
    pub mod datadog {}
    #[doc = include_str!("guide/backends/new_relic.md")]
    pub mod new_relic {}
    #[doc = include_str!("guide/backends/honeycomb.md")]
    pub mod honeycomb {}
    #[doc = include_str!("guide/backends/vector.md")]
    pub mod vector {}
    #[doc = include_str!("guide/backends/fluent_bit.md")]
    pub mod fluent_bit {}
    #[doc = include_str!("guide/backends/kafka.md")]
    pub mod kafka {}
    #[doc = include_str!("guide/backends/your_own.md")]
    pub mod your_own {}
}
#[doc = include_str!("guide/several.md")]
pub mod several {}
#[doc = include_str!("guide/tracing.md")]
pub mod tracing {}
#[doc = include_str!("guide/metrics.md")]
pub mod metrics {}
#[doc = include_str!("guide/frameworks.md")]
pub mod frameworks {}

#[doc = include_str!("guide/sizing.md")]
pub mod sizing {}
#[doc = include_str!("guide/operating.md")]
pub mod operating {}
#[doc = include_str!("guide/log.md")]
pub mod log {}
#[doc = include_str!("guide/aggregators.md")]
pub mod aggregators {}
#[doc = include_str!("guide/prometheus.md")]
#[doc = include_str!("guide/prometheus.svg")]
pub mod prometheus {}
#[doc = include_str!("guide/toggles.md")]
pub mod toggles {}
#[doc = include_str!("guide/testing.md")]
pub mod testing {}

#[doc = include_str!("guide/outage.md")]
#[doc = include_str!("guide/outage/service.svg")]
#[doc = include_str!("guide/outage/run.md")]
#[doc = include_str!("guide/outage/end.md")]
pub mod outage {}
#[doc = include_str!("guide/replay.md")]
pub mod replay {}
#[doc = include_str!("guide/memory.md")]
pub mod memory {}
#[cfg(feature = "cli")]
#[cfg_attr(docsrs, doc(cfg(feature = "cli")))]
#[doc = include_str!("guide/command.md")]
pub mod command {}
#[doc = include_str!("guide/processes.md")]
pub mod processes {}
