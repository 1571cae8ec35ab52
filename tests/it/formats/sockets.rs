//! Answers through a real socket arrive at full length, with the headers that a format needs.

use crate::support::*;
use overspill::Reason;
use overspill::format::{Bulk, ClickHouse};
use overspill::limits::REPLY_BYTES_MAX;
use serde_json::{Value, json};

fn answer(status: u16, header: &str, body: &str) -> Act {
    Act::Bytes(
        format!("HTTP/1.1 {status} x\r\n{header}content-length: {}\r\n\r\n{body}", body.len()).into_bytes(),
    )
}

#[test]
fn a_bulk_answer_of_five_hundred_items_is_read_to_its_end() {
    let world = World::new();
    let taken = world.taken.clone();
    let endpoint = Endpoint::start(move |request| {
        let lines: Vec<&[u8]> = request.body.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).collect();
        let items: Vec<Value> = lines.chunks(2).map(|pair| {
            let (mut document, action): (Value, Value) = (serde_json::from_slice(pair[1]).unwrap(), serde_json::from_slice(pair[0]).unwrap());
            if document["id"].as_u64().unwrap() == 499 {
                return json!({"create": {"_index": "events", "status": 400, "error": {"type": "document_parsing_exception", "reason": "x".repeat(200)}}});
            }
            document.as_object_mut().unwrap().remove("@timestamp");
            taken.keep(&serde_json::to_vec(&[document]).unwrap());
            json!({"create": {"_index": "events", "_id": action["create"]["_id"], "_version": 1, "result": "created", "_shards": {"total": 2, "successful": 1, "failed": 0}, "_seq_no": 0, "_primary_term": 1, "status": 201}})
        }).collect();
        let body = json!({"took": 30, "errors": true, "items": items}).to_string();
        assert!(lines.len() < 1_000 || body.len() > REPLY_BYTES_MAX, "{}", body.len());
        answer(200, "content-type: application/json\r\n", &body)
    })
    .unwrap();
    let client =
        quick(endpoint.url()).post_timeout(LONG).batch_age_max(LONG).format(Bulk::new()).build().unwrap();
    emit_all(&client, 0..500);
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.delivered, stats.spilled_by(Reason::Refused)), (499, 1), "{stats}");
    assert_eq!((ids_taken(&world.taken).len(), ids_spilled(&world.log)), (499, vec![499]));
}

#[test]
fn an_answer_has_the_headers_that_its_format_asks_for() {
    let world = World::new();
    let endpoint =
        Endpoint::start(|_| answer(500, "X-ClickHouse-Exception-Code: 60\r\n", "no table")).unwrap();
    let client = quick(endpoint.url()).format(ClickHouse::new()).build().unwrap();
    emit_all(&client, 0..3);
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 3);
    // By its status alone it would be unavailable, and maybe delivered.
    assert_eq!(
        (stats.spilled_by(Reason::Denied), stats.maybe_delivered),
        (3, 0),
        "{stats}\n{}",
        world.log.text()
    );
}
