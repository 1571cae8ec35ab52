//! The experiment with a feature flag: three heap profiles with the flag off, three with it on, of the same processes
//! under the same load. The endpoint is gone throughout.

use super::conductor::Service;
use super::endpoint::Server;
use super::file::FileProvider;
use super::judge::{Variant, is_of_the_client, judge, wait_until};
use super::{Arguments, Failure, Role, table};
use open_feature::OpenFeature;
use overspill::Client;
use overspill::heap_compare::compare;
use overspill::toggle::{Toggle, ToggleGuard};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const FLAG: &str = "telemetry";
/// Well below the time between two profiles.
const INTERVAL: Duration = Duration::from_millis(100);

/// In a service: lets the flag in the file switch the client from now on.
pub fn follow(file: &Path, events: Client) -> Result<(Client, ToggleGuard), Failure> {
    let mut api = OpenFeature::default();
    tokio::runtime::Builder::new_current_thread()
        .build()?
        .block_on(api.set_provider(FileProvider::new(file)));
    let toggle = Toggle::builder(&events, api.create_client()).mode_flag(FLAG).interval(INTERVAL).start()?;
    Ok((events, toggle))
}

pub fn run(file: &Path, arguments: &Arguments) -> Result<ExitCode, Failure> {
    std::fs::create_dir_all(&arguments.out)?;
    let set = |value: &str| {
        eprintln!("{FLAG} = {value} in {}", file.display());
        std::fs::write(file, format!("{FLAG} = {value}\n"))
    };
    set("off")?;
    let server = Server::start()?;
    server.refuse();
    let began = Instant::now();
    let roles = [Role::Leaky, Role::Overspill];
    let mut services = Vec::new();
    for role in roles {
        services.push(Service::start(role, &server.url(), arguments, began)?);
    }
    for (number, share) in [0.2, 0.35, 0.5, 0.65, 0.8, 1.0].into_iter().enumerate() {
        let words = format!("the endpoint is gone; waiting for profiles {}", number + 1);
        wait_until(began + Duration::from_secs(arguments.seconds).mul_f64(share), &words);
        for service in &mut services {
            service.profile(&arguments.out)?;
        }
        if number == 2 {
            set("on")?;
        }
    }
    let mut kept = true;
    for (role, service) in roles.into_iter().zip(services) {
        let seen = service.stop()?;
        for (flag, profiles, judged_as) in [("off", 0..3, Role::Off), ("on", 3..6, role)] {
            let mut seen = seen.clone();
            seen.profiles = seen.profiles[profiles].to_vec();
            let profiles: Vec<_> = seen.profiles.iter().map(|(_, _, profile)| profile.clone()).collect();
            let comparison = compare(&profiles)?;
            let client = profiles.iter().map(|profile| profile.held_by(is_of_the_client)).collect();
            let title = if role == Role::Leaky { "the leaky client" } else { "overspill" };
            let variant = Variant { role: judged_as, title, seen, comparison, client };
            let (good, words) = judge(&variant);
            println!("=== {title}, the flag {flag}\n\n{}", table::of(&variant.comparison, 3));
            println!("{}: {words}\n", if good { "As promised" } else { "NOT AS PROMISED" });
            kept &= good;
        }
    }
    println!(
        "{}",
        if kept { "The leak is there when the flag is on." } else { "THE EXPERIMENT HAS FAILED." }
    );
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
