//! `genhash`: keepalived's program for the `digest` of a page, with its flags.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt as _};
use probe::{Endpoint, HttpProtocol};

use crate::compat::exit;
use crate::genhash::{self, Wanted};
use crate::terminal::eprint;

/// Runs it. `arguments` are those behind its name.
pub(super) fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match parse(arguments) {
        Ok(Some(wanted)) => genhash::run(&wanted),
        Ok(None) => {
            eprint(USAGE);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprint(&format!("genhash: {error}\n{USAGE}"));
            ExitCode::from(exit::FATAL)
        }
    }
}

/// Reads the flags; nothing where they ask for help.
///
/// **Errors**: a flag that is none, a value that cannot be, or a server, port or path that is missing.
fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Wanted>, lexopt::Error> {
    let (mut server, mut port, mut path) = (None::<IpAddr>, None::<u16>, None);
    let (mut host, mut mark, mut timeout) = (None, None, DEFAULT_TIMEOUT);
    let (mut uses_tls, mut tells_name, mut is_verbose) = (false, false, false);
    let mut protocol = HttpProtocol::Http10;
    let mut parser = Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            Arg::Short('s') | Arg::Long("server") => {
                server = Some(parser.value()?.parse().map_err(named("server"))?);
            }
            Arg::Short('p') | Arg::Long("port") => {
                port = Some(parser.value()?.parse().map_err(named("port"))?);
            }
            Arg::Short('u') | Arg::Long("url") => path = Some(parser.value()?.string()?),
            Arg::Short('S') | Arg::Long("use-ssl") => uses_tls = true,
            Arg::Short('I') | Arg::Long("use-sni") => tells_name = true,
            Arg::Short('V') | Arg::Long("use-virtualhost") => {
                host = Some(parser.value()?.string()?);
            }
            Arg::Short('v') | Arg::Long("verbose") => is_verbose = true,
            Arg::Short('m') | Arg::Long("fwmark") => {
                mark = Some(parser.value()?.parse().map_err(named("fwmark"))?);
            }
            Arg::Short('P') | Arg::Long("protocol") => {
                protocol = parser.value()?.parse_with(version).map_err(named("protocol"))?;
            }
            Arg::Short('t') | Arg::Long("timeout") => {
                let seconds = parser.value()?.parse_with(seconds).map_err(named("timeout"))?;
                timeout = seconds;
            }
            other @ (Arg::Short(_) | Arg::Long(_) | Arg::Value(_)) => {
                return Err(other.unexpected());
            }
        }
    }
    let server = server.ok_or("which server? `-s ADDRESS`")?;
    let port = port.filter(|port| *port != 0).ok_or("which port? `-p 1..65535`")?;
    let path: String = path.ok_or("which page? `-u PATH`")?;
    if !path.starts_with('/') {
        return Err(format!("`-u {path}`: a path begins with `/`").into());
    }
    let endpoint = Endpoint { mark, ..Endpoint::to(SocketAddr::new(server, port)) };
    Ok(Some(Wanted { endpoint, path, host, protocol, uses_tls, tells_name, is_verbose, timeout }))
}

/// Says of which flag a value is.
fn named(flag: &'static str) -> impl Fn(lexopt::Error) -> lexopt::Error {
    move |error| format!("--{flag}: {error}").into()
}

fn version(text: &str) -> Result<HttpProtocol, &'static str> {
    match text {
        "1.0" => Ok(HttpProtocol::Http10),
        "1.0c" | "1.0C" => Ok(HttpProtocol::Http10Close),
        "1.1" => Ok(HttpProtocol::Http11),
        "2" => Ok(HttpProtocol::Http2),
        _ => Err("1.0, 1.0c, 1.1 or 2"),
    }
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds: u32 = text.parse().map_err(|_| "whole seconds, at least 1")?;
    if seconds == 0 { Err("at least 1 second") } else { Ok(Duration::from_secs(seconds.into())) }
}

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

const USAGE: &str = "\
Prints the MD5 of a page, for `digest` of HTTP_GET and SSL_GET.

Usage: genhash -s ADDRESS -p PORT -u PATH [OPTIONS]

  -s, --server ADDRESS        the web server
  -p, --port PORT             its port
  -u, --url PATH              the page
  -V, --use-virtualhost HOST  the Host header; ADDRESS:PORT without it
  -P, --protocol VERSION      1.0, 1.0c (1.0 with `Connection: close`), 1.1 or 2
  -S, --use-ssl               over TLS, whoever answers
  -I, --use-sni               tell HOST by TLS
  -m, --fwmark MARK           the mark of the packets
  -t, --timeout SECONDS       for all of it; 5 without it
  -v, --verbose               show the answer too
  -h, --help                  show this
";

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(words: &str) -> Result<Option<Wanted>, String> {
        parse(words.split_whitespace().map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn flags_are_those_of_keepalived() {
        let short = "-s 192.0.2.1 -p 8443 -u /x -S -I -V www.example.org -v -m 7 -P 1.0c -t 2";
        let long = "--server 192.0.2.1 --port 8443 --url /x --use-ssl --use-sni \
                    --use-virtualhost www.example.org --verbose --fwmark 7 --protocol 1.0c --timeout 2";
        let expected = Wanted {
            endpoint: Endpoint {
                mark: Some(7),
                ..Endpoint::to(SocketAddr::from(([192, 0, 2, 1], 8443)))
            },
            path: "/x".to_owned(),
            host: Some("www.example.org".to_owned()),
            protocol: HttpProtocol::Http10Close,
            uses_tls: true,
            tells_name: true,
            is_verbose: true,
            timeout: Duration::from_secs(2),
        };
        assert_eq!(wanted(short), Ok(Some(expected.clone())));
        assert_eq!(wanted(long), Ok(Some(expected)));
        assert_eq!(wanted("-s 192.0.2.1 -h"), Ok(None));
    }

    #[test]
    fn what_is_missing_or_cannot_be_is_named() {
        for (words, part) in [
            ("-p 80 -u /", "which server?"),
            ("-s 192.0.2.1 -u /", "which port?"),
            ("-s 192.0.2.1 -p 0 -u /", "which port?"),
            ("-s 192.0.2.1 -p 80", "which page?"),
            ("-s 192.0.2.1 -p 80 -u x", "`-u x`: a path begins with `/`"),
            ("-s localhost -p 80 -u /", "--server: "),
            ("-s 192.0.2.1 -p 99999 -u /", "--port: "),
            ("-s 192.0.2.1 -p 80 -u / -t 0", "--timeout: "),
            ("-s 192.0.2.1 -p 80 -u / -P 3", "--protocol: "),
            ("-s 192.0.2.1 -p 80 -u / -q", "'-q'"),
            ("-s 192.0.2.1 -p 80 -u / more", "\"more\""),
        ] {
            let error = wanted(words).unwrap_err();
            assert!(error.contains(part), "{words}: {error}");
        }
    }

    #[test]
    fn a_page_may_be_asked_for_by_http_2() {
        let wanted = wanted("-s 192.0.2.1 -p 80 -u / -P 2").unwrap().unwrap();
        assert_eq!(wanted.protocol, HttpProtocol::Http2);
    }
}
