//! Responses that refuse the revision of `initialize`.

use http::StatusCode;
use mcp_pool_core::extend::RefusedRevision;
use mcp_pool_http::body;

/// A response, and the refusal of a revision in its text, where it is one.
///
/// The text of a refusal is read here, since its fault holds none of it.
pub(crate) async fn refused_revision(
    mut response: reqwest::Response,
    max_body: usize,
) -> (reqwest::Response, Option<RefusedRevision>) {
    if !is_about_the_request(response.status()) {
        return (response, None);
    }
    let head = http::Response::builder().status(response.status());
    let headers = std::mem::take(response.headers_mut());
    let text = body(response, max_body).await.unwrap_or_default();
    let refused = RefusedRevision::of_text(&String::from_utf8_lossy(&text));
    let mut response = head.body(text).unwrap_or_default();
    *response.headers_mut() = headers;
    (response.into(), refused)
}

/// True for the statuses with which servers refuse what a request holds.
fn is_about_the_request(status: StatusCode) -> bool {
    matches!(status.as_u16(), 400 | 406 | 409 | 412 | 415 | 422 | 426)
}
