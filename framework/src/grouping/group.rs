//! Jobs of many requests, done together by one task.
//!
//! A commit costs the same for one row as for a hundred, and so does the way to SQLite's thread or to a server and back.
//! So the task takes whatever is waiting, does it as one, and by then the next jobs are waiting. There is no timer: a job
//! that comes alone is done alone and at once, and the more come, the larger the groups become.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use crate::grouping::closing::{Closing, OpenWork};

/// Jobs in one group at most: beyond it a job costs hardly less, and the last one would wait longer than the first.
pub const LARGEST: usize = 128;

/// Jobs that wait at most: whoever comes then waits for a place.
pub const QUEUE: usize = 1_024;

/// What the task works for: its end is the task's.
pub trait Owner: Clone + fmt::Debug + Send + 'static {
    /// What the task holds a share of.
    fn closing(&self) -> &Closing;
}

/// What the task does with the jobs.
pub trait Work: Send + 'static {
    /// What it works for: a database, a server.
    type Owner: Owner;
    /// What is asked for.
    type Job: Send + 'static;
    /// What comes of it.
    type Answer: Send + 'static;

    /// Does these jobs, at most [`LARGEST`], in their order where it matters, and answers each. It must come to an end:
    /// every job that comes later waits for that.
    fn run(&mut self, jobs: Vec<Asked<Self::Job, Self::Answer>>) -> impl Future<Output = ()> + Send;

    /// Nothing more will come.
    fn end(self) -> impl Future<Output = ()> + Send;
}

/// A job, and who waits for its answer.
#[derive(Debug)]
pub struct Asked<J, A> {
    /// The job.
    pub job: J,
    answer: oneshot::Sender<A>,
}

impl<J, A> Asked<J, A> {
    /// A job whose answer goes there.
    #[must_use]
    pub const fn new(job: J, answer: oneshot::Sender<A>) -> Self {
        Self { job, answer }
    }

    /// Whether anybody still waits for the answer.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        !self.answer.is_closed()
    }

    /// Tells whoever asked; nobody, if the request was dropped meanwhile.
    pub fn answer(self, answer: A) {
        let _ = self.answer.send(answer);
    }
}

/// The task has ended: its owner was closed, or the runtime that the task ran on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it was closed")]
pub struct Closed;

/// The queue to a task that is started at the first job, on the runtime that asks, and ends with this or with its owner.
pub struct Group<W: Work> {
    owner: W::Owner,
    work: fn(W::Owner) -> W,
    queue: Mutex<Option<Queue<W>>>,
}

type Queue<W> = mpsc::Sender<Asked<<W as Work>::Job, <W as Work>::Answer>>;
type Jobs<W> = mpsc::Receiver<Asked<<W as Work>::Job, <W as Work>::Answer>>;

impl<W: Work> fmt::Debug for Group<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl<W: Work> Group<W> {
    /// A group for that owner; nothing is started.
    pub const fn new(owner: W::Owner, work: fn(W::Owner) -> W) -> Self {
        Self { owner, work, queue: Mutex::new(None) }
    }

    /// Has a job done. If the future is dropped, the job was done or it was not; neither the others nor the task notice.
    ///
    /// # Errors
    /// [`Closed`]; the job was then not done, unless the task was cut off in the middle of it.
    pub async fn ask(&self, job: W::Job) -> Result<W::Answer, Closed> {
        let (answer, answered) = oneshot::channel();
        let mut asked = Asked::new(job, answer);
        // A runtime that ended took its task with it: the next one starts another. Two that end in a row are no accident.
        for _ in 0..2 {
            match self.queue()?.send(asked).await {
                Ok(()) => return answered.await.map_err(|_| Closed),
                Err(mpsc::error::SendError(back)) => asked = back,
            }
        }
        Err(Closed)
    }

    fn queue(&self) -> Result<Queue<W>, Closed> {
        // Nothing panics while it is held.
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queue.as_ref().filter(|queue| !queue.is_closed()) {
            return Ok(queue.clone());
        }
        let open = self.owner.closing().open().ok_or(Closed)?;
        let (sender, jobs) = mpsc::channel(QUEUE);
        tokio::spawn(serve((self.work)(self.owner.clone()), jobs, open));
        Ok(queue.insert(sender).clone())
    }
}

async fn serve<W: Work>(mut work: W, mut jobs: Jobs<W>, mut open: OpenWork) {
    let mut ending = false;
    loop {
        let mut taken = Vec::with_capacity(jobs.len().clamp(1, LARGEST));
        tokio::select! {
            biased;
            () = open.ending(), if !ending => {
                // What is in the queue is still done.
                ending = true;
                jobs.close();
                continue;
            }
            count = jobs.recv_many(&mut taken, LARGEST) => if count == 0 { break },
        }
        taken.retain(Asked::is_awaited);
        if !taken.is_empty() {
            work.run(taken).await;
        }
    }
    work.end().await;
    drop(open);
}
