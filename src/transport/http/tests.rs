use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn at(seconds: u32) -> Stamp {
    Stamp(0).after(seconds * SECOND)
}

#[test]
fn connections_are_renewed_by_age_and_a_request_waits_only_if_the_old_ones_are_stale() {
    let mut renewals = Renewals::begin(at(0), Duration::ZERO, 2 * SECOND);
    // By age: requests meanwhile use the old connections.
    assert_eq!(renewals.next(at(59), Duration::ZERO, 2 * SECOND), None);
    assert_eq!((renewals.next(at(60), Duration::ZERO, 2 * SECOND), renewals.needed), (Some(1), 0));
    assert_eq!(renewals.next(at(119), Duration::ZERO, 2 * SECOND), None);
    // The endpoint keeps them for less time: renewed once.
    assert_eq!((renewals.next(at(119), Duration::ZERO, SECOND), renewals.needed), (Some(2), 2));
    assert_eq!(renewals.next(at(119), Duration::ZERO, SECOND), None);
    // The machine was suspended, or the connections were declared stale: renewed once each. The clocks differ a little.
    assert_eq!(renewals.next(at(120), SUSPENDED_MIN / 2, SECOND), None);
    assert_eq!((renewals.next(at(120), SECOND, SECOND), renewals.needed), (Some(3), 3));
    assert_eq!(renewals.next(at(121), SECOND + SUSPENDED_MIN / 2, SECOND), None);
    renewals.stale = Stale::Yes;
    assert_eq!((renewals.next(at(122), SECOND, SECOND), renewals.needed), (Some(4), 4));
    assert_eq!(renewals.next(at(181), SECOND, SECOND), None);
    assert_eq!((renewals.next(at(182), SECOND, SECOND), renewals.needed), (Some(5), 4));
}

mod exchanges {
    use super::*;
    use crate::clock::Source;
    use crate::format::SettledBy;
    use crate::transport::{Failure, FailureKind, Reply};
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{TcpListener, TcpStream};

    const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

    fn request(bytes: usize) -> Request {
        Request {
            body: vec![b'7'; bytes].into(),
            content_type: "text/plain",
            content_encoding: None,
            idempotency_key: "1-1".to_owned(),
            timeout: Duration::from_secs(20),
            settled_by: SettledBy::Status,
            reply_bytes_max: crate::limits::REPLY_BYTES_MAX,
            reply_headers: &[],
        }
    }

    /// Reads a request completely; returns false at the end of the connection.
    fn read(connection: &mut BufReader<TcpStream>) -> bool {
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let from = head.len();
            if connection.read_line(&mut head).unwrap_or(0) == 0 {
                return false;
            }
            if let Some(text) = head[from..].strip_prefix("content-length: ") {
                length = text.trim().parse().unwrap();
            }
        }
        connection.read_exact(&mut vec![0; length]).is_ok()
    }

    fn reset(connection: &BufReader<TcpStream>) {
        socket2::SockRef::from(connection.get_ref()).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// How a peer ends its second request.
    type End = fn(&mut BufReader<TcpStream>);

    /// Answers one request on a connection, and ends the next one (on the same connection if `reused`, otherwise on a new one) like this.
    fn second(end: End, reused: bool) -> Result<Reply, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut http = http(&listener, |_| {});
        let peer = std::thread::spawn(move || {
            let mut connection = BufReader::new(listener.accept().unwrap().0);
            assert!(read(&mut connection));
            connection.get_mut().write_all(OK).unwrap();
            if !reused {
                drop(connection);
                connection = BufReader::new(listener.accept().unwrap().0);
            }
            end(&mut connection);
        });
        let runtime = runtime();
        let first = runtime.block_on(async { http.post(request(10)).await }).unwrap();
        assert_eq!(first.status, 200);
        if !reused {
            http.connections_are_stale();
        }
        let answer = runtime.block_on(async { http.post(request(4_000_000)).await });
        peer.join().unwrap();
        answer
    }

    fn http(listener: &TcpListener, set: impl FnOnce(&mut HttpSettings)) -> Http {
        let mut settings = HttpSettings::of(&format!("http://{}/", listener.local_addr().unwrap()));
        set(&mut settings);
        Http::new(&settings, Clock::start(Source::Machine)).unwrap()
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    #[test]
    fn a_reused_connection_that_ends_without_an_answer_is_stale_and_a_new_one_is_broken() {
        let ends: [(&str, End); 4] = [
            ("closed behind the request", |connection| assert!(read(connection))),
            ("reset behind the request", |connection| {
                read(connection);
                reset(connection);
            }),
            ("reset within the request", |connection| {
                connection.read_exact(&mut [0; 100_000]).unwrap();
                reset(connection);
            }),
            ("closed within the request", |connection| connection.read_exact(&mut [0; 100_000]).unwrap()),
        ];
        for (what, end) in ends {
            for (reused, kind) in [(true, FailureKind::Stale), (false, FailureKind::Broken)] {
                let failure = second(end, reused).expect_err(what);
                assert_eq!(
                    (failure.kind, failure.maybe_delivered),
                    (kind, crate::MaybeDelivered::Yes),
                    "{what}: {failure:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_end_of_a_reused_connection_is_not_stale() {
        let ends: [(&str, End); 3] = [
            ("no HTTP", |connection| {
                read(connection);
                connection.get_mut().write_all(b"+OK\r\n\r\n").unwrap();
            }),
            ("a wrong length", |connection| {
                read(connection);
                connection.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n").unwrap();
            }),
            ("a head without end", |connection| {
                read(connection);
                // Until the client gives up.
                while connection.get_mut().write_all(&[b'x'; 10_000]).is_ok() {}
            }),
        ];
        for (what, end) in ends {
            let failure = second(end, true).expect_err(what);
            assert_eq!(failure.kind, FailureKind::Broken, "{what}: {failure:?}");
        }
    }

    #[test]
    fn a_request_that_a_closed_connection_did_not_take_is_resent_on_a_new_one() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut http = http(&listener, |_| {});
        let peer = std::thread::spawn(move || {
            for _ in 0..3 {
                let mut connection = BufReader::new(listener.accept().unwrap().0);
                assert!(read(&mut connection));
                connection.get_mut().write_all(OK).unwrap();
            }
        });
        let runtime = runtime();
        for _ in 0..3 {
            // The end of the previous connection may or may not have arrived yet. Either the request succeeds, or it fails as stale.
            let answer = runtime.block_on(async { http.post(request(10)).await });
            match answer {
                Ok(reply) => assert_eq!(reply.status, 200),
                Err(failure) => {
                    assert_eq!(failure.kind, FailureKind::Stale, "{failure:?}");
                    runtime.block_on(async { http.post(request(10)).await }).unwrap();
                }
            }
        }
        peer.join().unwrap();
    }

    /// Serves forever; reports on which connection, counted from 1, each request arrived.
    fn numbered(listener: TcpListener, answer: &'static [u8]) -> std::sync::mpsc::Receiver<u64> {
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for (nth, connection) in (1..).zip(listener.incoming().flatten()) {
                let (tell, mut connection) = (tell.clone(), BufReader::new(connection));
                std::thread::spawn(move || {
                    while read(&mut connection) {
                        let _ = tell.send(nth);
                        let _ = connection.get_mut().write_all(answer);
                    }
                });
            }
        });
        told
    }

    /// Posts one request after the other, with this pause before each, and returns the connections they arrived on.
    fn connections(
        runtime: &tokio::runtime::Runtime,
        http: &mut Http,
        told: &std::sync::mpsc::Receiver<u64>,
        pauses: &[u64],
    ) -> Vec<u64> {
        let post = |&pause: &u64| {
            let answer = runtime.block_on(async {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                http.post(request(10)).await
            });
            assert_eq!(answer.unwrap().status, 200);
            told.recv().unwrap()
        };
        pauses.iter().map(post).collect()
    }

    #[test]
    fn an_idle_connection_is_reused_as_long_as_the_settings_allow() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut http = http(&listener, |settings| settings.connection_idle_max = Duration::from_millis(300));
        let told = numbered(listener, OK);
        assert_eq!(connections(&runtime(), &mut http, &told, &[0, 0, 100, 600, 0]), [1, 1, 1, 2, 2]);
    }

    #[test]
    fn an_idle_connection_is_reused_for_less_time_than_the_endpoint_announces() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut http = http(&listener, |settings| settings.connection_idle_max = Duration::from_secs(30));
        let told = numbered(
            listener,
            b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1, max=9\r\ncontent-length: 0\r\n\r\n",
        );
        // The first answer announces the timeout: from then on a new client keeps idle connections for half a second at most.
        assert_eq!(connections(&runtime(), &mut http, &told, &[0, 0, 100, 800, 0]), [1, 2, 2, 3, 3]);
    }

    #[test]
    fn connections_declared_stale_are_not_reused() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut http = http(&listener, |_| {});
        let (told, runtime) = (numbered(listener, OK), runtime());
        assert_eq!(connections(&runtime, &mut http, &told, &[0, 0]), [1, 1]);
        http.connections_are_stale();
        assert_eq!(connections(&runtime, &mut http, &told, &[0, 0]), [2, 2]);
        assert_eq!(connections(&runtime, &mut http, &told, &[0]), [2]);
    }
    #[test]
    fn no_more_answers_are_read_in_the_background_than_posts_may_be_in_flight() {
        use std::sync::atomic::AtomicUsize;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut http = http(&listener, |settings| settings.posts_in_flight_max = 2);
        let open = Arc::new(AtomicUsize::new(0));
        let counts = Arc::clone(&open);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (open, mut connection) = (Arc::clone(&counts), BufReader::new(connection));
                open.fetch_add(1, Ordering::AcqRel);
                std::thread::spawn(move || {
                    while read(&mut connection) {
                        let _ = connection
                            .get_mut()
                            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nheld");
                    }
                    open.fetch_sub(1, Ordering::AcqRel);
                });
            }
        });
        let began = std::time::Instant::now();
        let (runtime, open) = (runtime(), || open.load(Ordering::Acquire));
        runtime.block_on(async {
            for _ in 0..10 {
                assert_eq!(http.post(request(10)).await.unwrap().status, 200);
                assert!(http.context.drains.load(Ordering::Relaxed) <= 2);
            }
            // Connections above the limit were closed at once, and these two after a second.
            let down_to = async |most| {
                while open() > most {
                    assert!(began.elapsed() < Duration::from_secs(10), "{} are open", open());
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                began.elapsed()
            };
            down_to(2).await;
            assert!(down_to(0).await >= crate::limits::REPLY_DRAIN);
        });
    }
}
