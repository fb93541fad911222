//! What the gRPC library itself refuses, told as our services tell it.

use http::Response;
use tonic::body::Body;
use tonic::{Code, Status};

use crate::{ErrorReason, Failure, MAX_MESSAGE};

/// Explains the refusal of a message over the limit, which no service sees: the library has `OUT_OF_RANGE` for it,
/// without a reason.
pub(crate) fn explain(response: Response<Body>) -> Response<Body> {
    let too_large = |status: Status| {
        status.code() == Code::OutOfRange
            && status.details().is_empty()
            && status.message().contains("message length too large")
    };
    if !Status::from_header_map(response.headers()).is_some_and(too_large) {
        return response;
    }
    let text = format!("the message is larger than {MAX_MESSAGE} bytes");
    let failure = Failure::new(ErrorReason::TooLarge, text).with("limit", MAX_MESSAGE.to_string());
    Status::from(failure).into_http()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_librarys_refusal_is_explained() {
        let library =
            "Error, decoded message length too large: found 9 bytes, the limit is: 8 bytes";
        let explained = explain(Status::out_of_range(library).into_http());
        let status = Status::from_header_map(explained.headers()).unwrap();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(Failure::of(&status).reason, ErrorReason::TooLarge);

        let ours = Failure::new(ErrorReason::CursorInFuture, "message length too large");
        for status in [Status::from(ours), Status::out_of_range("the end"), Status::ok("")] {
            let passed = explain(status.clone().into_http());
            assert_eq!(Status::from_header_map(passed.headers()).unwrap().code(), status.code());
        }
    }
}
