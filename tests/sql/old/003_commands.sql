-- Commands to trackers: the table, who may fill it and with what, and the word to the daemon. ASCII only: it is compiled in.

CREATE TABLE avld.commands (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	device_id bigint NOT NULL,
	command text NOT NULL,
	args jsonb NOT NULL DEFAULT '{}',
	state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'confirmed', 'failed', 'expired')),
	created_at timestamptz NOT NULL DEFAULT now(),
	created_by text NOT NULL DEFAULT session_user,
	expires_at timestamptz NOT NULL DEFAULT now() + interval '5 minutes',
	sent_at timestamptz,
	ended_at timestamptz,
	attempts integer NOT NULL DEFAULT 0,
	reply text,
	reason text
);
CREATE INDEX commands_open ON avld.commands (id) WHERE state IN ('queued', 'sent');
CREATE INDEX commands_device ON avld.commands (device_id, id);

-- ---------------------------------------------------------------------------------------------------------------------------
-- What may be asked for. The same table stands in the daemon (command_kind.c), which looks again before it sends.

-- Raises what is wrong with the arguments of a command, or returns.
CREATE FUNCTION avld.check_command(command text, args jsonb) RETURNS void
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
			HINT = 'There are: ' || (SELECT string_agg(key, ', ' ORDER BY key) FROM jsonb_object_keys(rules) AS key) || '.';
	END IF;
	IF args IS NULL OR jsonb_typeof(args) <> 'object' THEN
		RAISE EXCEPTION '%: args must be a JSON object, such as {"index": 2, "value": 1}', command
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	FOR item IN SELECT key FROM jsonb_object_keys(args) AS key WHERE NOT wanted ? key ORDER BY 1 LOOP
		RAISE EXCEPTION '%: no argument "%" here', command, item.key USING
			ERRCODE = 'invalid_parameter_value',
			HINT = 'It takes: ' || coalesce((SELECT string_agg(key, ', ' ORDER BY key)
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

-- Whatever it is called: the relay that cuts the engine sits at output 1, and custom text can say anything, of which this
-- sees what is known.
CREATE FUNCTION avld.stops_engine(command text, args jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE command
		WHEN 'engineStop' THEN true
		WHEN 'outputControl' THEN args @> '{"index": 1, "value": 1}'
		WHEN 'custom' THEN replace(args ->> 'text', ' ', '') ~* 'opc1,1|relay,1|dyd'
		ELSE false
	END
$$;

-- Each row is new, sound and safe at the moment it goes in, by whatever way. Runs with the rights of whoever inserts.
CREATE FUNCTION avld.accept_command() RETURNS trigger
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
		RAISE EXCEPTION '%: must expire within 1 second to 30 days from now', NEW.command
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF NOT avld.stops_engine(NEW.command, NEW.args) THEN
		RETURN NEW;
	END IF;
	IF NOT coalesce((SELECT pg_has_role(current_user, r.oid, 'MEMBER') FROM pg_roles r WHERE r.rolname = 'avld_operator'), false)
	THEN
		RAISE EXCEPTION '%: only a member of avld_operator may stop an engine, % is none', NEW.command, current_user
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
		RAISE EXCEPTION '%: the newest valid fix of % is of % (at most 2 minutes old is wanted)', NEW.command, device.ident,
			device.fixed_at USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER accept BEFORE INSERT ON avld.commands FOR EACH ROW EXECUTE FUNCTION avld.accept_command();

CREATE FUNCTION avld.notify_commands() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM pg_notify('avld_commands', '');
	RETURN NULL;
END
$$;
CREATE TRIGGER notify AFTER INSERT ON avld.commands FOR EACH STATEMENT EXECUTE FUNCTION avld.notify_commands();

-- ---------------------------------------------------------------------------------------------------------------------------
-- For people

CREATE FUNCTION avld.send_command(ident text, command text, args jsonb DEFAULT '{}', ttl interval DEFAULT '5 minutes')
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

-- With the owner's rights: operators may end a command, and nothing else of it.
CREATE FUNCTION avld.cancel_command(id bigint) RETURNS boolean
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

-- Inside diagnose: those that stand open, and those of the last day that came to nothing.
CREATE OR REPLACE FUNCTION avld.diagnose_commands(
	device bigint, OUT severity text, OUT finding text, OUT detail text, OUT next_step text
) RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT
		CASE WHEN c.state IN ('failed', 'expired') THEN 'warning' ELSE 'info' END,
		'command ' || c.id || ' (' || c.command || ') is ' || c.state,
		format('asked for %s by %s, sent %s times', avld.say_time(c.created_at), c.created_by, c.attempts)
			|| coalesce('; ' || c.reason, '') || coalesce('; reply: ' || left(c.reply, 100), ''),
		CASE
			WHEN c.reason LIKE '%commands.allow%' THEN 'commands.allow in the settings of avld'
			WHEN c.state = 'queued' THEN 'it goes out with the next report, if nothing speaks against it; until '
				|| avld.say_time(c.expires_at)
			WHEN c.state = 'sent' THEN 'what the tracker says next'
			ELSE 'send it again if it is still wanted'
		END
	FROM avld.commands AS c
	WHERE c.device_id = device AND (c.state IN ('queued', 'sent')
		OR c.state IN ('failed', 'expired') AND c.ended_at > now() - interval '1 day')
	ORDER BY c.id DESC
	LIMIT 5
$$;

REVOKE ALL ON FUNCTION avld.check_command(text, jsonb), avld.stops_engine(text, jsonb), avld.accept_command(),
	avld.notify_commands(), avld.send_command(text, text, jsonb, interval), avld.cancel_command(bigint) FROM PUBLIC;

-- ---------------------------------------------------------------------------------------------------------------------------
-- Roles: as before, and who may do what with commands

CREATE OR REPLACE FUNCTION avld.grant_rights() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	item record;
BEGIN
	FOR item IN
		SELECT r.rolname, t.rights
		FROM (
			VALUES
			('avld_writer', 'USAGE ON SCHEMA avld'),
			('avld_writer', 'SELECT ON avld.schema_version, avld.commands'),
			('avld_writer', 'SELECT, INSERT ON avld.devices, avld.positions, avld.statuses, avld.alarms'),
			('avld_writer', 'INSERT ON avld.rejects, avld.connections'),
			('avld_writer', 'SELECT, INSERT, UPDATE ON avld.checkpoint, avld.device_state, avld.unknown_devices'),
			('avld_writer', 'EXECUTE ON FUNCTION avld.list_partitions(), avld.ensure_partitions(date, date),'
				' avld.drop_partitions(date), avld.delete_before(text, timestamptz, integer)'),
			('avld_writer', 'UPDATE (state, sent_at, ended_at, attempts, reply, reason) ON avld.commands'),
			('avld_operator', 'INSERT (device_id, command, args, expires_at) ON avld.commands'),
			('avld_operator', 'EXECUTE ON FUNCTION avld.send_command(text, text, jsonb, interval),'
				' avld.cancel_command(bigint)'),
			('avld_reader avld_operator', 'USAGE ON SCHEMA avld')
			UNION ALL
			SELECT 'avld_reader avld_operator', format('SELECT ON %s', c.oid::regclass)
			FROM pg_class AS c
			WHERE c.relnamespace = 'avld'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
			UNION ALL
			SELECT 'avld_reader avld_operator', format('EXECUTE ON FUNCTION %s', p.oid::regprocedure)
			FROM pg_proc AS p
			WHERE p.pronamespace = 'avld'::regnamespace AND p.provolatile <> 'v' AND NOT p.prosecdef
		) AS t (roles, rights)
		JOIN pg_roles AS r ON r.rolname = ANY (string_to_array(t.roles, ' '))
	LOOP
		EXECUTE format('GRANT %s TO %I', item.rights, item.rolname);
	END LOOP;
END
$$;
SELECT avld.grant_rights();

-- ---------------------------------------------------------------------------------------------------------------------------

COMMENT ON TABLE avld.commands IS
	'Commands to trackers and what became of them. Insert device_id, command, args, expires_at, or call avld.send_command.';
COMMENT ON COLUMN avld.commands.device_id IS 'devices.id';
COMMENT ON COLUMN avld.commands.command IS
	'engineStop, engineResume, outputControl, positionSingle, positionPeriodic, alarmSpeed, rebootDevice, requestPhoto, '
	'setTimezone, getVersion, factoryReset, custom';
COMMENT ON COLUMN avld.commands.args IS 'arguments by name: {"index": 2, "value": 1}';
COMMENT ON COLUMN avld.commands.state IS
	'queued; sent; confirmed: a reply, or a later report that shows it; failed: see reason; expired: never sent, or never confirmed';
COMMENT ON COLUMN avld.commands.created_by IS 'the role that asked';
COMMENT ON COLUMN avld.commands.expires_at IS 'not sent, and not waited for, after this';
COMMENT ON COLUMN avld.commands.sent_at IS 'the last time it was sent';
COMMENT ON COLUMN avld.commands.ended_at IS 'when it was confirmed, failed or expired';
COMMENT ON COLUMN avld.commands.attempts IS 'how often it was sent';
COMMENT ON COLUMN avld.commands.reply IS 'what the tracker answered, where it answers in words';
COMMENT ON COLUMN avld.commands.reason IS 'why it failed, expired, or has to wait';

COMMENT ON FUNCTION avld.send_command(text, text, jsonb, interval) IS
	'Asks for a command to the device of that ident, for at most so long. Returns its id in avld.commands.';
COMMENT ON FUNCTION avld.cancel_command(bigint) IS
	'Ends a command that is queued or sent. False: it had ended. One that was sent may take effect all the same.';
COMMENT ON FUNCTION avld.check_command(text, jsonb) IS 'Raises what is wrong with a command or its arguments.';
COMMENT ON FUNCTION avld.stops_engine(text, jsonb) IS 'Whether a command, as far as it can be seen, stops the engine.';
COMMENT ON FUNCTION avld.accept_command() IS 'Trigger: fills in and checks each new command.';
COMMENT ON FUNCTION avld.notify_commands() IS 'Trigger: tells the daemon (NOTIFY avld_commands).';
