//! Session objects that outlive a request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use nuages::prelude::*;
use nuages::serialize::json;
use nuages::serialize::value::{Dict, Value};

use crate::ops::{Bench, parse};

/// The objects that clients opened, by number.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    sessions: Mutex<HashMap<u32, Session>>,
}

impl Objects {
    fn with<R>(&self, look: impl FnOnce(&mut HashMap<u32, Session>) -> R) -> R {
        look(&mut self.sessions.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, session: Session) -> u32 {
        self.with(|sessions| {
            let number = sessions.keys().max().copied().unwrap_or(0) + 1;
            sessions.insert(number, session);
            number
        })
    }

    /// `POST /object/`
    pub(crate) async fn open(self: Arc<Self>, request: HttpRequest) -> Result<HttpResponse> {
        let body = parse(&request.body().await?).map_err(|bad| Error::bad_request(bad.0))?;
        let session = request.project().sessions().session(body.get("session_key").and_then(Value::as_str));
        answer(&Value::Dict(Dict::from([("id", i64::from(self.add(session)))])), StatusCode::OK)
    }

    /// `POST /object/N/`, `DELETE /object/N/`
    pub(crate) async fn one(self: Arc<Self>, request: HttpRequest, number: u32) -> Result<HttpResponse> {
        let unknown = || Error::not_found(format!("no object {number}"));
        if request.method() == "DELETE" {
            self.with(|sessions| sessions.remove(&number)).ok_or_else(unknown)?;
            return Ok(HttpResponse::new("").with_status(StatusCode::NO_CONTENT));
        }
        let mut session = self.with(|sessions| sessions.get(&number).cloned()).ok_or_else(unknown)?;
        let body = parse(&request.body().await?).map_err(|bad| Error::bad_request(bad.0))?;
        let Some(Value::List(ops)) = body.get("ops") else { return Err(Error::bad_request("ops is a list")) };
        let trace = body.get("trace").is_some_and(Value::is_truthy);
        let cookie_name = crate::cookie_name(request.project());
        let mut bench = Bench {
            session: &mut session,
            cookies: None,
            cookie_name: &cookie_name,
            project: request.project(),
            handles: HashMap::new(),
        };
        let done = bench.run(ops.clone(), trace).await;
        self.with(|sessions| sessions.insert(number, session));
        match done {
            Ok(results) => answer(&Value::Dict(Dict::from([("results", results)])), StatusCode::OK),
            Err(bad) => answer(&Value::Dict(Dict::from([("bad", bad.0)])), StatusCode::UNPROCESSABLE_ENTITY),
        }
    }
}

fn answer(tree: &Value, status: StatusCode) -> Result<HttpResponse> {
    Ok(HttpResponse::new(json::dumps(tree)?).with_content_type("application/json")?.with_status(status))
}
