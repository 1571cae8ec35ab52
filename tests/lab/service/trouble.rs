//! Makes the trouble: cuts a network, or makes the endpoint go dark. Starts the story on the service's side, does what it asks, and
//! judges at the end.

use super::endpoint::Server;
use super::network::{ENDPOINT, Network, PORT, find_ip};
use super::{Arguments, Failure, law};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// The lines with which the story asks for trouble.
pub const CUT: &str = "@cut";
pub const HEAL: &str = "@heal";

enum Trouble {
    Network { network: Network, endpoint: Killed },
    Dark(Server),
}

/// A child that does not outlive this process.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Trouble {
    fn lay(arguments: &Arguments) -> Result<Trouble, Failure> {
        let ip = if arguments.no_namespaces { Err("--no-namespaces".to_owned()) } else { find_ip() };
        match ip {
            Ok(ip) => {
                let network = Network::lay(&ip, "service")?;
                let mut command = network.at_endpoint()?;
                command.args(["--role", "endpoint", "--out"]).arg(&arguments.out);
                let mut child = Killed(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?);
                let mut ready = String::new();
                BufReader::new(child.0.stdout.take().ok_or("no output")?).read_line(&mut ready)?;
                println!("The network between two namespaces will be cut.");
                Ok(Trouble::Network { network, endpoint: child })
            }
            Err(why) => {
                println!("The network is not cut ({why}): the endpoint will stop answering.");
                Ok(Trouble::Dark(Server::start(TcpListener::bind("127.0.0.1:0")?)?))
            }
        }
    }

    fn url(&self) -> String {
        match self {
            Trouble::Network { .. } => format!("http://{ENDPOINT}:{PORT}/v1/events"),
            Trouble::Dark(server) => server.url(),
        }
    }

    /// A command of this program, on the service's side.
    fn command(&self) -> Result<Command, Failure> {
        match self {
            Trouble::Network { network, .. } => network.at_service(),
            Trouble::Dark(_) => Ok(Command::new(std::env::current_exe()?)),
        }
    }

    fn heed(&self, line: &str) -> Result<(), Failure> {
        match (line, self) {
            (CUT, Trouble::Network { network, .. }) => network.cut()?,
            (HEAL, Trouble::Network { network, .. }) => network.heal()?,
            (CUT, Trouble::Dark(server)) => server.go_dark(),
            (HEAL, Trouble::Dark(server)) => server.heal(),
            (line, _) => println!("{line}"),
        }
        Ok(())
    }

    /// Makes the endpoint write what it accepted to a file.
    fn end(self, arguments: &Arguments) -> Result<(), Failure> {
        match self {
            Trouble::Dark(server) => server.write_down(&arguments.out),
            Trouble::Network { network: _network, mut endpoint } => {
                drop(endpoint.0.stdin.take());
                let status = endpoint.0.wait()?;
                if status.success() {
                    Ok(())
                } else {
                    Err(format!("the endpoint ended with {status}").into())
                }
            }
        }
    }
}

pub fn conduct(arguments: &Arguments) -> Result<(), Failure> {
    let out = &arguments.out;
    if out.exists() {
        std::fs::remove_dir_all(out).map_err(|error| format!("cannot empty {}: {error}", out.display()))?;
    }
    std::fs::create_dir_all(out).map_err(|error| format!("cannot write to {}: {error}", out.display()))?;
    let trouble = Trouble::lay(arguments)?;
    let mut command = trouble.command()?;
    command.args(["--role", "story", "--url", &trouble.url(), "--out"]).arg(out);
    command.arg("--rules").arg(&arguments.rules);
    let mut story = Killed(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?);
    for line in BufReader::new(story.0.stdout.take().ok_or("no output")?).lines() {
        trouble.heed(&line?)?;
    }
    let told = story.0.wait()?;
    trouble.end(arguments)?;
    let found = law::judge(out)?;
    println!("{found}\nThe law holds: every event is at the endpoint or in the log.");
    let run = out.join("run.md");
    std::fs::write(&run, std::fs::read_to_string(&run)? + &found)?;
    if told.success() { Ok(()) } else { Err("the story failed: see above".into()) }
}
