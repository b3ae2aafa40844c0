//! The headers of one request.

use http::{HeaderMap, HeaderName, header};
use mcp_pool_core::extend::{CallContext, is_reserved_header, upstream_headers};

/// The headers of the caller's credentials and of this call.
pub(crate) fn headers_of(credentials: &HeaderMap, call: Option<&CallContext>) -> HeaderMap {
    let mut headers = upstream_headers(credentials);
    if let Some(call) = call {
        add_extra(&mut headers, call.extra());
    }
    headers
}

/// Adds the headers of a call that neither authenticate nor frame a message.
fn add_extra(headers: &mut HeaderMap, extra: &HeaderMap) {
    for name in extra.keys() {
        if is_reserved_header(name) || authenticates(name) {
            continue;
        }
        headers.remove(name);
        for value in extra.get_all(name) {
            headers.append(name, value.clone());
        }
    }
}

fn authenticates(name: &HeaderName) -> bool {
    *name == header::AUTHORIZATION || *name == header::COOKIE || *name == "dpop"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_of_a_call_never_replace_credentials() {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, "Bearer mine".parse().unwrap());
        headers.insert("dpop", "mine".parse().unwrap());
        headers.insert("traceparent", "old".parse().unwrap());
        let mut extra = HeaderMap::new();
        extra.insert(header::AUTHORIZATION, "Bearer other".parse().unwrap());
        extra.insert("dpop", "other".parse().unwrap());
        extra.insert("traceparent", "new".parse().unwrap());
        add_extra(&mut headers, &extra);
        assert_eq!(headers[header::AUTHORIZATION], "Bearer mine");
        assert_eq!(headers["dpop"], "mine");
        assert_eq!(headers["traceparent"], "new");
    }
}
