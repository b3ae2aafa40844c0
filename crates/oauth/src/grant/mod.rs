//! How tokens are obtained.

mod enterprise;
mod exchange;
mod kind;
mod subject;

pub use enterprise::EnterpriseManaged;
pub use exchange::TokenExchange;
pub use kind::Grant;
pub use subject::{InboundToken, SubjectRequest, SubjectSource, TokenType};
