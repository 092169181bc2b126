-- Runs before all other files of functions. Each run of `avld migrate` that changes tables or functions runs these files in the
-- order of their names, in the transaction of that change; a file uses only what earlier files and ../tables define. So each
-- statement must work where the function or view exists already. CREATE OR REPLACE keeps rights and dependents; it cannot change
-- the argument names or the result type of a function: DROP FUNCTION IF EXISTS first. ASCII only: compiled into the program.
--
-- The daemon checks the version of the tables only. If it depends on a change of a function, add a step to ../tables as well,
-- even an empty one, so that it asks for `avld migrate`.

-- 99_rights.sql revokes rights of PUBLIC on functions that are not in this list.
DO $$
BEGIN
	PERFORM set_config('avld.functions_before', (
		SELECT coalesce(string_agg(p.oid::text, ' '), '') FROM pg_proc AS p WHERE p.pronamespace = 'avld'::regnamespace), true);
END
$$;
