-- How long an account's calls take from their begin to their answer, as a mean of the last ones: with the interval it
-- is what a call costs, and so what a queue's end is reckoned from.
ALTER TABLE accounts ADD COLUMN answer_us BIGINT NOT NULL DEFAULT 0;
