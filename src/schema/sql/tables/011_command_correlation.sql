-- The number by which a tracker's answer names the command that it answers.

ALTER TABLE avld.commands ADD COLUMN IF NOT EXISTS correlation bigint;

COMMENT ON COLUMN avld.commands.correlation IS
	'number sent with the command, which the answer of the tracker returns; NULL: not sent, or the protocol has none';
