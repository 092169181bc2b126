-- Triggers are created only where they are missing: CREATE TRIGGER locks the table against writers.

-- Notifies the daemon of changes by others, so that it reads the table again. The daemon's own sessions set avld.writer.
CREATE OR REPLACE FUNCTION avld.tell_devices() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF current_setting('avld.writer', true) IS DISTINCT FROM 'on' THEN
		PERFORM pg_notify('avld_devices', '');
	END IF;
	RETURN NULL;
END
$$;

REVOKE ALL ON FUNCTION avld.tell_devices() FROM PUBLIC; -- version 1 of avld 0.1.0 did not
COMMENT ON FUNCTION avld.tell_devices() IS 'Trigger: notifies the daemon of a change of avld.devices (NOTIFY avld_devices).';

-- The daemon checks passwords against the same form (secret.c).
CREATE OR REPLACE FUNCTION avld.set_secret(ident text, secret text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	salt CONSTANT text := replace(gen_random_uuid()::text, '-', '');
BEGIN
	IF NOT octet_length(convert_to(set_secret.secret, 'UTF8')) BETWEEN 1 AND 128 THEN
		RAISE EXCEPTION 'a password has 1 to 128 bytes' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	UPDATE avld.devices AS d
	SET secret = 'sha256$' || salt || '$' || encode(sha256(convert_to(salt || set_secret.secret, 'UTF8')), 'hex')
	WHERE d.ident = set_secret.ident;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'unknown device %', coalesce(quote_literal(set_secret.ident), 'NULL')
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
END
$$;

COMMENT ON FUNCTION avld.set_secret(text, text) IS
	'Sets the password or token that a tracker must send when it logs in; NULL: none. Stored as a salted hash. '
	'Example: SELECT avld.set_secret(''5021234'', ''parrot'')';

DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'avld.devices'::regclass AND tgname = 'tell_devices') THEN
		CREATE TRIGGER tell_devices AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON avld.devices
			FOR EACH STATEMENT EXECUTE FUNCTION avld.tell_devices();
	END IF;
END
$$;
