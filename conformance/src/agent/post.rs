//! A mail server of the oldest kind, that takes every letter and keeps it in a file.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::{Context, Result};

/// Takes letters at `address` until the process is ended, and appends them to the file at `path`: what the sender said
/// to it line by line from MAIL to the last line of the text, then a line with a form feed.
///
/// # Errors
/// When the address or the file cannot be used.
pub fn run(address: SocketAddr, path: &str) -> Result<()> {
    let listener = TcpListener::bind(address).context("listen for mail")?;
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let file = Arc::new(Mutex::new(file));
    for stream in listener.incoming().flatten() {
        let file = Arc::clone(&file);
        // Who breaks off is known by the letter that is missing.
        thread::spawn(move || drop(serve(stream, &file)));
    }
    Ok(())
}

fn serve(mut stream: TcpStream, file: &Mutex<File>) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    stream.write_all(b"220 post\r\n")?;
    let mut letter = String::new();
    let mut in_text = false;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end_matches(['\r', '\n']);
        let answer: &[u8] = match (in_text, line.get(..4).unwrap_or(line)) {
            (true, ".") => {
                in_text = false;
                letter.push_str("\u{c}\n");
                let mut file = file.lock().map_err(|_| anyhow::anyhow!("file"))?;
                file.write_all(letter.as_bytes())?;
                letter.clear();
                b"250 taken\r\n"
            }
            (true, _) => {
                letter.push_str(line);
                letter.push('\n');
                continue;
            }
            (false, "DATA") => {
                in_text = true;
                b"354 go\r\n"
            }
            (false, "QUIT") => {
                stream.write_all(b"221 bye\r\n")?;
                return Ok(());
            }
            (false, "MAIL" | "RCPT") => {
                letter.push_str(line);
                letter.push('\n');
                b"250 ok\r\n"
            }
            (false, "HELO") => b"250 post\r\n",
            (false, _) => b"502 not here\r\n",
        };
        stream.write_all(answer)?;
    }
}
