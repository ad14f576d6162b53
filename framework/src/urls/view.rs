//! What is a view: an async fn that takes the request and what its route captures.

use futures_core::future::BoxFuture;

use crate::error::{Error, Result};
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::serialize::value::Value;
use crate::urls::marks::Marks;
use crate::urls::param::{Param, Parameter};

/// Something that answers a request: `async fn(HttpRequest, P1, …, P6) -> Result<HttpResponse>`, or a closure of that
/// shape.
///
/// The parameters are what the route captures, in its order, and then the route's defaults; each is a [`Param`].
/// Their number and kinds are compared with the route when the site starts.
///
/// ```
/// use nuages::error::Result;
/// use nuages::http::{request::HttpRequest, response::HttpResponse};
/// use nuages::urls::declare::path;
///
/// async fn archive(_request: HttpRequest, year: u32, slug: String) -> Result<HttpResponse> {
///     Ok(HttpResponse::new(format!("{year}: {slug}")))
/// }
/// path("<int:year>/<slug:slug>/", archive);
///
/// let greeting = "Hello".to_owned();
/// path("hello/<name>/", move |_request: HttpRequest, name: String| {
///     let text = format!("{greeting}, {name}");
///     async move { Ok(HttpResponse::new(text)) }
/// });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a view",
    label = "not a view",
    note = "a view is `async fn(request: HttpRequest, …) -> Result<HttpResponse>`, with one parameter for each thing \
            that its route captures, six at most",
    note = "it takes the request by value, its future must be `Send` (nothing that is not may live across an `.await`), \
            and each parameter must be a `Param`: an integer, `String`, `uuid::Uuid`, …"
)]
pub trait View<Args>: Send + Sync + 'static {
    /// The parameters after the request.
    fn parameters() -> Vec<Parameter>;

    /// What is said of it to the layers around it.
    fn marks(&self) -> Marks;

    /// What it is called in the code, for the pages of `DEBUG`: `shop::views::buy`.
    #[must_use]
    fn name() -> &'static str {
        std::any::type_name::<Self>()
    }

    /// Answers.
    fn call(&self, request: HttpRequest, arguments: Arguments) -> BoxFuture<'static, Result<HttpResponse>>;
}

/// What a route hands to its view, one by one.
#[derive(Debug)]
pub struct Arguments {
    values: std::vec::IntoIter<Value>,
}

impl From<Vec<Value>> for Arguments {
    fn from(values: Vec<Value>) -> Self {
        Self { values: values.into_iter() }
    }
}

impl Arguments {
    /// The next as that type; `None` stands for those that the route leaves out.
    ///
    /// # Errors
    /// [`Error::Internal`] for a value that the type does not hold, which the URLconf's checks and the matching of the
    /// route rule out.
    pub fn take<P: Param>(&mut self) -> Result<P> {
        let value = self.values.next().unwrap_or(Value::None);
        P::from_value(value).ok_or_else(|| {
            let name = std::any::type_name::<P>();
            Error::internal(format!(
                "the view's parameter of type {name} does not hold what its route captured"
            ))
        })
    }
}

/// The parameters of a view as one type: `()`, `(u32,)`, `(u32, String)`, …
pub trait Params: Sized + Send + 'static {
    /// One by one.
    fn parameters() -> Vec<Parameter>;

    /// Takes them from what the route hands over.
    ///
    /// # Errors
    /// As [`Arguments::take`].
    fn take(arguments: Arguments) -> Result<Self>;
}

macro_rules! views {
    ($($P:ident),*) => {
        impl<$($P: Param),*> Params for ($($P,)*) {
            fn parameters() -> Vec<Parameter> {
                vec![$(Parameter::of::<$P>()),*]
            }

            #[allow(unused_mut, unused_variables, clippy::unused_unit)]
            fn take(mut arguments: Arguments) -> Result<Self> {
                Ok(($(arguments.take::<$P>()?,)*))
            }
        }

        impl<F, Fut, $($P: Param),*> View<($($P,)*)> for F
        where
            F: Fn(HttpRequest, $($P),*) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = Result<HttpResponse>> + Send + 'static,
        {
            fn parameters() -> Vec<Parameter> {
                <($($P,)*) as Params>::parameters()
            }

            fn marks(&self) -> Marks {
                Marks::default()
            }

            #[allow(non_snake_case)]
            fn call(&self, request: HttpRequest, arguments: Arguments) -> BoxFuture<'static, Result<HttpResponse>> {
                match <($($P,)*) as Params>::take(arguments) {
                    Ok(($($P,)*)) => Box::pin(self(request, $($P),*)),
                    Err(error) => Box::pin(std::future::ready(Err(error))),
                }
            }
        }
    };
}

views!();
views!(P1);
views!(P1, P2);
views!(P1, P2, P3);
views!(P1, P2, P3, P4);
views!(P1, P2, P3, P4, P5);
views!(P1, P2, P3, P4, P5, P6);
