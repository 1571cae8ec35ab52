//! gzip for bodies, when the user asked for it.

use flate2::{Compression, write::GzEncoder};
use std::io::Write;

/// The gzip of `body`. Level 1: telemetry compresses well at any level, and the sender's core belongs to the service.
pub(crate) fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    // The fastest level: half as fast again as the next, for a sixth more bytes (`cargo bench --bench gzip`).
    // A quarter is what JSON usually comes to; more grows, up to a little over the body itself for random bytes.
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use std::io::Read;

    #[test]
    fn gzip_reads_back_as_the_same_body() {
        let body = br#"[{"id":1},{"id":2}]"#.repeat(500);
        let packed = super::gzip(&body).unwrap();
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, body);
        assert!(packed.len() < body.len() / 10);
    }
}
