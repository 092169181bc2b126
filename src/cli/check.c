// SPDX-License-Identifier: MIT
// avld check: tests what the settings name, as `avld serve` would use it. Changes nothing: creates no folder, takes no
// lock, keeps no port.
//
//   ok ...        works
//   note: ...     works, but worth knowing
//   problem: ...  does not: where the setting is, what is wrong, how to mend it
#include "cli/port_holder.h"
#include "cli/server_settings.h"
#include "cli/verbs.h"
#include "config/conninfo_error.h"
#include "config/conninfo_exposed.h"
#include "config/setting.h"
#include "net/listener.h"
#include "net/udp.h"
#include "schema/engine.h"
#include "schema/migrate.h"
#include "schema/migrations.h"
#include "schema/shape.h"
#include "util/address.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SERVER_VERSION_MIN  130000
#define SERVER_VERSION_TEXT "13"

__attribute__((format(printf, 2, 3))) static void print(const char *kind, const char *format, ...)
{
	printf("%s ", kind);
	va_list arguments;
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

#define OK(...)   print("ok", __VA_ARGS__)
#define NOTE(...) print("note:", __VA_ARGS__)

// Prints a problem with the setting `key`. Always returns false.
__attribute__((format(printf, 3, 4))) static bool problem(
	const struct config *config, const char *key, const char *format, ...)
{
	char origin[SETTING_ORIGIN_MAX];
	printf("problem: %s: %s: ", setting_origin(config, key, origin), key);
	va_list arguments;
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	return false;
}

// Journal ----------------------------------------------------------------------------------------

// Returns true if the process holds a lock on the file. A line of /proc/locks:
// "1: FLOCK  ADVISORY  WRITE PID MAJOR:MINOR:INODE 0 EOF"
static bool is_locked(pid_t pid, ino_t inode)
{
	char wanted_pid[32], wanted_inode[32], line[256];
	snprintf(wanted_pid, sizeof(wanted_pid), " %ld ", (long)pid);
	snprintf(wanted_inode, sizeof(wanted_inode), ":%ju ", (uintmax_t)inode);
	FILE *locks = fopen("/proc/locks", "re");
	bool found = false;
	while (locks && !found && fgets(line, sizeof(line), locks))
		found = strstr(line, "FLOCK") && strstr(line, wanted_pid) &&
			strstr(line, wanted_inode);
	if (locks)
		fclose(locks);
	return found;
}

// Returns the process that writes the journal, or 0. Looks for its lock in /proc: trying it would hold it for a moment.
static pid_t journal_holder(const char *dir)
{
	char path[4096], text[32] = "";
	struct stat status;
	snprintf(path, sizeof(path), "%s/lock", dir);
	FILE *file = fopen(path, "re");
	if (!file)
		return 0;
	bool read = fgets(text, sizeof(text), file) && !fstat(fileno(file), &status);
	fclose(file);
	pid_t pid = read ? (pid_t)strtol(text, NULL, 10) : 0;
	return pid > 0 && is_locked(pid, status.st_ino) ? pid : 0;
}

// Shortens the path to its parent folder. "a/b" -> "a", "/a" -> "/", "a" -> "."
static void to_parent(char *path)
{
	size_t len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		len--;
	while (len && path[len - 1] != '/')
		len--;
	while (len > 1 && path[len - 1] == '/')
		len--;
	if (!len)
		path[len++] = '.';
	path[len] = '\0';
}

// Returns why no file can be created in the folder, 0 if one can. Creates an unnamed file, which closing removes.
// Checking permissions is not enough: root has all of them, but cannot create files in /proc.
static int error_of_folder(const char *dir)
{
	struct statvfs status;
	const int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0) {
		const int error = posix_fallocate(fd, 0, 4096);
		close(fd);
		return error;
	}
	const int error = errno;
	// Some file systems do not support unnamed files (NFS). The kernel's own also have no blocks.
	if (error == EOPNOTSUPP && !statvfs(dir, &status) && status.f_blocks)
		return 0;
	return error;
}

static bool no_file_system(const struct config *config, const char *folder)
{
	return problem(config, "journal.dir",
		"%s: no files can be created in %s; name a folder on a local disk",
		config->journal.dir, folder);
}

static bool is_full(int error)
{
	return error == ENOSPC || error == EDQUOT;
}

// serve also starts on a full disk, and accepts no data until there is room.
static bool note_full(const char *dir)
{
	NOTE("journal %s: disk full; serve accepts no data until space is freed", dir);
	return true;
}

static bool check_missing_journal(const struct config *config)
{
	const char *dir = config->journal.dir;
	char parent[4096];
	struct stat status;
	if (!lstat(dir, &status))
		return problem(config, "journal.dir",
			"%s is a link to a missing folder; create that folder or name another",
			dir);
	snprintf(parent, sizeof(parent), "%s", dir);
	to_parent(parent);
	const int error = error_of_folder(parent);
	if (error == EOPNOTSUPP)
		return no_file_system(config, parent);
	if (error)
		return problem(config, "journal.dir",
			"%s does not exist and cannot be created: %s: %s; create it for the user "
			"that runs avld, or name another",
			dir, parent, strerror(error));
	OK("journal %s: does not exist yet, serve creates it", dir);
	return true;
}

static bool check_journal(const struct config *config)
{
	const char *dir = config->journal.dir;
	struct stat status;
	if (stat(dir, &status)) {
		if (errno == ENOENT)
			return check_missing_journal(config);
		return problem(config, "journal.dir",
			"%s: %s; name a folder of the user that runs avld", dir, strerror(errno));
	}
	if (!S_ISDIR(status.st_mode))
		return problem(config, "journal.dir", "%s is not a folder; name a folder", dir);
	const int error = faccessat(AT_FDCWD, dir, R_OK, AT_EACCESS) ? errno : error_of_folder(dir);
	if (is_full(error))
		return note_full(dir);
	if (error == EOPNOTSUPP)
		return no_file_system(config, dir);
	if (error)
		return problem(config, "journal.dir",
			"%s: %s for this user; change its owner to the user that runs avld, run "
			"the check as that user, or name another folder",
			dir, strerror(error));
	pid_t pid = journal_holder(dir);
	if (pid)
		OK("journal %s: in use by a running avld (pid %ld)", dir, (long)pid);
	else
		OK("journal %s", dir);
	return true;
}

// Port -------------------------------------------------------------------------------------------

static uint16_t port_of(const char *listen)
{
	struct sockaddr_storage address = {0};
	socklen_t len;
	if (!address_parse(listen, &address, &len))
		return 0;
	in_port_t port;
	if (address.ss_family == AF_INET6)
		memcpy(&port, &((struct sockaddr_in6 *)&address)->sin6_port, sizeof(port));
	else
		memcpy(&port, &((struct sockaddr_in *)&address)->sin_port, sizeof(port));
	return ntohs(port);
}

// Returns why no socket of the type can be bound to the address, 0 if one can.
static int error_of_address(const char *listen, int type)
{
	struct sockaddr_storage address;
	socklen_t len;
	const int off = 0, on = 1;
	if (!address_parse(listen, &address, &len))
		return EINVAL;
	const int fd = socket(address.ss_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	const int error = bind(fd, (const struct sockaddr *)&address, len) ? errno : 0;
	close(fd);
	return error;
}

// Finds the holder of the port by the journal: only root can see the sockets of a process with capabilities (as the
// unit gives them). The avld that writes the journal holds the port if it runs as the user who owns the socket.
static struct port_holder avld_of_journal(const struct config *config, struct port_holder holder)
{
	char path[64], name[32] = "";
	struct stat status;
	const pid_t pid = journal_holder(config->journal.dir);
	snprintf(path, sizeof(path), "/proc/%ld", (long)pid);
	if (!pid || stat(path, &status) || status.st_uid != holder.uid)
		return holder;
	snprintf(path, sizeof(path), "/proc/%ld/comm", (long)pid);
	FILE *file = fopen(path, "re");
	if (file && fgets(name, sizeof(name), file) && !strcmp(name, "avld\n")) {
		holder.pid = pid;
		snprintf(holder.name, sizeof(holder.name), "avld");
	}
	if (file)
		fclose(file);
	return holder;
}

// Finds the holder of the port. Returns false if there is none.
static bool find_holder(
	const struct config *config, uint16_t port, bool tcp, bool udp, struct port_holder *holder)
{
	if (!port || !((tcp && port_holder_find(port, false, holder)) ||
			     (udp && port_holder_find(port, true, holder))))
		return false;
	if (!holder->pid)
		*holder = avld_of_journal(config, *holder);
	return true;
}

// Reports the holder of a port that the setting `key` names. Returns true if it is an avld.
static bool report_holder(const struct config *config, const char *key, uint16_t port,
	const struct port_holder *holder)
{
	if (!strcmp(holder->name, "avld")) {
		NOTE("port %u: avld already listens on it (pid %ld)", port, (long)holder->pid);
		return true;
	}
	if (!holder->pid)
		return problem(config, key,
			"port %u is taken by a process of uid %ld; stop it or choose another port "
			"(as root, ss -lntup shows the process)",
			port, (long)holder->uid);
	return problem(config, key,
		"port %u is taken by %s (pid %ld); stop it or choose another port", port,
		holder->name, (long)holder->pid);
}

// Requests the buffer without privileges, even as root: the service has none.
static void check_udp_buffer(void)
{
	int size = UDP_BUFFER;
	socklen_t len = sizeof(size);
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (!setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) &&
		!getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &len) && size < UDP_BUFFER)
		NOTE("UDP: the receive buffer is limited to %d bytes, bursts may be lost; raise "
		     "the limit: sysctl net.core.rmem_max=%d (package and make install put that "
		     "into "
		     "sysctl.d)",
			size, UDP_BUFFER);
	close(fd);
}

static bool check_port(const struct config *config)
{
	const char *listen = config->server.listen;
	const bool tcp = config->server.tcp, udp = config->server.udp;
	struct port_holder holder;
	struct bound bound;
	if (!listener_bind(config, &bound)) {
		// another error than a taken port, such as an address that this machine does not have, has no holder
		const bool taken = (tcp && error_of_address(listen, SOCK_STREAM) == EADDRINUSE) ||
				   (udp && error_of_address(listen, SOCK_DGRAM) == EADDRINUSE);
		const uint16_t port = port_of(listen);
		return taken && find_holder(config, port, tcp, udp, &holder)
			       ? report_holder(config, "server.listen", port, &holder)
			       : problem(config, "server.listen", "%s", bound.error);
	}
	if (bound.tcp >= 0)
		close(bound.tcp);
	if (bound.udp >= 0)
		close(bound.udp);
	OK("listen %s: %s", listen, bound.tcp < 0 ? "udp" : bound.udp < 0 ? "tcp" : "tcp and udp");
	return true;
}

// As serve does: an address that was set must be free; without the default one there is no HTTP.
static bool check_http(const struct config *config)
{
	const char *listen = config->http.listen;
	const int error = *listen ? error_of_address(listen, SOCK_STREAM) : 0;
	const uint16_t port = port_of(listen);
	struct port_holder holder = {0};
	const bool held = error == EADDRINUSE && find_holder(config, port, true, false, &holder);

	if (error == 0)
		return true;
	if (setting_is_default(config, "http.listen") && strcmp(holder.name, "avld") != 0) {
		NOTE("http %s: %s; serve runs without /health, /metrics and /status", listen,
			strerror(error));
		return true;
	}
	return held ? report_holder(config, "http.listen", port, &holder)
		    : problem(config, "http.listen",
			      "cannot listen on %s: %s; choose another address or port, or set it "
			      "to nothing",
			      listen, strerror(error));
}

// Database ---------------------------------------------------------------------------------------

// Joins the lines of a message of libpq.
static const char *one_line(const char *message, char *out, size_t cap)
{
	snprintf(out, cap, "%s", message);
	for (char *end = out + strlen(out); end > out && end[-1] == '\n';)
		*--end = '\0';
	for (char *at = out; *at; at++)
		if (*at == '\n' || *at == '\t')
			*at = ' ';
	return out;
}

static bool database_problem(const struct config *config, PGconn *conn, const char *remedy)
{
	char text[1024];
	const char *special = conn ? conninfo_error_remedy(PQerrorMessage(conn)) : NULL;
	return problem(config, "database.conninfo", "%s; %s",
		one_line(conn ? conninfo_error(config->database.conninfo, PQerrorMessage(conn))
			      : "out of memory",
			text, sizeof(text)),
		special ? special : remedy);
}

// Returns the first column of the first row (the caller frees it), "" without a row, NULL after an error.
static char *ask(PGconn *conn, const char *sql)
{
	PGresult *result = PQexec(conn, sql);
	char *text = NULL;
	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		text = strdup(PQntuples(result) ? PQgetvalue(result, 0, 0) : "");
	PQclear(result);
	return text;
}

static bool check_schema(const struct config *config, int version)
{
	if (version > SCHEMA_VERSION)
		return problem(config, "database.conninfo",
			"the schema is version %d, this avld is older than the schema (it needs "
			"%d); upgrade avld",
			version, SCHEMA_VERSION);
	if (version == SCHEMA_VERSION) {
		OK("schema version %d", version);
		return true;
	}
	if (config->database.migrate) {
		NOTE("schema version %d: serve upgrades it to %d (database.migrate)", version,
			SCHEMA_VERSION);
		return true;
	}
	if (!version)
		return problem(config, "database.conninfo",
			"the database has no schema avld; run avld migrate as the role that is to "
			"own it");
	return problem(config, "database.conninfo",
		"the schema is version %d, this avld needs %d; run avld migrate as its owner",
		version, SCHEMA_VERSION);
}

// Lists the rights that the writer lacks. Each is queried alone: has_table_privilege with a list is true if any is
// granted.
static const char missing_rights[] =
	"SELECT string_agg(missing, ', ') FROM ("
	"SELECT r || ' ON avld.' || name AS missing FROM (VALUES"
	" ('schema_version', 'SELECT'), ('commands', 'SELECT'), ('limits', 'SELECT'), ('devices', "
	"'SELECT INSERT'),"
	" ('positions', 'SELECT INSERT'), ('statuses', 'SELECT INSERT'),"
	" ('alarms', 'SELECT INSERT'), ('rejects', 'INSERT'), ('connections', 'INSERT'),"
	" ('checkpoint', 'SELECT INSERT UPDATE'), ('device_state', 'SELECT INSERT UPDATE'),"
	" ('unknown_devices', 'SELECT INSERT UPDATE'), ('media', 'SELECT INSERT UPDATE'),"
	" ('media_parts', 'SELECT INSERT DELETE')) AS t (name, rights),"
	" unnest(string_to_array(rights, ' ')) AS r"
	" WHERE NOT has_table_privilege('avld.' || name, r)"
	" UNION ALL "
	"SELECT 'EXECUTE ON FUNCTION avld.' || name FROM (VALUES"
	" ('ensure_partitions(date, date)'), "
	"('ensure_partitions(date, date, interval)'), ('drop_partitions(date)'),"
	" ('delete_before(text, timestamptz, integer)'), ('least_retention()')) AS f (name)"
	" WHERE NOT has_function_privilege('avld.' || name, 'EXECUTE')"
	" UNION ALL "
	"SELECT 'UPDATE (' || c || ') ON avld.commands' FROM unnest(ARRAY["
	"'state', 'sent_at', 'ended_at', 'attempts', 'correlation', 'reply', 'reason']) AS c"
	" WHERE NOT has_column_privilege('avld.commands', c, 'UPDATE')"
	" UNION ALL "
	"SELECT 'TEMPORARY ON DATABASE ' || current_database()"
	" WHERE NOT has_database_privilege(current_database(), 'TEMPORARY')) AS m";

static int64_t days_of(int64_t age_us)
{
	return age_us / INT64_C(86400000000);
}

// Notes a retention that is shorter than what the owner of the schema allows this role to delete.
static void note_short_retention(const struct config *config, PGconn *conn)
{
	const struct {
		const char *key;
		int64_t age_us;
	} settings[] = {{"database.retention", config->database.retention_us},
		{"database.alarms_retention", config->database.alarms_retention_us},
		{"database.media_retention", config->database.media_retention_us},
		{"database.commands_retention", config->database.commands_retention_us}};
	char *least = ask(conn, "SELECT extract(epoch FROM avld.least_retention())::bigint FROM "
				"pg_namespace WHERE nspname = 'avld' AND NOT "
				"pg_has_role(nspowner, 'USAGE')"); /* the owner may delete all */
	const int64_t least_us = least ? strtoll(least, NULL, 10) * 1000000 : 0;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (settings[i].age_us > 0 && settings[i].age_us < least_us)
			NOTE("%s = %" PRId64 "d deletes nothing: %s may delete only what is older "
			     "than %" PRId64 " days; as the schema's owner: SELECT "
			     "avld.set_least_retention('%" PRId64 " days')",
				settings[i].key, days_of(settings[i].age_us), PQuser(conn),
				days_of(least_us), days_of(settings[i].age_us));
	free(least);
}

static bool check_rights(const struct config *config, PGconn *conn)
{
	char *missing = ask(conn, missing_rights);
	if (!missing)
		return database_problem(
			config, conn, "check that avld migrate created this schema");
	bool good = !*missing;
	if (good) {
		OK("rights of %s", PQuser(conn));
		note_short_retention(config, conn);
	} else
		problem(config, "database.conninfo",
			"%s lacks %s; GRANT avld_writer TO %s, or SELECT avld.grant_rights() as "
			"the schema's owner",
			PQuser(conn), missing, PQuser(conn));
	free(missing);
	return good;
}

// Returns true if the role may use the schema, or if there is none.
static bool check_usage(const struct config *config, PGconn *conn)
{
	char *usage = ask(conn, "SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE "
				"nspname = 'avld'");
	bool good = usage && *usage != 'f';
	if (!usage)
		database_problem(config, conn, "check that this is a PostgreSQL server");
	else if (!good)
		problem(config, "database.conninfo",
			"%s may not use the schema avld; GRANT avld_writer TO %s as the schema's "
			"owner",
			PQuser(conn), PQuser(conn));
	free(usage);
	return good;
}

static bool check_is_coordinator(const struct config *config, PGconn *conn)
{
	char *coordinator = engine_find_coordinator(conn);
	if (!coordinator)
		return true;
	problem(config, "database.conninfo", ENGINE_WORKER_FORMAT, coordinator);
	free(coordinator);
	return false;
}

static bool check_server(const struct config *config, PGconn *conn)
{
	const char *version = PQparameterStatus(conn, "server_version");
	if (PQserverVersion(conn) < SERVER_VERSION_MIN)
		return problem(config, "database.conninfo",
			"PostgreSQL %s is too old; avld needs " SERVER_VERSION_TEXT " or newer",
			version);
	char *standby = ask(conn, "SELECT pg_is_in_recovery()");
	bool good = standby && *standby == 'f';
	if (!standby)
		database_problem(config, conn, "check that this is a PostgreSQL server");
	else if (!good)
		problem(config, "database.conninfo",
			"this server is a standby; name the primary, or several hosts with "
			"target_session_attrs=read-write");
	else
		OK("database %s as %s at %s: PostgreSQL %s", PQdb(conn), PQuser(conn), PQhost(conn),
			version);
	free(standby);
	return good;
}

// Names each column that is not as the writer needs it.
static bool check_shape(const struct config *config, PGconn *conn)
{
	PGresult *result = PQexec(conn, shape_query);
	const bool read = PQresultStatus(result) == PGRES_TUPLES_OK;
	const int problems = PQntuples(result);

	if (!read)
		database_problem(config, conn, "check that this is a PostgreSQL server");
	for (int i = 0; i < problems; i++)
		problem(config, "database.conninfo", "%s", PQgetvalue(result, i, 0));
	PQclear(result);
	return read && !problems;
}

// Prints what the database says about its engine (Citus, TimescaleDB; nothing for PostgreSQL alone). Functions of an older avld have
// nothing to say.
static bool check_engine(const struct config *config, PGconn *conn)
{
	char *exists = ask(conn, "SELECT to_regprocedure('avld.check_engine()') IS NOT NULL");
	const bool skip = !exists || *exists != 't';
	free(exists);
	if (skip)
		return true;
	PGresult *result = PQexec(conn, "SELECT severity, message FROM avld.check_engine()");
	bool good = PQresultStatus(result) == PGRES_TUPLES_OK;
	if (!good)
		database_problem(
			config, conn, "GRANT avld_writer to this user as the schema's owner");
	for (int i = 0; i < PQntuples(result); i++) {
		const char *message = PQgetvalue(result, i, 1);
		if (!strcmp(PQgetvalue(result, i, 0), "problem"))
			good = problem(config, "database.conninfo", "%s", message);
		else
			OK("%s", message);
	}
	PQclear(result);
	return good;
}

// Round numbers: they are estimates.
static int64_t round_down(int64_t number)
{
	int64_t unit = 1;
	while (number / unit >= 100)
		unit *= 10;
	return number / unit * unit;
}

// Names each setting of the server that costs, and the line to change.
static void note_server_settings(const struct config *config, PGconn *conn)
{
	struct server_cost costs[SERVER_COSTS_MAX];
	static const int64_t seconds[] = {
		[PARTITION_1D] = 86400, [PARTITION_6H] = 21600, [PARTITION_1H] = 3600};
	const int count =
		server_settings_costs(conn, seconds[config->database.partition_interval], costs);

	for (int i = 0; i < count; i++)
		NOTE("PostgreSQL: %s = %s costs from about %" PRId64
		     " trackers on that report every %d s: %s; in %s: %s = %s; then %s",
			costs[i].name, costs[i].value, round_down(costs[i].from_trackers),
			SERVER_COST_EVERY_S, costs[i].why, costs[i].place, costs[i].name,
			costs[i].better, costs[i].apply);
}

static bool check_database(const struct config *config)
{
	// Later keywords override earlier ones: conninfo may set its own timeout.
	static const char *const keywords[] = {
		"connect_timeout", "fallback_application_name", "dbname", NULL};
	const char *const values[] = {"5", "avld check", config->database.conninfo, NULL};
	PGconn *conn = PQconnectdbParams(keywords, values, 1);
	bool good = false;
	if (PQstatus(conn) != CONNECTION_OK) {
		database_problem(config, conn,
			"start PostgreSQL, create the database, or correct the setting");
	} else if (check_server(config, conn) && check_is_coordinator(config, conn) &&
		   check_usage(config, conn)) {
		note_server_settings(config, conn);
		int version = migrate_version(conn);
		if (version < 0)
			database_problem(config, conn,
				"GRANT avld_writer to this user as the schema's owner");
		else
			good = check_schema(config, version) &&
			       (version != SCHEMA_VERSION ||
				       (check_shape(config, conn) && check_rights(config, conn) &&
					       check_engine(config, conn)));
	}
	PQfinish(conn);
	return good;
}

static void note_exposed(const struct config *config)
{
	char origin[SETTING_ORIGIN_MAX];

	if (conninfo_exposed(config))
		NOTE("%s: database.conninfo: " CONNINFO_EXPOSED " %s",
			setting_origin(config, "database.conninfo", origin), config->origin.file);
}

int check_verb(struct command_line *line)
{
	const struct config *config = &line->config;
	OK("settings");
	if (command_line_value(line, "settings"))
		return 0;
	note_exposed(config);
	bool journal = check_journal(config);
	bool port = check_port(config);
	bool http = check_http(config);
	if (config->server.udp)
		check_udp_buffer();
	fflush(stdout); // connecting to the database may take seconds
	bool database = check_database(config);
	return journal && port && http && database ? 0 : 1;
}
