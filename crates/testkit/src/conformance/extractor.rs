//! The promises of every identity extractor.

use std::fmt::Debug;

use futures::future::join_all;
use http::HeaderMap;
use mcp_pool_core::{
    error::ExtractError,
    extend::{Identity, IdentityExtractor},
};

use super::helpers::{header_map, poll_times, secrets};

/// An extractor and the headers of its kind.
pub trait ExtractorCase: Sync {
    /// The extractor.
    fn extractor(&self) -> &dyn IdentityExtractor;
    /// The headers of a request of this user, one of [`USERS`], which the extractor accepts. Where
    /// credentials are renewed, each call returns another credential.
    fn headers(&self, user: &str) -> HeaderMap;
    /// Headers of the extractor's kind that do not hold, each with a name: forged, ended, unreadable. Empty
    /// for an extractor that verifies nothing itself.
    fn refused(&self) -> Vec<(&'static str, HeaderMap)>;
}

/// The users of the suite, for an extractor that knows its users beforehand, such as by a table. Of the
/// names one contains, begins or ends another, and two differ in a capital letter alone.
pub const USERS: [&str; 5] = ["alice", "alic", "lice", "Alice", "bob"];

/// The same headers have the same identity each time, also at the same time.
pub async fn the_same_headers_have_one_identity(case: &dyn ExtractorCase) {
    let headers = case.headers("alice");
    let first = accepted(case, &headers).await;
    let at_once = join_all((0..8).map(|_| accepted(case, &headers))).await;
    assert!(at_once.iter().all(|identity| *identity == first));
}

/// A user with another credential has the same identity.
pub async fn a_renewed_credential_keeps_the_identity(case: &dyn ExtractorCase) {
    let (first, renewed) = (case.headers("alice"), case.headers("alice"));
    assert_eq!(accepted(case, &first).await, accepted(case, &renewed).await);
}

/// Two users have two identities, and none is anonymous.
pub async fn users_have_identities_of_their_own(case: &dyn ExtractorCase) {
    let mut known: Vec<Identity> = Vec::new();
    for user in USERS {
        let identity = accepted(case, &case.headers(user)).await;
        assert!(!identity.is_anonymous(), "{user}");
        assert!(!known.contains(&identity), "{user}");
        known.push(identity);
    }
}

/// Headers that are not of the extractor's kind are left to the next extractor.
pub async fn headers_of_another_kind_are_passed_on(case: &dyn ExtractorCase) {
    let others = [
        header_map(&[]),
        header_map(&[("accept", "application/json"), ("x-other", "alice")]),
    ];
    for headers in others {
        let identity = case.extractor().extract(&headers).await;
        assert_eq!(identity.expect("no refusal"), None);
    }
}

/// Headers that do not hold are refused each time, and do not keep others from being accepted.
pub async fn a_credential_that_does_not_hold_is_refused(case: &dyn ExtractorCase) {
    let alice = accepted(case, &case.headers("alice")).await;
    for (name, headers) in case.refused() {
        for _ in 0..2 {
            let identity = case.extractor().extract(&headers).await;
            assert!(identity.is_err(), "{name}: {identity:?}");
        }
    }
    assert_eq!(accepted(case, &case.headers("alice")).await, alice);
}

/// Neither an identity nor an error shows a value of the headers.
pub async fn nothing_of_the_headers_is_shown(case: &dyn ExtractorCase) {
    let headers = case.headers("alice");
    hides(&accepted(case, &headers).await, "", &headers);
    for (name, headers) in case.refused() {
        let error: ExtractError = match case.extractor().extract(&headers).await {
            Ok(identity) => panic!("{name}: {identity:?}"),
            Err(error) => error,
        };
        hides(&error, &error.to_string(), &headers);
    }
}

/// An extraction that is dropped at any await loses nothing for the next one.
pub async fn a_dropped_extraction_loses_nothing(case: &dyn ExtractorCase) {
    let headers = case.headers("alice");
    for polls in 0..4 {
        poll_times(polls, case.extractor().extract(&headers)).await;
        accepted(case, &headers).await;
    }
}

async fn accepted(case: &dyn ExtractorCase, headers: &HeaderMap) -> Identity {
    let identity = case.extractor().extract(headers).await;
    let identity = identity.expect("the headers of a user hold");
    identity.expect("the headers of a user are of the extractor's kind")
}

fn hides(shown: &impl Debug, text: &str, headers: &HeaderMap) {
    let shown = format!("{shown:?} {shown:#?} {text}");
    for secret in secrets(headers) {
        assert!(!shown.contains(&secret), "a part of a header is shown");
    }
}

/// Mounts the suite of identity extractors: one test a promise, each with an
/// [`ExtractorCase`](crate::conformance::ExtractorCase) of its own.
///
/// `extractor_suite!(case)` mounts all of it, `extractor_suite!(case, a_promise another_promise)` a part.
#[macro_export]
macro_rules! extractor_suite {
    ($make:expr) => {
        $crate::extractor_suite!($make,
            the_same_headers_have_one_identity
            a_renewed_credential_keeps_the_identity
            users_have_identities_of_their_own
            headers_of_another_kind_are_passed_on
            a_credential_that_does_not_hold_is_refused
            nothing_of_the_headers_is_shown
            a_dropped_extraction_loses_nothing
        );
    };
    ($make:expr, $($promise:ident)+) => {
        $(
            #[tokio::test]
            async fn $promise() {
                $crate::conformance::$promise(&$make).await;
            }
        )+
    };
}
