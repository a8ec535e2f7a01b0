-- Why an account was held, for pages that say it in the reader's language: a kind, and for shipments that died of one
-- code how many. Before, pages knew it by the sentence.
ALTER TABLE accounts ADD COLUMN held_kind TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN held_deaths BIGINT NOT NULL DEFAULT 0;
UPDATE accounts SET held_kind = 'ship_refused' WHERE held_code <> 'manual' AND held_reason = 'a ship call was refused for the account''s sake';
UPDATE accounts SET held_kind = 'query_refused' WHERE held_code <> 'manual' AND held_reason = 'a query was refused for the account''s sake';
UPDATE accounts SET held_kind = 'same_deaths', held_deaths = 10 WHERE held_code <> 'manual' AND held_reason = '10 shipments in a row died with this code';
