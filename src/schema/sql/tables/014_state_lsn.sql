-- While reports arrive faster than device_state can be written with each batch, it is written less often.

ALTER TABLE avld.checkpoint ADD COLUMN IF NOT EXISTS state_lsn bigint;

COMMENT ON COLUMN avld.checkpoint.state_lsn IS
	'device_state is complete up to this byte of the journal; the daemon reads what follows again at its start. NULL: as lsn';
