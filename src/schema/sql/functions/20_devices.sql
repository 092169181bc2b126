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

DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'avld.devices'::regclass AND tgname = 'tell_devices') THEN
		CREATE TRIGGER tell_devices AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON avld.devices
			FOR EACH STATEMENT EXECUTE FUNCTION avld.tell_devices();
	END IF;
END
$$;
