//! Two namespaces with a wire between them that can be cut and healed. Made by iproute2, removed when the value is dropped.

use super::Failure;
use std::path::{Path, PathBuf};
use std::process::Command;

/// From the block reserved for documentation (RFC 5737): unused on every network.
pub const ENDPOINT: &str = "192.0.2.1";
pub const ENDPOINT_TOO: &str = "192.0.2.3";
pub const SERVICE: &str = "192.0.2.2";
pub const PORT: u16 = 8080;
/// A hardware address that no interface has: locally administered, so it may be invented.
const NOWHERE: &str = "02:00:00:00:00:01";

/// The namespaces' names begin with it: `overspill-PID-`.
const PREFIX: &str = "overspill";

/// The `ip` command, or why the program cannot run here.
pub fn find_ip() -> Result<PathBuf, String> {
    let folders = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    let ip = folders.split(':').map(|folder| Path::new(folder).join("ip")).find(|ip| ip.is_file());
    let ip = ip.ok_or("there is no `ip` command (iproute2); network namespaces exist only on Linux")?;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
    if uid.split_whitespace().nth(1) != Some("0") {
        return Err("only root can make network namespaces".to_owned());
    }
    // Root in a container may have few rights.
    let trial = format!("{PREFIX}-{}-trial", std::process::id());
    let made =
        run(&ip, &["netns", "add", &trial]).map_err(|error| format!("cannot make a namespace: {error}"));
    let _ = run(&ip, &["netns", "del", &trial]);
    made.map(|_| ip)
}

fn run(ip: &Path, words: &[&str]) -> Result<String, Failure> {
    let output = Command::new(ip).args(words).output()?;
    if !output.status.success() {
        return Err(
            format!("ip {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim()).into()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// One side of the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Side {
    namespace: String,
    /// Its hardware address, read once the wire exists.
    hardware: String,
}

const WIRE: &str = "wire";

pub struct Network {
    ip: PathBuf,
    endpoint: Side,
    service: Side,
}

impl Network {
    /// Two namespaces whose names hold this process's id and `tag`, with a wire that is healthy.
    pub fn lay(ip: &Path, tag: &str) -> Result<Network, Failure> {
        let side = |what: &str| Side {
            namespace: format!("{PREFIX}-{}-{tag}-{what}", std::process::id()),
            hardware: String::new(),
        };
        // From here on the drop cleans up what was made.
        let mut network = Network { ip: ip.to_owned(), endpoint: side("endpoint"), service: side("service") };
        let (endpoint, service) = (network.endpoint.namespace.clone(), network.service.namespace.clone());
        for namespace in [&endpoint, &service] {
            std::fs::create_dir_all(folder(namespace))?;
            network.ip(&["netns", "add", namespace])?;
            network.ip(&["-n", namespace, "link", "set", "lo", "up"])?;
        }
        // Both ends are created in their namespaces; the machine's own namespace never sees them.
        network.ip(&[
            "link", "add", WIRE, "netns", &endpoint, "type", "veth", "peer", "name", WIRE, "netns", &service,
        ])?;
        for (namespace, address) in [(&endpoint, ENDPOINT), (&endpoint, ENDPOINT_TOO), (&service, SERVICE)] {
            network.ip(&["-n", namespace, "address", "add", &format!("{address}/24"), "dev", WIRE])?;
        }
        for namespace in [&endpoint, &service] {
            network.ip(&["-n", namespace, "link", "set", WIRE, "up"])?;
        }
        network.endpoint.hardware = network.hardware(&endpoint)?;
        network.service.hardware = network.hardware(&service)?;
        network.heal()?;
        Ok(network)
    }

    fn ip(&self, words: &[&str]) -> Result<String, Failure> {
        run(&self.ip, words)
    }

    fn hardware(&self, namespace: &str) -> Result<String, Failure> {
        let link = self.ip(&["-n", namespace, "link", "show", WIRE])?;
        let mut words = link.split_whitespace().skip_while(|word| *word != "link/ether");
        Ok(words.nth(1).ok_or("a link without a hardware address")?.to_owned())
    }

    /// Packets of both sides go to an unused hardware address: nothing arrives, and neither side gets an error.
    pub fn cut(&self) -> Result<(), Failure> {
        self.point_at(NOWHERE, NOWHERE)
    }

    pub fn heal(&self) -> Result<(), Failure> {
        self.point_at(&self.endpoint.hardware, &self.service.hardware)
    }

    /// Permanent entries: the kernel neither asks for the right addresses nor finds out that these are wrong.
    fn point_at(&self, endpoint: &str, service: &str) -> Result<(), Failure> {
        let neighbours = [
            (&self.service, ENDPOINT, endpoint),
            (&self.service, ENDPOINT_TOO, endpoint),
            (&self.endpoint, SERVICE, service),
        ];
        for (side, address, hardware) in neighbours {
            let entry = ["neigh", "replace", address, "lladdr", hardware, "dev", WIRE, "nud", "permanent"];
            self.ip(&[&["-n", side.namespace.as_str()], entry.as_slice()].concat())?;
        }
        Ok(())
    }

    /// Sets what the service's side finds in `/etc/hosts` and `/etc/resolv.conf`. Rewrites the files in place: when a process starts in the
    /// namespace, they are mounted over the machine's, for that namespace only.
    pub fn say_names(&self, hosts: &str, resolv: &str) -> Result<(), Failure> {
        let folder = folder(&self.service.namespace);
        std::fs::write(folder.join("hosts"), format!("127.0.0.1 localhost\n{hosts}\n"))?;
        std::fs::write(folder.join("resolv.conf"), format!("{resolv}\n"))?;
        Ok(())
    }

    /// A command of this program, run in the endpoint's namespace.
    pub fn at_endpoint(&self) -> Result<Command, Failure> {
        self.inside(&self.endpoint)
    }

    pub fn at_service(&self) -> Result<Command, Failure> {
        self.inside(&self.service)
    }

    fn inside(&self, side: &Side) -> Result<Command, Failure> {
        let mut command = Command::new(&self.ip);
        // `ip` becomes the program, so the child's pid is the program's.
        command.args(["netns", "exec", &side.namespace]).arg(std::env::current_exe()?);
        Ok(command)
    }
}

/// Where `ip netns exec` looks for files to mount over `/etc`.
fn folder(namespace: &str) -> PathBuf {
    Path::new("/etc/netns").join(namespace)
}

impl Drop for Network {
    fn drop(&mut self) {
        for side in [&self.endpoint, &self.service] {
            // The wire goes with its ends. Removing what was never made fails, which is harmless.
            let _ = self.ip(&["netns", "del", &side.namespace]);
            let _ = std::fs::remove_dir_all(folder(&side.namespace));
        }
        // Removed only if it is empty.
        let _ = std::fs::remove_dir("/etc/netns");
    }
}
