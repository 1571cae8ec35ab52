//! Where events go: the options shared by the subcommands that send. They override the environment.

use crate::exit::CommandFailure;
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, ValueEnum};
use overspill::{Builder, format};
use std::path::PathBuf;

/// Everything else that [`Builder::from_env`] knows is set by its variables.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Where events go")]
pub(crate) struct To {
    /// The endpoint's URL; defaults to OVERSPILL_ENDPOINT. Every OVERSPILL_ variable of the library applies; options take precedence
    #[arg(long = "to", value_name = "URL")]
    pub(crate) to: Option<String>,
    /// How events are written into a request
    #[arg(long, value_name = "FORMAT", value_parser = formats(), ignore_case = true, hide_possible_values = true)]
    #[arg(help = format!("How events are written into a request: {}", format::NAMES.join(", ")))]
    pub(crate) format: Option<String>,
    /// A header of every request; may be repeated. Other users can see it in the list of processes: for a secret, use a file or a variable
    #[arg(long = "header", value_name = "NAME:VALUE")]
    pub(crate) headers: Vec<String>,
    /// The file with the bearer token; read again when it changes
    #[arg(long, value_name = "FILE")]
    pub(crate) bearer_file: Option<PathBuf>,
    /// How bodies are compressed
    #[arg(long, value_enum, value_name = "HOW")]
    pub(crate) compress: Option<Compress>,
    /// Send credentials over plain http to another host: for a network that you trust
    #[arg(long)]
    pub(crate) allow_plaintext_credentials: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compress {
    Gzip,
    Zstd,
}

fn formats() -> PossibleValuesParser {
    const OTHER_NAMES: [(&str, &[&str]); 3] = [
        ("bulk", &["elasticsearch", "opensearch", "quickwit"]),
        ("click_house", &["clickhouse"]),
        ("influx", &["victoria_metrics"]),
    ];
    let value = |name: &&'static str| {
        let others = OTHER_NAMES.iter().filter(|(of, _)| of == name).flat_map(|(_, others)| *others);
        PossibleValue::new(*name).aliases(others.copied())
    };
    PossibleValuesParser::new(format::NAMES.iter().map(value).collect::<Vec<_>>())
}

impl To {
    /// The builder for these options, on top of the environment.
    pub(crate) fn builder(&self) -> Result<Builder, CommandFailure> {
        let mut builder = match &self.to {
            Some(url) => Builder::new(url).override_from_env()?.endpoint(url),
            None if std::env::var_os("OVERSPILL_ENDPOINT").is_none() => {
                return Err(CommandFailure::usage("where to? Give --to URL, or set OVERSPILL_ENDPOINT"));
            }
            None => Builder::from_env()?,
        };
        if let Some(name) = &self.format {
            let format = format::named(name)
                .ok_or_else(|| CommandFailure::usage(format!("{name} is no format: see --help")))?;
            builder = builder.format(format);
        }
        for header in &self.headers {
            let (name, value) = header.split_once(':').ok_or_else(|| {
                CommandFailure::usage("--header takes a name, a colon and a value, like 'x-key: value'")
            })?;
            builder = builder.header(name.trim(), value.trim());
        }
        if let Some(file) = &self.bearer_file {
            builder = builder.bearer_auth_file(file);
        }
        builder = match self.compress {
            Some(Compress::Gzip) => builder.gzip(),
            Some(Compress::Zstd) => builder.zstd(),
            None => builder,
        };
        Ok(if self.allow_plaintext_credentials { builder.allow_plaintext_credentials() } else { builder })
    }
}
