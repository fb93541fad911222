//! Code generated from `proto/`, by package.
#![allow(
    missing_docs,
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

/// The descriptors of all packages, as reflection serves them.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/entente.binpb"));

pub mod r#type {
    pub mod v1 {
        tonic::include_proto!("entente.r#type.v1");
    }
}
pub mod access {
    pub mod v1 {
        tonic::include_proto!("entente.access.v1");

        /// With the secret.
        macro_rules! without_key {
            ($name:ident, $shown:ident) => {
                impl std::fmt::Debug for $name {
                    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        formatter
                            .debug_struct(stringify!($name))
                            .field(stringify!($shown), &self.$shown)
                            .finish_non_exhaustive()
                    }
                }
            };
        }
        without_key!(AddEntityKeyRequest, entity_id);
        without_key!(CreateApiKeyResponse, api_key);
        without_key!(RemoveEntityKeyRequest, entity_id);
        without_key!(RotateApiKeyResponse, api_key);
    }
}
pub mod resolver {
    pub mod v1 {
        tonic::include_proto!("entente.resolver.v1");
    }
}
pub mod keystore {
    pub mod v1 {
        tonic::include_proto!("entente.keystore.v1");
    }
}
pub mod connection {
    pub mod v1 {
        tonic::include_proto!("entente.connection.v1");
    }
}
pub mod transport {
    pub mod v1 {
        tonic::include_proto!("entente.transport.v1");
    }
}
pub mod event {
    pub mod v1 {
        tonic::include_proto!("entente.event.v1");

        /// The value is a secret.
        impl std::fmt::Debug for WebhookHeader {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter
                    .debug_struct("WebhookHeader")
                    .field("name", &self.name)
                    .finish_non_exhaustive()
            }
        }
    }
}
