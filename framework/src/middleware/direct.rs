//! The way of a request that waits for nothing but its view, as most do.
//!
//! [`Onion::respond`] can wait anywhere, so its future has room for whatever may be waited for, and is moved with it. Here the
//! first halves of the layers are done before there is a future, the view's future is all that is waited for, and the second halves are done when it
//! is there. Whatever else has to be waited for goes on as [`Onion::respond`] does, from where it is.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::future::BoxFuture;
use futures_util::future::Either;

use crate::error::panic::panicked;
use crate::error::{Result, with_backtraces};
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::halves::{After, Before};
use crate::middleware::onion::{Next, Onion, Passed, Place, Shell, second_half};
use crate::middleware::request_line::RequestLine;
use crate::near::Near;

/// The response to a request. With `DEBUG` errors know how they came about, and it is waited for anywhere: the way is not short then, and
/// the calls that led to an error are those of its own future.
pub(crate) fn respond(onion: Near<Onion>, request: HttpRequest) -> impl Future<Output = HttpResponse> + Send {
    match onion.project().core().debug {
        // Boxed, so that a request without `DEBUG` has no room for it.
        true => Either::Left(Box::pin(with_backtraces(async move { onion.respond(request).await }))),
        false => Either::Right(Direct::enter(onion, request)),
    }
}

/// The response to a request that is on its way.
struct Direct {
    onion: Near<Onion>,
    /// The view, as long as it is waited for.
    view: Option<AtView>,
    /// What else has to be waited for.
    rest: Option<BoxFuture<'static, HttpResponse>>,
}

/// A request at its view.
struct AtView {
    line: RequestLine,
    /// What the layers that it has passed keep.
    passed: Passed,
    view: BoxFuture<'static, Result<HttpResponse>>,
}

/// How far the first halves led.
enum Entered {
    View(BoxFuture<'static, Result<HttpResponse>>),
    Elsewhere(Place),
}

impl Direct {
    /// Goes as far as there is nothing to wait for.
    fn enter(onion: Near<Onion>, request: HttpRequest) -> Self {
        let (line, mut passed) = (RequestLine::of(&request), Passed::new());
        let (view, rest) = match enter(Next { onion: &onion, line: &line, depth: 0 }, request, &mut passed) {
            Entered::View(view) => (Some(AtView { line, passed, view }), None),
            Entered::Elsewhere(place) => (None, Some(go_on(onion.clone(), line, place, passed))),
        };
        Self { onion, view, rest }
    }
}

impl Future for Direct {
    type Output = HttpResponse;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<HttpResponse> {
        let this = self.get_mut();
        if let Some(at) = &mut this.view {
            let mut outcome = match catch_unwind(AssertUnwindSafe(|| at.view.as_mut().poll(cx))) {
                Ok(polled) => ready!(polled),
                Err(payload) => Err(panicked("the view", &*payload)),
            };
            let Some(AtView { line, mut passed, view }) = this.view.take() else { return Poll::Pending };
            // What the view held is free before the second halves.
            drop(view);
            if let Ok(response) = &mut outcome {
                match leave(Next { onion: &this.onion, line: &line, depth: 0 }, &mut passed, response) {
                    Ok(()) if passed.is_empty() => {
                        line.log(response);
                        return outcome.map_or(Poll::Pending, Poll::Ready);
                    }
                    Ok(()) => {}
                    Err(error) => outcome = Err(error),
                }
            }
            let onion = this.onion.clone();
            this.rest = Some(match outcome {
                Ok(response) => go_back(onion, line, response, passed),
                Err(error) => go_on(onion, line, Place::Out(Err(error)), passed),
            });
        }
        // There is none when it is over, and nobody polls it then.
        this.rest.as_mut().map_or(Poll::Pending, |rest| rest.as_mut().poll(cx))
    }
}

/// Waits for the rest of the way.
fn go_on(
    onion: Near<Onion>,
    line: RequestLine,
    place: Place,
    mut passed: Passed,
) -> BoxFuture<'static, HttpResponse> {
    Box::pin(async move {
        let next = Next { onion: &onion, line: &line, depth: 0 };
        let response = next.go_on(place, &mut passed).await;
        line.log(&response);
        response
    })
}

/// Waits for the second halves that are left, as a response does whose session is saved: without room for a request.
fn go_back(
    onion: Near<Onion>,
    line: RequestLine,
    mut response: HttpResponse,
    mut passed: Passed,
) -> BoxFuture<'static, HttpResponse> {
    Box::pin(async move {
        Next { onion: &onion, line: &line, depth: 0 }.outwards(&mut passed, &mut response).await;
        line.log(&response);
        response
    })
}

/// Through the first halves to the view, as far as none waits.
fn enter(next: Next<'_>, mut request: HttpRequest, passed: &mut Passed) -> Entered {
    let arrived = catch_unwind(AssertUnwindSafe(|| pass(next, &mut request, passed)));
    let arrived =
        arrived.unwrap_or_else(|payload| Arrived::Answered(Err(panicked("a middleware", &*payload))));
    let route = match arrived {
        Arrived::AtView(route) => route,
        Arrived::Waits => return Entered::Elsewhere(Place::In(request)),
        Arrived::Answered(outcome) => return Entered::Elsewhere(Place::Out(outcome)),
    };
    // A closure may panic before it has a future.
    match catch_unwind(AssertUnwindSafe(|| next.onion.call_view(route, request))) {
        Ok(view) => Entered::View(view),
        Err(payload) => Entered::Elsewhere(Place::Out(Err(panicked("the view", &*payload)))),
    }
}

/// Where the first halves led.
enum Arrived {
    /// At the view of the route of that number.
    AtView(usize),
    /// At a layer that has to wait, or that goes around the rest.
    Waits,
    Answered(Result<HttpResponse>),
}

fn pass(next: Next<'_>, request: &mut HttpRequest, passed: &mut Passed) -> Arrived {
    let onion = next.onion;
    for layer in &onion.layers {
        let Shell::Halves(layer) = layer else { return Arrived::Waits };
        match layer.before(request, next) {
            Before::Next(kept) => passed.push(kept),
            Before::Wait => return Arrived::Waits,
            Before::Fail(error) => return Arrived::Answered(Err(error)),
            Before::Answer(response, kept) => {
                passed.push(kept);
                return Arrived::Answered(Ok(response));
            }
        }
    }
    next.line.note_layers(request);
    let route = match onion.resolve(request) {
        Ok(route) => route,
        Err(error) => return Arrived::Answered(Err(error)),
    };
    let marks = onion.views.marks(route);
    match onion.view_layers.iter().all(|layer| layer.lets_through(request, marks)) {
        true => Arrived::AtView(route),
        false => Arrived::Waits,
    }
}

/// Back through the second halves, as far as none waits: those that are left are in `passed`.
fn leave(next: Next<'_>, passed: &mut Passed, response: &mut HttpResponse) -> Result<()> {
    while let Some(kept) = passed.last() {
        if let Some(layer) = next.passed_layer(passed.len()) {
            match second_half(layer, kept, next, response) {
                Ok(After::Done(Ok(()))) => {}
                Ok(After::Wait) => return Ok(()),
                Ok(After::Done(Err(error))) => {
                    passed.pop();
                    return Err(error);
                }
                Err(payload) => {
                    passed.pop();
                    return Err(panicked("a middleware", &*payload));
                }
            }
        }
        passed.pop();
    }
    Ok(())
}

#[cfg(test)]
mod tests;
