//! Whatever a server announces, messages go to the stream's own origin and without credentials.

#![no_main]

use libfuzzer_sys::fuzz_target;
use reqwest::Url;

#[path = "../../crates/transport-sse/src/announcement.rs"]
#[allow(dead_code, unreachable_pub, reason = "the target uses a part of it")]
mod announcement;

fuzz_target!(|announced: &str| {
    let stream: Url = "https://example.com/api/sse?key=1".parse().expect("a url");
    if let Ok(url) = announcement::resolve(&stream, announced) {
        assert_eq!(url.origin(), stream.origin());
        assert!(url.username().is_empty() && url.password().is_none());
        assert!(url.fragment().is_none());
        let _ = announcement::session_id(&url);
    }
});
