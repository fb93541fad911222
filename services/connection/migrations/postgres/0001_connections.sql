-- Times are milliseconds since the Unix epoch, UTC. DIDs are in their canonical form unless a column says otherwise.
--
-- Every key leads with the tenant, so that a database that spreads its tables can do it by tenant; all but the indexes
-- of what is due, which one look finds for all tenants. Tables whose rows change often keep room in their pages, so that
-- a change that no index sees touches none.

CREATE TABLE dids (
    tenant TEXT COLLATE "C" NOT NULL,
    did TEXT COLLATE "C" NOT NULL,
    wire_did TEXT COLLATE "C" NOT NULL,            -- as it is sent: a did:peer:4 in its long form
    key TEXT COLLATE "C" NOT NULL,                 -- multibase
    shared_as TEXT COLLATE "C",                    -- what invitations share it: method and endpoint
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, did)
);
CREATE UNIQUE INDEX dids_shared ON dids (tenant, shared_as);

CREATE TABLE invitations (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    kind INTEGER NOT NULL,
    state INTEGER NOT NULL,
    max_uses BIGINT,
    uses BIGINT NOT NULL,
    did TEXT COLLATE "C",                          -- as written in the message
    canonical_did TEXT COLLATE "C",
    key TEXT COLLATE "C" NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    alias TEXT COLLATE "C" NOT NULL,
    goal_code TEXT COLLATE "C" NOT NULL,
    goal TEXT COLLATE "C" NOT NULL,
    handshakes TEXT COLLATE "C" NOT NULL,
    message TEXT COLLATE "C" NOT NULL,
    url TEXT COLLATE "C" NOT NULL,
    metadata TEXT COLLATE "C" NOT NULL,
    auto_accept BOOLEAN NOT NULL,
    exchange_id TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    expires_at BIGINT,                 -- null when it has ended or never will
    version BIGINT NOT NULL,
    -- Invitations that are also answered by naming only their DID (RFC 0023).
    implicit BOOLEAN NOT NULL DEFAULT FALSE,
    -- How an invitation is written; those before were out-of-band/1.x.
    format INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX invitations_by_state ON invitations (tenant, state, id);
CREATE INDEX invitations_by_alias ON invitations (tenant, alias, id);
CREATE INDEX invitations_implicit ON invitations (tenant, canonical_did, id) WHERE implicit;
CREATE INDEX invitations_expiring ON invitations (expires_at, tenant, id) WHERE expires_at IS NOT NULL;
CREATE INDEX invitations_by_key ON invitations (tenant, key, format);

CREATE TABLE exchanges (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    role INTEGER NOT NULL,
    state INTEGER NOT NULL,
    protocol INTEGER NOT NULL,
    invitation_id TEXT COLLATE "C" NOT NULL,
    thread_id TEXT COLLATE "C",
    my_did TEXT COLLATE "C",
    their_did TEXT COLLATE "C",
    their_label TEXT COLLATE "C" NOT NULL,
    alias TEXT COLLATE "C" NOT NULL,
    invitation_key TEXT COLLATE "C" NOT NULL,
    invitation_did TEXT COLLATE "C" NOT NULL,      -- as written in the message
    pending_for TEXT COLLATE "C",                  -- the inviter that an invitee's exchange is under way with: one at a time
    auto_accept BOOLEAN NOT NULL,
    multi_use BOOLEAN NOT NULL,
    label TEXT COLLATE "C" NOT NULL,               -- ours
    did_method INTEGER NOT NULL,
    deadline_at BIGINT,
    goal_code TEXT COLLATE "C" NOT NULL,
    goal TEXT COLLATE "C" NOT NULL,
    metadata TEXT COLLATE "C" NOT NULL,
    machine TEXT COLLATE "C" NOT NULL,             -- the state machine, as JSON
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 80);
CREATE INDEX exchanges_by_invitation ON exchanges (tenant, invitation_id, id);
CREATE INDEX exchanges_by_state ON exchanges (tenant, state, id);
CREATE INDEX exchanges_by_alias ON exchanges (tenant, alias, id);
CREATE INDEX exchanges_by_update ON exchanges (tenant, updated_at, id);
CREATE INDEX exchanges_by_thread ON exchanges (tenant, thread_id, id) WHERE thread_id IS NOT NULL;
CREATE INDEX exchanges_by_their_did ON exchanges (tenant, their_did, id) WHERE their_did IS NOT NULL;
CREATE INDEX exchanges_by_my_did ON exchanges (tenant, my_did, id) WHERE my_did IS NOT NULL;
CREATE UNIQUE INDEX exchanges_pending ON exchanges (tenant, pending_for) WHERE pending_for IS NOT NULL;
CREATE INDEX exchanges_due ON exchanges (deadline_at, tenant, id) WHERE deadline_at IS NOT NULL;
CREATE INDEX exchanges_by_role ON exchanges (tenant, role, id);

CREATE TABLE connections (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    role INTEGER NOT NULL,
    protocol INTEGER NOT NULL,
    my_did TEXT COLLATE "C" NOT NULL,
    their_did TEXT COLLATE "C" NOT NULL,
    my_key TEXT COLLATE "C" NOT NULL,
    their_key TEXT COLLATE "C" NOT NULL,
    target TEXT COLLATE "C" NOT NULL,              -- where the peer receives messages, as JSON
    their_label TEXT COLLATE "C" NOT NULL,
    alias TEXT COLLATE "C" NOT NULL,
    invitation_id TEXT COLLATE "C" NOT NULL,
    invitation_did TEXT COLLATE "C",
    metadata TEXT COLLATE "C" NOT NULL,
    reuses BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    -- While the peer has not answered our new DID: the JWT that names it, and the DID and key before it.
    from_prior TEXT COLLATE "C",
    prior_did TEXT COLLATE "C",
    prior_key TEXT COLLATE "C",
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 80);
CREATE INDEX connections_by_invitation_did ON connections (tenant, invitation_did, id);
CREATE INDEX connections_by_invitation ON connections (tenant, invitation_id, id);
CREATE INDEX connections_by_alias ON connections (tenant, alias, id);
CREATE INDEX connections_to_reuse ON connections (tenant, invitation_did, role, last_seen_at, id, created_at) WHERE role = 2;
CREATE INDEX connections_by_their_did ON connections (tenant, their_did, id);
CREATE INDEX connections_by_my_did ON connections (tenant, my_did, id);

-- Which exchange or connection a pair of keys belongs to.
CREATE TABLE peers (
    tenant TEXT COLLATE "C" NOT NULL,
    my_key TEXT COLLATE "C" NOT NULL,
    their_key TEXT COLLATE "C" NOT NULL,
    exchange_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, my_key, their_key)
);
CREATE INDEX peers_by_exchange ON peers (tenant, exchange_id);

CREATE TABLE acceptances (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    invitation_id TEXT COLLATE "C" NOT NULL,
    invitation TEXT COLLATE "C" NOT NULL,
    invitation_did TEXT COLLATE "C" NOT NULL,      -- as written in the message
    canonical_did TEXT COLLATE "C",
    state INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    candidates TEXT COLLATE "C" NOT NULL,          -- separated by spaces
    rule TEXT COLLATE "C" NOT NULL,
    no_answer INTEGER NOT NULL,
    patience BIGINT NOT NULL,          -- how long the peer may take, in milliseconds
    exchange_id TEXT COLLATE "C",
    connection_id TEXT COLLATE "C",
    thread_id TEXT COLLATE "C",
    their_label TEXT COLLATE "C" NOT NULL,
    alias TEXT COLLATE "C" NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    auto_accept BOOLEAN NOT NULL,
    did_method INTEGER NOT NULL,
    deadline_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    -- The URL that was accepted; empty for an invitation that came otherwise.
    url TEXT COLLATE "C" NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 80);
CREATE INDEX acceptances_by_invitation ON acceptances (tenant, invitation_id, id);
CREATE INDEX acceptances_by_thread ON acceptances (tenant, thread_id, id) WHERE thread_id IS NOT NULL;
CREATE INDEX acceptances_by_exchange ON acceptances (tenant, exchange_id, id) WHERE exchange_id IS NOT NULL;
CREATE INDEX acceptances_by_connection ON acceptances (tenant, connection_id, id) WHERE connection_id IS NOT NULL;
CREATE INDEX acceptances_due ON acceptances (deadline_at, tenant, id) WHERE deadline_at IS NOT NULL;

-- Messages that are committed and not yet taken by their endpoint. A lane is sent in order.
CREATE TABLE outbox (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    lane TEXT COLLATE "C" NOT NULL,
    kind INTEGER NOT NULL,
    message_id TEXT COLLATE "C" NOT NULL,
    thread_id TEXT COLLATE "C" NOT NULL,
    message TEXT COLLATE "C" NOT NULL,
    from_key TEXT COLLATE "C",
    target TEXT COLLATE "C" NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    last_error TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    -- The DID URL of from_key, which DIDComm v2 names it by.
    from_kid TEXT COLLATE "C",
    owner TEXT COLLATE "C" NOT NULL,   -- the replica that sends it
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX outbox_by_lane ON outbox (tenant, lane, id);
CREATE INDEX outbox_due ON outbox (owner, next_attempt_at, tenant, lane);

-- Messages that had their effect, so that the same message has none again.
CREATE TABLE inbox (
    tenant TEXT COLLATE "C" NOT NULL,
    sender_key TEXT COLLATE "C" NOT NULL,
    message_id TEXT COLLATE "C" NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, sender_key, message_id)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX inbox_by_age ON inbox (received_at, tenant);

-- Answers to calls with a request_id.
CREATE TABLE requests (
    tenant TEXT COLLATE "C" NOT NULL,
    method TEXT COLLATE "C" NOT NULL,
    request_id TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL,
    response BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, method, request_id)
);
CREATE INDEX requests_by_age ON requests (created_at, tenant);

CREATE TABLE logs (
    tenant TEXT COLLATE "C" NOT NULL,
    last_sequence BIGINT NOT NULL,
    purged_sequence BIGINT NOT NULL,   -- events up to here are no longer kept
    PRIMARY KEY (tenant)
) WITH (fillfactor = 20);

CREATE TABLE events (
    tenant TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    kind INTEGER NOT NULL,
    connection_id TEXT COLLATE "C" NOT NULL,
    invitation_id TEXT COLLATE "C" NOT NULL,
    time BIGINT NOT NULL,
    record BYTEA NOT NULL,             -- entente.event.v1.Event without sequence and time
    PRIMARY KEY (tenant, sequence)
);
CREATE INDEX events_by_connection ON events (tenant, connection_id, sequence);

CREATE TABLE consumers (
    tenant TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
) WITH (fillfactor = 50);

CREATE TABLE dead_letters (
    tenant TEXT COLLATE "C" NOT NULL,
    consumer TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    attempts INTEGER NOT NULL,
    error TEXT COLLATE "C" NOT NULL,
    time BIGINT NOT NULL,
    replay BOOLEAN NOT NULL,
    PRIMARY KEY (tenant, consumer, sequence)
);

-- Texts on a connection, for as long as events are kept.
CREATE TABLE basic_messages (
    tenant TEXT COLLATE "C" NOT NULL,
    connection_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,                  -- ours, by which they sort
    message_id TEXT COLLATE "C" NOT NULL,          -- the sender's
    content TEXT COLLATE "C" NOT NULL,
    outbound BOOLEAN NOT NULL,
    time BIGINT NOT NULL,
    PRIMARY KEY (tenant, connection_id, id)
);
CREATE INDEX basic_messages_by_age ON basic_messages (time, tenant);

-- URLs that callers registered for events.
CREATE TABLE webhooks (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    url TEXT COLLATE "C" NOT NULL,
    format INTEGER NOT NULL,
    headers TEXT COLLATE "C" NOT NULL,             -- pairs of name and value, as JSON
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX webhooks_by_url ON webhooks (tenant, format, url);

-- The processes that share the tables, of which each works for all tenants.
CREATE TABLE replicas (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    beats BIGINT NOT NULL,             -- counted up while it lives
    started_at BIGINT NOT NULL
) WITH (fillfactor = 20);

-- Which process reads for a consumer.
CREATE TABLE leases (
    tenant TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    holder TEXT NOT NULL,
    held_until BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
) WITH (fillfactor = 50);
