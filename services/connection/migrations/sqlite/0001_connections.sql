-- Times are milliseconds since the Unix epoch, UTC. DIDs are in their canonical form unless a column says otherwise.

CREATE TABLE dids (
    tenant TEXT NOT NULL,
    did TEXT NOT NULL,
    wire_did TEXT NOT NULL,            -- as it is sent: a did:peer:4 in its long form
    key TEXT NOT NULL,                 -- multibase
    shared_as TEXT,                    -- what invitations share it: method and endpoint
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, did)
);
CREATE UNIQUE INDEX dids_shared ON dids (tenant, shared_as);

CREATE TABLE invitations (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    kind INTEGER NOT NULL,
    state INTEGER NOT NULL,
    max_uses BIGINT,
    uses BIGINT NOT NULL,
    did TEXT,                          -- as written in the message
    canonical_did TEXT,
    key TEXT NOT NULL,
    label TEXT NOT NULL,
    alias TEXT NOT NULL,
    goal_code TEXT NOT NULL,
    goal TEXT NOT NULL,
    handshakes TEXT NOT NULL,
    message TEXT NOT NULL,
    url TEXT NOT NULL,
    metadata TEXT NOT NULL,
    auto_accept BOOLEAN NOT NULL,
    exchange_id TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    expires_at BIGINT,                 -- null when it has ended or never will
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX invitations_by_state ON invitations (tenant, state, id);
CREATE INDEX invitations_by_alias ON invitations (tenant, alias, id);
CREATE INDEX invitations_expiring ON invitations (expires_at, tenant, id);

CREATE TABLE exchanges (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    role INTEGER NOT NULL,
    state INTEGER NOT NULL,
    protocol INTEGER NOT NULL,
    invitation_id TEXT NOT NULL,
    thread_id TEXT,
    my_did TEXT,
    their_did TEXT,
    their_label TEXT NOT NULL,
    alias TEXT NOT NULL,
    invitation_key TEXT NOT NULL,
    invitation_did TEXT NOT NULL,      -- as written in the message
    pending_for TEXT,                  -- the inviter that an invitee's exchange is under way with: one at a time
    auto_accept BOOLEAN NOT NULL,
    multi_use BOOLEAN NOT NULL,
    label TEXT NOT NULL,               -- ours
    did_method INTEGER NOT NULL,
    deadline_at BIGINT,
    goal_code TEXT NOT NULL,
    goal TEXT NOT NULL,
    metadata TEXT NOT NULL,
    machine TEXT NOT NULL,             -- the state machine, as JSON
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX exchanges_by_thread ON exchanges (tenant, thread_id);
CREATE INDEX exchanges_by_invitation ON exchanges (tenant, invitation_id, id);
CREATE INDEX exchanges_by_state ON exchanges (tenant, state, id);
CREATE INDEX exchanges_by_their_did ON exchanges (tenant, their_did);
CREATE INDEX exchanges_by_my_did ON exchanges (tenant, my_did);
CREATE INDEX exchanges_by_alias ON exchanges (tenant, alias, id);
CREATE UNIQUE INDEX exchanges_pending ON exchanges (tenant, pending_for);
CREATE INDEX exchanges_due ON exchanges (deadline_at, tenant, id);

CREATE TABLE connections (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    role INTEGER NOT NULL,
    protocol INTEGER NOT NULL,
    my_did TEXT NOT NULL,
    their_did TEXT NOT NULL,
    my_key TEXT NOT NULL,
    their_key TEXT NOT NULL,
    target TEXT NOT NULL,              -- where the peer receives messages, as JSON
    their_label TEXT NOT NULL,
    alias TEXT NOT NULL,
    invitation_id TEXT NOT NULL,
    invitation_did TEXT,
    metadata TEXT NOT NULL,
    reuses BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX connections_by_invitation_did ON connections (tenant, invitation_did, id);
CREATE INDEX connections_to_reuse ON connections (tenant, invitation_did, role, last_seen_at, id);
CREATE INDEX connections_by_invitation ON connections (tenant, invitation_id, id);
CREATE INDEX connections_by_their_did ON connections (tenant, their_did);
CREATE INDEX connections_by_my_did ON connections (tenant, my_did);
CREATE INDEX connections_by_alias ON connections (tenant, alias, id);

-- Which exchange or connection a pair of keys belongs to.
CREATE TABLE peers (
    tenant TEXT NOT NULL,
    my_key TEXT NOT NULL,
    their_key TEXT NOT NULL,
    exchange_id TEXT NOT NULL,
    PRIMARY KEY (tenant, my_key, their_key)
);
CREATE INDEX peers_by_exchange ON peers (tenant, exchange_id);

CREATE TABLE acceptances (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    invitation_id TEXT NOT NULL,
    invitation TEXT NOT NULL,
    invitation_did TEXT NOT NULL,      -- as written in the message
    canonical_did TEXT,
    state INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    candidates TEXT NOT NULL,          -- separated by spaces
    rule TEXT NOT NULL,
    no_answer INTEGER NOT NULL,
    patience BIGINT NOT NULL,          -- how long the peer may take, in milliseconds
    exchange_id TEXT,
    connection_id TEXT,
    thread_id TEXT,
    their_label TEXT NOT NULL,
    alias TEXT NOT NULL,
    label TEXT NOT NULL,
    auto_accept BOOLEAN NOT NULL,
    did_method INTEGER NOT NULL,
    deadline_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX acceptances_by_invitation ON acceptances (tenant, invitation_id, id);
CREATE INDEX acceptances_by_thread ON acceptances (tenant, thread_id);
CREATE INDEX acceptances_by_exchange ON acceptances (tenant, exchange_id);
CREATE INDEX acceptances_by_connection ON acceptances (tenant, connection_id, id);
CREATE INDEX acceptances_due ON acceptances (deadline_at, tenant, id);

-- Messages that are committed and not yet taken by their endpoint. A lane is sent in order.
CREATE TABLE outbox (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    lane TEXT NOT NULL,
    kind INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    thread_id TEXT NOT NULL,
    message TEXT NOT NULL,
    from_key TEXT,
    target TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    last_error TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX outbox_by_lane ON outbox (tenant, lane, id);
CREATE INDEX outbox_due ON outbox (next_attempt_at, tenant, lane);

-- Messages that had their effect, so that the same message has none again.
CREATE TABLE inbox (
    tenant TEXT NOT NULL,
    sender_key TEXT NOT NULL,
    message_id TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, sender_key, message_id)
);
CREATE INDEX inbox_by_age ON inbox (received_at, tenant);

-- Answers to calls with a request_id.
CREATE TABLE requests (
    tenant TEXT NOT NULL,
    method TEXT NOT NULL,
    request_id TEXT NOT NULL,
    digest BYTEA NOT NULL,
    response BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, method, request_id)
);
CREATE INDEX requests_by_age ON requests (created_at, tenant);

CREATE TABLE logs (
    tenant TEXT NOT NULL,
    last_sequence BIGINT NOT NULL,
    purged_sequence BIGINT NOT NULL,   -- events up to here are no longer kept
    PRIMARY KEY (tenant)
);

CREATE TABLE events (
    tenant TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    kind INTEGER NOT NULL,
    connection_id TEXT NOT NULL,
    invitation_id TEXT NOT NULL,
    time BIGINT NOT NULL,
    record BYTEA NOT NULL,             -- entente.event.v1.Event without sequence and time
    PRIMARY KEY (tenant, sequence)
);
CREATE INDEX events_by_connection ON events (tenant, connection_id, sequence);
CREATE INDEX events_by_age ON events (time, tenant);

CREATE TABLE consumers (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
);

CREATE TABLE dead_letters (
    tenant TEXT NOT NULL,
    consumer TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    error TEXT NOT NULL,
    time BIGINT NOT NULL,
    replay BOOLEAN NOT NULL,
    PRIMARY KEY (tenant, consumer, sequence)
);
