-- What order systems are told: an event whenever a shipment becomes shipped, dead or closed, written in the
-- transaction that makes it so, and one delivery of it to every endpoint that wants to know. What was settled
-- before is no event.

ALTER TABLE shipments ADD COLUMN source TEXT NOT NULL DEFAULT ''; -- the API token that handed it over; empty: none did

CREATE TABLE events (
    id       AUTO_ID,                    -- of one shipment's events the later one has the larger
    uid      TEXT NOT NULL UNIQUE,       -- what receivers know it by
    seq      BIGINT NOT NULL DEFAULT 0,  -- its place in the list that is pulled; 0: not numbered yet
    at       BIGINT NOT NULL,
    type     TEXT NOT NULL,
    partner  TEXT NOT NULL,
    trade_no TEXT NOT NULL,
    source   TEXT NOT NULL,
    body     TEXT NOT NULL               -- JSON, as it is signed and sent
);
CREATE INDEX events_unnumbered ON events (id) WHERE seq = 0;
CREATE UNIQUE INDEX events_seq ON events (seq) WHERE seq > 0;
CREATE INDEX events_partner ON events (partner, seq) WHERE seq > 0;
INSERT INTO ledger (name, value) VALUES ('event_seq', '0'); -- the last number given

-- Where events are to be sent, as the processes that send them announce it. Secrets stay with those.
CREATE TABLE endpoints (
    id           AUTO_ID,
    kind         TEXT NOT NULL CHECK (kind IN ('account', 'token')),
    owner        TEXT NOT NULL,              -- the account, or the token's name
    name         TEXT NOT NULL,
    url          TEXT NOT NULL,              -- for people
    announced_at BIGINT NOT NULL,
    withdrawn_at BIGINT NOT NULL DEFAULT 0,  -- 0: it gets what happens
    UNIQUE (kind, owner, name)
);

CREATE TABLE deliveries (
    endpoint   BIGINT NOT NULL,
    event      BIGINT NOT NULL,
    partner    TEXT NOT NULL,
    trade_no   TEXT NOT NULL,
    state      TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts   BIGINT NOT NULL DEFAULT 0,  -- ever; also the token of the one under way
    failures   BIGINT NOT NULL DEFAULT 0,  -- since it was made or replayed: the n of the backoff
    due_at     BIGINT NOT NULL,            -- not to be tried before; while an attempt is under way, when it counts as lost
    give_up_at BIGINT NOT NULL,
    tried_at   BIGINT NOT NULL DEFAULT 0,
    settled_at BIGINT NOT NULL DEFAULT 0,  -- when it was acknowledged or given up
    status     BIGINT NOT NULL DEFAULT 0,  -- HTTP status of the last answer; 0: none
    error      TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (endpoint, event)
);
CREATE INDEX deliveries_due ON deliveries (endpoint, due_at, event) WHERE state = 'pending';
CREATE INDEX deliveries_order ON deliveries (endpoint, partner, trade_no, event) WHERE state = 'pending';
CREATE INDEX deliveries_newest ON deliveries (event, endpoint);
CREATE INDEX deliveries_state ON deliveries (state, event, endpoint);
