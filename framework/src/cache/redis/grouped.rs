//! Values that many requests want of one server at the same moment: one command for all of them.
//!
//! Redis spends more on taking a command and on starting a script than on what they say, and so does the way there and back. A cluster is
//! asked for each key by itself: they are on different nodes.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_core::future::BoxFuture;
use redis::{Cmd, Script};

use crate::cache::backend::Ttl;
use crate::cache::error::CacheError;
use crate::cache::key::CacheKey;
use crate::cache::redis::call::Call;
use crate::cache::redis::server::{Failure, Question, Server};
use crate::cache::redis::{HowLong, command};
use crate::grouping::group::{Asked, Closed, Group, Owner as _, Work};
use crate::grouping::lane::Lane;

/// KEYS: the key. ARGV: the value, how long ("never", "now", seconds), what is expected: nothing if it may be anything, since no value
/// is empty.
const REPLACE: &str = "
local found = redis.call('GET', KEYS[1])
if not found then return 0 end
if ARGV[3] ~= '' and found ~= ARGV[3] then return 1 end
if ARGV[2] == 'now' then redis.call('DEL', KEYS[1])
elseif ARGV[2] == 'never' then redis.call('SET', KEYS[1], ARGV[1])
else redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) end
return 2";

/// The same for many keys, with three ARGV for each. One that fails has changed nothing, and keeps none of the others back. A key may be
/// there more than once: what is found is then what the one before has left. MGET finds nothing where something else than a value
/// is, which GET complains of.
const REPLACE_MANY: &str = "
local done, found = {}, {}
for n, value in ipairs(redis.call('MGET', unpack(KEYS))) do found[KEYS[n]] = value end
for n, key in ipairs(KEYS) do
  local value, ttl, expected, is = ARGV[3 * n - 2], ARGV[3 * n - 1], ARGV[3 * n], found[key]
  if not is then done[n] = redis.call('EXISTS', key) * 3
  elseif expected ~= '' and is ~= expected then done[n] = 1
  else
    local put
    if ttl == 'now' then
      put = redis.pcall('DEL', key)
      value = false
    elseif ttl == 'never' then put = redis.pcall('SET', key, value)
    else put = redis.pcall('SET', key, value, 'EX', ttl) end
    if type(put) == 'table' and put.err then done[n] = 3
    else
      done[n] = 2
      found[key] = value
    end
  end
end
return done";

/// What the scripts say of a key: there is no value, it is another one, it was replaced; or it will have to tell by itself.
pub(super) const MISSING: u8 = 0;
pub(super) const CHANGED: u8 = 1;
const FAILED: u8 = 3;

/// Bytes of one script's arguments at most, unless a single value is larger: meanwhile the server does nothing else.
const LARGEST: usize = 1 << 20;

/// A server, and the way to it together with others.
#[derive(Debug)]
pub(super) struct Grouped {
    server: Arc<Server>,
    replace: Script,
    /// `None` for a cluster.
    together: Option<Together>,
}

#[derive(Debug)]
struct Together {
    gets: Shared<Gets>,
    replaces: Shared<Replaces>,
}

/// A way that many share, and the lane of whoever comes alone.
#[derive(Debug)]
struct Shared<W: Work> {
    group: Group<W>,
    lane: Lane,
}

/// A value that takes the place of another.
#[derive(Debug)]
pub(super) struct Replace {
    pub(super) key: CacheKey,
    pub(super) data: Bytes,
    pub(super) ttl: Ttl,
    /// What has to be there; `None` if it may be anything.
    pub(super) expected: Option<Bytes>,
}

/// How many arguments a script takes of it beside the key.
const ARGS: usize = 3;

/// The digits of a time, at most.
const TIME: usize = 20;

impl Replace {
    /// How many bytes it is in a command, about.
    fn size(&self) -> usize {
        self.key.as_str().len() + self.data.len() + TIME + self.expected.as_ref().map_or(0, Bytes::len)
    }

    /// The [`ARGS`].
    fn args(&self, call: &mut Call<'_>) {
        call.arg(&*self.data).arg(HowLong(self.ttl)).arg(self.expected.as_deref().unwrap_or_default());
    }

    async fn alone(&self, server: &Server, script: &Script) -> Result<u8, Failure> {
        let mut call = Call::new(script, 1);
        self.args(call.arg(self.key.as_str()));
        server.try_ask(Question::Script(&call), false).await
    }
}

impl Grouped {
    pub(super) fn new(server: Server) -> Self {
        let server = Arc::new(server);
        let together = server.is_single().then(|| Together {
            gets: Shared { group: Group::new(Arc::clone(&server), Gets), lane: Lane::default() },
            replaces: Shared { group: Group::new(Arc::clone(&server), Replaces::new), lane: Lane::default() },
        });
        Self { server, replace: Script::new(REPLACE), together }
    }

    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    /// The bytes under a key.
    pub(super) async fn get(&self, key: &CacheKey) -> Result<Option<Bytes>, CacheError> {
        let alone = || Box::pin(get(&self.server, key));
        let found = match &self.together {
            Some(together) => match self.with_others(&together.gets, key.clone(), |_| alone()).await {
                Err(Closed) => alone().await,
                Ok(found) => found,
            },
            None => alone().await,
        };
        found.map_err(|failure| self.server.error(failure))
    }

    /// Puts a value in the place of another: [`MISSING`], [`CHANGED`], or anything else if it is done.
    pub(super) async fn replace(&self, replace: Box<Replace>) -> Result<u8, CacheError> {
        let alone = |replace: Box<Replace>| -> BoxFuture<'_, _> {
            Box::pin(async move { replace.alone(&self.server, &self.replace).await })
        };
        let done = match &self.together {
            Some(together) => match self.with_others(&together.replaces, replace, alone).await {
                Err(closed) => {
                    let cut = io::Error::new(io::ErrorKind::ConnectionAborted, closed);
                    Err(Failure::Failed(cut.into()))
                }
                Ok(done) => done,
            },
            None => alone(replace).await,
        };
        done.map_err(|failure| self.server.error(failure))
    }

    /// Goes alone if nobody else is on the way, or if the cache was closed: it connects anew for whoever asks all the same. [`Closed`] when
    /// it was cut off with its task, which takes a runtime that ends: it was done or not.
    async fn with_others<W: Work<Answer = Result<T, Failure>>, T, F: Future<Output = Result<T, Failure>>>(
        &self,
        shared: &Shared<W>,
        job: W::Job,
        alone: impl FnOnce(W::Job) -> F,
    ) -> Result<Result<T, Failure>, Closed> {
        if self.server.closing().has_begun() {
            return Ok(alone(job).await);
        }
        if let Some(_taken) = shared.lane.take() {
            return Ok(alone(job).await);
        }
        let _grouped = shared.lane.join();
        match self.server.in_time(shared.group.ask(job)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(closed)) => Err(closed),
            Err(late) => Ok(Err(late)),
        }
    }
}

async fn get(server: &Server, key: &CacheKey) -> Result<Option<Bytes>, Failure> {
    server.try_ask(Question::Command(&command("GET", key)), true).await
}

/// A command with those keys.
fn of_all<A>(name: &str, jobs: &[Asked<CacheKey, A>]) -> Cmd {
    let bytes: usize = jobs.iter().map(|waiting| waiting.job.as_str().len()).sum();
    let mut command = Cmd::with_capacity(jobs.len() + 1, bytes + name.len());
    command.arg(name);
    for waiting in jobs {
        command.arg(waiting.job.as_str());
    }
    command
}

/// Tells all of them that there is no answer.
fn fail<J, T>(jobs: Vec<Asked<J, Result<T, Failure>>>, failure: &Failure) {
    for waiting in jobs {
        waiting.answer(Err(failure.clone()));
    }
}

/// Reads values.
#[derive(Debug)]
struct Gets(Arc<Server>);

impl Work for Gets {
    type Owner = Arc<Server>;
    type Job = CacheKey;
    type Answer = Result<Option<Bytes>, Failure>;

    async fn run(&mut self, jobs: Vec<Asked<CacheKey, Self::Answer>>) {
        let server = &*self.0;
        let many = of_all("MGET", &jobs);
        let found: Vec<Option<Bytes>> = match server.try_ask(Question::Command(&many), true).await {
            Ok(found) => found,
            Err(failure) => return fail(jobs, &failure),
        };
        let mut nothing = Vec::new();
        for (waiting, found) in jobs.into_iter().zip(found) {
            match found {
                Some(data) => waiting.answer(Ok(Some(data))),
                None => nothing.push(waiting),
            }
        }
        if nothing.is_empty() {
            return;
        }
        // MGET finds nothing where something else than a value is, which GET complains of.
        let exist = of_all("EXISTS", &nothing);
        match server.try_ask(Question::Command(&exist), true).await {
            Ok(0_u64) => nothing.into_iter().for_each(|waiting| waiting.answer(Ok(None))),
            Ok(_) => {
                for waiting in nothing {
                    let found = get(server, &waiting.job).await;
                    waiting.answer(found);
                }
            }
            Err(failure) => fail(nothing, &failure),
        }
    }

    async fn end(self) {}
}

/// Replaces values.
#[derive(Debug)]
struct Replaces {
    server: Arc<Server>,
    one: Script,
    many: Script,
}

impl Replaces {
    fn new(server: Arc<Server>) -> Self {
        Self { server, one: Script::new(REPLACE), many: Script::new(REPLACE_MANY) }
    }

    /// Replaces these, which are so many bytes.
    async fn replace(&self, jobs: Vec<Asked<Box<Replace>, Result<u8, Failure>>>, size: usize) {
        let mut call = Call::with_room(&self.many, jobs.len(), jobs.len() * (1 + ARGS), size);
        for waiting in &jobs {
            call.arg(waiting.job.key.as_str());
        }
        for waiting in &jobs {
            waiting.job.args(&mut call);
        }
        let done: Vec<u8> = match self.server.try_ask(Question::Script(&call), false).await {
            Ok(done) => done,
            Err(failure) => return fail(jobs, &failure),
        };
        for (waiting, done) in jobs.into_iter().zip(done) {
            if done == FAILED {
                let told = waiting.job.alone(&self.server, &self.one).await;
                waiting.answer(told);
            } else {
                waiting.answer(Ok(done));
            }
        }
    }
}

impl Work for Replaces {
    type Owner = Arc<Server>;
    type Job = Box<Replace>;
    type Answer = Result<u8, Failure>;

    async fn run(&mut self, jobs: Vec<Asked<Box<Replace>, Self::Answer>>) {
        let all = jobs.iter().map(|waiting| waiting.job.size()).sum();
        if all <= LARGEST {
            return self.replace(jobs, all).await;
        }
        let (mut together, mut size) = (Vec::new(), 0);
        for waiting in jobs {
            let more = waiting.job.size();
            if size + more > LARGEST && !together.is_empty() {
                self.replace(std::mem::take(&mut together), size).await;
                size = 0;
            }
            size += more;
            together.push(waiting);
        }
        self.replace(together, size).await;
    }

    async fn end(self) {}
}
