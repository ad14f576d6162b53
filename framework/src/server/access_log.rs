//! The access log: a line for each request, as Django's `runserver` writes it (Django 5.2 `core/servers/basehttp.py`).
//!
//! ```text
//! [22/Nov/2026 13:26:01] "GET /shop/ HTTP/1.1" 200 1234
//! ```
//!
//! A thread of its own writes the lines, fed through a bounded queue: a terminal that is slow or stopped (`CONTROL-S`) holds up no
//! request. Lines that find no place are counted, and the count is written when there is place again.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::SystemTime;

use http::{Request, StatusCode};
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::conf::time_zone::TimeZone;

/// Lines that may wait to be written.
const QUEUE: usize = 4096;

/// Where requests leave their lines: a handle, clones write to the same log.
#[derive(Debug, Clone)]
pub struct AccessLog {
    lines: SyncSender<Line>,
    lost: Arc<AtomicU64>,
}

/// Ends the log when dropped: what is queued is written first.
#[derive(Debug)]
pub struct AccessLogWriter {
    lines: SyncSender<Line>,
    thread: Option<JoinHandle<()>>,
}

impl AccessLog {
    /// Starts the thread that writes to `to`; `colours` paints lines by their status for a terminal, `zone` is that of
    /// the times in the lines.
    ///
    /// # Errors
    /// When no thread can be made.
    pub fn start(
        to: impl Write + Send + 'static,
        colours: bool,
        zone: TimeZone,
    ) -> io::Result<(Self, AccessLogWriter)> {
        let (lines, queue) = sync_channel(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        let writer = Writer { to: BufWriter::new(to), colours, zone, lost: Arc::clone(&lost) };
        let thread =
            std::thread::Builder::new().name("access-log".to_owned()).spawn(move || writer.run(&queue))?;
        Ok((Self { lines: lines.clone(), lost }, AccessLogWriter { lines, thread: Some(thread) }))
    }
}

impl Drop for AccessLogWriter {
    fn drop(&mut self) {
        // A closed channel means that the thread is gone already; a panic of it has been printed.
        let _ = self.lines.send(Line::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(Debug)]
enum Line {
    Request { at: SystemTime, request: String, status: Option<StatusCode>, bytes: u64 },
    End,
}

/// The line of one request, left in the log when dropped: after the last byte, or when the client has gone.
#[derive(Debug)]
pub(super) struct Entry {
    log: AccessLog,
    request: String,
    status: Option<StatusCode>,
    bytes: u64,
}

impl Entry {
    pub(super) fn new<B>(log: &AccessLog, request: &Request<B>) -> Self {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let request = format!("{} {target} {:?}", request.method(), request.version());
        Self { log: log.clone(), request, status: None, bytes: 0 }
    }

    pub(super) const fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    pub(super) const fn count(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let line = Line::Request {
            at: SystemTime::now(),
            request: std::mem::take(&mut self.request),
            status: self.status,
            bytes: self.bytes,
        };
        if self.log.lines.try_send(line).is_err() {
            self.log.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct Writer<W: Write> {
    to: BufWriter<W>,
    colours: bool,
    zone: TimeZone,
    lost: Arc<AtomicU64>,
}

impl<W: Write> Writer<W> {
    /// Whether a write succeeds changes nothing: there is nobody to tell.
    fn run(mut self, queue: &Receiver<Line>) {
        while let Ok(first) = queue.recv() {
            let mut next = Some(first);
            let mut ended = false;
            while let Some(line) = next {
                let Line::Request { at, request, status, bytes } = line else {
                    ended = true;
                    break;
                };
                let text =
                    render(self.zone.local(OffsetDateTime::from(at)), &request, status, bytes, self.colours);
                let _ = self.to.write_all(text.as_bytes());
                next = queue.try_recv().ok();
            }
            let lost = self.lost.swap(0, Ordering::Relaxed);
            if lost > 0 {
                let _ =
                    writeln!(self.to, "({lost} lines of the access log were lost: its reader is too slow)");
            }
            let _ = self.to.flush();
            if ended {
                return;
            }
        }
    }
}

fn render(
    at: PrimitiveDateTime,
    request: &str,
    status: Option<StatusCode>,
    bytes: u64,
    colours: bool,
) -> String {
    let mut line = format!(
        "[{:02}/{}/{} {:02}:{:02}:{:02}] ",
        at.day(),
        at.month().to_string().get(..3).unwrap_or_default(),
        at.year(),
        at.hour(),
        at.minute(),
        at.second()
    );
    let colour = if colours { status.map_or("", colour) } else { "" };
    line.push_str(colour);
    line.push('"');
    for c in request.chars() {
        match c {
            // Nothing in a log line may move the cursor, or look like the end of the line (Django's CVE-2025-48432).
            '"' | '\\' => line.extend(['\\', c]),
            ' '..='~' => line.push(c),
            _ => line.extend(c.escape_default()),
        }
    }
    line.push_str("\" ");
    // Writing to a string cannot fail.
    let _ = match status {
        Some(status) => write!(line, "{} {bytes}", status.as_u16()),
        None => write!(line, "- {bytes}"),
    };
    if !colour.is_empty() {
        line.push_str("\x1b[0m");
    }
    line.push('\n');
    line
}

/// The dark palette of Django 5.2 `utils/termcolors.py`.
fn colour(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..=199 => "\x1b[1m",
        304 => "\x1b[36m",
        300..=399 => "\x1b[32m",
        404 => "\x1b[33m",
        400..=499 => "\x1b[31;1m",
        500.. => "\x1b[35;1m",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use http::{Request, StatusCode};
    use time::macros::datetime;

    use super::{AccessLog, Entry, render};
    use crate::conf::time_zone::TimeZone;

    #[test]
    fn a_line_is_djangos() {
        let check = |request, status: u16, bytes, colours, expected: &str| {
            let at = datetime!(2026-11-22 13:26:01);
            let status = StatusCode::from_u16(status).ok();
            assert_eq!(render(at, request, status, bytes, colours), expected);
        };
        check("GET / HTTP/1.1", 200, 1234, false, "[22/Nov/2026 13:26:01] \"GET / HTTP/1.1\" 200 1234\n");
        check("GET / HTTP/1.1", 200, 1, true, "[22/Nov/2026 13:26:01] \"GET / HTTP/1.1\" 200 1\n");
        check(
            "GET /x HTTP/1.1",
            404,
            9,
            true,
            "[22/Nov/2026 13:26:01] \x1b[33m\"GET /x HTTP/1.1\" 404 9\x1b[0m\n",
        );
        check(
            "GET /x HTTP/1.1",
            500,
            9,
            true,
            "[22/Nov/2026 13:26:01] \x1b[35;1m\"GET /x HTTP/1.1\" 500 9\x1b[0m\n",
        );
        check("GET /x HTTP/1.1", 0, 0, true, "[22/Nov/2026 13:26:01] \"GET /x HTTP/1.1\" - 0\n");
        let hostile = "GET /\x1b[2J\r\n\"é HTTP/1.1";
        check(
            hostile,
            200,
            0,
            false,
            "[22/Nov/2026 13:26:01] \"GET /\\u{1b}[2J\\r\\n\\\"\\u{e9} HTTP/1.1\" 200 0\n",
        );
    }

    /// A pipe whose other end reads only once let go.
    #[derive(Clone, Default)]
    struct Slow {
        written: Arc<Mutex<Vec<u8>>>,
        gate: Arc<Mutex<()>>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _open = self.gate.lock().unwrap();
            self.written.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stuck_terminal_holds_up_nobody_and_loses_no_count() {
        let slow = Slow::default();
        let shut = slow.gate.lock().unwrap();
        let (log, writer) = AccessLog::start(slow.clone(), false, TimeZone::UTC).unwrap();
        let request = Request::builder().uri("/x").body(()).unwrap();
        for _ in 0..10_000 {
            Entry::new(&log, &request).answered(StatusCode::OK);
        }
        drop(shut);
        drop(writer);
        let text = String::from_utf8(slow.written.lock().unwrap().clone()).unwrap();
        let lines = text.lines().filter(|line| line.ends_with("\"GET /x HTTP/1.1\" 200 0")).count();
        let lost: usize = text
            .lines()
            .filter_map(|line| line.strip_prefix('(')?.split(' ').next()?.parse::<usize>().ok())
            .sum();
        assert!(lost > 0 && lines + lost == 10_000, "{lines} written, {lost} told as lost");
    }
}
