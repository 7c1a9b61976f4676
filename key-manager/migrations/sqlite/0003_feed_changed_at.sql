-- Tombstones are compacted by their age, the oldest first. Those that are there are as old as this.
ALTER TABLE feed_records ADD COLUMN changed_at INTEGER NOT NULL DEFAULT 0;
UPDATE feed_records SET changed_at = unixepoch() * 1000 WHERE record IS NULL;
CREATE INDEX feed_records_deleted ON feed_records (number, changed_at) WHERE record IS NULL;
