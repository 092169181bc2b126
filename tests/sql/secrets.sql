-- avld.set_secret: what it stores, and who may call it.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SELECT * FROM no_plan();

INSERT INTO avld.devices (ident) VALUES ('5020001'), ('5020002');

-- As the daemon checks it (secret.c).
CREATE FUNCTION pg_temp.fits(device text, password text) RETURNS boolean LANGUAGE sql AS $$
	SELECT d.secret = 'sha256$' || split_part(d.secret, '$', 2) || '$'
		|| encode(sha256(convert_to(split_part(d.secret, '$', 2) || password, 'UTF8')), 'hex')
	FROM avld.devices AS d WHERE d.ident = device
$$;

SELECT lives_ok($$SELECT avld.set_secret('5020001', 'parrot')$$, 'sets a secret');
SELECT ok(pg_temp.fits('5020001', 'parrot'), 'the password fits it');
SELECT ok(NOT pg_temp.fits('5020001', 'Parrot'), 'another does not');
SELECT is(secret, NULL, 'other devices have none') FROM avld.devices WHERE ident = '5020002';
SELECT lives_ok($$SELECT avld.set_secret('5020002', 'parrot')$$, 'sets the same one for another device');
SELECT is(count(DISTINCT secret), 2::bigint, 'each has a salt of its own') FROM avld.devices;
SELECT lives_ok($$SELECT avld.set_secret('5020001', U&'gr\00fcn')$$, 'replaces it');
SELECT ok(pg_temp.fits('5020001', U&'gr\00fcn'), 'the new password fits, as UTF-8');
SELECT lives_ok($$SELECT avld.set_secret('5020001', repeat('p', 128))$$, 'a password of 128 bytes');
SELECT throws_ok($$SELECT avld.set_secret('5020001', repeat('p', 129))$$, '22023', 'a password has 1 to 128 bytes', 'a longer one is an error');
SELECT throws_ok($$SELECT avld.set_secret('5020001', repeat(U&'\00fc', 65))$$, '22023', 'a password has 1 to 128 bytes', 'bytes count');
SELECT throws_ok($$SELECT avld.set_secret('5020001', '')$$, '22023', 'a password has 1 to 128 bytes', 'an empty one is an error');
SELECT ok(pg_temp.fits('5020001', repeat('p', 128)), 'an error changes nothing');
SELECT lives_ok($$SELECT avld.set_secret('5020001', NULL)$$, 'NULL removes it');
SELECT is(secret, NULL, 'it is removed') FROM avld.devices WHERE ident = '5020001';
SELECT throws_ok($$SELECT avld.set_secret('5029999', 'parrot')$$, '22023', 'unknown device ''5029999''', 'an unknown device is an error');
SELECT throws_ok($$SELECT avld.set_secret(NULL, 'parrot')$$, '22023', 'unknown device NULL', 'a NULL device is an error');

-- rights: the owner, and whom the owner has granted them
SELECT lives_ok(format('GRANT ALL ON ALL TABLES IN SCHEMA %I TO PUBLIC', nspname), 'set up')
FROM pg_namespace WHERE oid = pg_my_temp_schema();
GRANT ALL ON ALL SEQUENCES IN SCHEMA pg_temp TO PUBLIC;
CREATE FUNCTION pg_temp.refused(role text) RETURNS text LANGUAGE sql AS $$
	SELECT throws_ok('SELECT avld.set_secret(''5020002'', ''monkey'')', '42501', NULL, role || ' may not set secrets')
$$;
SET LOCAL ROLE avld_reader;
SELECT pg_temp.refused('reader');
RESET ROLE;
SET LOCAL ROLE avld_operator;
SELECT pg_temp.refused('operator');
RESET ROLE;
SET LOCAL ROLE avld_writer;
SELECT pg_temp.refused('writer');
RESET ROLE;
CREATE ROLE avld_clerk;
GRANT avld_reader TO avld_clerk;
GRANT UPDATE ON avld.devices TO avld_clerk;
GRANT EXECUTE ON FUNCTION avld.set_secret(text, text) TO avld_clerk;
SET LOCAL ROLE avld_clerk;
SELECT lives_ok($$SELECT avld.set_secret('5020002', 'monkey')$$, 'a role with these rights may');
SELECT throws_ok('SELECT secret FROM avld.devices', '42501', NULL, 'and still cannot read it');
RESET ROLE;
SELECT ok(pg_temp.fits('5020002', 'monkey'), 'its password fits');

SELECT * FROM finish();
ROLLBACK;
