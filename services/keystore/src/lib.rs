//! Keeps private keys; signs, packs and unpacks with them
