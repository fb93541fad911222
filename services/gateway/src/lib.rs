//! Inbound DIDComm over HTTP and WebSocket, the admin dialects, webhooks
