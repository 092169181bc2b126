-- The schema avld: tables, partitions, roles. Run by `avld migrate` inside one transaction.
CREATE SCHEMA IF NOT EXISTS avld;

CREATE TABLE avld.schema_version (
	version integer PRIMARY KEY,
	name text NOT NULL,
	applied_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE avld.checkpoint (
	instance text PRIMARY KEY,
	journal uuid NOT NULL,
	lsn bigint NOT NULL,
	updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 10);

CREATE TABLE avld.devices (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	ident text NOT NULL UNIQUE CHECK (length(ident) BETWEEN 1 AND 32),
	name text,
	protocol text,                       -- set by the owner: this protocol and no other; NULL: any
	state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'blocked')),
	created_at timestamptz NOT NULL DEFAULT now()
);

-- One row per report that carries coordinates. Partitioned by day; DEFAULT catches what has no day yet.
CREATE TABLE avld.positions (
	device_id bigint NOT NULL,
	fixed_at timestamptz NOT NULL,
	received_at timestamptz NOT NULL,
	device_time timestamptz,             -- what the tracker sent, where it differs from fixed_at
	time_source text NOT NULL,           -- device, rollover, received
	event text,
	valid boolean NOT NULL,
	latitude double precision NOT NULL,
	longitude double precision NOT NULL,
	altitude_m real,
	speed_kmh real,
	course_deg real,
	satellites smallint,
	hdop real,
	ignition boolean,
	inputs integer,                      -- bit 0 = input 1
	outputs integer,
	adc1 integer,
	adc2 integer,
	adc3 integer,
	adc4 integer,
	odometer_m bigint,
	battery_percent smallint,
	battery_v real,
	power_v real,
	gsm_percent smallint,
	driver text,
	stored boolean NOT NULL,             -- came out of the tracker's log
	extra jsonb,
	dedup bigint NOT NULL,
	PRIMARY KEY (device_id, fixed_at, dedup)
) PARTITION BY RANGE (fixed_at);
CREATE INDEX positions_fixed_at ON avld.positions USING brin (fixed_at) WITH (pages_per_range = 32, autosummarize = on);
CREATE TABLE avld.positions_default PARTITION OF avld.positions DEFAULT;

-- Reports without coordinates: heart-beats, firmware status, texts.
CREATE TABLE avld.statuses (
	device_id bigint NOT NULL,
	reported_at timestamptz NOT NULL,
	received_at timestamptz NOT NULL,
	device_time timestamptz,
	time_source text NOT NULL,
	event text,
	altitude_m real,
	speed_kmh real,
	course_deg real,
	satellites smallint,
	hdop real,
	ignition boolean,
	inputs integer,
	outputs integer,
	adc1 integer,
	adc2 integer,
	adc3 integer,
	adc4 integer,
	odometer_m bigint,
	battery_percent smallint,
	battery_v real,
	power_v real,
	gsm_percent smallint,
	driver text,
	stored boolean NOT NULL,
	extra jsonb,
	dedup bigint NOT NULL,
	PRIMARY KEY (device_id, reported_at, dedup)
) PARTITION BY RANGE (reported_at);
CREATE INDEX statuses_reported_at ON avld.statuses USING brin (reported_at) WITH (pages_per_range = 32, autosummarize = on);
CREATE TABLE avld.statuses_default PARTITION OF avld.statuses DEFAULT;

CREATE TABLE avld.alarms (
	device_id bigint NOT NULL,
	occurred_at timestamptz NOT NULL,
	received_at timestamptz NOT NULL,
	alarm text NOT NULL,
	event text,
	latitude double precision,
	longitude double precision,
	speed_kmh real,
	valid boolean,                       -- NULL: no coordinates
	stored boolean NOT NULL,
	dedup bigint NOT NULL,
	PRIMARY KEY (device_id, occurred_at, alarm, dedup)
);
CREATE INDEX alarms_occurred_at ON avld.alarms USING brin (occurred_at) WITH (autosummarize = on);

-- One row per device, always its newest.
CREATE TABLE avld.device_state (
	device_id bigint PRIMARY KEY,
	last_seen timestamptz NOT NULL,      -- receipt of the newest frame
	protocol text,
	transport text,                      -- tcp, udp
	peer text,                           -- address:port
	connected boolean NOT NULL DEFAULT false, -- a TCP connection is open
	instance text,                       -- the avld that holds it
	-- the newest plausible valid fix
	fixed_at timestamptz,
	latitude double precision,
	longitude double precision,
	altitude_m real,
	speed_kmh real,
	course_deg real,
	satellites smallint,
	hdop real,
	-- the newest telemetry
	telemetry_at timestamptz,
	event text,
	ignition boolean,
	inputs integer,
	outputs integer,
	adc1 integer,
	adc2 integer,
	adc3 integer,
	adc4 integer,
	odometer_m bigint,
	battery_percent smallint,
	battery_v real,
	power_v real,
	gsm_percent smallint,
	driver text
) WITH (fillfactor = 70);

-- What could not be used, with the reason and the bytes.
CREATE TABLE avld.rejects (
	received_at timestamptz NOT NULL,
	peer text,
	transport text,
	protocol text,
	ident text,
	reason text NOT NULL,
	frame bytea NOT NULL
);
CREATE INDEX rejects_received_at ON avld.rejects USING brin (received_at) WITH (autosummarize = on);
CREATE INDEX rejects_ident ON avld.rejects (ident) WHERE ident IS NOT NULL;

-- Trackers that reported but are not in avld.devices ([devices] unknown = refuse).
CREATE TABLE avld.unknown_devices (
	ident text PRIMARY KEY,
	protocol text,
	peer text,
	first_seen timestamptz NOT NULL,
	last_seen timestamptz NOT NULL,
	count bigint NOT NULL
);

-- One row per TCP connection that ended, and why.
CREATE TABLE avld.connections (
	opened_at timestamptz NOT NULL,
	closed_at timestamptz NOT NULL,
	peer text NOT NULL,
	transport text NOT NULL,
	protocol text,
	ident text,
	bytes bigint NOT NULL,
	frames bigint NOT NULL,
	rejects bigint NOT NULL,
	reason text NOT NULL
);
CREATE INDEX connections_closed_at ON avld.connections USING brin (closed_at) WITH (autosummarize = on);
CREATE INDEX connections_ident ON avld.connections (ident) WHERE ident IS NOT NULL;
