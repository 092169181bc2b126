-- Daily partitions: bounds in UTC whatever the session says, rows in their day, DEFAULT emptied, old days dropped.
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
-- In which partitions the rows of that key are.
CREATE FUNCTION pg_temp.home(key bigint) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(t.home, ' ' ORDER BY t.home) FROM (
		SELECT replace(tableoid::regclass::text, 'avld.', '') FROM avld.positions WHERE dedup = key
		UNION ALL
		SELECT replace(tableoid::regclass::text, 'avld.', '') FROM avld.statuses WHERE dedup = key) AS t (home)
$$;

SELECT is_empty('SELECT * FROM avld.list_partitions()', 'none at first');
SELECT pg_temp.put('2024-02-29 12:00+00', 1);
SELECT is(pg_temp.home(1), 'positions_default statuses_default', 'DEFAULT takes what has no day');

-- Time zones far from UTC on both sides, with and without summer time, and a DateStyle that reads days first.
SELECT is(avld.ensure_partitions('2024-02-28', '2024-03-01'), 6, 'end of a leap February: three days, two tables');
SELECT is(pg_temp.home(1), 'positions_20240229 statuses_20240229', 'DEFAULT''s rows went into their day');
SELECT is_empty('SELECT FROM ONLY avld.positions_default UNION ALL SELECT FROM ONLY avld.statuses_default', 'DEFAULT is empty');
SELECT is(avld.ensure_partitions('2024-02-28', '2024-03-01'), 0, 'again: nothing to make');
SELECT is(avld.ensure_partitions('2024-02-27', '2024-03-02'), 4, 'one more on each side');
SET LOCAL TimeZone = 'Pacific/Kiritimati';
SET LOCAL DateStyle = 'SQL, DMY';
SELECT is(avld.ensure_partitions('2024-12-31', '2025-01-01'), 4, 'the turn of a year, 14 hours east');
SET LOCAL TimeZone = 'Pacific/Pago_Pago';
SET LOCAL DateStyle = 'German';
SELECT is(avld.ensure_partitions('2025-03-30', '2025-03-31'), 4, 'a turn of the clocks, 11 hours west');
SET LOCAL TimeZone = 'Europe/Berlin';
SELECT is(avld.ensure_partitions('2025-03-29', '2025-03-31'), 2, 'the same days from a zone whose clocks turn');
SELECT is(avld.ensure_partitions('2025-03-31', '2025-03-29'), 0, 'last before first: none');
SELECT is(avld.ensure_partitions(NULL, '2025-03-29'), NULL, 'NULL: none');
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
	'names and bounds: UTC midnight to UTC midnight');
SELECT is_empty($$SELECT * FROM avld.list_partitions() WHERE ends_at <> starts_at + interval '1 day'
	OR right(partition::text, 8) <> to_char(starts_at, 'YYYYMMDD')$$, 'each is the one day that its name says');
SELECT is(count(*) FILTER (WHERE parent = 'avld.positions'::regclass),
	count(*) FILTER (WHERE parent = 'avld.statuses'::regclass),
	'as many of statuses as of positions') FROM avld.list_partitions();

-- Both ends of a day.
SELECT pg_temp.put('2024-12-31 00:00:00+00', 2);
SELECT pg_temp.put('2024-12-31 23:59:59.999999+00', 3);
SELECT pg_temp.put('2025-01-01 00:00:00+00', 4);
SELECT pg_temp.put('2025-01-01 23:30:00-05', 5);
SELECT is(pg_temp.home(2), 'positions_20241231 statuses_20241231', 'the first moment of a day');
SELECT is(pg_temp.home(3), 'positions_20241231 statuses_20241231', 'its last microsecond');
SELECT is(pg_temp.home(4), 'positions_20250101 statuses_20250101', 'midnight is the next day''s');
SELECT is(pg_temp.home(5), 'positions_default statuses_default', 'a day that is not there: DEFAULT');

-- DEFAULT with rows of several days: each into its own, the others stay.
SELECT pg_temp.put('2025-01-03 00:00:00+00', 6);
SELECT pg_temp.put('1970-01-01 00:00:00+00', 7);
SELECT is(avld.ensure_partitions('2025-01-01', '2025-01-03'), 4, 'two days that DEFAULT has rows of');
SELECT is(pg_temp.home(5), 'positions_20250102 statuses_20250102', 'moved');
SELECT is(pg_temp.home(6), 'positions_20250103 statuses_20250103', 'moved, first moment of a day');
SELECT is(pg_temp.home(7), 'positions_default statuses_default', 'another day''s row stays');
SELECT is(count(*), 7::bigint, 'no row lost or doubled') FROM avld.positions;

-- Same key, indexes and rules as the parent.
SELECT throws_ok($$SELECT pg_temp.put('2025-01-03 00:00:00+00', 6)$$, '23505', NULL, 'a record sent twice is one row');
SELECT is_empty($$
	SELECT p.partition, i.indexrelid FROM avld.list_partitions() p
	JOIN pg_index i ON i.indrelid = p.parent
	LEFT JOIN pg_inherits h ON h.inhparent = i.indexrelid
		AND h.inhrelid IN (SELECT indexrelid FROM pg_index WHERE indrelid = p.partition)
	WHERE h.inhrelid IS NULL$$, 'each has all indexes of its parent, attached to them');
SELECT is_empty($$
	SELECT p.partition FROM avld.list_partitions() p JOIN pg_index i ON i.indrelid = p.partition
	GROUP BY 1 HAVING count(*) <> 2$$, 'and none besides');
SELECT is(c.reloptions, ARRAY['pages_per_range=32', 'autosummarize=on'], 'BRIN as the parent''s')
FROM pg_class c WHERE c.oid = 'avld.positions_20250103_fixed_at_idx'::regclass;
SELECT is_empty($$
	SELECT c.oid::regclass FROM avld.list_partitions() p JOIN pg_class c ON c.oid IN (p.partition, p.parent)
	WHERE c.relowner <> (SELECT nspowner FROM pg_namespace WHERE nspname = 'avld')$$, 'all belong to the schema''s owner');

-- Limits.
SELECT throws_ok($$SELECT avld.ensure_partitions('2020-01-01', '2021-03-26')$$, '22023',
	'avld.ensure_partitions: 2020-01-01 to 2021-03-26 is more than 450 days', '451 days are too many');
SELECT throws_ok($$SELECT avld.ensure_partitions('-infinity', '2021-01-01')$$, '22023', NULL, 'no day without an end');
SELECT throws_ok($$SELECT avld.ensure_partitions('2021-01-01', 'infinity')$$, '22023', NULL, 'nor without a beginning');

-- Partitions that somebody made by hand.
CREATE TABLE avld.positions_june PARTITION OF avld.positions FOR VALUES FROM ('2025-06-01 00:00+00') TO ('2025-07-01 00:00+00');
CREATE TABLE avld.positions_ancient PARTITION OF avld.positions FOR VALUES FROM (MINVALUE) TO ('1960-01-01 00:00+00');
CREATE TABLE avld.statuses_20250701 (LIKE avld.statuses);
SELECT is(avld.ensure_partitions('2025-05-31', '2025-07-01'), 1 + 31 + 1,
	'a month made by hand is left alone, and so is a detached day');
SELECT is(starts_at, '-infinity'::timestamptz, 'MINVALUE is -infinity') FROM avld.list_partitions()
WHERE partition = 'avld.positions_ancient'::regclass;

-- The owner moves the key from the table to its partitions.
SAVEPOINT moved;
ALTER TABLE avld.positions DROP CONSTRAINT positions_pkey;
SELECT is(avld.ensure_partitions('2025-08-01', '2025-08-01'), 2, 'a day of a table without a key');
SELECT is(pg_get_constraintdef(oid), 'PRIMARY KEY (device_id, fixed_at, dedup)', 'has one of its own')
FROM pg_constraint WHERE conrelid = 'avld.positions_20250801'::regclass AND contype = 'p';
ROLLBACK TO moved;

-- Dropping.
SELECT is(avld.drop_partitions('2024-02-27'), 0, 'nothing before the first day');
SELECT is(avld.drop_partitions('2024-02-28'), 2, 'the first day, of both tables');
SELECT hasnt_table('avld', 'positions_20240227', 'it is gone');
SELECT has_table('avld', 'positions_20240228', 'the next is not');
SET LOCAL TimeZone = 'Pacific/Kiritimati';
SET LOCAL DateStyle = 'SQL, DMY';
SELECT is(avld.drop_partitions('2025-01-02'), 12, 'the day itself stays, whatever the time zone');
SET LOCAL TimeZone = 'UTC';
SET LOCAL DateStyle = 'ISO, YMD';
SELECT is(min(starts_at), '2025-01-02 00:00+00'::timestamptz, 'the oldest day left') FROM avld.list_partitions()
WHERE isfinite(starts_at);
SELECT is(pg_temp.home(7), 'positions_default statuses_default', 'DEFAULT stays');
SELECT avld.drop_partitions('2025-07-01');
SELECT results_eq($$SELECT replace(partition::text, 'avld.', '') FROM avld.list_partitions() ORDER BY 1$$,
	$$VALUES ('positions_20250701'), ('positions_ancient'), ('positions_june')$$, 'a month made by hand is never dropped');
SELECT has_table('avld', 'statuses_20250701', 'nor a table that is only named like a day');
SELECT throws_ok(format('SELECT avld.drop_partitions(%L)', (now() AT TIME ZONE 'UTC')::date + 1), '22023', NULL,
	'days to come are not dropped');
SELECT throws_ok($$SELECT avld.drop_partitions('infinity')$$, '22023', NULL, 'nor all');
SELECT lives_ok(format('SELECT avld.drop_partitions(%L)', (now() AT TIME ZONE 'UTC')::date), 'up to today is fine');
SELECT is(avld.drop_partitions(NULL), NULL, 'NULL: none');

SELECT * FROM finish();
ROLLBACK;
