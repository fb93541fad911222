//! gRPC by descriptors: every method there is, with messages that nobody would write by hand.

mod dice;

use bytes::{Buf as _, BufMut as _};
use entente_rpc::proto::DESCRIPTORS;
use entente_rpc::{Link, Request, Status};
use futures_util::StreamExt as _;
use prost_reflect::{DescriptorPool, MethodDescriptor};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

pub use dice::Dice;

/// All methods of all services.
pub fn methods() -> Vec<MethodDescriptor> {
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    let methods = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    methods.collect()
}

/// The path of a method in a URL.
pub fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

/// Calls a method with an encoded request, and gives the encoded response; of a stream the first.
///
/// # Errors
/// What the service answers.
pub async fn call(link: Link, path: &str, request: Vec<u8>) -> Result<Vec<u8>, Status> {
    let mut client = Grpc::new(link);
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = path.parse().unwrap();
    let answer = client.server_streaming(Request::new(request), path, Raw).await?;
    answer.into_inner().next().await.unwrap_or_else(|| Ok(Vec::new()))
}

/// Bytes as they are.
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining()).to_vec()))
    }
}
