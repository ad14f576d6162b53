use std::path::Path;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::join_all;

use super::*;
use crate::conf::databases::DatabaseSettings;

/// Answers each number with its place among all that were done, and takes a permit for each group if it was given a gate.
struct Clerk {
    done: Arc<Mutex<Vec<Vec<usize>>>>,
    gate: Option<mpsc::Receiver<()>>,
}

/// What was done, group by group.
type Done = Arc<Mutex<Vec<Vec<usize>>>>;

impl SqliteWork for Clerk {
    type Job = usize;
    type Answer = usize;

    fn run(&mut self, _own: &mut OwnSqlite, jobs: Vec<Asked<usize, usize>>) {
        if let Some(gate) = &self.gate {
            // Closed is open.
            let _ = gate.recv();
        }
        let mut done = lock(&self.done);
        let before: usize = done.iter().map(Vec::len).sum();
        done.push(jobs.iter().map(|asked| asked.job).collect());
        drop(done);
        for (index, asked) in jobs.into_iter().enumerate() {
            asked.answer(before + index);
        }
    }
}

thread_local! {
    static NEXT: std::cell::RefCell<Option<Clerk>> = const { std::cell::RefCell::new(None) };
}

/// A thread, what it has done, and the gate through which its groups go one by one if it has one.
fn thread(gated: bool) -> (Arc<SqliteThread<Clerk>>, Done, Option<mpsc::Sender<()>>, Database) {
    let entry = DatabaseSettings {
        engine: "django.db.backends.sqlite3".to_owned(),
        name: ":memory:".to_owned(),
        ..DatabaseSettings::default()
    };
    let database = Database::from_settings("default", &entry, Path::new("/")).unwrap();
    let done = Done::default();
    let (open, gate) = mpsc::channel();
    let clerk = Clerk { done: Arc::clone(&done), gate: gated.then_some(gate) };
    NEXT.set(Some(clerk));
    let make = || NEXT.take().expect("one thread a test, started where the test runs");
    let thread = SqliteThread::new(database.clone(), "clerk", make);
    (Arc::new(thread), done, gated.then_some(open), database)
}

fn count(done: &Done) -> usize {
    lock(done).iter().map(Vec::len).sum()
}

/// Polls it once: whether it still waits.
async fn waits<T>(mut future: Pin<&mut impl Future<Output = T>>) -> bool {
    std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

async fn until(what: impl Fn() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    waited.await.expect("in time");
}

#[tokio::test]
async fn whatever_waits_is_done_as_one_and_in_order() {
    let (thread, done, gate, _) = thread(true);
    let gate = gate.unwrap();
    // Few enough that the runtime polls them in one go.
    let mut asking = Box::pin(join_all((0..50).map(|number| thread.ask(number))));
    assert!(waits(asking.as_mut()).await);
    drop(gate);
    assert_eq!(asking.await, (0..50).map(Ok).collect::<Vec<_>>());
    let done = lock(&done);
    assert_eq!(done.concat(), (0..50).collect::<Vec<_>>());
    assert!(done.len() <= 3, "groups, not single jobs: {done:?}");
}

#[tokio::test]
async fn nobody_is_forgotten() {
    let (thread, done, ..) = thread(false);
    let answers = join_all((0..5_000).map(|number| thread.ask(number))).await;
    assert!(answers.iter().all(Result::is_ok));
    let done = lock(&done);
    let mut numbers = done.concat();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..5_000).collect::<Vec<_>>());
    assert!(done.iter().all(|group| group.len() <= LARGEST));
}

#[tokio::test]
async fn a_lone_job_is_done_at_once() {
    let (thread, done, ..) = thread(false);
    for number in 0..100 {
        assert_eq!(thread.ask(number).await, Ok(number));
    }
    assert_eq!(lock(&done).len(), 100);
}

#[tokio::test]
async fn nobody_waits_for_a_request_that_was_dropped() {
    let (thread, _, gate, _) = thread(true);
    let gate = gate.unwrap();
    // The first group is under way, and was more than one job: the next one that comes first lets others go ahead.
    let mut first = Box::pin(join_all((0..3).map(|number| thread.ask(number))));
    for _ in 0..20 {
        gate.send(()).unwrap();
        if !waits(first.as_mut()).await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    thread.shared().unwrap().crowded.store(true, Ordering::Relaxed);
    until(|| lock(&thread.shared().unwrap().queue).asleep).await;
    let (mut leading, mut second) = (Box::pin(thread.ask(10)), Box::pin(thread.ask(11)));
    assert!(waits(leading.as_mut()).await);
    assert!(waits(second.as_mut()).await);
    drop(leading);
    for _ in 0..4 {
        gate.send(()).unwrap();
    }
    second.await.expect("an answer");
    let places = thread.shared().unwrap().places.available_permits();
    assert_eq!(places, QUEUE, "each place is given back once");
}

#[tokio::test]
async fn nobody_waits_for_a_request_that_is_not_polled() {
    let (thread, ..) = thread(false);
    thread.ask(0).await.unwrap();
    let shared = thread.shared().unwrap();
    shared.crowded.store(true, Ordering::Relaxed);
    until(|| lock(&shared.queue).asleep).await;
    // As in a `join!` with something that computes for long, or a `select!` in a loop that sets it aside.
    let mut aside = Box::pin(thread.ask(10));
    assert!(waits(aside.as_mut()).await);
    let second = tokio::time::timeout(Duration::from_secs(20), thread.ask(11)).await;
    second.expect("in time").expect("an answer");
    aside.await.expect("an answer");
}

#[tokio::test]
async fn a_thread_that_sleeps_is_told_of_the_end() {
    let (_, _, _, database) = thread(false);
    let shared = Arc::new(Shared::<Clerk>::new());
    let own = OwnSqlite {
        database: database.clone(),
        runtime: Handle::current(),
        connection: None,
        busy: Duration::ZERO,
    };
    let open = database.closing().open().unwrap();
    let ours = Arc::clone(&shared);
    // Whoever started it has not come to do anything since.
    let serving =
        std::thread::spawn(move || serve(&ours, Clerk { done: Done::default(), gate: None }, own, open));
    until(|| lock(&shared.queue).asleep).await;
    shared.close();
    until(|| serving.is_finished()).await;
}

#[tokio::test]
async fn the_queue_is_bounded() {
    let (thread, done, gate, _) = thread(true);
    let gate = gate.unwrap();
    let all = 4 * QUEUE;
    let asking: Vec<_> = (0..all)
        .map(|number| {
            let thread = Arc::clone(&thread);
            tokio::spawn(async move { thread.ask(number).await })
        })
        .collect();
    let shared = thread.shared().unwrap();
    until(|| lock(&shared.queue).jobs.len() == QUEUE).await;
    // Whoever was let in when the thread took the first jobs is in by then or on the way: none of the others may follow.
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(lock(&shared.queue).jobs.len() <= QUEUE, "the others wait outside");
    }
    until(|| lock(&shared.queue).jobs.len() == QUEUE).await;
    drop(gate);
    for asked in asking {
        asked.await.unwrap().expect("an answer");
    }
    assert_eq!(count(&done), all);
    assert_eq!(shared.places.available_permits(), QUEUE);
}

#[tokio::test]
async fn what_was_taken_is_done_before_the_database_closes() {
    let (thread, done, gate, database) = thread(true);
    let gate = gate.unwrap();
    let asking: Vec<_> = (0..500)
        .map(|number| {
            let thread = Arc::clone(&thread);
            tokio::spawn(async move { thread.ask(number).await })
        })
        .collect();
    let shared = thread.shared().unwrap();
    until(|| lock(&shared.queue).jobs.len() > 300).await;
    let closing = tokio::spawn(async move { database.close().await });
    until(|| lock(&shared.queue).closed).await;
    assert_eq!(thread.ask(1_000).await, Err(Closed));
    assert!(!closing.is_finished());
    drop(gate);
    closing.await.unwrap();
    let mut answered = 0;
    for asked in asking {
        answered += usize::from(asked.await.unwrap().is_ok());
    }
    assert_eq!(answered, 500, "each that was in the queue has its answer");
    assert_eq!(count(&done), answered);
}

#[tokio::test]
async fn it_ends_with_its_owner() {
    let (thread, _, _, database) = thread(false);
    thread.ask(1).await.unwrap();
    let shared = Arc::downgrade(&thread.shared().unwrap());
    drop(thread);
    until(|| shared.strong_count() == 0).await;
    database.close().await;
}

#[test]
fn it_outlives_a_runtime() {
    let (thread, ..) = thread(false);
    for number in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        assert_eq!(runtime.block_on(thread.ask(number)), Ok(number));
    }
}

/// Blocks the thread that it is called on.
fn block<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
            return output;
        }
        thread::park_timeout(Duration::from_secs(20));
    }
}

#[test]
fn whoever_blocks_all_workers_gets_an_answer() {
    let (_, _, _, database) = thread(false);
    let clerk = || Clerk { done: Done::default(), gate: None };
    let thread = SqliteThread::new(database, "clerk", clerk);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let answers = runtime.block_on(async {
        let blocking =
            tokio::spawn(async move { block(async { [thread.ask(1).await, thread.ask(2).await] }) });
        blocking.await.unwrap()
    });
    assert_eq!(answers, [Ok(0), Ok(1)], "the places among all that were done");
}

#[tokio::test]
async fn a_thread_that_died_is_told_and_another_takes_its_place() {
    struct Mortal;
    impl SqliteWork for Mortal {
        type Job = bool;
        type Answer = ();

        fn run(&mut self, _own: &mut OwnSqlite, jobs: Vec<Asked<bool, ()>>) {
            for asked in jobs {
                assert!(!asked.job, "this one is deadly");
                asked.answer(());
            }
        }
    }
    let (_, _, _, database) = thread(false);
    let thread = SqliteThread::new(database, "mortal", || Mortal);
    assert_eq!(thread.ask(false).await, Ok(()));
    assert_eq!(thread.ask(true).await, Err(Closed));
    until(|| lock(&thread.running).as_ref().is_some_and(|shared| lock(&shared.queue).closed)).await;
    assert_eq!(thread.ask(false).await, Ok(()));
}
