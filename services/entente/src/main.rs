//! The Entente binary: the services, the demo and the client
fn main() {}
