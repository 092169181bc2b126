-- avld.media and avld.media_parts: rights, and joining parts into photos.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SELECT * FROM no_plan();

SELECT is(attstorage::text, 'e', attrelid::regclass || ': JPEGs are not compressed again') FROM pg_attribute
WHERE attrelid IN ('avld.media'::regclass, 'avld.media_parts'::regclass) AND attname = 'bytes';
SELECT col_is_unique('avld', 'media', ARRAY['device_id', 'taken_at', 'dedup'], 'a photo is one row');
SELECT is_empty($$
	SELECT attname FROM pg_attribute WHERE attrelid = 'avld.media'::regclass AND attnum > 0 AND attname <> 'id'
		AND col_description(attrelid, attnum) IS NULL$$, 'each column has a comment');

SET LOCAL client_min_messages = warning;
SELECT lives_ok(format('GRANT ALL ON ALL TABLES IN SCHEMA %I TO PUBLIC', nspname), 'set up')
FROM pg_namespace WHERE oid = pg_my_temp_schema();
GRANT ALL ON ALL SEQUENCES IN SCHEMA pg_temp TO PUBLIC;

-- As the daemon does it: parts of three photos, one of them incomplete, one received twice.
SET LOCAL ROLE avld_writer;
INSERT INTO avld.devices (ident) VALUES ('5020001');
CREATE TEMP TABLE received (LIKE avld.media_parts);
ALTER TABLE received DROP COLUMN stored_at;
INSERT INTO received SELECT t.key, t.part, t.parts, d.id, '2026-11-22 10:15+00', '2026-11-22 10:16+00', 43.5, 7.25, 1, 'image/jpeg',
	t.complete, t.dedup, t.bytes
FROM avld.devices AS d, (VALUES (1, 1, 2, true, 7, '\x0304'::bytea), (1, 0, 2, true, 7, '\x0102'), (2, 0, 1, false, 7, '\x01'),
	(3, 0, 2, true, 8, '\x05')) AS t (key, part, parts, complete, dedup, bytes);
SELECT lives_ok($$INSERT INTO avld.media_parts (key, part, parts, device_id, taken_at, received_at, latitude, longitude, camera,
	content_type, complete, dedup, bytes) SELECT * FROM received ON CONFLICT DO NOTHING$$, 'inserts parts');
SELECT lives_ok($$INSERT INTO avld.media_parts (key, part, parts, device_id, taken_at, received_at, latitude, longitude, camera,
	content_type, complete, dedup, bytes) SELECT * FROM received ON CONFLICT DO NOTHING$$, 'inserts the same parts again');
SELECT is(count(*), 4::bigint, 'each part is stored once') FROM avld.media_parts;
CREATE FUNCTION pg_temp.join_parts() RETURNS void LANGUAGE sql AS $$
	WITH whole AS (
		DELETE FROM avld.media_parts p USING (SELECT key FROM avld.media_parts GROUP BY key HAVING count(*) = max(parts)) w
		WHERE p.key = w.key RETURNING p.*),
	media AS (SELECT device_id, taken_at, received_at, content_type, complete, dedup, string_agg(bytes, '' ORDER BY part) AS bytes
		FROM whole GROUP BY key, device_id, taken_at, received_at, content_type, complete, dedup)
	INSERT INTO avld.media AS m (device_id, taken_at, received_at, content_type, complete, dedup, bytes)
	SELECT DISTINCT ON (device_id, taken_at, dedup) * FROM media ORDER BY device_id, taken_at, dedup, complete DESC
	ON CONFLICT (device_id, taken_at, dedup) DO UPDATE SET complete = excluded.complete, bytes = excluded.bytes
	WHERE NOT m.complete
$$;
SELECT lives_ok('SELECT pg_temp.join_parts()', 'joins parts');
SELECT results_eq('SELECT dedup, complete, bytes FROM avld.media', $$VALUES (7::bigint, true, '\x01020304'::bytea)$$,
	'in order; of two photos the complete one is kept');
SELECT results_eq('SELECT key, part FROM avld.media_parts', $$VALUES (3::bigint, 0)$$, 'parts of an incomplete photo stay');
SELECT throws_ok(statement, '42501', NULL, 'writer may not: ' || statement)
FROM (VALUES ('DELETE FROM avld.media'), ('UPDATE avld.media_parts SET part = 1'), ('TRUNCATE avld.media_parts')) AS t (statement);
RESET ROLE;

SET LOCAL ROLE avld_reader;
SELECT is(count(*), 1::bigint, 'readers may read photos') FROM avld.media;
SELECT throws_ok('DELETE FROM avld.media', '42501', NULL, 'readers may not delete photos');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
