//! The curves of NIST in SEC1 encoding.

use entente_did::DidError;
use p256::elliptic_curve::sec1::{FromSec1Point, ModulusSize, Sec1Point, ToSec1Point};
use p256::elliptic_curve::{
    AffinePoint, CurveArithmetic, FieldBytesSize, NonZeroScalar, PublicKey as Point, ecdh,
};

use super::{CryptoError, SharedSecret};

/// The Diffie-Hellman shared secret: the x coordinate, with its leading zeros (RFC 7518, 4.6). The orders of the groups
/// are prime, so that a point on the curve is all there is to check.
pub(super) fn agree<C>(ours: &NonZeroScalar<C>, theirs: &[u8]) -> Result<SharedSecret, CryptoError>
where
    C: CurveArithmetic,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
    FieldBytesSize<C>: ModulusSize,
{
    let shared = ecdh::diffie_hellman(ours, point::<C>(theirs)?.as_affine());
    Ok(SharedSecret::new(shared.raw_secret_bytes()))
}

/// The compressed public key of a scalar.
pub(super) fn public<C>(ours: &NonZeroScalar<C>) -> Vec<u8>
where
    C: CurveArithmetic,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
    FieldBytesSize<C>: ModulusSize,
{
    Point::<C>::from_secret_scalar(ours).to_sec1_point(true).as_bytes().to_vec()
}

/// x and y of a compressed point.
pub(super) fn coordinates<C>(key: &[u8]) -> Result<(Vec<u8>, Vec<u8>), CryptoError>
where
    C: CurveArithmetic,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
    FieldBytesSize<C>: ModulusSize,
{
    let point: Sec1Point<C> = point::<C>(key)?.to_sec1_point(false);
    match (point.x(), point.y()) {
        (Some(x), Some(y)) => Ok((x.to_vec(), y.to_vec())),
        _ => Err(DidError::KeyOffCurve.into()),
    }
}

fn point<C>(key: &[u8]) -> Result<Point<C>, CryptoError>
where
    C: CurveArithmetic,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
    FieldBytesSize<C>: ModulusSize,
{
    Point::from_sec1_bytes(key).map_err(|_| DidError::KeyOffCurve.into())
}
