-- The book, for every database: AUTO_ID stands for the type of a number that the database counts up itself.
-- Times are microseconds since 1970 of the ledger's one clock; 0 stands for "never".
-- Truth values are 0 and 1.

-- What the ledger knows of itself: its identity, which the belt carries too.
CREATE TABLE ledger (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- One row per account. The slot is here: nobody may begin a call before open_at.
CREATE TABLE accounts (
    partner      TEXT PRIMARY KEY,
    name         TEXT NOT NULL DEFAULT '',
    interval_us  BIGINT NOT NULL DEFAULT 10000000 CHECK (interval_us > 0),
    announced_at BIGINT NOT NULL DEFAULT 0, -- when a worker last said that it serves it
    open_at      BIGINT NOT NULL DEFAULT 0,
    token        BIGINT NOT NULL DEFAULT 0, -- the call that holds the slot; 0: given back
    held_at      BIGINT NOT NULL DEFAULT 0, -- 0: not on hold
    held_code    TEXT NOT NULL DEFAULT '',
    held_reason  TEXT NOT NULL DEFAULT '',
    held_us      BIGINT NOT NULL DEFAULT 0, -- time spent on hold, the present hold not counted
    death_code   TEXT NOT NULL DEFAULT '',  -- the code of the last death ...
    deaths       BIGINT NOT NULL DEFAULT 0, -- ... and how many in a row had it
    no_query_at  BIGINT NOT NULL DEFAULT 0, -- when Alipay said that it may not query; 0: it may, as far as known
    CHECK (held_at = 0 OR held_code <> '')
);

-- One row per shipment accepted. The order of id is the order of acceptance.
CREATE TABLE shipments (
    id                    AUTO_ID,
    partner               TEXT NOT NULL,
    trade_no              TEXT NOT NULL,
    logistics_name        TEXT NOT NULL DEFAULT '',
    invoice_no            TEXT NOT NULL DEFAULT '',
    transport_type        TEXT NOT NULL DEFAULT '',
    create_transport_type TEXT NOT NULL DEFAULT '',
    seller_ip             TEXT NOT NULL DEFAULT '',
    order_ref             TEXT NOT NULL DEFAULT '',
    batch                 TEXT NOT NULL DEFAULT '',
    urgent                SMALLINT NOT NULL DEFAULT 0 CHECK (urgent IN (0, 1)),
    accepted_at           BIGINT NOT NULL,
    changed_at            BIGINT NOT NULL,
    state                 TEXT NOT NULL CHECK (state IN ('queued', 'calling', 'shipped', 'dead', 'closed')),
    version               BIGINT NOT NULL,            -- +1 with every change
    attempt               BIGINT NOT NULL DEFAULT 0,  -- calls begun
    sent_attempts         BIGINT NOT NULL DEFAULT 0,  -- those of them that may have been sent
    failures              BIGINT NOT NULL DEFAULT 0,  -- since acceptance or sending again: the n of the backoff
    holds                 BIGINT NOT NULL DEFAULT 0,  -- account holds that it caused
    token                 BIGINT NOT NULL DEFAULT 0,  -- the call under way
    fence_at              BIGINT NOT NULL DEFAULT 0,  -- until then the row belongs to the holder of the token
    doubt                 SMALLINT NOT NULL DEFAULT 0 CHECK (doubt IN (0, 1)), -- a call may have shipped it
    barred                SMALLINT NOT NULL DEFAULT 0 CHECK (barred IN (0, 1)), -- refused for good: never call again unasked
    begun                 SMALLINT NOT NULL DEFAULT 0 CHECK (begun IN (0, 1)), -- comes back through the retry queue
    not_before            BIGINT NOT NULL DEFAULT 0,
    budget_at             BIGINT NOT NULL DEFAULT 0,  -- the first attempt since acceptance or sending again
    budget_held           BIGINT NOT NULL DEFAULT 0,  -- the account's time on hold then
    unlisted_code         TEXT NOT NULL DEFAULT '',   -- a code that nobody knows, to be settled by query
    reason                TEXT NOT NULL DEFAULT '',
    error_code            TEXT NOT NULL DEFAULT '',
    trade_status          TEXT NOT NULL DEFAULT '',
    refund_status         TEXT NOT NULL DEFAULT '',
    feed                  SMALLINT NOT NULL DEFAULT 1 CHECK (feed IN (0, 1)), -- the belt does not know of this version yet
    dead_task             SMALLINT NOT NULL DEFAULT 0 CHECK (dead_task IN (0, 1)), -- a task in the dead-letter queue
    UNIQUE (partner, trade_no),
    CHECK ((state = 'calling') = (token <> 0)),
    CHECK (state <> 'dead' OR reason <> ''),
    CHECK (barred = 0 OR state NOT IN ('queued', 'calling'))
);
CREATE INDEX shipments_feed ON shipments (id) WHERE feed = 1;
CREATE INDEX shipments_calling ON shipments (fence_at) WHERE state = 'calling';
CREATE INDEX shipments_state ON shipments (partner, state, urgent, id);
CREATE INDEX shipments_batch ON shipments (batch, partner, state);

-- One row per call of the gateway, written at begin and completed at finish; queries are written
-- once, when they are over. The id of a ship call is its token and is never used twice. (R3)
CREATE TABLE calls (
    id            AUTO_ID,
    partner       TEXT NOT NULL,
    trade_no      TEXT NOT NULL,
    service       TEXT NOT NULL,
    worker        TEXT NOT NULL,
    attempt       BIGINT NOT NULL DEFAULT 0,
    begun_at      BIGINT NOT NULL,
    fence_at      BIGINT NOT NULL DEFAULT 0,
    finished_at   BIGINT NOT NULL DEFAULT 0, -- 0: no answer recorded
    params        TEXT NOT NULL,             -- JSON, without sign and key
    verdict       TEXT NOT NULL DEFAULT '',
    http_status   BIGINT NOT NULL DEFAULT 0,
    code          TEXT NOT NULL DEFAULT '',
    trade_status  TEXT NOT NULL DEFAULT '',
    refund_status TEXT NOT NULL DEFAULT '',
    verified      SMALLINT NOT NULL DEFAULT 0,
    answer        TEXT NOT NULL DEFAULT '',  -- buyer's data masked
    error         TEXT NOT NULL DEFAULT '',
    duration_us   BIGINT NOT NULL DEFAULT 0,
    late          SMALLINT NOT NULL DEFAULT 0 -- learnt after somebody else had taken the row over
);
CREATE INDEX calls_trade ON calls (partner, trade_no, id);

-- Every change of state after acceptance and every act of a person, in order. Nothing is ever
-- changed or removed here.
CREATE TABLE history (
    id         AUTO_ID,
    at         BIGINT NOT NULL,
    partner    TEXT NOT NULL,
    trade_no   TEXT NOT NULL DEFAULT '', -- empty: about the account
    actor      TEXT NOT NULL,
    from_state TEXT NOT NULL DEFAULT '',
    to_state   TEXT NOT NULL DEFAULT '',
    version    BIGINT NOT NULL DEFAULT 0,
    detail     TEXT NOT NULL DEFAULT ''
);
CREATE INDEX history_trade ON history (partner, trade_no, id);
