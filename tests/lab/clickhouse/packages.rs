//! The source of the events: this machine's package index.

use super::*;

/// One paragraph of the package index.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Package {
    pub package: String,
    pub version: String,
    pub architecture: String,
    pub section: String,
    pub priority: String,
    /// KiB.
    pub installed_size: u64,
    pub maintainer: String,
    pub depends: String,
    /// Many lines of free text.
    pub description: String,
}

/// An event, and a row of the table: the package with a number that is unique over all rounds.
#[derive(Serialize, Deserialize)]
pub struct Row<P> {
    pub id: u64,
    #[serde(flatten)]
    pub package: P,
}

/// The event with that number: cycles through the packages in order.
pub fn nth_event(packages: &[Package], id: u64) -> Row<&Package> {
    Row { id, package: &packages[(id % packages.len() as u64) as usize] }
}

pub fn read_packages(path: &Path) -> Result<Vec<Package>, Failure> {
    let bytes = std::fs::read(path)
        .map_err(|error| format!("cannot read the package index {}: {error}", path.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    let packages: Vec<Package> =
        text.split("\n\n").map(read_package).filter(|package| !package.package.is_empty()).collect();
    if packages.is_empty() {
        return Err(format!("{} holds no packages", path.display()).into());
    }
    Ok(packages)
}

/// `Name: value`, continued on lines that begin with a space; a lone dot stands for an empty line.
pub fn read_package(paragraph: &str) -> Package {
    let mut package = Package::default();
    let mut field = String::new();
    for line in paragraph.lines() {
        if let Some(continued) = line.strip_prefix(' ') {
            if field == "Description" {
                package.description.push('\n');
                package.description.push_str(if continued == "." { "" } else { continued });
            }
            continue;
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim().to_owned();
        match name {
            "Package" => package.package = value,
            "Version" => package.version = value,
            "Architecture" => package.architecture = value,
            "Section" => package.section = value,
            "Priority" => package.priority = value,
            "Installed-Size" => package.installed_size = value.parse().unwrap_or(0),
            "Maintainer" => package.maintainer = value,
            "Depends" => package.depends = value,
            "Description" => package.description = value,
            _ => {}
        }
        name.clone_into(&mut field);
    }
    package
}

/// Emits at a steady rate, and prints the books each second.
pub struct Stream<'a> {
    pub client: &'a Client,
    pub packages: &'a [Package],
    pub rate: u64,
    pub began: Instant,
    pub emitted: u64,
    pub seconds_told: u64,
}

impl<'a> Stream<'a> {
    pub fn new(client: &'a Client, packages: &'a [Package], rate: u64) -> Stream<'a> {
        Stream { client, packages, rate, began: Instant::now(), emitted: 0, seconds_told: 0 }
    }

    pub async fn flow(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            // The pace.
            tokio::time::sleep(TICK).await;
            let elapsed = self.began.elapsed();
            let due = (elapsed.as_secs_f64() * self.rate as f64) as u64;
            for id in self.emitted..due {
                self.client.emit(&nth_event(self.packages, id));
            }
            self.emitted = due;
            if elapsed.as_secs() > self.seconds_told {
                self.seconds_told = elapsed.as_secs();
                println!("{:3} s  {}", self.seconds_told, self.client.stats());
            }
        }
    }
}
