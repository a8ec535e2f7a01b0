-- What late answers have raised an account's opening time to: no finish opens it sooner. It has to be kept beside
-- open_at, which is a fence meanwhile, and comes down when the call that has the slot is over.
ALTER TABLE accounts ADD COLUMN floor_at BIGINT NOT NULL DEFAULT 0;
