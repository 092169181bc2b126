-- Daily partitions: UTC bounds in any time zone, rows in the partition of their day, DEFAULT emptied, old days dropped.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SELECT * FROM no_plan();

CREATE FUNCTION pg_temp.put(at timestamptz, key bigint DEFAULT 1) RETURNS void LANGUAGE sql AS $$
	INSERT INTO avld.positions (device_id, fixed_at, received_at, time_source, valid, latitude, longitude, stored, dedup)
	VALUES (1, at, at, 'device', true, 43.5, 7.25, false, key);
	INSERT INTO avld.statuses (device_id, reported_at, received_at, time_source, stored, dedup)
	VALUES (1, at, at, 'device', false, key);
$$;
-- Returns the partitions of the rows with that key.
CREATE FUNCTION pg_temp.home(key bigint) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(t.home, ' ' ORDER BY t.home) FROM (
		SELECT replace(tableoid::regclass::text, 'avld.', '') FROM avld.positions WHERE dedup = key
		UNION ALL
		SELECT replace(tableoid::regclass::text, 'avld.', '') FROM avld.statuses WHERE dedup = key) AS t (home)
$$;

SELECT is_empty('SELECT * FROM avld.list_partitions()', 'there are no partitions at first');
SELECT pg_temp.put('2024-02-29 12:00+00', 1);
SELECT is(pg_temp.home(1), 'positions_default statuses_default', 'DEFAULT gets rows of a day without a partition');

-- Time zones far from UTC, with and without summer time, and a DateStyle that puts days first.
SELECT is(avld.ensure_partitions('2024-02-28', '2024-03-01'), 6, 'creates three days of two tables at the end of a leap February');
SELECT is(pg_temp.home(1), 'positions_20240229 statuses_20240229', 'rows of DEFAULT move to the partition of their day');
SELECT is_empty('SELECT FROM ONLY avld.positions_default UNION ALL SELECT FROM ONLY avld.statuses_default', 'DEFAULT is empty');
SELECT is(avld.ensure_partitions('2024-02-28', '2024-03-01'), 0, 'again: nothing to create');
SELECT is(avld.ensure_partitions('2024-02-27', '2024-03-02'), 4, 'creates one more day on each side');
SET LOCAL TimeZone = 'Pacific/Kiritimati';
SET LOCAL DateStyle = 'SQL, DMY';
SELECT is(avld.ensure_partitions('2024-12-31', '2025-01-01'), 4, 'a change of year, 14 hours east');
SET LOCAL TimeZone = 'Pacific/Pago_Pago';
SET LOCAL DateStyle = 'German';
SELECT is(avld.ensure_partitions('2025-03-30', '2025-03-31'), 4, 'a change to summer time, 11 hours west');
SET LOCAL TimeZone = 'Europe/Berlin';
SELECT is(avld.ensure_partitions('2025-03-29', '2025-03-31'), 2, 'the same days in a zone with summer time');
SELECT is(avld.ensure_partitions('2025-03-31', '2025-03-29'), 0, 'last before first: nothing to create');
SELECT is(avld.ensure_partitions(NULL, '2025-03-29'), NULL, 'NULL: nothing');
SET LOCAL TimeZone = 'UTC';
SET LOCAL DateStyle = 'ISO, YMD';
SELECT results_eq($$
	SELECT replace(partition::text, 'avld.', ''), starts_at::text FROM avld.list_partitions()
	WHERE parent = 'avld.positions'::regclass$$, $$VALUES
	('positions_20240227', '2024-02-27 00:00:00+00'), ('positions_20240228', '2024-02-28 00:00:00+00'),
	('positions_20240229', '2024-02-29 00:00:00+00'), ('positions_20240301', '2024-03-01 00:00:00+00'),
	('positions_20240302', '2024-03-02 00:00:00+00'), ('positions_20241231', '2024-12-31 00:00:00+00'),
	('positions_20250101', '2025-01-01 00:00:00+00'), ('positions_20250329', '2025-03-29 00:00:00+00'),
	('positions_20250330', '2025-03-30 00:00:00+00'), ('positions_20250331', '2025-03-31 00:00:00+00')$$,
	'bounds are UTC midnights');
SELECT is_empty($$SELECT * FROM avld.list_partitions() WHERE ends_at <> starts_at + interval '1 day'
	OR right(partition::text, 8) <> to_char(starts_at, 'YYYYMMDD')$$, 'each is the day in its name');
SELECT is(count(*) FILTER (WHERE parent = 'avld.positions'::regclass),
	count(*) FILTER (WHERE parent = 'avld.statuses'::regclass),
	'statuses have as many partitions as positions') FROM avld.list_partitions();

-- Both ends of a day.
SELECT pg_temp.put('2024-12-31 00:00:00+00', 2);
SELECT pg_temp.put('2024-12-31 23:59:59.999999+00', 3);
SELECT pg_temp.put('2025-01-01 00:00:00+00', 4);
SELECT pg_temp.put('2025-01-01 23:30:00-05', 5);
SELECT is(pg_temp.home(2), 'positions_20241231 statuses_20241231', 'the first microsecond of a day');
SELECT is(pg_temp.home(3), 'positions_20241231 statuses_20241231', 'the last microsecond of a day');
SELECT is(pg_temp.home(4), 'positions_20250101 statuses_20250101', 'midnight belongs to the next day');
SELECT is(pg_temp.home(5), 'positions_default statuses_default', 'a day without a partition: DEFAULT');

-- DEFAULT with rows of several days: each moves to its day, rows of other days stay.
SELECT pg_temp.put('2025-01-03 00:00:00+00', 6);
SELECT pg_temp.put('1970-01-01 00:00:00+00', 7);
SELECT is(avld.ensure_partitions('2025-01-01', '2025-01-03'), 4, 'creates two days with rows in DEFAULT');
SELECT is(pg_temp.home(5), 'positions_20250102 statuses_20250102', 'a row moves');
SELECT is(pg_temp.home(6), 'positions_20250103 statuses_20250103', 'a row at the start of a day moves');
SELECT is(pg_temp.home(7), 'positions_default statuses_default', 'a row of another day stays');
SELECT is(count(*), 7::bigint, 'no row is lost or doubled') FROM avld.positions;

-- The same key and indexes as the parent.
SELECT throws_ok($$SELECT pg_temp.put('2025-01-03 00:00:00+00', 6)$$, '23505', NULL, 'a record sent twice is one row');
SELECT is_empty($$
	SELECT p.partition, i.indexrelid FROM avld.list_partitions() p
	JOIN pg_index i ON i.indrelid = p.parent
	LEFT JOIN pg_inherits h ON h.inhparent = i.indexrelid
		AND h.inhrelid IN (SELECT indexrelid FROM pg_index WHERE indrelid = p.partition)
	WHERE h.inhrelid IS NULL$$, 'each has all indexes of its parent, attached');
SELECT is_empty($$
	SELECT p.partition FROM avld.list_partitions() p JOIN pg_index i ON i.indrelid = p.partition
	GROUP BY 1 HAVING count(*) <> 2$$, 'and no others');
SELECT is(c.reloptions, ARRAY['pages_per_range=32', 'autosummarize=on'], 'its BRIN index has the options of the parent')
FROM pg_class c WHERE c.oid = 'avld.positions_20250103_fixed_at_idx'::regclass;
SELECT is_empty($$
	SELECT c.oid::regclass FROM avld.list_partitions() p JOIN pg_class c ON c.oid IN (p.partition, p.parent)
	WHERE c.relowner <> (SELECT nspowner FROM pg_namespace WHERE nspname = 'avld')$$, 'all belong to the owner of the schema');

-- Limits.
SELECT throws_ok($$SELECT avld.ensure_partitions('2020-01-01', '2021-03-26')$$, '22023',
	'avld.ensure_partitions: 2020-01-01 to 2021-03-26 is more than 450 days', '451 days are an error');
SELECT throws_ok($$SELECT avld.ensure_partitions('-infinity', '2021-01-01')$$, '22023', NULL, '-infinity is an error');
SELECT throws_ok($$SELECT avld.ensure_partitions('2021-01-01', 'infinity')$$, '22023', NULL, 'infinity is an error');

-- Partitions that were created by hand.
CREATE TABLE avld.positions_june PARTITION OF avld.positions FOR VALUES FROM ('2025-06-01 00:00+00') TO ('2025-07-01 00:00+00');
CREATE TABLE avld.positions_ancient PARTITION OF avld.positions FOR VALUES FROM (MINVALUE) TO ('1960-01-01 00:00+00');
CREATE TABLE avld.statuses_20250701 (LIKE avld.statuses);
SELECT is(avld.ensure_partitions('2025-05-31', '2025-07-01'), 1 + 31 + 1,
	'a month created by hand is kept, and so is a detached day');
SELECT is(starts_at, '-infinity'::timestamptz, 'MINVALUE is -infinity') FROM avld.list_partitions()
WHERE partition = 'avld.positions_ancient'::regclass;

-- Primary keys on the partitions instead of the table.
SAVEPOINT moved;
ALTER TABLE avld.positions DROP CONSTRAINT positions_pkey;
SELECT is(avld.ensure_partitions('2025-08-01', '2025-08-01'), 2, 'creates a day of a table without a key');
SELECT is(pg_get_constraintdef(oid), 'PRIMARY KEY (device_id, fixed_at, dedup)', 'which has its own key')
FROM pg_constraint WHERE conrelid = 'avld.positions_20250801'::regclass AND contype = 'p';
ROLLBACK TO moved;

-- Days of positions in parts.
SAVEPOINT parted;
SELECT pg_temp.put('2025-08-02 05:59:59.999999+00', 8);
SELECT is(avld.ensure_partitions('2025-08-02', '2025-08-02', '6 hours'), 2, 'creates a day in parts of 6 hours');
SELECT is(avld.ensure_partitions('2025-08-03', '2025-08-03', '1 hour'), 2, 'creates a day in parts of an hour');
SELECT is(avld.ensure_partitions('2025-08-02', '2025-08-03'), 0, 'they are there, whatever the interval');
SELECT pg_temp.put('2025-08-02 06:00+00', 9);
SELECT pg_temp.put('2025-08-03 23:59:59.999999+00', 10);
SELECT is(pg_temp.home(8), 'positions_20250802_00 statuses_20250802', 'a row of DEFAULT moves to its part');
SELECT is(pg_temp.home(9), 'positions_20250802_06 statuses_20250802', 'six o''clock is in the next part');
SELECT is(pg_temp.home(10), 'positions_20250803_23 statuses_20250803', 'the last microsecond of the day');
SELECT results_eq($$SELECT p.partition::text, (SELECT count(*)::int FROM pg_partition_tree(p.partition) AS t WHERE t.isleaf)
	FROM avld.list_partitions() AS p WHERE p.starts_at >= '2025-08-01' AND p.parent = 'avld.positions'::regclass$$,
	$$VALUES ('avld.positions_20250802', 4), ('avld.positions_20250803', 24)$$, 'list_partitions lists the days');
SELECT is_empty($$SELECT t.relid FROM pg_partition_tree('avld.positions_20250803') AS t
	WHERE t.isleaf AND (SELECT count(*) FROM pg_index i WHERE i.indrelid = t.relid) <> 2$$, 'each part has both indexes');
SELECT throws_ok($$SELECT pg_temp.put('2025-08-02 06:00+00', 9)$$, '23505', NULL, 'a record sent twice is one row');
SELECT throws_ok($$SELECT avld.ensure_partitions('2025-08-04', '2025-08-04', '2 hours')$$, '22023',
	'avld.ensure_partitions: 02:00:00 is not 1 day, 6 hours or 1 hour', 'another interval is an error');
SELECT is(avld.drop_partitions('2025-08-03') > 0, true, 'drops the day with its parts');
SELECT hasnt_table('avld', 'positions_20250802_00', 'which are gone');
SELECT has_table('avld', 'positions_20250803_00', 'those of the next day are kept');
ROLLBACK TO parted;

-- Dropping.
SELECT is(avld.drop_partitions('2024-02-27'), 0, 'nothing to drop before the first day');
SELECT is(avld.drop_partitions('2024-02-28'), 2, 'drops the first day of both tables');
SELECT hasnt_table('avld', 'positions_20240227', 'the first day is dropped');
SELECT has_table('avld', 'positions_20240228', 'the next day is kept');
SET LOCAL TimeZone = 'Pacific/Kiritimati';
SET LOCAL DateStyle = 'SQL, DMY';
SELECT is(avld.drop_partitions('2025-01-02'), 12, 'the day itself is kept, in any time zone');
SET LOCAL TimeZone = 'UTC';
SET LOCAL DateStyle = 'ISO, YMD';
SELECT is(min(starts_at), '2025-01-02 00:00+00'::timestamptz, 'it is the oldest one') FROM avld.list_partitions()
WHERE isfinite(starts_at);
SELECT is(pg_temp.home(7), 'positions_default statuses_default', 'DEFAULT is kept');
SELECT avld.drop_partitions('2025-07-01');
SELECT results_eq($$SELECT replace(partition::text, 'avld.', '') FROM avld.list_partitions() ORDER BY 1$$,
	$$VALUES ('positions_20250701'), ('positions_ancient'), ('positions_june')$$, 'a month created by hand is not dropped');
SELECT has_table('avld', 'statuses_20250701', 'nor is a table with the name of a partition');
SELECT throws_ok(format('SELECT avld.drop_partitions(%L)', (now() AT TIME ZONE 'UTC')::date + 1), '22023', NULL,
	'a future day is an error');
SELECT throws_ok($$SELECT avld.drop_partitions('infinity')$$, '22023', NULL, 'infinity is an error');
SELECT lives_ok(format('SELECT avld.drop_partitions(%L)', (now() AT TIME ZONE 'UTC')::date), 'today is accepted');
SELECT is(avld.drop_partitions(NULL), NULL, 'NULL: nothing');

-- The least retention of the role of the daemon (roles.sql). The owner may delete all.
SELECT is(avld.least_retention(), '7 days', 'the least retention is 7 days');
SELECT is(avld.delete_before('alarms', now()), 0, 'the owner may delete what is younger');
SELECT throws_ok(format('SELECT avld.set_least_retention(%L)', age), '22023', NULL, age || ' is an error')
FROM unnest(ARRAY['0', '23:59', '-3 days', '36501 days']) AS age;
SELECT lives_ok('SELECT avld.set_least_retention(''90 days'')', 'sets it');
SELECT lives_ok('SELECT avld.set_least_retention(''1 day'')', 'sets it again');
SELECT is(avld.least_retention(), '1 day', 'the newest value holds');
SELECT lives_ok('SELECT avld.set_least_retention(NULL)', 'NULL removes it');
SELECT is(avld.least_retention(), '7 days', 'then the default holds');

DROP TABLE avld.positions_default;
SELECT is(avld.ensure_partitions('2026-02-01', '2026-02-01'), 2, 'without a DEFAULT, days are created');
SELECT pg_temp.put('2026-02-01 12:00+00', 11);
SELECT is(pg_temp.home(11), 'positions_20260201 statuses_20260201', 'and have their rows');
SELECT is(avld.delete_before('positions', now()), 0, 'there is nothing to delete in it');

SELECT * FROM finish();
ROLLBACK;
