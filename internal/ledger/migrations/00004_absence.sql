-- When a call of the account was last begun, or a hold lifted: it was served then, and no absence began before.
ALTER TABLE accounts ADD COLUMN alive_at BIGINT NOT NULL DEFAULT 0;
