-- Citus and TimescaleDB on a server that has neither; tests/engines has the others.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SELECT * FROM no_plan();

SELECT is(avld.engine(), 'postgresql', 'PostgreSQL keeps the tables');

SELECT is_empty('SELECT * FROM avld.check_engine()', 'nothing to say about it');

-- Returns SQLSTATE, and whether the detail has these words.
CREATE FUNCTION pg_temp.refused(statement text, words text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	code text;
	details text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, details = PG_EXCEPTION_DETAIL;
	RETURN code || ' ' || CASE WHEN details LIKE '%' || words || '%' THEN words ELSE details END;
END
$$;
CREATE FUNCTION pg_temp.installed(extension text) RETURNS boolean LANGUAGE sql AS $$
	SELECT EXISTS (SELECT FROM pg_available_extensions AS e WHERE e.name = extension)
$$;

SELECT CASE WHEN pg_temp.installed(extension) THEN skip(extension || ' is installed')
	ELSE is(pg_temp.refused('SELECT avld.enable_' || extension || '()', words), '55000 ' || words, extension || ': says that it is not installed') END
FROM (VALUES ('timescaledb', 'apt-get install postgresql-'), ('citus', 'Citus is not installed on this server')) AS t (extension, words);
SELECT CASE WHEN current_setting(setting, true) IS NOT NULL THEN skip(extension || ' is loaded')
	ELSE is(pg_temp.refused('SELECT avld.enable_' || extension || '()', words), '55000 ' || words, extension || ': says that it is not loaded') END
FROM (VALUES ('timescaledb', 'timescaledb.disable_load', 'ALTER SYSTEM SET shared_preload_libraries = '),
	('citus', 'citus.shard_count', 'ALTER SYSTEM SET shared_preload_libraries = citus;')) AS t (extension, setting, words);

SELECT results_eq('SELECT avld.disable_timescaledb()', ARRAY['positions and statuses are no hypertables: nothing to do'], 'disable_timescaledb: nothing to do');
SELECT results_eq('SELECT avld.disable_citus()', ARRAY['positions and statuses are not distributed: nothing to do'], 'disable_citus: nothing to do');

-- What is in the way is listed, each with its statement.
CREATE TABLE avld.mine (device_id bigint, fixed_at timestamptz, dedup bigint,
	CONSTRAINT to_positions FOREIGN KEY (device_id, fixed_at, dedup) REFERENCES avld.positions);
CREATE VIEW avld.my_view AS SELECT fixed_at FROM avld.positions;
CREATE MATERIALIZED VIEW avld.my_copy AS SELECT reported_at FROM avld.statuses_default;
CREATE FUNCTION avld.my_function(p avld.positions) RETURNS bigint LANGUAGE sql AS 'SELECT p.device_id';
CREATE FUNCTION avld.my_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER mine BEFORE INSERT ON avld.statuses FOR EACH ROW EXECUTE FUNCTION avld.my_trigger();
CREATE POLICY mine ON avld.positions USING (true);
ALTER TABLE avld.positions ENABLE ROW LEVEL SECURITY;
CREATE PUBLICATION mine FOR TABLE avld.positions;
SELECT set_eq('SELECT substring(d FROM ''(?:ALTER|DROP) .*'') FROM avld.find_dependents() AS d', ARRAY[
	'ALTER TABLE avld.mine DROP CONSTRAINT to_positions;', 'DROP VIEW avld.my_view;', 'DROP MATERIALIZED VIEW avld.my_copy;',
	'DROP FUNCTION avld.my_function(avld.positions);', 'DROP TRIGGER mine ON avld.statuses;', 'DROP POLICY mine ON avld.positions;',
	'ALTER TABLE avld.positions DISABLE ROW LEVEL SECURITY;', 'ALTER PUBLICATION mine DROP TABLE avld.positions;'],
	'what would be lost with the tables');
DO $$
DECLARE
	item text;
BEGIN
	FOR item IN SELECT substring(d FROM '(?:ALTER|DROP) .*') FROM avld.find_dependents() AS d LOOP
		EXECUTE item;
	END LOOP;
END
$$;
SELECT is_empty('SELECT avld.find_dependents()', 'the statements remove all of it');
ALTER TABLE avld.positions DROP CONSTRAINT positions_pkey;
SELECT set_eq('SELECT avld.find_dependents()', ARRAY[
	'avld.positions has no primary key: ALTER TABLE avld.positions ADD PRIMARY KEY (device_id, fixed_at, dedup);'], 'a table without its key');

SELECT * FROM finish();
ROLLBACK;
