// SPDX-License-Identifier: MIT
// avld map: writes one page with tracks, trips, stops, alarms and photos, which a browser shows without a network.
#include "cli/database.h"
#include "cli/failure.h"
#include "cli/map_data.h"
#include "cli/map_page.h"
#include "cli/time_argument.h"
#include "cli/verbs.h"
#include "util/calendar.h"
#include "util/clock.h"
#include "util/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEAFLET        "/usr/share/javascript/leaflet"
#define DEFAULT_US     (INT64_C(24) * 3600 * 1000000) /* from --from to --to */
#define DEFAULT_POINTS 1000000

// ---- file

struct output {
	const char *path;
	char temporary[4096]; /* "": written in place */
	FILE *file;
};

// Opens a temporary file beside the path, so that a file with its name is always complete. "-" is standard output; a path
// that exists and is not a file, such as /dev/null, is written in place.
static bool open_output(struct output *output, const char *path)
{
	struct stat status;

	*output = (struct output){.path = path};
	if (!strcmp(path, "-")) {
		output->file = stdout;
		return true;
	}
	const bool in_place = stat(path, &status) == 0 && !S_ISREG(status.st_mode);
	if (!in_place && (size_t)snprintf(output->temporary, sizeof(output->temporary),
				 "%s.%ld.part", path, (long)getpid()) >= sizeof(output->temporary))
		return failure_print("map", path, strerror(ENAMETOOLONG));
	const int fd =
		in_place ? open(path, O_WRONLY | O_CLOEXEC)
			 : open(output->temporary,
				   O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return failure_print("map", path, strerror(errno));
	output->file = fdopen(fd, "w");
	if (output->file)
		return true;
	close(fd);
	return failure_print("map", path, strerror(errno));
}

// Gives the file its name if all went well so far, else removes it.
static bool close_output(struct output *output, bool sound)
{
	errno = EIO;
	bool written = !ferror(output->file);
	written = (output->file == stdout ? fflush(stdout) : fclose(output->file)) == 0 && written;
	if (sound && written && output->temporary[0])
		written = rename(output->temporary, output->path) == 0;
	if (sound && !written)
		failure_print("map", output->path, strerror(errno));
	if (output->temporary[0] && !(sound && written))
		unlink(output->temporary);
	return sound && written;
}

// ---- run

static bool write_data(void *context, FILE *out)
{
	return map_data_write(context, out);
}

static const char *range_text(const struct map_data_query *query, char *out, size_t cap)
{
	char from[CALENDAR_TEXT_MAX], to[CALENDAR_TEXT_MAX];
	snprintf(out, cap, "from %s to %s", calendar_text(query->from_us, 3, from),
		calendar_text(query->to_us, 3, to));
	return out;
}

// Returns true if the page would show something.
static bool has_rows(const struct map_data *data)
{
	char range[128];

	if (!data->known)
		fprintf(stderr,
			"avld map: no tracker has the ident %s; --ident must match the whole "
			"ident\n",
			data->query.ident);
	else if (!data->fixes && !data->alarms && !data->photos)
		fprintf(stderr,
			"avld map: no valid fix, alarm or photo of %s%s %s; other times are given "
			"with --from and --to\n",
			data->query.ident ? "ident " : "any tracker",
			data->query.ident ? data->query.ident : "",
			range_text(&data->query, range, sizeof(range)));
	else
		return true;
	return false;
}

static void print_summary(const struct map_data *data, const char *path)
{
	char range[128];

	fprintf(stderr,
		"avld map: %s: %" PRIu64 " points of %" PRIu64 " tracker%s, %" PRIu64
		" alarms, %" PRIu64 " photos, %s\n",
		path, data->points, data->trackers, data->trackers == 1 ? "" : "s", data->alarms,
		data->photos, range_text(&data->query, range, sizeof(range)));
	if (data->thinned)
		fprintf(stderr,
			"avld map: left out %" PRIu64 " points: every %" PRIu64
			"th of each tracker is drawn; --points %" PRIu64 " draws all\n",
			data->thinned, data->step, data->fixes);
	if (data->implausible)
		fprintf(stderr, "avld map: left out %" PRIu64 " implausible points (avld.track)\n",
			data->implausible);
	if (data->pictures_left_out)
		fprintf(stderr,
			"avld map: left out the pictures of %" PRIu64
			" photos: no JPEG, or beyond %d MiB of newer ones; 'avld media --export' "
			"writes all\n",
			data->pictures_left_out, (int)(MAP_DATA_PHOTOS_MAX >> 20));
}

static bool write_map(struct map_data *data, struct map_page *page, const char *path)
{
	struct output output;

	if (!map_data_count(data) || !has_rows(data) || !open_output(&output, path))
		return false;
	page->write_data = write_data;
	page->context = data;
	if (!close_output(&output, map_page_write(page, output.file)))
		return false;
	print_summary(data, path);
	return true;
}

static bool run(const struct command_line *line, struct map_data *data, struct map_page *page)
{
	data->conn = database_connect(line);
	const bool sound = data->conn && write_map(data, page, command_line_value(line, "output"));
	PQfinish(data->conn);
	return sound;
}

// ---- arguments

// Reads a time option; the default if it is not given. Returns 0, or the exit code.
static int read_time(
	const struct command_line *line, const char *name, int64_t otherwise, int64_t *time_us)
{
	const char *text = command_line_value(line, name);

	*time_us = otherwise;
	if (!text || (time_argument_read(text, time_us) && *time_us >= 0))
		return 0;
	return command_line_error(line,
		"invalid time '%s' for --%s; examples are 2026-11-22T10:15:00Z, 2026-11-22, 12h",
		text, name);
}

static int read_range(const struct command_line *line, struct map_data_query *query)
{
	int code = read_time(line, "to", clock_utc_us(), &query->to_us);
	if (!code)
		code = read_time(line, "from", query->to_us - DEFAULT_US, &query->from_us);
	if (!code && query->from_us >= query->to_us)
		code = command_line_error(line, "--from must be before --to");
	return code;
}

static int read_points(const struct command_line *line, uint64_t *points)
{
	const char *text = command_line_value(line, "points");

	*points = DEFAULT_POINTS;
	if (!text || (text_uint((struct text){text, strlen(text)}, points) && *points > 0 &&
			     *points <= MAP_DATA_POINTS_MAX))
		return 0;
	return command_line_error(
		line, "invalid number '%s' for --points; 1 to %d", text, MAP_DATA_POINTS_MAX);
}

// Returns 0, or the exit code.
static int read_options(
	const struct command_line *line, struct map_data_query *query, struct map_page *page)
{
	const bool all = command_line_value(line, "all") != NULL;

	query->ident = command_line_value(line, "ident");
	page->tiles = command_line_value(line, "tiles");
	page->leaflet = command_line_value(line, "leaflet");
	if (!page->leaflet)
		page->leaflet = LEAFLET;
	if (all == (query->ident != NULL))
		return command_line_error(line,
			all ? "--ident and --all exclude each other"
			    : "give --ident IDENT for one tracker, or --all for every tracker");
	if (page->tiles && !map_page_is_tiles(page->tiles))
		return command_line_error(line,
			"invalid URL '%s' for --tiles; an example is "
			"https://tiles.example.org/{z}/{x}/{y}.png",
			page->tiles);
	const int code = read_range(line, query);
	return code ? code : read_points(line, &query->points_max);
}

int map_verb(struct command_line *line)
{
	struct map_data data = {0};
	struct map_page page = {0};
	const int code = read_options(line, &data.query, &page);

	if (code)
		return code;
	return run(line, &data, &page) ? 0 : 1;
}
