//! Proxies in front of a server: nginx, which asks for a password and limits body sizes, and haproxy, which checks health.

use crate::Failure;
use crate::process::{Process, free_port};
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Front {
    kind: Kind,
    home: PathBuf,
    pub port: u16,
    pub body_limit: usize,
    process: Option<Process>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Nginx,
    Haproxy,
}

impl Front {
    pub fn nginx(home: &Path, behind: u16) -> Result<Front, Failure> {
        const BODY_LIMIT: usize = 64 << 10;
        let port = free_port()?;
        let folder = home.display();
        fs::write(home.join("users"), "overspill:{PLAIN}right\n")?;
        fs::write(
            home.join("nginx.conf"),
            format!(
                "daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    upstream server {{ server 127.0.0.1:{behind}; keepalive 4; }}
    server {{
        listen 127.0.0.1:{port};
        client_max_body_size {BODY_LIMIT};
        auth_basic overspill;
        auth_basic_user_file {folder}/users;
        location / {{
            proxy_pass http://server;
            proxy_http_version 1.1;
            proxy_set_header connection '';
            proxy_set_header authorization '';
        }}
    }}
}}
"
            ),
        )?;
        Ok(Front { kind: Kind::Nginx, home: home.to_owned(), port, body_limit: BODY_LIMIT, process: None })
    }

    /// In front of one or more servers that answer GET `ping`.
    pub fn haproxy(home: &Path, ping: &str, behind: &[u16]) -> Result<Front, Failure> {
        fs::create_dir_all(home)?;
        let port = free_port()?;
        let servers: String = (1..)
            .zip(behind)
            .map(|(nth, port)| {
                format!("    server s{nth} 127.0.0.1:{port} check inter 200ms fall 2 rise 1\n")
            })
            .collect();
        fs::write(
            home.join("haproxy.cfg"),
            format!(
                "defaults
    mode http
    timeout connect 1s
    timeout client 10s
    timeout server 10s
    retries 2
    option redispatch 1
frontend events
    bind 127.0.0.1:{port}
    default_backend servers
backend servers
    balance roundrobin
    option httpchk GET {ping}
{servers}"
            ),
        )?;
        Ok(Front { kind: Kind::Haproxy, home: home.to_owned(), port, body_limit: usize::MAX, process: None })
    }

    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Nginx => "nginx",
            Kind::Haproxy => "haproxy",
        }
    }

    /// Starts the proxy once: it stays up while the server behind it goes down.
    pub fn start(&mut self) -> Result<(), Failure> {
        if self.process.is_some() {
            return Ok(());
        }
        let mut command = match self.kind {
            Kind::Nginx => Command::new("nginx"),
            Kind::Haproxy => Command::new("haproxy"),
        };
        match self.kind {
            Kind::Nginx => command.arg("-p").arg(&self.home).arg("-c").arg(self.home.join("nginx.conf")),
            Kind::Haproxy => command.arg("-db").arg("-f").arg(self.home.join("haproxy.cfg")),
        };
        let log = self.home.join(format!("{}.out", self.name()));
        let mut process = Process::start(self.name(), &mut command, &log)?;
        process.await_ready(|| TcpStream::connect(("127.0.0.1", self.port)).is_ok())?;
        self.process = Some(process);
        Ok(())
    }

    /// `overspill:right`
    pub fn basic(&self) -> &'static str {
        "Basic b3ZlcnNwaWxsOnJpZ2h0"
    }

    /// `overspill:wrong`
    pub fn wrong_basic(&self) -> &'static str {
        "Basic b3ZlcnNwaWxsOndyb25n"
    }
}
