//! Chapters for operators.

#[doc = include_str!("guide/glossary.md")]
pub mod glossary {}

#[doc = include_str!("guide/log.md")]
pub mod log {}

#[doc = include_str!("guide/aggregators.md")]
pub mod aggregators {}
#[cfg(feature = "cli")]
#[cfg_attr(docsrs, doc(cfg(feature = "cli")))]
#[doc = include_str!("guide/command.md")]
pub mod command {}

#[doc = include_str!("guide/processes.md")]
pub mod processes {}

#[doc = include_str!("guide/frameworks.md")]
pub mod frameworks {}

#[doc = include_str!("guide/toggles.md")]
pub mod toggles {}
#[doc = include_str!("guide/replay.md")]
pub mod replay {}

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

#[doc = include_str!("guide/metrics.md")]
pub mod metrics {}
#[doc = include_str!("guide/tracing.md")]
pub mod tracing {}
#[doc = include_str!("guide/outage.md")]
#[doc = include_str!("guide/outage/service.svg")]
#[doc = include_str!("guide/outage/run.md")]
#[doc = include_str!("guide/outage/end.md")]
pub mod outage {}

#[doc = include_str!("guide/prometheus.md")]
#[doc = include_str!("guide/prometheus.svg")]
pub mod prometheus {}

#[doc = include_str!("guide/several.md")]
pub mod several {}
