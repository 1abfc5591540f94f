//! Prints the MD5 of a page as a check with `digest` counts it: that of the bytes that are sent.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use probe::{Endpoint, HttpProtocol, HttpSpec, Tls, TlsOptions};

use crate::compat;
use crate::terminal::{eprint, print};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) endpoint: Endpoint,
    pub(crate) path: String,
    /// The Host header; address and port without it.
    pub(crate) host: Option<String>,
    pub(crate) protocol: HttpProtocol,
    pub(crate) uses_tls: bool,
    /// `host` is told by TLS.
    pub(crate) tells_name: bool,
    /// The answer is shown too.
    pub(crate) is_verbose: bool,
    /// For all of it.
    pub(crate) timeout: Duration,
}

/// Asks, and prints. A digest is printed of a whole answer only; exit code 1 where there is none.
pub(crate) fn run(wanted: &Wanted) -> ExitCode {
    match report(wanted) {
        Ok(text) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprint(&format!("genhash: {}: {why}\n", wanted.endpoint.server));
            ExitCode::from(compat::exit::FATAL)
        }
    }
}

fn report(wanted: &Wanted) -> Result<String, String> {
    let spec = spec(wanted)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let start = Instant::now();
    let answer = runtime.block_on(async {
        let deadline = tokio::time::Instant::now() + wanted.timeout;
        probe::fetch(&spec, deadline).await
    });
    let answer = answer.map_err(|failure| failure.why)?;
    Ok(if wanted.is_verbose {
        compat::genhash::verbose(&answer, &wanted.path, start.elapsed())
    } else {
        compat::genhash::digest(&answer)
    })
}

fn spec(wanted: &Wanted) -> Result<HttpSpec, String> {
    // An IPv6 address stands in brackets, as in a Host header.
    let host = wanted.host.clone().unwrap_or_else(|| wanted.endpoint.server.to_string());
    let mut spec = HttpSpec::new(wanted.endpoint.clone(), wanted.path.clone(), host);
    spec.protocol = wanted.protocol;
    if wanted.uses_tls {
        let name = wanted.host.clone().filter(|_| wanted.tells_name);
        let options = TlsOptions { name, ..TlsOptions::default() };
        spec.tls = Some(Tls::new(&options).map_err(|error| error.to_string())?);
    }
    Ok(spec)
}
