//! nginx, as the web server that checks ask: fetched and unpacked, not installed.

use std::fs;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::bench::gauge;
use crate::lab::{Space, reap};
use crate::node::Node;
use crate::packages::Unpacked;

/// The package. The libraries that it needs are there where keepalived is.
pub const PACKAGE: Unpacked =
    Unpacked { name: "nginx", packages: &["nginx"], program: "usr/sbin/nginx" };

/// nginx with one page at port 80, and a count of what it was asked. It ends with its lab.
#[derive(Debug)]
pub struct Nginx {
    space: Space,
    /// The `nsenter` that carried it inside.
    carrier: Child,
}

impl Nginx {
    /// Starts it on `node`.
    ///
    /// # Errors
    /// When it cannot be had, or does not answer.
    pub fn start(node: &Node) -> Result<Self> {
        let place = PACKAGE.provide().map_err(anyhow::Error::msg)?;
        let folder = node.file("nginx");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("index.html"), "well\n")?;
        let shown = folder.display();
        let text = CONFIGURATION.replace("FOLDER", &shown.to_string());
        fs::write(folder.join("nginx.conf"), text)?;
        let mut command = node.space().command(&place.join(PACKAGE.program));
        command.arg("-p").arg(&folder).arg("-c").arg(folder.join("nginx.conf"));
        command.args(["-e", "stderr"]).stdin(Stdio::null()).stdout(Stdio::null());
        let carrier = command.spawn().context("start nginx")?;
        let this = Self { space: node.space().clone(), carrier };
        let until = Instant::now() + PATIENCE;
        while let Err(error) = this.asked() {
            ensure!(Instant::now() < until, "nginx does not answer: {error:#}");
            thread::sleep(Duration::from_millis(100));
        }
        Ok(this)
    }

    /// What these processes take for each request that they make within `span`, in microseconds of processor time, and how
    /// many they make each second.
    ///
    /// # Errors
    /// When they make none, or end.
    pub fn cost(&self, processes: &[u32], span: Duration) -> Result<(f64, f64)> {
        let (before, asked) = (gauge::processor_time(processes)?, self.asked()?);
        let begun = Instant::now();
        thread::sleep(span);
        let (used, made) = (gauge::processor_time(processes)?, self.asked()?);
        let seconds = begun.elapsed().as_secs_f64();
        let used = used.saturating_sub(before).as_secs_f64();
        // Each look at the counts is a request, too.
        let made = f64::from(u32::try_from(made.saturating_sub(asked + 1))?);
        ensure!(made > 0.0, "nothing is asked");
        Ok((used * 1e6 / made, made / seconds))
    }

    /// How many requests it has had.
    ///
    /// # Errors
    /// When it does not say.
    pub fn asked(&self) -> Result<u64> {
        let output = self.space.agent(&["pages", "127.0.0.1:81", "1", "0", "10000"]).output()?;
        // " ACCEPTS HANDLED REQUESTS " is the third line of the page.
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let numbers = text.lines().nth(2).context("no counts of nginx")?;
        Ok(numbers.split_whitespace().nth(2).context("no count of requests")?.parse()?)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        reap(&mut self.carrier);
    }
}

const CONFIGURATION: &str = "daemon off;
master_process off;
pid FOLDER/pid;
events { worker_connections 4096; }
http {
    access_log off;
    client_body_temp_path FOLDER/body;
    proxy_temp_path FOLDER/proxy;
    fastcgi_temp_path FOLDER/fastcgi;
    uwsgi_temp_path FOLDER/uwsgi;
    scgi_temp_path FOLDER/scgi;
    server { listen 80; root FOLDER; }
    server { listen 127.0.0.1:81; location / { stub_status; } }
}
";
const PATIENCE: Duration = Duration::from_secs(20);
