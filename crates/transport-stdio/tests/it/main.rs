//! Sessions with children that behave, and with children that do not.

mod calls;
mod common;
mod credentials;
mod eras;
mod hosts;
mod life;
mod output;
mod starts;
