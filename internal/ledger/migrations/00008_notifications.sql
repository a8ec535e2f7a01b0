-- What Alipay has told by itself, once it has been verified: nothing of it that is about a person. The same notification
-- comes again until it is answered; it counts once.
CREATE TABLE notifications (
    id            AUTO_ID,
    at            BIGINT NOT NULL,             -- when it was recorded
    partner       TEXT NOT NULL,
    notify_id     TEXT NOT NULL,
    type          TEXT NOT NULL,
    trade_no      TEXT NOT NULL,               -- a trade that nobody has handed over may be told of, too
    trade_status  TEXT NOT NULL,
    refund_status TEXT NOT NULL,
    stage         BIGINT NOT NULL,             -- how far the trade has come; 0: nobody knows
    sent_at       BIGINT NOT NULL,             -- when Alipay says that it sent it; 0: not said
    stale         SMALLINT NOT NULL DEFAULT 0, -- the trade was known to be further than that
    UNIQUE (partner, notify_id, type, trade_no, trade_status, refund_status)
);
CREATE INDEX notifications_trade ON notifications (partner, trade_no, id);
