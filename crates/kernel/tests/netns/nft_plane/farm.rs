//! A director between a client and two servers, all in namespaces of their own, and what these say to each other.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd as _;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use kernel::namespace::Namespace;
use kernel::netlink::RequestSocket;
use wire::MacAddr;

use crate::world::eventually;

/// The test's own namespace is the director's.
pub struct Farm {
    pub client: Namespace,
    pub servers: Vec<Namespace>,
    /// What the segment is made of, where there is one; it ends with this.
    _switch: Option<Namespace>,
}

/// The director's end of the cable to the client.
pub const OUTSIDE: &str = "outside";
/// The address that all ask for, and its port.
pub const VIP: &str = "192.0.2.1";
pub const VIP6: &str = "2001:db8:2::1";
pub const CLIENT: &str = "10.1.0.2";
pub const CLIENT6: &str = "2001:db8:1::2";

/// The address of a server, counted from 1.
pub fn server(number: usize) -> String {
    format!("10.2.{number}.2")
}

pub fn server6(number: usize) -> String {
    format!("2001:db8:20{number}::2")
}

impl Farm {
    /// Servers whose way back is through the director, as NAT wants it. They answer on the ports 8080 and 8081.
    pub fn routed() -> Self {
        ip("link set lo up");
        for setting in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
            std::fs::write(format!("/proc/sys/net/{setting}"), "1").unwrap();
        }
        let client = cable(OUTSIDE, 1);
        ip(&format!("addr add 10.1.0.1/24 dev {OUTSIDE}"));
        ip(&format!("addr add 2001:db8:1::1/64 dev {OUTSIDE} nodad"));
        ip("addr add 192.0.2.1/32 dev lo");
        ip("addr add 2001:db8:2::1/128 dev lo nodad");
        inside(&client, || {
            ip("addr add 10.1.0.2/24 dev far0");
            // More addresses, for a client that is several.
            for last in 11..=30 {
                ip(&format!("addr add 10.1.0.{last}/24 dev far0"));
            }
            ip("addr add 2001:db8:1::2/64 dev far0 nodad");
            ip("route add default via 10.1.0.1");
            ip("route add default via 2001:db8:1::1");
        });
        let servers = [1_usize, 2].map(|number| {
            let near = format!("inside{number}");
            let space = cable(&near, 1 + u8::try_from(number).unwrap());
            ip(&format!("addr add 10.2.{number}.1/24 dev {near}"));
            ip(&format!("addr add 2001:db8:20{number}::1/64 dev {near} nodad"));
            inside(&space, || {
                ip(&format!("addr add {}/24 dev far0", server(number)));
                ip(&format!("addr add {}/64 dev far0 nodad", server6(number)));
                ip(&format!("route add default via 10.2.{number}.1"));
                ip(&format!("route add default via 2001:db8:20{number}::1"));
                for port in [8080, 8081] {
                    serve(number, port);
                    answer(number, &format!("[::]:{port}"));
                }
            });
            space
        });
        let this = Self { client, servers: servers.into(), _switch: None };
        for number in [1, 2] {
            this.until_answered(&format!("{}:8080", server(number)));
            this.until_answered(&format!("[{}]:8080", server6(number)));
        }
        this
    }

    /// Client, director and servers on one segment; the servers have the address themselves, as DR wants it.
    pub fn on_one_segment() -> Self {
        ip("link set lo up");
        std::fs::write("/proc/sys/net/ipv4/ip_forward", "0").unwrap();
        let switch = Namespace::create().unwrap();
        inside(&switch, || {
            RequestSocket::open().unwrap().create_bridge("switch").unwrap();
            ip("link set switch up");
        });
        let plug = |name: &str, last: u8, space: Option<&Namespace>| {
            let switch = switch.as_fd();
            let make = || {
                let mut requests = RequestSocket::open().unwrap();
                let (near, far) = (mac(last), mac(0x80 + last));
                requests.create_veth((name, near), (&format!("port{last}"), far), switch).unwrap();
                ip(&format!("link set {name} up"));
                ip(&format!("addr add 10.3.0.{last}/24 dev {name}"));
                ip(&format!("addr add 2001:db8:3::{last}/64 dev {name} nodad"));
            };
            match space {
                Some(space) => inside(space, make),
                None => make(),
            }
        };
        plug(OUTSIDE, 1, None);
        ip("addr add 192.0.2.1/32 dev lo");
        ip("addr add 2001:db8:2::1/128 dev lo nodad");
        let client = Namespace::create().unwrap();
        plug("eth0", 2, Some(&client));
        inside(&client, || {
            ip("link set lo up");
            ip("route add 192.0.2.1/32 via 10.3.0.1");
            ip("route add 2001:db8:2::1/128 via 2001:db8:3::1");
        });
        let servers = [1_usize, 2].map(|number| {
            let space = Namespace::create().unwrap();
            plug("eth0", 10 + u8::try_from(number).unwrap(), Some(&space));
            inside(&space, || {
                ip("link set lo up");
                ip("addr add 192.0.2.1/32 dev lo");
                ip("addr add 2001:db8:2::1/128 dev lo nodad");
                serve(number, 8080);
                // An answer comes from the address that the socket is bound to.
                answer(number, "192.0.2.1:8080");
                answer(number, "[2001:db8:2::1]:8080");
            });
            space
        });
        inside(&switch, || {
            for port in [1, 2, 11, 12] {
                ip(&format!("link set port{port} master switch up"));
            }
        });
        let this = Self { client, servers: servers.into(), _switch: Some(switch) };
        for last in [11, 12] {
            this.until_answered(&format!("10.3.0.{last}:8080"));
            this.until_answered(&format!("[2001:db8:3::{last}]:8080"));
        }
        this
    }

    /// The director alone, which is its own client.
    pub fn alone() -> Self {
        Self { client: Namespace::current().unwrap(), servers: Vec::new(), _switch: None }
    }

    /// Who answers a new connection of the client; an error if nobody does.
    pub fn ask(&self, to: &str) -> std::io::Result<String> {
        self.ask_from("", to)
    }

    /// The same from one of the client's addresses.
    pub fn ask_from(&self, from: &str, to: &str) -> std::io::Result<String> {
        let mut conversation = self.connect_from(from, to)?;
        conversation.ask()
    }

    pub fn connect(&self, to: &str) -> std::io::Result<Conversation> {
        self.connect_from("", to)
    }

    fn connect_from(&self, from: &str, to: &str) -> std::io::Result<Conversation> {
        let to: SocketAddr = to.parse().unwrap();
        let connect = || {
            let stream = if from.is_empty() {
                TcpStream::connect_timeout(&to, LIMIT)?
            } else {
                let from = SocketAddr::new(from.parse().unwrap(), 0);
                let (domain, kind) = (socket2::Domain::for_address(to), socket2::Type::STREAM);
                let socket = socket2::Socket::new(domain, kind, None)?;
                socket.bind(&from.into())?;
                socket.connect_timeout(&to.into(), LIMIT)?;
                socket.into()
            };
            stream.set_read_timeout(Some(LIMIT))?;
            Ok(Conversation { stream: BufReader::new(stream) })
        };
        inside(&self.client, connect)
    }

    /// How often each server answers so many new connections.
    pub fn shares(&self, to: &str, connections: usize) -> (usize, usize) {
        let answers: Vec<String> = (0..connections).map(|_| self.ask(to).unwrap()).collect();
        let of = |name: &str| answers.iter().filter(|answer| answer.starts_with(name)).count();
        (of("1 "), of("2 "))
    }

    /// A socket for datagrams of the client.
    pub fn datagrams(&self, to: &str) -> UdpSocket {
        let to: SocketAddr = to.parse().unwrap();
        let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = inside(&self.client, || UdpSocket::bind(any).unwrap());
        socket.connect(to).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        socket
    }

    fn until_answered(&self, at: &str) {
        eventually(at, || self.ask(at).ok());
    }
}

/// A connection of the client.
pub struct Conversation {
    stream: BufReader<TcpStream>,
}

impl Conversation {
    /// Asks for a line: the server's number, and the client that it sees.
    pub fn ask(&mut self) -> std::io::Result<String> {
        self.stream.get_mut().write_all(b"?\n")?;
        let mut line = String::new();
        let length = self.stream.read_line(&mut line)?;
        if length == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

/// Sends a datagram until one is answered.
pub fn exchange(socket: &UdpSocket) -> String {
    eventually("an answer to a datagram", || {
        let _ = socket.send(b"?");
        let mut buffer = [0; 64];
        let length = socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    })
}

/// Has four clients ask on and on, each with what `begin` gives it, while `run` changes something; `run` is given a pause
/// in which each asks. No question may fail.
pub fn meanwhile<A, E>(begin: &(impl Fn() -> A + Sync), run: impl FnOnce(&dyn Fn()))
where
    A: FnMut() -> Result<(), E>,
    E: std::fmt::Debug + Send,
{
    let (asked, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let client = || {
            let mut ask = begin();
            let mut failures = Vec::new();
            while !done.load(Ordering::Relaxed) {
                failures.extend(ask().err());
                asked.fetch_add(1, Ordering::Relaxed);
            }
            failures
        };
        let clients: Vec<_> = (0..4).map(|_| scope.spawn(client)).collect();
        run(&|| {
            let before = asked.load(Ordering::Relaxed);
            eventually("questions between changes", || {
                (asked.load(Ordering::Relaxed) >= before + 8).then_some(())
            });
        });
        done.store(true, Ordering::Relaxed);
        let failures: Vec<E> =
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        let asked = asked.load(Ordering::Relaxed);
        assert!(failures.is_empty(), "{} of {asked}: {failures:?}", failures.len());
    });
}

/// Runs in a namespace.
pub fn inside<T>(space: &Namespace, run: impl FnOnce() -> T) -> T {
    space.within(run).unwrap()
}

/// `ip LINE`.
pub fn ip(line: &str) {
    run("ip", line);
}

/// What `nft LINE` prints.
pub fn nft(line: &str) -> String {
    run("nft", line)
}

fn run(program: &str, line: &str) -> String {
    let output = Command::new(program).args(line.split(' ')).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {line}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// A cable from here into a namespace of its own, where it is `far0`.
fn cable(near: &str, number: u8) -> Namespace {
    let there = Namespace::create().unwrap();
    let mut requests = RequestSocket::open().unwrap();
    let (here, far) = (mac(number), mac(0x80 + number));
    requests.create_veth((near, here), ("far0", far), there.as_fd()).unwrap();
    ip(&format!("link set {near} up"));
    inside(&there, || {
        ip("link set lo up");
        ip("link set far0 up");
    });
    there
}

fn mac(last: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 1, last])
}

/// Answers each line with its number and whom it sees, for ever.
fn serve(number: usize, port: u16) {
    let listener = TcpListener::bind(SocketAddr::new(IpAddr::from([0_u16; 8]), port)).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            std::thread::spawn(move || {
                let Ok(peer) = stream.peer_addr() else { return };
                let Ok(lines) = stream.try_clone() else { return };
                for _ in BufReader::new(lines).lines().map_while(Result::ok) {
                    let line = format!("{number} {}\n", peer.ip().to_canonical());
                    if stream.write_all(line.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
}

/// The same for datagrams.
fn answer(number: usize, at: &str) {
    let socket = UdpSocket::bind(at).unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while let Ok((_, peer)) = socket.recv_from(&mut buffer) {
            let line = format!("{number} {}", peer.ip().to_canonical());
            let _ = socket.send_to(line.as_bytes(), peer);
        }
    });
}

const LIMIT: Duration = Duration::from_secs(3);
