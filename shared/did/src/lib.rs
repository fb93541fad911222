//! DIDs and DID documents: syntax, did:key, did:peer 0, 2 and 4, did:web's URL
