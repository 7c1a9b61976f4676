-- A snapshot has the families of records one after the other, each bucket by bucket; a subscription belongs to the
-- family and the bucket of its application.
ALTER TABLE feed_records ADD COLUMN family TEXT COLLATE "C" NOT NULL
    GENERATED ALWAYS AS (CASE kind WHEN 'subscription' THEN 'application' ELSE kind END) STORED;
DROP INDEX feed_records_by_bucket;
CREATE INDEX feed_records_by_family ON feed_records (family, bucket, kind, id) WHERE record IS NOT NULL;
-- A snapshot says how many APIs and applications there are.
CREATE INDEX feed_records_counted ON feed_records (kind) WHERE record IS NOT NULL AND kind IN ('api', 'application');
