-- Commands to trackers: checks, notification, and the functions of operators.

-- Raises an error if a command or its arguments are invalid. The daemon has the same table (command_kind.c), and checks again
-- before it sends.
CREATE OR REPLACE FUNCTION avld.check_command(command text, args jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	rules constant jsonb := '{
		"engineStop": {}, "engineResume": {},
		"outputControl": {"index": [1, 8], "value": [0, 1]},
		"positionSingle": {}, "positionPeriodic": {"seconds": [1, 86400]},
		"alarmSpeed": {"kmh": [1, 300]},
		"rebootDevice": {"what": [0, 2, "optional"]},
		"requestPhoto": {}, "setTimezone": {"hours": [-12, 14]}, "getVersion": {}, "factoryReset": {},
		"custom": {"text": [1, 200]}
	}';
	wanted jsonb := rules -> command;
	item record;
	given jsonb;
BEGIN
	IF wanted IS NULL THEN
		RAISE EXCEPTION 'unknown command %', coalesce(quote_literal(command), 'NULL') USING
			ERRCODE = 'invalid_parameter_value',
			HINT = 'Commands: ' || (SELECT string_agg(key, ', ' ORDER BY key) FROM jsonb_object_keys(rules) AS key) || '.';
	END IF;
	IF args IS NULL OR jsonb_typeof(args) <> 'object' THEN
		RAISE EXCEPTION '%: args must be a JSON object, such as {"index": 2, "value": 1}', command
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	FOR item IN SELECT key FROM jsonb_object_keys(args) AS key WHERE NOT wanted ? key ORDER BY 1 LOOP
		RAISE EXCEPTION '%: unknown argument "%"', command, item.key USING
			ERRCODE = 'invalid_parameter_value',
			HINT = 'Arguments: ' || coalesce((SELECT string_agg(key, ', ' ORDER BY key)
				FROM jsonb_object_keys(wanted) AS key), 'none') || '.';
	END LOOP;
	FOR item IN SELECT key, (value ->> 0)::integer AS least, (value ->> 1)::integer AS most, value ? 'optional' AS optional
		FROM jsonb_each(wanted) ORDER BY 1
	LOOP
		given := args -> item.key;
		IF given IS NULL THEN
			CONTINUE WHEN item.optional;
			RAISE EXCEPTION '%: argument "%" is missing', command, item.key USING ERRCODE = 'invalid_parameter_value';
		END IF;
		IF item.key = 'text' THEN
			IF jsonb_typeof(given) <> 'string' OR NOT length(args ->> 'text') BETWEEN item.least AND item.most
				OR args ->> 'text' !~ '^[ -~]*$'
			THEN
				RAISE EXCEPTION '%: text must be % to % characters of printable ASCII, without line ends',
					command, item.least, item.most USING ERRCODE = 'invalid_parameter_value';
			END IF;
		ELSIF jsonb_typeof(given) <> 'number' OR (args ->> item.key)::numeric <> trunc((args ->> item.key)::numeric)
			OR NOT (args ->> item.key)::numeric BETWEEN item.least AND item.most
		THEN
			RAISE EXCEPTION '%: "%" must be a whole number from % to %', command, item.key, item.least, item.most
				USING ERRCODE = 'invalid_parameter_value';
		END IF;
	END LOOP;
END
$$;

-- Returns true if a command stops the engine, under whatever name: the relay that cuts the engine is at output 1; of custom texts
-- it recognises the known ones, those of src/model/immobilizer.c.
CREATE OR REPLACE FUNCTION avld.stops_engine(command text, args jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE command
		WHEN 'engineStop' THEN true
		WHEN 'outputControl' THEN args @> '{"index": 1, "value": 1}'
		WHEN 'custom' THEN replace(args ->> 'text', ' ', '') ~* (
			'opc1,1|relay,1|dyd|s20,[0-9]*,0*[1-9]|cmd,stop|av0[01]0|^(j|109)([,;]|$)|setdigout1|enable1|04;01|^#0;1'
			'|^at[+]gtout=[^,]*,[^0,]|^c01,[^,]*,1')
		ELSE false
	END
$$;

-- Makes each inserted row a new, valid and safe command, however it is inserted. Runs with the rights of the role that inserts.
CREATE OR REPLACE FUNCTION avld.accept_command() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	device record;
	ttl interval;
BEGIN
	NEW.args := coalesce(NEW.args, '{}');
	NEW.state := 'queued';
	NEW.created_at := clock_timestamp();
	NEW.created_by := session_user;
	NEW.attempts := 0;
	NEW.sent_at := NULL;
	NEW.ended_at := NULL;
	NEW.correlation := NULL;
	NEW.reply := NULL;
	NEW.reason := NULL;

	SELECT d.ident, d.state, s.fixed_at, NEW.created_at - s.fixed_at AS age INTO device
	FROM avld.devices d LEFT JOIN avld.device_state s ON s.device_id = d.id WHERE d.id = NEW.device_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no device with id %', coalesce(NEW.device_id::text, 'NULL') USING ERRCODE = 'foreign_key_violation';
	END IF;
	IF device.state = 'blocked' THEN
		RAISE EXCEPTION 'device % is blocked', device.ident USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	PERFORM avld.check_command(NEW.command, NEW.args);

	IF isfinite(NEW.expires_at) THEN
		ttl := NEW.expires_at - NEW.created_at;
	END IF;
	IF ttl IS NULL OR ttl < interval '1 second' OR ttl > interval '30 days' THEN
		RAISE EXCEPTION '%: must expire between 1 second and 30 days from now', NEW.command
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF NOT avld.stops_engine(NEW.command, NEW.args) THEN
		RETURN NEW;
	END IF;
	IF NOT coalesce((SELECT pg_has_role(current_user, r.oid, 'MEMBER') FROM pg_roles r WHERE r.rolname = 'avld_operator'), false)
	THEN
		RAISE EXCEPTION '%: only a member of avld_operator may stop an engine, and % is not', NEW.command, current_user
			USING ERRCODE = 'insufficient_privilege';
	END IF;
	IF ttl > interval '15 minutes' THEN
		RAISE EXCEPTION '%: must expire within 15 minutes', NEW.command USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF device.fixed_at IS NULL THEN
		RAISE EXCEPTION '%: % has no valid fix yet', NEW.command, device.ident
			USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	IF device.age NOT BETWEEN interval '-2 minutes' AND interval '2 minutes' THEN
		RAISE EXCEPTION '%: the newest valid fix of % is of %, and must be at most 2 minutes old', NEW.command, device.ident,
			device.fixed_at USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION avld.notify_commands() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM pg_notify('avld_commands', '');
	RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION avld.send_command(ident text, command text, args jsonb DEFAULT '{}', ttl interval DEFAULT '5 minutes')
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	device bigint := (SELECT d.id FROM avld.devices d WHERE d.ident = send_command.ident);
	made bigint;
BEGIN
	IF device IS NULL THEN
		RAISE EXCEPTION 'unknown device %', coalesce(quote_literal(ident), 'NULL') USING ERRCODE = 'invalid_parameter_value';
	END IF;
	INSERT INTO avld.commands (device_id, command, args, expires_at)
	VALUES (device, send_command.command, send_command.args, clock_timestamp() + ttl)
	RETURNING id INTO made;
	RETURN made;
END
$$;

-- Runs with the rights of the owner: operators may cancel a command, but not change it otherwise.
CREATE OR REPLACE FUNCTION avld.cancel_command(id bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE avld.commands c SET
		state = 'failed',
		ended_at = clock_timestamp(),
		reason = 'cancelled by ' || session_user || CASE c.state WHEN 'sent' THEN ' after it had been sent' ELSE '' END
	WHERE c.id = cancel_command.id AND c.state IN ('queued', 'sent');
	IF FOUND THEN
		PERFORM pg_notify('avld_commands', '');
		RETURN true;
	END IF;
	IF NOT EXISTS (SELECT FROM avld.commands c WHERE c.id = cancel_command.id) THEN
		RAISE EXCEPTION 'no command %', coalesce(id::text, 'NULL') USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN false;
END
$$;

COMMENT ON FUNCTION avld.send_command(text, text, jsonb, interval) IS
	'Queues a command for a device (ident); ttl: when it expires. Returns its id in avld.commands. '
	'Example: SELECT avld.send_command(''5021234'', ''positionSingle'')';
COMMENT ON FUNCTION avld.cancel_command(bigint) IS
	'Cancels a command that is queued or sent. Returns false if it had already ended. A sent command may still take effect.';
COMMENT ON FUNCTION avld.check_command(text, jsonb) IS 'Raises an error if a command or its arguments are invalid.';
COMMENT ON FUNCTION avld.stops_engine(text, jsonb) IS 'Returns true if a command is known to stop the engine.';
COMMENT ON FUNCTION avld.accept_command() IS 'Trigger: completes and checks each new command.';
COMMENT ON FUNCTION avld.notify_commands() IS 'Trigger: notifies the daemon of new commands (NOTIFY avld_commands).';

DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'avld.commands'::regclass AND tgname = 'accept') THEN
		CREATE TRIGGER accept BEFORE INSERT ON avld.commands FOR EACH ROW EXECUTE FUNCTION avld.accept_command();
	END IF;
	IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'avld.commands'::regclass AND tgname = 'notify') THEN
		CREATE TRIGGER notify AFTER INSERT ON avld.commands FOR EACH STATEMENT EXECUTE FUNCTION avld.notify_commands();
	END IF;
END
$$;
