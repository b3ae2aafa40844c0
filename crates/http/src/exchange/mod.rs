//! One request with its headers, cookies and redirects.

mod headers;
mod redirect;
mod request;

pub(crate) use request::{Exchange, Exchanged};
