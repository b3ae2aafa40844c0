//! What stands before a script, as a proxy or a load balancer does.

use http::{HeaderMap, Method, StatusCode};

/// One HTTP request as the server received it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HttpRequest {
    /// The HTTP method.
    pub method: Method,
    /// The path, without the query.
    pub path: String,
    /// The path with the query.
    pub target: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The JSON-RPC message; null where there is none.
    pub message: serde_json::Value,
}

/// What a front does with a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Front {
    /// The script gets the request, and its response gets these headers too.
    Pass(HeaderMap),
    /// The front responds, and the script does not get the request.
    Respond(StatusCode, HeaderMap),
}

impl HttpRequest {
    /// The text of a header; several values are joined by `|`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let values = self.headers.get_all(name).iter();
        let texts: Vec<_> = values
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        (!texts.is_empty()).then(|| texts.join("|"))
    }

    /// The JSON-RPC method; the HTTP method for requests without one.
    #[must_use]
    pub fn name(&self) -> &str {
        let method = self.message["method"].as_str();
        method.unwrap_or(self.method.as_str())
    }
}
