//! A thread with a SQLite connection of its own, and the queue of what it is asked for.
//!
//! What a session costs on SQLite is not the query but the way to another thread and back. So the thread takes whatever
//! waits, does it as one, and answers it in one go; by then the next jobs are waiting. There is no timer: a job that comes
//! alone is done alone and at once, and the more come, the larger the groups become.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};

use crate::db::bell::Bell;
use crate::db::database::Database;
use crate::db::sqlite_failure::SqliteFailure;
use crate::db::sqlite_log::SqliteLog;
use crate::grouping::closing::OpenWork;
use crate::grouping::group::{Asked, Closed, LARGEST, QUEUE};

/// How long the runtime may take to hear that there are answers, before it is told in another way.
const HEARD: Duration = Duration::from_millis(20);

/// What the thread does with the jobs.
pub trait SqliteWork: Send + 'static {
    /// What is asked for.
    type Job: Send + 'static;
    /// What comes of it.
    type Answer: Send + 'static;

    /// Does these jobs, at most [`LARGEST`], in their order where it matters, and answers each.
    fn run(&mut self, own: &mut OwnSqlite, jobs: Vec<Asked<Self::Job, Self::Answer>>);
}

/// The queue to a thread that is started at the first job, and ends with this or with its database; what is in the queue
/// then is still done.
pub struct SqliteThread<W: SqliteWork> {
    database: Database,
    name: &'static str,
    work: fn() -> W,
    running: Mutex<Option<Arc<Shared<W>>>>,
}

/// What the thread and those who ask it share.
struct Shared<W: SqliteWork> {
    queue: Mutex<Queue<W>>,
    /// Places in the queue: whoever finds none waits for one.
    places: Semaphore,
    /// Whether the last group was more than one job, so that the next one may be, too.
    crowded: AtomicBool,
    /// How many wait for an answer.
    asking: AtomicUsize,
}

struct Queue<W: SqliteWork> {
    jobs: VecDeque<Asked<W::Job, W::Answer>>,
    thread: Option<Thread>,
    /// Through which it wakes whom it answers.
    bell: Option<Arc<Bell>>,
    /// The thread found nothing to do, and waits to be woken.
    asleep: bool,
    /// Nothing more is taken.
    closed: bool,
}

impl<W: SqliteWork> fmt::Debug for SqliteThread<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteThread").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<W: SqliteWork> SqliteThread<W> {
    /// A thread of that name for that database, which must be SQLite; nothing is started.
    pub const fn new(database: Database, name: &'static str, work: fn() -> W) -> Self {
        Self { database, name, work, running: Mutex::new(None) }
    }

    /// Has a job done. If the future is dropped, the job was done or it was not; nobody else notices.
    ///
    /// # Errors
    /// [`Closed`]; the job was then not done.
    #[expect(clippy::manual_async_fn, reason = "an async fn has room for the job twice")]
    pub fn ask(&self, job: W::Job) -> impl Future<Output = Result<W::Answer, Closed>> + Send {
        async move {
            let shared = self.shared()?;
            let _asking = Asking::one(&shared.asking);
            let place = shared.places.acquire().await.map_err(|_| Closed)?;
            let (answer, answered) = oneshot::channel();
            let (asleep, bell) = shared.push(Asked::new(job, answer))?;
            // The thread gives it back when it takes the job.
            place.forget();
            if asleep {
                let wake = Wake(&shared);
                // Others who are about to ask do so before the thread is woken. Each of them sees to it: whoever came first may not
                // be polled again for long.
                if shared.crowded.load(Ordering::Relaxed) {
                    tokio::task::yield_now().await;
                }
                drop(wake);
            }
            shared.answered(bell, answered).await
        }
    }

    fn shared(&self) -> Result<Arc<Shared<W>>, Closed> {
        let mut running = lock(&self.running);
        if let Some(shared) = running.as_ref().filter(|shared| !lock(&shared.queue).closed) {
            return Ok(Arc::clone(shared));
        }
        let shared = Arc::new(Shared::new());
        let ended = Arc::downgrade(&shared);
        let end = move || {
            if let Some(shared) = ended.upgrade() {
                shared.close();
            }
        };
        let open = self.database.closing().open_with(Box::new(end)).ok_or(Closed)?;
        let own = OwnSqlite {
            database: self.database.clone(),
            runtime: Handle::current(),
            connection: None,
            busy: Duration::ZERO,
        };
        let (work, ours) = ((self.work)(), Arc::clone(&shared));
        let started =
            thread::Builder::new().name(self.name.to_owned()).spawn(move || serve(&ours, work, own, open));
        if let Err(error) = started {
            tracing::error!(%error, thread = self.name, "no thread can be started for the database");
            return Err(Closed);
        }
        Ok(Arc::clone(running.insert(shared)))
    }
}

impl<W: SqliteWork> Drop for SqliteThread<W> {
    fn drop(&mut self) {
        if let Some(shared) = lock(&self.running).take() {
            shared.close();
        }
    }
}

impl<W: SqliteWork> Shared<W> {
    fn new() -> Self {
        Self {
            queue: Mutex::new(Queue {
                jobs: VecDeque::new(),
                thread: None,
                bell: None,
                asleep: false,
                closed: false,
            }),
            places: Semaphore::new(QUEUE),
            crowded: AtomicBool::new(false),
            asking: AtomicUsize::new(0),
        }
    }

    /// Whether the thread sleeps, and has to be woken for it; and through what it wakes.
    fn push(&self, asked: Asked<W::Job, W::Answer>) -> Result<(bool, Option<Arc<Bell>>), Closed> {
        let mut queue = lock(&self.queue);
        if queue.closed {
            return Err(Closed);
        }
        queue.jobs.push_back(asked);
        Ok((queue.asleep, queue.bell.clone()))
    }

    /// Waits for an answer. The bell is for one that waits alone: where there are others, the runtime's workers are awake, and look
    /// for tasks that somebody woke more often than for events.
    async fn answered(
        &self,
        bell: Option<Arc<Bell>>,
        mut answered: oneshot::Receiver<W::Answer>,
    ) -> Result<W::Answer, Closed> {
        let bell = match bell {
            _ if self.asking.load(Ordering::Relaxed) > 1 => None,
            Some(bell) if !bell.is_deaf() => Some(bell),
            _ => self.hang(),
        };
        let answer = match bell {
            Some(bell) => poll_fn(|context| bell.poll(&mut answered, context)).await,
            None => answered.await,
        };
        answer.map_err(|_| Closed)
    }

    /// A bell in this runtime, from now on for all.
    fn hang(&self) -> Option<Arc<Bell>> {
        let bell = Bell::hang()?;
        let mut queue = lock(&self.queue);
        // Two may come at the same time.
        let there = queue.bell.take().filter(|bell| !bell.is_deaf()).unwrap_or(bell);
        Some(Arc::clone(queue.bell.insert(there)))
    }

    /// Wakes the thread if it sleeps and nobody has woken it yet.
    fn wake(&self) {
        let thread = {
            let mut queue = lock(&self.queue);
            if !std::mem::take(&mut queue.asleep) {
                return;
            }
            queue.thread.clone()
        };
        if let Some(thread) = thread {
            thread.unpark();
        }
    }

    fn close(&self) {
        lock(&self.queue).closed = true;
        // Those who wait for a place.
        self.places.close();
        self.wake();
    }
}

/// One that waits for an answer, until it is dropped.
struct Asking<'a>(&'a AtomicUsize);

impl<'a> Asking<'a> {
    fn one(asking: &'a AtomicUsize) -> Self {
        asking.fetch_add(1, Ordering::Relaxed);
        Self(asking)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Wakes the thread when it is dropped: a request that is dropped while it lets others go first must not leave them waiting.
struct Wake<'a, W: SqliteWork>(&'a Shared<W>);

impl<W: SqliteWork> Drop for Wake<'_, W> {
    fn drop(&mut self) {
        self.0.wake();
    }
}

/// Lets nobody wait for a thread that ended, however it ended.
struct Ended<'a, W: SqliteWork>(&'a Shared<W>);

impl<W: SqliteWork> Drop for Ended<'_, W> {
    fn drop(&mut self) {
        self.0.close();
        lock(&self.0.queue).jobs.clear();
    }
}

fn serve<W: SqliteWork>(shared: &Shared<W>, mut work: W, mut own: OwnSqlite, open: OpenWork) {
    let ended = Ended(shared);
    // Before it can fall asleep: whoever finds it so can wake it.
    lock(&shared.queue).thread = Some(thread::current());
    loop {
        let mut queue = lock(&shared.queue);
        let count = queue.jobs.len().min(LARGEST);
        if count == 0 {
            if queue.closed {
                break;
            }
            queue.asleep = true;
            let bell = queue.bell.clone().filter(|bell| bell.is_unanswered());
            drop(queue);
            match bell {
                Some(bell) => {
                    thread::park_timeout(HEARD);
                    // Whoever wakes it takes the mark away: the time is over.
                    if lock(&shared.queue).asleep && bell.is_unanswered() {
                        bell.wake_all();
                    }
                }
                None => thread::park(),
            }
            continue;
        }
        queue.asleep = false;
        let mut taken: Vec<_> = queue.jobs.drain(..count).collect();
        drop(queue);
        shared.places.add_permits(count);
        shared.crowded.store(count > 1, Ordering::Relaxed);
        taken.retain(Asked::is_awaited);
        if !taken.is_empty() {
            work.run(&mut own, taken);
        }
    }
    drop(own);
    drop(ended);
    // The database is closed once nothing holds a file of it.
    drop(open);
}

/// The thread's connection, which is opened when it is needed.
#[derive(Debug)]
pub struct OwnSqlite {
    database: Database,
    runtime: Handle,
    connection: Option<rusqlite::Connection>,
    /// How long the connection was to wait for a lock when it was opened, by `OPTIONS.timeout` or the site's own pragmas.
    busy: Duration,
}

impl OwnSqlite {
    /// The connection.
    ///
    /// # Errors
    /// What keeps it from being opened.
    pub fn get(&mut self) -> Result<&mut rusqlite::Connection, SqliteFailure> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => match self.database.as_sqlite() {
                Some(sqlite) => {
                    let connection = sqlite.open_directly()?;
                    let millis: u32 = connection.query_row("PRAGMA busy_timeout", (), |row| row.get(0))?;
                    self.busy = Duration::from_millis(millis.into());
                    connection
                }
                None => return Err(SqliteFailure::Call("the database is not SQLite".to_owned())),
            },
        };
        Ok(self.connection.insert(connection))
    }

    /// The connection, which does not wait for a lock by itself, and how long to wait for one `patiently`.
    ///
    /// # Errors
    /// What keeps it from being opened.
    pub fn to_write(&mut self) -> Result<(&rusqlite::Connection, Duration), SqliteFailure> {
        self.get()?.busy_timeout(Duration::ZERO)?;
        let limit = self.busy;
        Ok((self.get()?, limit))
    }

    /// The log that the connection writes to, if it writes one.
    ///
    /// # Errors
    /// What keeps the connections for it from being opened.
    pub(crate) fn log(&mut self) -> Result<Option<SqliteLog>, SqliteFailure> {
        self.get()?;
        let (Some(writer), Some(sqlite)) = (&self.connection, self.database.as_sqlite()) else {
            return Ok(None);
        };
        SqliteLog::of(writer, || sqlite.open_directly())
    }

    /// The next one is a new one: after a fault that may be the connection's.
    pub fn forget(&mut self) {
        self.connection = None;
    }

    /// Queues behind whoever in this process holds the connection of [`SqliteDatabase::writer`], so that a busy thread does
    /// not keep a view's transaction from SQLite's lock, which is polled and knows no turns.
    ///
    /// [`SqliteDatabase::writer`]: crate::db::sqlite::SqliteDatabase::writer
    pub fn wait_for_writers(&self) {
        if !self.database.as_sqlite().is_some_and(|sqlite| sqlite.is_writing()) {
            return;
        }
        let (free, wait) = std::sync::mpsc::sync_channel::<()>(1);
        let database = self.database.clone();
        self.runtime.spawn(async move {
            if let Some(sqlite) = database.as_sqlite() {
                // What goes wrong with that connection is not ours to tell.
                let _ = sqlite.writer().acquire().await;
            }
            drop(free);
        });
        // An error is what it waits for: the sender is gone, with the task or with its runtime.
        let _ = wait.recv();
    }
}

/// Nothing panics while it holds such a lock, and what is behind it is whole at any time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
