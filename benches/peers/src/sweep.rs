//! Cost as the work grows: event size, producers, clients, batch size. A cliff is a point far above the line through its neighbours.

use crate::child;
use crate::corpus;
use crate::output::{Goal, Page, Table, short};
use crate::sink::{Addresses, Sink};
use crate::statistics::{at, spread};
use crate::systems::builder_like_the_others;
use crate::{Failure, usage};
use overspill::Client;
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Rounds over all points
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Milliseconds a point may take
    #[arg(long, default_value_t = 250)]
    milliseconds: u64,
}

#[derive(Debug, clap::Args)]
pub struct OneArguments {
    #[arg(value_enum)]
    over: Over,
    value: usize,
    #[arg(long)]
    milliseconds: u64,
    #[command(flatten)]
    sink: Addresses,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
pub enum Over {
    Bytes,
    Producers,
    Clients,
    Idle,
    Connected,
    Batch,
}

/// What is varied, the labels of the two axes, and the values.
struct Course {
    over: Over,
    name: &'static str,
    x: &'static str,
    y: &'static str,
    values: &'static [usize],
}

const COURSES: [Course; 6] = [
    Course {
        over: Over::Bytes,
        name: "bytes",
        x: "bytes of JSON per event",
        y: "ns per call",
        values: &[100, 200, 300, 350, 400, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 65_000],
    },
    Course {
        over: Over::Producers,
        name: "producers",
        x: "producers, all at once",
        y: "ns per event, all together",
        values: &[1, 2, 3, 4, 6, 8, 12, 16],
    },
    Course {
        over: Over::Clients,
        name: "clients",
        x: "clients in the process, taken in turn",
        y: "ns per call",
        values: &[1, 2, 5, 10, 20, 50, 100],
    },
    Course {
        over: Over::Idle,
        name: "idle",
        x: "idle clients in the process",
        y: "KiB of RSS per client after the first",
        values: &[2, 5, 10, 20, 50, 100],
    },
    Course {
        over: Over::Connected,
        name: "connected",
        x: "idle clients, each with its connection open",
        y: "KiB of RSS per client after the first",
        values: &[2, 5, 10, 20, 50, 100],
    },
    Course {
        over: Over::Batch,
        name: "batch",
        x: "batch_events_max",
        y: "CPU µs per event, emit to 2xx",
        values: &[1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000],
    },
];

impl Over {
    fn name(self) -> &'static str {
        COURSES.iter().find(|course| course.over == self).map_or("", |course| course.name)
    }
}

/// A point: overspill, and the floor if there is one.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Point {
    ours: f64,
    floor: Option<f64>,
    rss_mb: f64,
    delivered_percent: f64,
}

pub fn one(arguments: &OneArguments) -> Result<Point, Failure> {
    let (value, http) = (arguments.value, &arguments.sink.http);
    let lasts = Duration::from_millis(arguments.milliseconds);
    let (clients, ours, floor) = match arguments.over {
        Over::Bytes => over_bytes(http, value, lasts)?,
        Over::Producers => over_producers(http, value, lasts)?,
        Over::Clients => over_clients(http, value, lasts)?,
        Over::Idle | Over::Connected => over_idle(http, value, arguments.over)?,
        Over::Batch => over_batch(http, value, lasts)?,
    };
    let rss_mb = usage::rss_bytes()? as f64 / 1e6;
    let (mut emitted, mut delivered) = (0, 0);
    for client in clients {
        let stats = client.shutdown_blocking(Duration::from_secs(20));
        (emitted, delivered) = (emitted + stats.emitted, delivered + stats.delivered);
    }
    let delivered_percent = if emitted == 0 { 100.0 } else { 100.0 * delivered as f64 / emitted as f64 };
    Ok(Point { ours, floor, rss_mb, delivered_percent })
}

/// The clients, and the cost of a unit of work with and without them.
type Found = (Vec<Client>, f64, Option<f64>);

/// Waits until there is room for a burst.
fn await_room(client: &Client, pending_max: u64) {
    thread::sleep(Duration::from_micros(500));
    let patience = Instant::now() + Duration::from_secs(2);
    while client.stats().pending > pending_max && Instant::now() < patience {
        thread::sleep(Duration::from_micros(200));
    }
}

/// Calls in bursts of at most 2 MB, floor and overspill in turn; medians of the bursts.
fn over_bytes(http: &str, bytes: usize, lasts: Duration) -> Result<Found, Failure> {
    let client = builder_like_the_others(http).queue_bytes_max(64 << 20).batch_bytes_max(1 << 20).build()?;
    let events = corpus::sized(bytes);
    let burst = (2_000_000 / bytes).clamp(10, 500);
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    let mut line = Vec::with_capacity(2 * bytes);
    let until = Instant::now() + lasts;
    while Instant::now() < until || ours.len() < 5 {
        let begin = Instant::now();
        for event in events.iter().cycle().take(burst) {
            line.clear();
            serde_json::to_writer(&mut line, black_box(event))?;
            black_box(&line);
        }
        floor.push(begin.elapsed().as_nanos() as f64 / burst as f64);
        let begin = Instant::now();
        events.iter().cycle().take(burst).for_each(|event| _ = client.emit(black_box(event)));
        ours.push(begin.elapsed().as_nanos() as f64 / burst as f64);
        await_room(&client, 2 * burst as u64);
    }
    Ok((vec![client], middle(ours), Some(middle(floor))))
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    at(&values, 0.5)
}

/// All producers emit a burst at once. The time from the first call to the last return is divided by the number of events.
fn over_producers(http: &str, producers: usize, lasts: Duration) -> Result<Found, Failure> {
    const BURST: usize = 250;
    let client = builder_like_the_others(http).queue_events_max(1 << 15).queue_bytes_max(32 << 20).build()?;
    let line = Barrier::new(producers + 1);
    let rounds = (lasts.as_millis() as usize / 5).max(5);
    let together = |call: &(dyn Fn(usize) + Sync)| {
        thread::scope(|scope| {
            for nth in 0..producers {
                let line = &line;
                scope.spawn(move || {
                    for _ in 0..rounds {
                        line.wait();
                        call(nth);
                        line.wait();
                    }
                });
            }
            let mut times = Vec::new();
            for _ in 0..rounds {
                await_room(&client, 2_000);
                line.wait();
                let begin = Instant::now();
                line.wait();
                times.push(begin.elapsed().as_nanos() as f64 / (producers * BURST) as f64);
            }
            middle(times)
        })
    };
    let events = |nth: usize| corpus::cycle(nth * 61).take(BURST);
    let floor = together(&|nth| {
        let mut line = Vec::with_capacity(1024);
        for event in events(nth) {
            line.clear();
            let _ = serde_json::to_writer(&mut line, black_box(event));
            black_box(&line);
        }
    });
    let ours = together(&|nth| events(nth).for_each(|event| _ = client.emit(black_box(event))));
    Ok((vec![client], ours, Some(floor)))
}

/// One caller, which passes each event to the next client. The load is the same for any number of clients.
fn over_clients(http: &str, clients: usize, lasts: Duration) -> Result<Found, Failure> {
    const BURST: usize = 500;
    let clients: Vec<Client> =
        (0..clients).map(|_| builder_like_the_others(http).build()).collect::<Result<_, _>>()?;
    let mut times = Vec::new();
    let until = Instant::now() + lasts;
    while Instant::now() < until || times.len() < 5 {
        let begin = Instant::now();
        for (event, client) in corpus::cycle(0).take(BURST).zip(clients.iter().cycle()) {
            client.emit(black_box(event));
        }
        times.push(begin.elapsed().as_nanos() as f64 / BURST as f64);
        await_room(&clients[0], 4_000);
    }
    Ok((clients, middle(times), None))
}

/// Clients with nothing to do, before or after their first event: what each holds beyond what all share.
fn over_idle(http: &str, clients: usize, over: Over) -> Result<Found, Failure> {
    let more = |count: usize| -> Result<Vec<Client>, Failure> {
        let clients =
            (0..count).map(|_| builder_like_the_others(http).build()).collect::<Result<Vec<_>, _>>()?;
        if over == Over::Connected {
            for client in &clients {
                client.emit(&corpus::events()[0]);
                client.flush_blocking(Duration::from_secs(10))?;
            }
        }
        // Gives their threads time to go to sleep.
        thread::sleep(Duration::from_millis(100));
        Ok(clients)
    };
    let mut all = more(1)?;
    let shared = usage::rss_bytes()?;
    all.extend(more(clients - 1)?);
    let each = usage::rss_bytes()?.saturating_sub(shared) as f64 / 1024.0 / (clients - 1) as f64;
    Ok((all, each, None))
}

/// CPU of the whole process from emit to 2xx.
fn over_batch(http: &str, batch: usize, lasts: Duration) -> Result<Found, Failure> {
    let builder = Client::builder(format!("http://{http}/v1/events")).posts_in_flight_max(4);
    let client = builder
        .batch_events_max(batch)
        .batch_bytes_max(4 << 20)
        .queue_events_max(1 << 15)
        .queue_bytes_max(32 << 20)
        .build()?;
    let mut events = corpus::cycle(0);
    let mut emit = |count: usize| {
        events.by_ref().take(count).for_each(|event| _ = client.emit(event));
        await_room(&client, 8_000);
    };
    emit(500);
    let (cpu, until, mut emitted) = (usage::cpu()?, Instant::now() + lasts, 0);
    while Instant::now() < until {
        emit(2_500);
        emitted += 2_500;
    }
    while client.stats().pending > 0 && Instant::now() < until + Duration::from_secs(10) {
        thread::sleep(Duration::from_millis(2));
    }
    let cpu = (usage::cpu()? - cpu).as_secs_f64();
    Ok((vec![client], cpu * 1e6 / emitted as f64, None))
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let sink = Sink::start()?;
    let mut points: Vec<Vec<Vec<Point>>> =
        COURSES.iter().map(|course| vec![Vec::new(); course.values.len()]).collect();
    for round in 0..arguments.rounds {
        for (course, points) in COURSES.iter().zip(&mut points) {
            for (value, points) in course.values.iter().zip(points) {
                let mut ask = vec!["one-sweep".to_owned(), course.over.name().to_owned(), value.to_string()];
                ask.extend(["--milliseconds".to_owned(), arguments.milliseconds.to_string()]);
                ask.extend(sink.addresses.arguments());
                points.push(child::ask(&ask, Duration::from_secs(60))?);
            }
        }
        eprintln!("round {} of {}", round + 1, arguments.rounds);
    }
    show(arguments, &points)
}

fn show(arguments: &Arguments, points: &[Vec<Vec<Point>>]) -> Result<(), Failure> {
    let mut page = Page::of("sweep");
    page.say(&format!(
        "{} rounds, a process of its own for each point, {} ms each; medians. The floor is `serde_json::to_writer` into a reused \
         `Vec`, in the same process, under the same pace.",
        arguments.rounds, arguments.milliseconds
    ));
    for (course, points) in COURSES.iter().zip(points) {
        let middle = |points: &[Point], figure: fn(&Point) -> f64| {
            spread(points.iter().map(figure)).map_or(f64::NAN, |spread| spread.median)
        };
        let line = |figure: fn(&Point) -> f64| -> Vec<(f64, f64)> {
            let value = |(&value, points): (&usize, &Vec<Point>)| (value as f64, middle(points, figure));
            course.values.iter().zip(points).map(value).collect()
        };
        let ours = line(|point| point.ours);
        let floor = line(|point| point.floor.unwrap_or(f64::NAN));
        let mut table = Table::of(&[course.x, course.y, "floor", "× floor", "RSS MB", "delivered %"]);
        for (nth, &(_, y)) in ours.iter().enumerate() {
            let of = |figure| middle(&points[nth], figure);
            table.row(vec![
                course.values[nth].to_string(),
                short(y),
                short(floor[nth].1),
                short(y / floor[nth].1),
                short(of(|point| point.rss_mb)),
                short(of(|point| point.delivered_percent)),
            ]);
        }
        page.table(&table);
        let file = format!("sweep-{}", course.name);
        let title = format!("{} over {}", course.y, course.x);
        page.picture(&format!("{file}.png"), &title);
        if course.over == Over::Connected {
            continue;
        }
        if course.over == Over::Idle {
            let (_, each) = ours.last().copied().unwrap_or((f64::NAN, f64::NAN));
            page.goal(Goal::at_most("P14", "an idle client, the average of a hundred", each, 128.0, " KiB"));
            continue;
        }
        page.goal(Goal::at_most(
            "P13",
            &format!("{}: the steepest step of cost", course.x),
            steepest(course, &ours),
            2.0,
            " x",
        ));
    }
    page.keep(&points)
}

/// How far the cost of a point is above what its neighbour predicts: proportional growth for bytes, and no growth for the others.
/// 1 is a straight line; a cliff is far above 1.
fn steepest(course: &Course, points: &[(f64, f64)]) -> f64 {
    points
        .windows(2)
        .map(|pair| {
            let grown = if course.over == Over::Bytes { pair[1].0 / pair[0].0 } else { 1.0 };
            pair[1].1 / pair[0].1 / grown
        })
        .fold(0.0, f64::max)
}
