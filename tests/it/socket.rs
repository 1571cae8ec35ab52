//! A unix socket as the endpoint: an agent on the same machine.

use crate::support::*;
use overspill::{Client, Reason};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::Duration;

struct Socket(PathBuf);

impl Socket {
    fn new(name: &str) -> Socket {
        Socket(std::env::temp_dir().join(format!("overspill-{}-{name}.sock", std::process::id())))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Accepts what it is sent, over several simultaneous connections, and forwards the heads.
fn serve(listener: UnixListener, world: &World) -> std::sync::mpsc::Receiver<String> {
    let (tell, told) = std::sync::mpsc::channel();
    let taken = world.taken.clone();
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let (taken, tell) = (taken.clone(), tell.clone());
            std::thread::spawn(move || serve_one(connection, &taken, &tell));
        }
    });
    told
}

fn serve_one(connection: UnixStream, taken: &Taken, tell: &std::sync::mpsc::Sender<String>) {
    let mut connection = BufReader::new(connection);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if connection.read_line(&mut head).unwrap_or(0) == 0 {
                break;
            }
        }
        let Some((_, rest)) = head.split_once("content-length: ") else { break };
        let mut body = vec![0; rest.lines().next().unwrap().parse().unwrap()];
        connection.read_exact(&mut body).unwrap();
        taken.keep(&body);
        let _ = tell.send(head);
        connection.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    }
}

#[test]
fn events_go_through_a_unix_socket_with_their_credentials() {
    let (world, socket) = (World::new(), Socket::new("serves"));
    let told = serve(UnixListener::bind(&socket.0).unwrap(), &world);
    let client = Client::builder("http://agent.example/v1/events?a=b")
        .unix_socket(&socket.0)
        .bearer_auth("s3cret")
        .batch_age_max(Duration::from_millis(5))
        .build()
        .unwrap();
    emit_all(&client, 0..50);
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 50);
    assert_eq!(stats.delivered, 50, "{stats}");
    let head = told.recv().unwrap();
    assert!(head.starts_with("POST /v1/events?a=b HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("host: agent.example\r\n") && head.contains("Bearer s3cret"), "{head}");
    assert_eq!(world.log.count_notices("endpoint http://agent.example over a unix socket"), 1);
}

#[test]
fn a_unix_socket_that_is_missing_or_has_no_listener_fails_to_connect_until_it_has_one() {
    let (world, socket) = (World::new(), Socket::new("absent"));
    let client = quick("http://localhost/").unix_socket(&socket.0).build().unwrap();
    emit_all(&client, 0..5);
    block_on(client.flush(LONG)).unwrap();
    assert!(world.log.text().contains("the unix socket does not exist"), "{}", world.log.text());
    drop(UnixListener::bind(&socket.0).unwrap());
    emit_all(&client, 5..10);
    block_on(client.flush(LONG)).unwrap();
    std::fs::remove_file(&socket.0).unwrap();
    let _told = serve(UnixListener::bind(&socket.0).unwrap(), &world);
    let mut id = 10;
    until("a delivery", || {
        emit_all(&client, id..id + 1);
        id += 1;
        client.stats().delivered > 0
    });
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, id);
    assert!(stats.spilled_by(Reason::Connect) > 0 && stats.maybe_delivered == 0, "{stats}");
}
