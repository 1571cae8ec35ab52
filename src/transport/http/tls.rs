//! Whom we trust, and who we are: certificates in PEM.
//!
//! In: PEM texts. Out: certificates for the HTTP client. TS1: everything in a text is used, or is an error; nothing is skipped. TS2: no
//! error repeats a text.

use super::HttpSettings;
use super::connect::Encrypted;
use crate::build_error::BuildError;
use reqwest::ClientBuilder;

#[derive(Clone)]
pub(super) struct Trust {
    pub(super) encrypted: Encrypted,
    #[cfg(feature = "https")]
    roots: Vec<reqwest::Certificate>,
    #[cfg(feature = "https")]
    identity: Option<reqwest::Identity>,
}

impl Trust {
    pub(super) fn new(settings: &HttpSettings, encrypted: Encrypted) -> Result<Trust, BuildError> {
        let given = [
            ("root_certificate_pem", settings.root_certificates_pem.is_empty()),
            ("client_certificate_pem", settings.client_certificate_pem.is_empty()),
        ];
        for (name, _) in given.into_iter().filter(|(_, is_empty)| !is_empty) {
            if cfg!(not(feature = "https")) {
                return Err(BuildError::HttpsMissing);
            }
            if encrypted == Encrypted::No {
                return Err(BuildError::invalid(
                    name,
                    "is given, but the endpoint is http, where nothing is encrypted",
                    "use https, or leave it out",
                ));
            }
        }
        Trust::read(settings, encrypted)
    }

    #[cfg(not(feature = "https"))]
    fn read(_: &HttpSettings, encrypted: Encrypted) -> Result<Trust, BuildError> {
        Ok(Trust { encrypted })
    }

    #[cfg(not(feature = "https"))]
    pub(super) fn apply(&self, builder: ClientBuilder) -> ClientBuilder {
        builder
    }
}

#[cfg(feature = "https")]
impl Trust {
    fn read(settings: &HttpSettings, encrypted: Encrypted) -> Result<Trust, BuildError> {
        let mut roots = Vec::new();
        for pem in &settings.root_certificates_pem {
            roots.extend(roots_of(pem)?);
        }
        let identity = match settings.client_certificate_pem.as_slice() {
            [] => None,
            parts => Some(identity_of(&parts.join(&b'\n'))?),
        };
        Ok(Trust { encrypted, roots, identity })
    }

    pub(super) fn apply(&self, builder: ClientBuilder) -> ClientBuilder {
        let builder = match &self.identity {
            Some(identity) => builder.identity(identity.clone()),
            None => builder,
        };
        // A plain http endpoint needs no roots, so it also works on a machine without any.
        match (self.encrypted, self.roots.is_empty()) {
            (Encrypted::No, _) => builder.tls_certs_only([]),
            (Encrypted::Yes, true) => builder,
            (Encrypted::Yes, false) => builder.tls_certs_merge(self.roots.iter().cloned()),
        }
    }
}

#[cfg(feature = "https")]
fn roots_of(pem: &[u8]) -> Result<Vec<reqwest::Certificate>, BuildError> {
    let wrong = |why: String, remedy: &str| Err(BuildError::invalid("root_certificate_pem", why, remedy));
    let labels = labels_of(pem);
    if let Some(label) = labels.iter().find(|label| *label != "CERTIFICATE") {
        return wrong(
            format!("holds {}", kind_of(label)),
            "give certificates in PEM (BEGIN CERTIFICATE) and nothing else",
        );
    }
    let roots = reqwest::Certificate::from_pem_bundle(pem).unwrap_or_default();
    if labels.is_empty() {
        return wrong("holds no certificate".to_owned(), "give PEM text");
    }
    // Fully parsed, as the HTTP client would do later.
    let sound = reqwest::Client::builder().no_proxy().tls_certs_only(roots.iter().cloned()).build().is_ok();
    if roots.len() != labels.len() || !sound {
        let of = labels.len();
        return wrong(format!("holds a certificate that cannot be read (of {of})"), "find the damaged one");
    }
    Ok(roots)
}

#[cfg(feature = "https")]
fn identity_of(pem: &[u8]) -> Result<reqwest::Identity, BuildError> {
    const REMEDY: &str = "give the certificate, its intermediates and its private key, all in PEM";
    let wrong = |why: String| Err(BuildError::invalid("client_certificate_pem", why, REMEDY));
    let labels = labels_of(pem);
    let (mut certificates, mut keys) = (0, 0);
    for label in &labels {
        match label.as_str() {
            "CERTIFICATE" => certificates += 1,
            "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => keys += 1,
            // OpenSSL puts these next to a key of that kind.
            "EC PARAMETERS" => {}
            "ENCRYPTED PRIVATE KEY" => return wrong("holds a key that is encrypted".to_owned()),
            other => return wrong(format!("holds {}", kind_of(other))),
        }
    }
    if certificates == 0 || keys != 1 {
        return wrong(format!("holds {certificates} certificates and {keys} private keys"));
    }
    let Ok(identity) = reqwest::Identity::from_pem(pem) else {
        return wrong("cannot be read".to_owned());
    };
    let sound = reqwest::Client::builder().no_proxy().tls_certs_only([]).identity(identity.clone()).build();
    match sound {
        Ok(_) => Ok(identity),
        Err(_) => wrong("holds a key that cannot be read, or is not the certificate's".to_owned()),
    }
}

/// A section's kind, if it is a valid one: any other text there may be a secret.
#[cfg(feature = "https")]
fn kind_of(label: &str) -> String {
    let is_kind =
        label.len() <= 40 && label.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b' ');
    if is_kind { format!("a section {label:?}") } else { "a section of an unknown kind".to_owned() }
}

/// The labels of the sections of a PEM text.
#[cfg(feature = "https")]
fn labels_of(pem: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(pem)
        .lines()
        .filter_map(|line| line.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----").map(str::to_owned))
        .collect()
}
