//! Compresses bodies, if the user asked for it.
//!
//! In: a body. Out: the compressed body and the name of its encoding. CP1: a body that cannot be
//! compressed is an error; it is never sent under a wrong encoding.
//!
//! Each encoding uses the fastest level with a good ratio: telemetry compresses well at any level, and the
//! sender's core belongs to the service. `benches/compress.rs` measures what each level costs and saves.

use crate::transport::RequestBody;

/// How bodies are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    Plain,
    #[cfg(feature = "gzip")]
    Gzip,
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Compression {
    /// The compression with this name, as `OVERSPILL_COMPRESSION` takes it, if it is built in.
    pub(crate) fn from_name(name: &str) -> Option<Compression> {
        match name {
            "none" => Some(Compression::Plain),
            #[cfg(feature = "gzip")]
            "gzip" => Some(Compression::Gzip),
            #[cfg(feature = "zstd")]
            "zstd" => Some(Compression::Zstd),
            _ => None,
        }
    }
}

/// Nearly twice as fast as level 2, for a sixth more bytes.
#[cfg(feature = "gzip")]
const GZIP_LEVEL: u32 = 1;
/// Smaller than gzip's output in less than half the time. Levels 2 to 4 take longer and compress no
/// better; levels below 1 are hardly faster and produce two fifths more bytes.
#[cfg(feature = "zstd")]
const ZSTD_LEVEL: i32 = 1;

/// The sender's compressor. The tables that it reuses are allocated for the first body.
pub(crate) struct Compressor {
    compression: Compression,
    #[cfg(feature = "zstd")]
    zstd: Option<zstd::bulk::Compressor<'static>>,
}

impl Compressor {
    pub(crate) fn new(compression: Compression) -> Compressor {
        Compressor {
            compression,
            #[cfg(feature = "zstd")]
            zstd: None,
        }
    }

    /// The value of the `content-encoding` header.
    pub(crate) fn encoding(&self) -> Option<&'static str> {
        match self.compression {
            Compression::Plain => None,
            #[cfg(feature = "gzip")]
            Compression::Gzip => Some("gzip"),
            #[cfg(feature = "zstd")]
            Compression::Zstd => Some("zstd"),
        }
    }

    pub(crate) fn compress(&mut self, body: RequestBody) -> std::io::Result<RequestBody> {
        match self.compression {
            Compression::Plain => Ok(body),
            #[cfg(feature = "gzip")]
            Compression::Gzip => gzip(&body).map(RequestBody::from),
            #[cfg(feature = "zstd")]
            Compression::Zstd => {
                let zstd = match &mut self.zstd {
                    Some(zstd) => zstd,
                    vacant => vacant.insert(zstd::bulk::Compressor::new(ZSTD_LEVEL)?),
                };
                zstd.compress(&body).map(RequestBody::from)
            }
        }
    }
}

#[cfg(feature = "gzip")]
fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    use std::io::Write;
    // JSON usually compresses to a quarter. The vector grows for more, up to slightly
    // more than the body for random bytes.
    let room = Vec::with_capacity(body.len() / 4);
    let mut encoder = flate2::write::GzEncoder::new(room, flate2::Compression::new(GZIP_LEVEL));
    encoder.write_all(body)?;
    encoder.finish()
}

#[cfg(all(test, feature = "gzip", feature = "zstd", not(overspill_model)))]
mod tests {
    use super::*;
    use crate::limits::{BATCH_BYTES_LIMIT, ZSTD_BYTES};
    use std::io::Read;

    fn unpacked(packed: &[u8], encoding: Option<&str>) -> Vec<u8> {
        let mut unpacked = Vec::new();
        match encoding {
            Some("gzip") => _ = flate2::read::GzDecoder::new(packed).read_to_end(&mut unpacked).unwrap(),
            Some("zstd") => unpacked = zstd::decode_all(packed).unwrap(),
            _ => unpacked.extend_from_slice(packed),
        }
        unpacked
    }

    #[test]
    fn compressed_bodies_read_back_unchanged_one_after_another() {
        for compression in [Compression::Plain, Compression::Gzip, Compression::Zstd] {
            let mut compressor = Compressor::new(compression);
            for events in [0, 1, 500, 20] {
                let body = br#"[{"id":1},{"id":2}]"#.repeat(events);
                let packed = compressor.compress(RequestBody::from(body.clone())).unwrap();
                assert_eq!(unpacked(&packed, compressor.encoding()), body);
                assert!(compression == Compression::Plain || packed.len() <= body.len() / 10 + 64);
            }
        }
    }

    #[test]
    fn the_tables_of_zstd_are_no_larger_than_the_memory_bound_assumes() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut body = vec![0; BATCH_BYTES_LIMIT];
        random.fill(&mut body);
        let mut compressor = Compressor::new(Compression::Zstd);
        let packed = compressor.compress(RequestBody::from(body)).unwrap();
        assert!(packed.len() <= BATCH_BYTES_LIMIT + BATCH_BYTES_LIMIT / 8, "{}", packed.len());
        let tables = compressor.zstd.as_mut().unwrap().context_mut().sizeof();
        assert!((100_000..=ZSTD_BYTES).contains(&tables), "{tables}");
    }
}
