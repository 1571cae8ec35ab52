//! Finds the servers' programs.

use crate::Failure;
use std::path::{Path, PathBuf};

/// Whether a program is in the path.
pub fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// A virtual environment of Python.
pub struct Packages {
    venv: PathBuf,
    /// Where its packages are.
    site: Option<PathBuf>,
}

impl Packages {
    pub fn of(venv: &Path) -> Packages {
        let versions = std::fs::read_dir(venv.join("lib")).into_iter().flatten().flatten();
        let site = versions.map(|python| python.path().join("site-packages")).find(|site| site.is_dir());
        // Absolute, because each server starts in its own folder.
        let venv = std::path::absolute(venv).unwrap_or_else(|_| venv.to_owned());
        Packages { venv, site: site.and_then(|site| std::path::absolute(site).ok()) }
    }

    pub fn python(&self) -> PathBuf {
        self.venv.join("bin/python")
    }

    pub fn has(&self, package: &str) -> bool {
        !self.version(package).is_empty()
    }

    /// A file of a package.
    pub fn file(&self, path: &str) -> Result<PathBuf, Failure> {
        let file = self.site.as_ref().map(|site| site.join(path)).filter(|file| file.is_file());
        file.ok_or_else(|| format!("{path} is not in {}", self.venv.display()).into())
    }

    /// The version, from the name of the folder `NAME-VERSION.dist-info`.
    pub fn version(&self, package: &str) -> String {
        let prefix = format!("{}-", package.replace('-', "_"));
        let entries = self.site.iter().flat_map(std::fs::read_dir).flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let version =
            names.filter_map(|name| Some(name.strip_prefix(&prefix)?.strip_suffix(".dist-info")?.to_owned()));
        version.last().unwrap_or_default()
    }
}
