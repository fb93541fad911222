//! Resolves DIDs to documents, with a cache
