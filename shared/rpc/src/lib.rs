//! Generated gRPC code, links between services, server start-up, errors
