-- What the bytes of a tracker do not show: its model, and what it must know to log in.

ALTER TABLE avld.devices
	ADD COLUMN model text CHECK (octet_length(model) BETWEEN 1 AND 64),
	ADD COLUMN secret text CHECK (secret ~ '^sha256[$][0-9A-Za-z-]{1,64}[$][0-9a-f]{64}$');

COMMENT ON COLUMN avld.devices.model IS
	'set by you: the model, for protocols in which the same bytes mean different things in different models; NULL: not known';
COMMENT ON COLUMN avld.devices.secret IS
	'set by avld.set_secret: sha256$SALT$HEX, hash of the password that the tracker must send; NULL: none. Not readable by readers';
