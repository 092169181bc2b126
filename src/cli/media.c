// SPDX-License-Identifier: MIT
// avld media --export: writes the photos in the database to files, one row at a time.
//
//   DIR/IDENT_YYYYMMDDThhmmssZ[_CAMERA].jpg
//
// An existing file with the same bytes is kept. If it has other bytes (a second photo in the same second, or a file of
// the user) the next free name is used: ..._2.jpg, _3 and so on.
#include "cli/database.h"
#include "cli/failure.h"
#include "cli/verbs.h"
#include "util/calendar.h"
#include "util/file.h"

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

struct export
{
	const char *dir, *ident; /* ident may be NULL */
	int dir_fd;
	uint64_t written, present;
	time_t progress_at; /* when progress was last printed, 0: never */
};

// One row of the query, in binary.
struct media {
	char name[104]; /* of the file, without .jpg */
	const char *bytes;
	size_t len;
};

static bool fail(const char *what, const char *why)
{
	return failure_print("media", what, why);
}

// ---- a row

// Returns the bigint, -1 for NULL.
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
	char ident[40], when[40];
	const char *given = PQgetvalue(row, 0, 0);
	const struct calendar taken = calendar_of(number_at(row, 1) + EPOCH_2000_US);
	const int64_t camera = number_at(row, 2);

	snprintf(ident, sizeof(ident), "%s", given);
	for (char *at = ident; *at; at++)
		if (!is_safe(*at) || (at == ident && *at == '.'))
			*at = '-';
	snprintf(when, sizeof(when), "%04" PRId64 "%02d%02dT%02d%02d%02dZ", taken.year, taken.month,
		taken.day, taken.hour, taken.minute, taken.second);
	if (camera >= 0)
		snprintf(media.name, sizeof(media.name), "%s_%s_%" PRId64, ident, when, camera);
	else
		snprintf(media.name, sizeof(media.name), "%s_%s", ident, when);
	return media;
}

// ---- files

// Returns true if the file of this name holds this photo.
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

// Writes the photo under a temporary name, so that a file with its final name is always complete.
static bool write_file(const struct export *export, const struct media *media, char *temporary)
{
	snprintf(temporary, NAME_ROOM, ".%s.%ld.part", media->name, (long)getpid());
	const int fd =
		openat(export->dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return fail(temporary, strerror(errno));
	const bool written = file_write(fd, media->bytes, media->len);
	const int error = errno;
	if (close(fd) == 0 && written)
		return true;
	fail(temporary, strerror(written ? errno : error));
	unlinkat(export->dir_fd, temporary, 0);
	return false;
}

// Renames the file to the first free name, unless a file with a name of this photo already holds it.
static bool name_file(struct export *export, const struct media *media, const char *temporary)
{
	char name[NAME_ROOM];
	for (int number = 1; number < NAMES_MAX; number++) {
		if (number == 1)
			snprintf(name, sizeof(name), "%s.jpg", media->name);
		else
			snprintf(name, sizeof(name), "%s_%d.jpg", media->name, number);
		if (is_same(export->dir_fd, name, media)) {
			export->present++;
			return true;
		}
		// linkat, unlike renameat, never replaces a file.
		if (linkat(export->dir_fd, temporary, export->dir_fd, name, 0) == 0) {
			export->written++;
			return true;
		}
		if (errno != EEXIST)
			return fail(name, strerror(errno));
	}
	return fail(media->name, "too many files of this name");
}

static bool export_row(struct export *export, const PGresult *row)
{
	const struct media media = read_row(row);
	char temporary[NAME_ROOM], name[NAME_ROOM];

	snprintf(name, sizeof(name), "%s.jpg", media.name);
	if (is_same(export->dir_fd, name, &media)) {
		export->present++;
		return true;
	}
	if (!write_file(export, &media, temporary))
		return false;
	const bool named = name_file(export, &media, temporary);
	unlinkat(export->dir_fd, temporary, 0);
	return named;
}

static void print_progress(struct export *export)
{
	const time_t now = time(NULL);
	if (!export->progress_at)
		export->progress_at = now;
	if (now - export->progress_at < PROGRESS_S)
		return;
	export->progress_at = now;
	fprintf(stderr, "avld media: %" PRIu64 " photos so far\n",
		export->written + export->present);
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
		return fail("cannot query the database", PQerrorMessage(conn));
	while ((row = PQgetResult(conn))) {
		const ExecStatusType status = PQresultStatus(row);
		if (sound && status == PGRES_SINGLE_TUPLE) {
			sound = export_row(export, row);
			print_progress(export);
		} else if (sound && status != PGRES_TUPLES_OK) {
			sound = database_fail("media", "cannot read avld.media", conn,
				PQresultErrorField(row, PG_DIAG_SQLSTATE));
		}
		PQclear(row);
		if (!sound)
			break; // the rest of the result is not needed
	}
	return sound;
}

static bool run(const struct command_line *line, struct export *export)
{
	PGconn *conn = database_connect(line);
	bool sound = false;

	if (!conn)
		return false;
	if (mkdir(export->dir, 0750) < 0 && errno != EEXIST)
		fail(export->dir, strerror(errno));
	else if ((export->dir_fd = open(export->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		fail(export->dir, strerror(errno));
	else
		sound = export_all(conn, export);
	if (sound && export->ident && !export->written && !export->present)
		fprintf(stderr,
			"avld media: no photo of ident %s; --ident must match the whole ident\n",
			export->ident);
	PQfinish(conn);
	if (export->dir_fd >= 0)
		close(export->dir_fd);
	printf("photos written=%" PRIu64 " already_there=%" PRIu64 " to=%s\n", export->written,
		export->present, export->dir);
	return sound;
}

int media_verb(struct command_line *line)
{
	struct export export = {.dir = command_line_value(line, "export"),
		.ident = command_line_value(line, "ident"),
		.dir_fd = -1};
	return run(line, &export) ? 0 : 1;
}
