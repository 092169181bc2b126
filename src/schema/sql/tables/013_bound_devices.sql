-- Who may speak for a device, who did, and how much the role of the daemon may delete.

ALTER TABLE avld.devices
	ADD COLUMN networks cidr[],
	ADD CONSTRAINT devices_networks_are_1_to_16_none_null CHECK (
		array_ndims(networks) = 1 AND cardinality(networks) BETWEEN 1 AND 16 AND array_position(networks, NULL) IS NULL);

COMMENT ON COLUMN avld.devices.networks IS
	'set by you: accept reports from these networks only, for example {192.0.2.0/24,2001:db8::/32}; NULL: from anywhere';

ALTER TABLE avld.device_state
	ADD COLUMN other_peer text,
	ADD COLUMN other_peer_at timestamptz,
	ADD COLUMN two_peers_at timestamptz;

COMMENT ON COLUMN avld.device_state.other_peer IS
	'address:port of another sender: a datagram while a TCP connection was open, or the UDP sender before peer';
COMMENT ON COLUMN avld.device_state.other_peer_at IS 'receipt of its newest frame';
COMMENT ON COLUMN avld.device_state.two_peers_at IS 'when both were last heard at once; NULL: never';

-- Changed by the owner only, through functions.
CREATE TABLE avld.limits (
	name text PRIMARY KEY,
	value interval NOT NULL
);

COMMENT ON TABLE avld.limits IS
	'What the owner has set for the role of the daemon: least_retention (avld.set_least_retention). Without a row the default holds.';
