//! How values cross between the server and the browser: as JSON, read into a tree first and from there into each type.
//! Code that reads a type's fields out of a tree is far smaller than code that parses their text, and every view of the
//! interface needs it in WebAssembly.

use leptos::server::codee::{Decoder, Encoder};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Error, Value};
use server_fn::{Bytes, ContentType, Decodes, Encodes, Format, FormatType, codec::Post};
use std::future::Future;

/// The encoding of server functions' arguments and answers, and of what a page's resources hold.
pub struct Wire;

/// For `input` and `output` of a server function.
pub type Json = Post<Wire>;

/// A value that the server sent with the page or is asked for.
pub type Resource<T> = leptos::prelude::Resource<T, Wire>;

/// A resource that is loaded anew whenever `source` changes.
pub fn resource<S, T, F>(
    source: impl Fn() -> S + Send + Sync + 'static,
    fetcher: impl Fn(S) -> F + Send + Sync + 'static,
) -> Resource<T>
where
    S: PartialEq + Clone + Send + Sync + 'static,
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
    F: Future<Output = T> + Send + 'static,
{
    Resource::new_with_options(source, fetcher, false)
}

/// The value that the JSON text says.
///
/// # Errors
/// Where the text is no JSON, or of another shape.
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, Error> {
    T::deserialize(&tree(text)?)
}

fn tree(text: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(text)
}

impl ContentType for Wire {
    const CONTENT_TYPE: &'static str = "application/json";
}

impl FormatType for Wire {
    const FORMAT_TYPE: Format = Format::Text;
}

impl<T: Serialize> Encodes<T> for Wire {
    type Error = Error;

    fn encode(value: &T) -> Result<Bytes, Error> {
        serde_json::to_vec(value).map(Bytes::from)
    }
}

impl<T: DeserializeOwned> Decodes<T> for Wire {
    type Error = Error;

    fn decode(bytes: Bytes) -> Result<T, Error> {
        read(&bytes)
    }
}

impl<T: Serialize> Encoder<T> for Wire {
    type Error = Error;
    type Encoded = String;

    fn encode(value: &T) -> Result<String, Error> {
        serde_json::to_string(value)
    }
}

impl<T: DeserializeOwned> Decoder<T> for Wire {
    type Error = Error;
    type Encoded = str;

    fn decode(text: &str) -> Result<T, Error> {
        read(text.as_bytes())
    }
}
