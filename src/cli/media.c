// SPDX-License-Identifier: MIT
// avld media --export: photos out of the database into files, one row at a time.
//
//   DIR/IDENT_YYYYMMDDThhmmssZ[_CAMERA].jpg
//
// A file that is there with the same bytes is left alone; for one with others (a second photo in the
// same second, or what somebody put there) another name is found: ..._2.jpg, _3 and so on.
#include "cli/cli.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define EPOCH_2000_US INT64_C(946684800000000)
#define NAME_ROOM     160
#define NAMES_MAX     1000 /* photos of one tracker in one second */
#define PROGRESS_S    1

static const char usage[] =
	"usage: avld media --export DIR [--ident IDENT] [-c FILE] [-o SECTION.KEY=VALUE]...\n\n"
	"Writes the photos in the database (avld.media) into files, each named by tracker, time "
	"(UTC) "
	"and\n"
	"camera: 5020001_20261122T101500Z_1.jpg. Files that are there are never written over: "
	"running "
	"it\n"
	"again adds what is new.\n\n"
	"      --export DIR          the folder; made when it is not there\n"
	"      --ident IDENT         only this tracker's\n"
	"  -c, --config FILE         settings (default /etc/avld/avld.ini, if it is there)\n"
	"  -o, --option S.KEY=VALUE  a setting, over those of the file\n"
	"  -h, --help                this text\n\n"
	"Exit status: 0 all are there, 1 not, 2 bad usage.\n";

struct export
{
	const char *dir, *ident; /* ident may be NULL */
	int dir_fd;
	uint64_t written, there;
	time_t told;
};

// A row of the query, in binary.
struct media {
	char name[NAME_ROOM / 2]; /* without ending */
	const char *bytes;
	size_t len;
};

// ---- command line

// Takes "NAME VALUE" or "NAME=VALUE" out of argv, for cli_settings knows only its own. False: no value.
static bool take_option(int *argc, char **argv, const char *name, const char **value)
{
	const size_t len = strlen(name);
	bool sound = true;
	int kept = 0;
	for (int i = 0; i < *argc; i++) {
		if (i > 0 && !strcmp(argv[i], name)) {
			sound = sound && i + 1 < *argc;
			*value = i + 1 < *argc ? argv[++i] : NULL;
		} else if (i > 0 && !strncmp(argv[i], name, len) && argv[i][len] == '=') {
			*value = argv[i] + len + 1;
		} else {
			argv[kept++] = argv[i];
		}
	}
	argv[kept] = NULL;
	*argc = kept;
	return sound;
}

static bool fail(const char *what, const char *why)
{
	const size_t len = strlen(why);
	fprintf(stderr, "avld media: %s: %s%s", what, why,
		len > 0 && why[len - 1] == '\n' ? "" : "\n");
	return false;
}

// ---- a row

static int64_t number_at(const PGresult *row, int column)
{
	uint64_t wire;
	if (PQgetisnull(row, 0, column) || PQgetlength(row, 0, column) != sizeof(wire))
		return -1;
	memcpy(&wire, PQgetvalue(row, 0, column), sizeof(wire));
	return (int64_t)be64toh(wire);
}

static bool is_safe(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == '-' || c == '.';
}

static struct media read_row(const PGresult *row)
{
	struct media media = {
		.bytes = PQgetvalue(row, 0, 3), .len = (size_t)PQgetlength(row, 0, 3)};
	char ident[40], when[24] = "";
	const char *given = PQgetvalue(row, 0, 0);
	const time_t seconds = (time_t)((number_at(row, 1) + EPOCH_2000_US) / 1000000);
	const int64_t camera = number_at(row, 2);
	struct tm tm;

	snprintf(ident, sizeof(ident), "%s", given);
	for (char *at = ident; *at; at++)
		if (!is_safe(*at) || (at == ident && *at == '.'))
			*at = '-';
	if (gmtime_r(&seconds, &tm))
		strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	if (camera >= 0)
		snprintf(media.name, sizeof(media.name), "%s_%s_%" PRId64, ident, when, camera);
	else
		snprintf(media.name, sizeof(media.name), "%s_%s", ident, when);
	return media;
}

// ---- files

// Is the file that has the name this very photo?
static bool is_same(int dir_fd, const char *name, const struct media *media)
{
	char chunk[65536];
	size_t at = 0;
	ssize_t n = -1;
	const int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return false;
	while ((n = read(fd, chunk, sizeof(chunk))) > 0 && (size_t)n <= media->len - at &&
		!memcmp(chunk, media->bytes + at, (size_t)n))
		at += (size_t)n;
	close(fd);
	return n == 0 && at == media->len;
}

static bool write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		const ssize_t n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

// Under another name first: what bears the photo's name is whole.
static bool write_file(const struct export *export, const struct media *media, char *temporary)
{
	snprintf(temporary, NAME_ROOM, ".%s.%ld.part", media->name, (long)getpid());
	const int fd =
		openat(export->dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return fail(temporary, strerror(errno));
	const bool written = write_all(fd, media->bytes, media->len);
	const int error = errno;
	if (close(fd) == 0 && written)
		return true;
	fail(temporary, strerror(written ? errno : error));
	unlinkat(export->dir_fd, temporary, 0);
	return false;
}

// Gives the file its name: the first that is free, or that of the same photo.
static bool name_file(struct export *export, const struct media *media, const char *temporary)
{
	char name[NAME_ROOM];
	for (int number = 1; number < NAMES_MAX; number++) {
		if (number == 1)
			snprintf(name, sizeof(name), "%s.jpg", media->name);
		else
			snprintf(name, sizeof(name), "%s_%d.jpg", media->name, number);
		if (is_same(export->dir_fd, name, media)) {
			export->there++;
			return true;
		}
		// linkat, unlike renameat, takes no name that is there.
		if (linkat(export->dir_fd, temporary, export->dir_fd, name, 0) == 0) {
			export->written++;
			return true;
		}
		if (errno != EEXIST)
			return fail(name, strerror(errno));
	}
	return fail(media->name, "too many files of that name");
}

static bool export_row(struct export *export, const PGresult *row)
{
	const struct media media = read_row(row);
	char temporary[NAME_ROOM], name[NAME_ROOM];

	snprintf(name, sizeof(name), "%s.jpg", media.name);
	if (is_same(export->dir_fd, name, &media)) {
		export->there++;
		return true;
	}
	if (!write_file(export, &media, temporary))
		return false;
	const bool named = name_file(export, &media, temporary);
	unlinkat(export->dir_fd, temporary, 0);
	return named;
}

static void tell_progress(struct export *export)
{
	const time_t now = time(NULL);
	if (!export->told)
		export->told = now;
	if (now - export->told < PROGRESS_S)
		return;
	export->told = now;
	fprintf(stderr, "avld media: %" PRIu64 " photos so far\n", export->written + export->there);
}

// ---- the database

static bool ask(PGconn *conn, const struct export *export)
{
	const char *const values[] = {export->ident};
	return PQsendQueryParams(conn,
		       "SELECT d.ident, m.taken_at, m.camera::bigint, m.bytes FROM avld.media m "
		       "JOIN avld.devices d ON d.id = m.device_id "
		       "WHERE $1::text IS NULL OR d.ident = $1 "
		       "ORDER BY m.taken_at, m.id",
		       1, NULL, values, NULL, NULL, 1) &&
	       PQsetSingleRowMode(conn);
}

static bool export_all(PGconn *conn, struct export *export)
{
	bool sound = ask(conn, export);
	PGresult *row;

	if (!sound)
		return fail("cannot ask the database", PQerrorMessage(conn));
	while ((row = PQgetResult(conn))) {
		const ExecStatusType status = PQresultStatus(row);
		if (sound && status == PGRES_SINGLE_TUPLE) {
			sound = export_row(export, row);
			tell_progress(export);
		} else if (sound && status != PGRES_TUPLES_OK) {
			sound = fail("cannot read avld.media", PQerrorMessage(conn));
		}
		PQclear(row);
		if (!sound)
			break; // what else the server has to say is of no use
	}
	return sound;
}

static bool run(const struct config *config, struct export *export)
{
	const char *const keywords[] = {"dbname", "fallback_application_name", NULL};
	const char *const values[] = {config->database.conninfo, "avld media", NULL};
	PGconn *conn = PQconnectdbParams(keywords, values, 1);
	bool sound = false;

	if (PQstatus(conn) != CONNECTION_OK)
		fail("no database", conn ? PQerrorMessage(conn) : "out of memory");
	else if (mkdir(export->dir, 0750) < 0 && errno != EEXIST)
		fail(export->dir, strerror(errno));
	else if ((export->dir_fd = open(export->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		fail(export->dir, strerror(errno));
	else
		sound = export_all(conn, export);
	if (sound && export->ident && !export->written && !export->there)
		fprintf(stderr, "avld media: no photo of ident %s; an ident is compared whole\n",
			export->ident);
	PQfinish(conn);
	if (export->dir_fd >= 0)
		close(export->dir_fd);
	printf("photos written=%" PRIu64 " already_there=%" PRIu64 " to=%s\n", export->written,
		export->there, export->dir);
	return sound && fflush(stdout) == 0;
}

int media_verb(int argc, char **argv)
{
	struct export export = {.dir_fd = -1};
	struct config config;
	int code;

	if (!take_option(&argc, argv, "--export", &export.dir))
		return cli_usage_error("media", "--export needs a folder behind it");
	if (!take_option(&argc, argv, "--ident", &export.ident))
		return cli_usage_error("media", "--ident needs a tracker's ident behind it");
	if (!cli_settings(argc, argv, usage, &config, &code))
		return code;
	if (!export.dir || !*export.dir)
		code = cli_usage_error("media", "--export DIR is missing");
	else
		code = run(&config, &export) ? 0 : 1;
	config_done(&config);
	return code;
}
