//! An endpoint's limits, as far as a format knows them. `build` checks the settings against them.

/// The endpoint's limits, the compression it accepts, and where it wants a token.
///
/// ```
/// use overspill::format::Demands;
///
/// const INTAKE: Demands = Demands::NONE.events_max(1_000).body_bytes_max(5_000_000).encodings(&["gzip"]).token("x-api-key", "");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demands {
    pub(crate) events_max: Option<usize>,
    pub(crate) body_bytes_max: Option<usize>,
    pub(crate) event_bytes_max: Option<usize>,
    pub(crate) encodings: Option<&'static [&'static str]>,
    pub(crate) time_field: Option<&'static str>,
    pub(crate) token: TokenHeader,
}

/// Where a token goes: [`Builder::token`](crate::Builder::token).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenHeader {
    /// The header's name.
    pub name: &'static str,
    /// What comes before the token in its value.
    pub prefix: &'static str,
}

impl Demands {
    /// No limits; a token goes into `authorization: Bearer`.
    pub const NONE: Demands = Demands {
        events_max: None,
        body_bytes_max: None,
        event_bytes_max: None,
        encodings: None,
        time_field: None,
        token: TokenHeader { name: "authorization", prefix: "Bearer " },
    };

    /// Maximum number of events in a request.
    pub const fn events_max(self, events: usize) -> Demands {
        Demands { events_max: Some(events), ..self }
    }

    /// Maximum bytes of a request's body before compression.
    pub const fn body_bytes_max(self, bytes: usize) -> Demands {
        Demands { body_bytes_max: Some(bytes), ..self }
    }

    /// Maximum bytes of one event's JSON.
    pub const fn event_bytes_max(self, bytes: usize) -> Demands {
        Demands { event_bytes_max: Some(bytes), ..self }
    }

    /// The only values of `content-encoding` that it accepts. Some endpoints treat a body that they
    /// cannot unpack as text, and answer with a 2xx.
    pub const fn encodings(self, encodings: &'static [&'static str]) -> Demands {
        Demands { encodings: Some(encodings), ..self }
    }

    /// An event's time goes into a member of this name, unless [another was chosen](crate::Builder::time_field).
    pub const fn time_field(self, name: &'static str) -> Demands {
        Demands { time_field: Some(name), ..self }
    }

    /// A token goes into this header, after this prefix.
    pub const fn token(self, name: &'static str, prefix: &'static str) -> Demands {
        Demands { token: TokenHeader { name, prefix }, ..self }
    }
}
