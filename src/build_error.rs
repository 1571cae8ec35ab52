//! What can be wrong with the settings.

use std::fmt;

/// Why no client was built. The text says what to do. It never repeats a URL or a header's value, which may be secret.
#[non_exhaustive]
pub enum BuildError {
    /// The endpoint is not a valid URL.
    Endpoint(String),
    /// The endpoint is https, or certificates were given, but the crate was built without its feature `https`.
    HttpsMissing,
    /// A header's name or value cannot be sent: the name, and why.
    Header(String, &'static str),
    /// Credentials would travel over plain http to another host.
    PlaintextCredentials,
    /// A number, time or name is out of range.
    #[non_exhaustive]
    Setting {
        /// The setting.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// An environment variable is not one of overspill's, or its value cannot be read.
    Environment(String),
    /// The HTTP client could not be made: for https usually because the machine has no root certificates.
    HttpClient(String),
    /// The sender's thread or runtime could not be started.
    Sender(std::io::Error),
}

impl BuildError {
    pub(crate) fn invalid(
        name: &'static str,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> BuildError {
        BuildError::Setting { name, problem: problem.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::Endpoint(why) => {
                write!(f, "the endpoint is not a usable URL ({why}): give one like https://host/path")
            }
            BuildError::HttpsMissing => {
                f.write_str("https needs overspill's feature `https`: enable it, or use an http endpoint")
            }
            BuildError::Header(name, why) => write!(f, "the header {name:?} cannot be sent: {why}"),
            BuildError::PlaintextCredentials => f.write_str(
                "credentials would travel over plain http to another host: use https, or call \
                 allow_plaintext_credentials if you trust the network",
            ),
            BuildError::Setting { name, problem, remedy } => write!(f, "{name} {problem}: {remedy}"),
            BuildError::Environment(what) => f.write_str(what),
            BuildError::HttpClient(why) => write!(
                f,
                "the HTTP client could not be made ({why}): for an https endpoint, install the system's root \
                 certificates (Debian: ca-certificates), point SSL_CERT_FILE at others, or add one with \
                 root_certificate_pem"
            ),
            BuildError::Sender(error) => {
                write!(
                    f,
                    "the sender's thread could not be started ({error}): raise the limit of threads or open files"
                )
            }
        }
    }
}

/// The same sentence as `Display`, because that is what a `main` that returns the error prints.
impl fmt::Debug for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            BuildError::Sender(error) => Some(error),
            _ => None,
        }
    }
}
