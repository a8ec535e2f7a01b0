-- What people need: lists that are read in order out of an index, acts with what was before and after, questions
-- to Alipay, sessions, and which workers are alive. BYTEWISE stands for a collation that compares bytes.

ALTER TABLE shipments ADD COLUMN settled_at BIGINT NOT NULL DEFAULT 0; -- when it became shipped, dead or closed; 0: it is open
ALTER TABLE shipments ADD COLUMN found TEXT NOT NULL DEFAULT '';       -- what the last query about a settled one found (Finding)
ALTER TABLE shipments ADD COLUMN found_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE shipments ADD COLUMN assignee TEXT NOT NULL DEFAULT '';
ALTER TABLE shipments ADD COLUMN resent BIGINT NOT NULL DEFAULT 0;     -- how often a person has sent it again
UPDATE shipments SET settled_at = changed_at WHERE state IN ('shipped', 'dead', 'closed');

-- Lists of shipments are in the order of acceptance, whatever they are narrowed by.
DROP INDEX shipments_state;
DROP INDEX shipments_batch;
CREATE INDEX shipments_line ON shipments (partner, state, accepted_at, id, urgent, begun);
CREATE INDEX shipments_batch ON shipments (batch, state, accepted_at, id);
CREATE INDEX shipments_time ON shipments (state, accepted_at, id);
CREATE INDEX shipments_order ON shipments (order_ref BYTEWISE, accepted_at) WHERE order_ref <> '';
CREATE INDEX shipments_invoice ON shipments (invoice_no BYTEWISE, accepted_at) WHERE invoice_no <> '';
CREATE INDEX shipments_settled ON shipments (settled_at, state, partner) WHERE settled_at > 0;
-- Everything that dead letters are narrowed and counted by, so that it is never read from the table.
CREATE INDEX shipments_dead ON shipments (settled_at, id, partner, reason, error_code, trade_status, assignee, batch,
    trade_no, order_ref, invoice_no) WHERE state = 'dead';
CREATE INDEX shipments_causes ON shipments (reason, error_code, partner, trade_status, assignee, batch, settled_at) WHERE state = 'dead';

-- By state: what is in line goes on the belt before a mountain of dead letters.
DROP INDEX shipments_feed;
CREATE INDEX shipments_feed ON shipments (state, id) WHERE feed = 1;

CREATE INDEX calls_time ON calls (partner, service, begun_at);

-- act names what was done; audit = 1 is an act of a person and stands in the audit trail. Of an act over many
-- shipments one line stands there, and a line per shipment names it by bulk.
ALTER TABLE history ADD COLUMN act TEXT NOT NULL DEFAULT '';
ALTER TABLE history ADD COLUMN audit SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE history ADD COLUMN bulk BIGINT NOT NULL DEFAULT 0;
ALTER TABLE history ADD COLUMN old_values TEXT NOT NULL DEFAULT ''; -- JSON of what the act changed: before ...
ALTER TABLE history ADD COLUMN new_values TEXT NOT NULL DEFAULT ''; -- ... and after
CREATE INDEX history_audit ON history (id) WHERE audit = 1;
CREATE INDEX history_bulk ON history (bulk, id) WHERE bulk > 0;

-- A batch is a name under which shipments were handed over, with what cannot be counted afterwards.
CREATE TABLE batches (
    name     TEXT PRIMARY KEY,
    first_at BIGINT NOT NULL,
    total    BIGINT NOT NULL DEFAULT 0, -- shipments in it
    rejected BIGINT NOT NULL DEFAULT 0  -- rows refused when it was last handed over, conflicts included
);
CREATE INDEX batches_time ON batches (first_at, name);
INSERT INTO batches (name, first_at, total) SELECT batch, MIN(accepted_at), COUNT(*) FROM shipments WHERE batch <> '' GROUP BY batch;
INSERT INTO accounts (partner) SELECT DISTINCT partner FROM shipments WHERE partner NOT IN (SELECT partner FROM accounts);

-- A question that a person wants Alipay asked: any worker of the account answers it.
CREATE TABLE questions (
    id           AUTO_ID,
    partner      TEXT NOT NULL,
    trade_no     TEXT NOT NULL,
    asked_at     BIGINT NOT NULL,
    asked_by     TEXT NOT NULL,
    taken_at     BIGINT NOT NULL DEFAULT 0, -- 0: no worker has it in hand
    answered_at  BIGINT NOT NULL DEFAULT 0, -- 0: not answered
    found        TEXT NOT NULL DEFAULT '',
    trade_status TEXT NOT NULL DEFAULT '',
    code         TEXT NOT NULL DEFAULT '',
    error        TEXT NOT NULL DEFAULT ''
);
CREATE INDEX questions_open ON questions (id) WHERE answered_at = 0;
CREATE UNIQUE INDEX questions_one ON questions (partner, trade_no) WHERE answered_at = 0; -- one open question about a trade
CREATE INDEX questions_trade ON questions (partner, trade_no, id);

-- An act over many shipments: what was shown, and what became of each.
CREATE TABLE bulks (
    id        AUTO_ID,
    act       TEXT NOT NULL,
    actor     TEXT NOT NULL,
    filter    TEXT NOT NULL,            -- as the page had it, for people
    argument  TEXT NOT NULL DEFAULT '', -- the reason of closing, the new assignee
    state     TEXT NOT NULL CHECK (state IN ('preview', 'running', 'done', 'undoing', 'undone')),
    made_at   BIGINT NOT NULL,
    acted_at  BIGINT NOT NULL DEFAULT 0,
    done_at   BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE bulk_items (
    bulk     BIGINT NOT NULL,
    shipment BIGINT NOT NULL,
    version  BIGINT NOT NULL,           -- as it was shown; after the act, as the act left it
    died_at  BIGINT NOT NULL,           -- as it was shown: an act that is taken back leaves the time of death as it was
    outcome  TEXT NOT NULL DEFAULT '',  -- '': to be done; else done, undone, or why not (Obstacle)
    PRIMARY KEY (bulk, shipment)
);
CREATE INDEX bulk_items_todo ON bulk_items (bulk, outcome, shipment);

CREATE TABLE workers (
    name       TEXT PRIMARY KEY,
    partners   TEXT NOT NULL,           -- those it serves, with blanks between
    started_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    stopped_at BIGINT NOT NULL DEFAULT 0
);

-- Only a digest of what the browser holds: who reads the ledger cannot take a session over.
CREATE TABLE sessions (
    digest     TEXT PRIMARY KEY,
    username   TEXT NOT NULL,
    address    TEXT NOT NULL DEFAULT '',
    made_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_user ON sessions (username);
