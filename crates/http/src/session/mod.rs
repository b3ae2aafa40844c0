//! What the requests of one session share.

mod cookie;
mod http_session;
mod jar;
mod set_cookie;

pub use cookie::SessionCookie;
pub use http_session::HttpSession;
