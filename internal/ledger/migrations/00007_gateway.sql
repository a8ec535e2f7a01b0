-- How Alipay's side treats an account: calls that came to nothing in a row, and since when they are probed only;
-- answers in a row whose signature does not verify.
ALTER TABLE accounts ADD COLUMN troubles BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN slowed_at BIGINT NOT NULL DEFAULT 0; -- 0: full pace
ALTER TABLE accounts ADD COLUMN slowed_by TEXT NOT NULL DEFAULT '';  -- the code of the last trouble
ALTER TABLE accounts ADD COLUMN bad_queries BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN queries_verify SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN bad_ships BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN strange_sign_at BIGINT NOT NULL DEFAULT 0; -- since when successes are signed in a way that nobody knows here
-- On hold, slowed, or both, without a break: since when. That time is in nobody's retry budget.
ALTER TABLE accounts ADD COLUMN paused_at BIGINT NOT NULL DEFAULT 0;
UPDATE accounts SET paused_at = held_at;
