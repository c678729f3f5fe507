//! What the system tests share: a local cloud of their own, and a caller's view of the system in it.

mod api;
mod cloud;
mod machine;
mod poll;
mod throttle;

pub use api::{Answer, Api, order_body};
pub use cloud::LocalCloud;
pub use machine::StateMachine;
pub use poll::eventually;
pub use throttle::ThrottlingServer;
