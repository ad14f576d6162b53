//! Session rows written to SQLite in groups: one transaction for all that wait, and one statement for all of a kind.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::db::database::Database;
use crate::db::error::DatabaseError;
use crate::db::group::{Asked, Work};
use crate::session::backends::db::sqlite_connection::OwnSqlite;
use crate::session::backends::db::write::{Change, Kind, Write, query, text_of, took_place};

/// Whether the write took place; an error may be everybody's.
pub(super) type Written = Result<bool, Arc<DatabaseError>>;

/// Does the writes on a connection of its own.
#[derive(Debug)]
pub(super) struct SqliteWriter(OwnSqlite);

type Waiting = Asked<Write, Written>;

impl Work for SqliteWriter {
    type Job = Write;
    type Answer = Written;

    async fn run(&mut self, jobs: Vec<Waiting>) {
        self.wait_for_others().await;
        if jobs.len() > 1 {
            let steps = steps(jobs);
            match self.together(&steps).await {
                Ok(written) => {
                    for (step, written) in steps.into_iter().zip(written) {
                        written.answer(step);
                    }
                    return;
                }
                Err(error) if !matches!(*error, DatabaseError::Query { .. }) => {
                    for waiting in steps.into_iter().flat_map(|step| step.jobs) {
                        waiting.answer(Err(Arc::clone(&error)));
                    }
                    return;
                }
                // One of them is at fault: nothing was changed, and each by itself will tell.
                Err(_) => {
                    for waiting in steps.into_iter().flat_map(|step| step.jobs) {
                        self.alone(waiting).await;
                    }
                    return;
                }
            }
        }
        for waiting in jobs {
            self.alone(waiting).await;
        }
    }

    async fn end(self) {
        self.0.close().await;
    }
}

impl SqliteWriter {
    pub(super) const fn new(database: Database) -> Self {
        Self(OwnSqlite::new(database))
    }

    /// Queues behind whoever in this process holds the connection of [`SqliteDatabase::writer`], so that a busy writer here
    /// does not keep a view's transaction from SQLite's lock, which is polled and knows no turns.
    ///
    /// [`SqliteDatabase::writer`]: crate::db::sqlite::SqliteDatabase::writer
    async fn wait_for_others(&self) {
        let Some(sqlite) = self.0.database().as_sqlite() else { return };
        if sqlite.is_writing() {
            // What goes wrong with that connection is not ours to tell.
            let _ = sqlite.writer().acquire().await;
        }
    }

    async fn alone(&mut self, waiting: Waiting) {
        let done = match self.0.get().await {
            Ok((database, connection)) => {
                let rows = query!(database, &waiting.job).execute(connection);
                database.run(async { took_place(rows.await.map(|done| done.rows_affected())) }).await
            }
            Err(error) => Err(error),
        };
        // A statement that was left midway, or could not reach its file.
        if done
            .as_ref()
            .is_err_and(|error| !matches!(error, DatabaseError::Query { .. } | DatabaseError::Locked { .. }))
        {
            self.0.forget();
        }
        waiting.answer(done.map_err(Arc::new));
    }

    async fn together(&mut self, steps: &[Step]) -> Result<Vec<Done>, Arc<DatabaseError>> {
        let done = match self.0.get().await {
            Ok((database, connection)) => database.run(all_or_none(connection, database, steps)).await,
            Err(error) => Err(error),
        };
        if done.is_err() {
            // With it ends whatever may be left of the transaction.
            self.0.forget();
        }
        done.map_err(Arc::new)
    }
}

/// Writes of one kind, each to another row.
#[derive(Debug)]
struct Step {
    kind: Kind,
    jobs: Vec<Waiting>,
}

/// Which of a step's writes took place.
#[derive(Debug)]
enum Done {
    One(bool),
    Keys(HashSet<String>),
}

impl Done {
    fn answer(self, step: Step) {
        for waiting in step.jobs {
            let done = match &self {
                Self::One(done) => *done,
                Self::Keys(keys) => keys.contains(waiting.job.key.as_str()),
            };
            waiting.answer(Ok(done));
        }
    }
}

/// Puts writes of a kind together, and writes to the same row in their order.
fn steps(jobs: Vec<Waiting>) -> Vec<Step> {
    let mut turns: HashMap<_, usize> = HashMap::with_capacity(jobs.len());
    let mut steps: BTreeMap<(usize, Kind), Vec<Waiting>> = BTreeMap::new();
    for waiting in jobs {
        let turn = turns.entry(waiting.job.key.clone()).or_default();
        steps.entry((*turn, waiting.job.kind())).or_default().push(waiting);
        *turn += 1;
    }
    let mut all = Vec::with_capacity(steps.len());
    for ((_, kind), jobs) in steps {
        if kind == Kind::DeleteIf {
            all.extend(jobs.into_iter().map(|job| Step { kind, jobs: vec![job] }));
        } else {
            all.push(Step { kind, jobs });
        }
    }
    all
}

async fn all_or_none(
    connection: &mut SqliteConnection,
    database: &Database,
    steps: &[Step],
) -> Result<Vec<Done>, sqlx::Error> {
    if let [step] = steps {
        // A statement is a transaction.
        return Ok(vec![run(connection, database, step).await?]);
    }
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let mut done = Vec::with_capacity(steps.len());
    for step in steps {
        done.push(run(&mut transaction, database, step).await?);
    }
    transaction.commit().await?;
    Ok(done)
}

async fn run(
    connection: &mut SqliteConnection,
    database: &Database,
    step: &Step,
) -> Result<Done, sqlx::Error> {
    if let [waiting] = &*step.jobs {
        let rows = query!(database, &waiting.job).execute(connection).await;
        return took_place(rows.map(|done| done.rows_affected())).map(Done::One);
    }
    // Statements are kept prepared by their text, so there are to be few of them: empty slots fill them up.
    let slots = step.jobs.len().next_power_of_two();
    let writes =
        step.jobs.iter().map(|waiting| Some(&waiting.job)).chain(std::iter::repeat(None)).take(slots);
    let mut query = sqlx::query_scalar(AssertSqlSafe(text(step.kind, slots)));
    for write in writes {
        query = query.bind(write.map(|write| write.key.as_str()));
        query = match write.map(|write| &write.change) {
            Some(Change::Insert { text, expires } | Change::Update { text, expires, expected: None }) => {
                query.bind(text_of(text)).bind(*expires)
            }
            Some(Change::Update { text, expires, expected: Some(expected) }) => {
                query.bind(text_of(text)).bind(*expires).bind(text_of(expected))
            }
            Some(Change::Touch { expires, expected: None }) => query.bind(*expires),
            Some(Change::Touch { expires, expected: Some(expected) }) => {
                query.bind(*expires).bind(text_of(expected))
            }
            Some(Change::Delete { .. }) => query,
            None => (1..columns(step.kind).len()).fold(query, |query, _| query.bind(None::<&str>)),
        };
    }
    let keys: Vec<String> = query.fetch_all(connection).await?;
    Ok(Done::Keys(keys.into_iter().collect()))
}

/// What is bound for each write: the key, then of `d`ata, `e`xpiry and e`x`pected data what there is.
const fn columns(kind: Kind) -> &'static str {
    match kind {
        Kind::Insert | Kind::Update => "kde",
        Kind::UpdateIf => "kdex",
        Kind::Touch => "ke",
        Kind::TouchIf => "kex",
        Kind::Delete | Kind::DeleteIf => "k",
    }
}

/// The statement for so many writes of a kind, which gives back the keys of those that took place. A slot of NULLs does
/// nothing.
fn text(kind: Kind, slots: usize) -> String {
    let columns = columns(kind);
    let names = separated(columns.chars());
    let slot = format!("({})", separated(columns.chars().map(|_| '?')));
    let slots = separated(std::iter::repeat_n(slot, slots));
    let change = match kind {
        Kind::Insert => {
            "INSERT INTO django_session (session_key, session_data, expire_date) SELECT k, d, e FROM v \
             WHERE k IS NOT NULL ON CONFLICT (session_key) DO NOTHING"
        }
        Kind::Update => {
            "UPDATE django_session SET session_data = d, expire_date = e FROM v WHERE session_key = k"
        }
        Kind::UpdateIf => {
            "UPDATE django_session SET session_data = d, expire_date = e FROM v WHERE session_key = k AND session_data = x"
        }
        Kind::Touch => "UPDATE django_session SET expire_date = e FROM v WHERE session_key = k",
        Kind::TouchIf => {
            "UPDATE django_session SET expire_date = e FROM v WHERE session_key = k AND session_data = x"
        }
        Kind::Delete | Kind::DeleteIf => "DELETE FROM django_session WHERE session_key IN (SELECT k FROM v)",
    };
    format!("WITH v ({names}) AS (VALUES {slots}) {change} RETURNING session_key")
}

fn separated<T: std::fmt::Display>(items: impl Iterator<Item = T>) -> String {
    let mut text = String::new();
    for item in items {
        if !text.is_empty() {
            text.push(',');
        }
        // Writing to a String does not fail.
        let _ = write!(text, "{item}");
    }
    text
}
