//! A mail server of a test's own, on loopback, that takes, refuses, hangs, drips, breaks off, or speaks TLS.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kernel::netlink::RequestSocket;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How it treats whoever comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// As of old: it takes everything and knows no EHLO.
    Old,
    /// It refuses the recipient of this address for good.
    Refuses(&'static str),
    /// It wants to be asked later about the recipient of this address.
    Defers(&'static str),
    /// It refuses everybody but the first for good, with very many words.
    RefusesAtLength,
    /// It asks everybody to come back later.
    Busy,
    /// It says nothing.
    Hangs,
    /// It greets, and never comes to the end of it.
    Drips,
    /// It takes the first letter of a conversation, and breaks off in the second.
    BreaksOff,
    /// It knows EHLO, and no extension.
    Modern,
    /// It wants STARTTLS, and then a login.
    StartTls,
    /// It speaks TLS from the first byte.
    Smtps,
}

/// One letter that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    pub sender: String,
    pub recipients: Vec<String>,
    pub text: String,
}

impl Taken {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (head, _) = self.text.split_once("\r\n\r\n")?;
        head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

#[derive(Debug, Default)]
struct Records {
    taken: Vec<Taken>,
    /// Every line that was heard, of all conversations.
    heard: Vec<String>,
}

/// The server; its threads end with the test program.
#[derive(Clone, Debug)]
pub struct Postmaster {
    pub port: u16,
    records: Arc<Mutex<Records>>,
    manner: Arc<Mutex<Manner>>,
}

impl Postmaster {
    /// On loopback in the network namespace of this thread.
    pub fn open(manner: Manner) -> Self {
        let mut requests = RequestSocket::open().unwrap();
        let loopback = requests.index_of("lo").unwrap().expect("loopback");
        requests.set_link_up(loopback, true).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            records: Arc::default(),
            manner: Arc::new(Mutex::new(manner)),
        };
        let serving = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                std::thread::spawn(move || serving.serve(stream));
            }
        });
        server
    }

    pub fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.records.lock().unwrap().taken.clone()
    }

    pub fn heard(&self) -> Vec<String> {
        self.records.lock().unwrap().heard.clone()
    }

    pub fn subjects(&self) -> Vec<String> {
        let taken = self.taken();
        taken.iter().filter_map(|it| it.header("Subject").map(str::to_owned)).collect()
    }

    /// Waits until these are the subjects of all letters taken.
    pub fn wait_for(&self, subjects: &[&str]) {
        let end = Instant::now() + Duration::from_secs(15);
        while self.subjects() != subjects {
            assert!(Instant::now() < end, "{subjects:?}, but {:?}", self.subjects());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// A conversation that breaks off is no matter of the server.
    fn serve(&self, stream: TcpStream) {
        let manner = *self.manner.lock().unwrap();
        let _ = match manner {
            Manner::Hangs => hang(stream),
            Manner::Drips => drip(stream),
            Manner::Busy => busy(stream),
            Manner::Smtps => Talk::new(self, manner, true).over(protected(stream), true).map(drop),
            Manner::Old
            | Manner::Refuses(_)
            | Manner::Defers(_)
            | Manner::RefusesAtLength
            | Manner::BreaksOff
            | Manner::Modern
            | Manner::StartTls => self.talk(stream, manner),
        };
    }

    fn talk(&self, stream: TcpStream, manner: Manner) -> std::io::Result<()> {
        if let Some(stream) = Talk::new(self, manner, false).over(stream, true)? {
            Talk::new(self, manner, true).over(protected(stream), false)?;
        }
        Ok(())
    }
}

fn hang(mut stream: TcpStream) -> std::io::Result<()> {
    stream.read_to_end(&mut Vec::new()).map(drop)
}

fn drip(mut stream: TcpStream) -> std::io::Result<()> {
    stream.write_all(b"220-")?;
    loop {
        std::thread::sleep(Duration::from_millis(100));
        stream.write_all(b".")?;
    }
}

fn busy(mut stream: TcpStream) -> std::io::Result<()> {
    stream.write_all(b"421 come back later\r\n")
}

pub(crate) fn protected(stream: TcpStream) -> StreamOwned<ServerConnection, TcpStream> {
    let chain = CertificateDer::from_pem_slice(include_bytes!("certificates/server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("certificates/server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = versions.unwrap().with_no_client_auth().with_single_cert(vec![chain], key);
    StreamOwned::new(ServerConnection::new(Arc::new(config.unwrap())).unwrap(), stream)
}

/// One conversation.
struct Talk<'a> {
    server: &'a Postmaster,
    manner: Manner,
    is_protected: bool,
    sender: String,
    recipients: Vec<String>,
    letters: usize,
}

impl<'a> Talk<'a> {
    fn new(server: &'a Postmaster, manner: Manner, is_protected: bool) -> Self {
        Self { server, manner, is_protected, sender: String::new(), recipients: vec![], letters: 0 }
    }

    /// Speaks until the other one takes leave, or asks for TLS: then the stream is given back for that.
    fn over<S: Read + Write>(mut self, mut stream: S, greets: bool) -> std::io::Result<Option<S>> {
        if greets {
            stream.write_all(b"220 postmaster\r\n")?;
        }
        loop {
            let line = line(&mut stream)?;
            self.server.records.lock().unwrap().heard.push(line.clone());
            let verb = line.split_whitespace().next().unwrap_or_default().to_uppercase();
            let answer = match verb.as_str() {
                "HELO" => "250 postmaster".to_owned(),
                "EHLO" => self.extensions(),
                "STARTTLS" if self.manner == Manner::StartTls && !self.is_protected => {
                    stream.write_all(b"220 go\r\n")?;
                    return Ok(Some(stream));
                }
                // NUL, name, NUL, password in base64 (RFC 4616).
                "AUTH" if line == "AUTH PLAIN AGFsZXJ0cwBodW50ZXIy" => "235 welcome".to_owned(),
                "AUTH" => "535 who are you".to_owned(),
                "MAIL" => self.mail(&line),
                "RCPT" => self.recipient(&line),
                "DATA" => {
                    stream.write_all(b"354 go\r\n")?;
                    if self.manner == Manner::BreaksOff && self.letters == 1 {
                        return Ok(None);
                    }
                    self.letter(&mut stream)?
                }
                "QUIT" => {
                    stream.write_all(b"221 bye\r\n")?;
                    return Ok(None);
                }
                "RSET" => "250 forgotten".to_owned(),
                _ => "500 what".to_owned(),
            };
            stream.write_all(format!("{answer}\r\n").as_bytes())?;
        }
    }

    fn extensions(&self) -> String {
        match (self.manner, self.is_protected) {
            (Manner::StartTls, false) => "250-postmaster\r\n250 STARTTLS".to_owned(),
            (Manner::StartTls | Manner::Smtps, true) => {
                "250-postmaster\r\n250 AUTH PLAIN LOGIN".to_owned()
            }
            (Manner::Modern, _) => "250 postmaster".to_owned(),
            _ => "502 not here".to_owned(),
        }
    }

    fn mail(&mut self, line: &str) -> String {
        if self.manner == Manner::StartTls && !self.is_protected {
            return "530 STARTTLS first".to_owned();
        }
        self.sender = line.strip_prefix("MAIL FROM:").unwrap_or_default().to_owned();
        self.recipients.clear();
        "250 ok".to_owned()
    }

    fn recipient(&mut self, line: &str) -> String {
        let recipient = line.strip_prefix("RCPT TO:").unwrap_or_default().to_owned();
        if let Manner::Refuses(address) = self.manner
            && recipient == format!("<{address}>")
        {
            return "550 nobody here".to_owned();
        }
        if let Manner::Defers(address) = self.manner
            && recipient == format!("<{address}>")
        {
            return "450 not yet".to_owned();
        }
        if self.manner == Manner::RefusesAtLength && !self.recipients.is_empty() {
            return format!("550 {}", "never ".repeat(300));
        }
        self.recipients.push(recipient);
        "250 ok".to_owned()
    }

    fn letter(&mut self, stream: &mut impl Read) -> std::io::Result<String> {
        let mut text = String::new();
        loop {
            let line = line(stream)?;
            if line == "." {
                break;
            }
            text.push_str(&line);
            text.push_str("\r\n");
        }
        self.letters += 1;
        let (sender, recipients) = (self.sender.clone(), self.recipients.clone());
        self.server.records.lock().unwrap().taken.push(Taken { sender, recipients, text });
        Ok("250 taken".to_owned())
    }
}

fn line(stream: &mut impl Read) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n") {
        stream.read_exact(&mut byte)?;
        bytes.push(byte[0]);
    }
    bytes.truncate(bytes.len() - 2);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
