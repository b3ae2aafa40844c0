//! Servers and networks as they are in the field, one file a topic.

#[path = "../suites/common.rs"]
#[allow(dead_code, reason = "the suites use more of it")]
mod common;
mod cookies;
mod fronts;
mod headers;
#[path = "../suites/over.rs"]
#[allow(dead_code, reason = "the suites use more of it")]
mod over;
mod redirects;
mod user_agent;
