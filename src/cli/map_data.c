// SPDX-License-Identifier: MIT
// Every query has the parameters $1 ident or NULL, $2 from, $3 to. The rows of all lists are JSON made by PostgreSQL. Times
// are seconds since 1970, places degrees * 1e5, distances metres, speeds km/h; absent values are null.
//
//   {"from": 0, "to": 0, "step": 1,
//    "devices": [[id, ident, name], ...],
//    "tracks": [[id, time, latitude, longitude, speed or -1, and so on], ...]    all but the speed as differences
//    "trips": [[id, start, end, latitude, longitude, metres, fastest], ...],
//    "stops": [[id, arrived, left or null, seconds, latitude, longitude], ...],
//    "alarms": [[id, time, latitude, longitude, alarm, speed], ...],
//    "photos": [[id, time, latitude, longitude, camera, bytes, base64 or null], ...],
//    "left_out": {"points": 0, ...}}
#include "cli/map_data.h"

#include "cli/database.h"
#include "cli/failure.h"
#include "util/calendar.h"
#include "util/text.h"

#include <inttypes.h>
#include <string.h>

#define SECONDS(time)         "extract(epoch FROM " time ")::bigint"
#define E5(angle)             "round((" angle ") * 1e5)::int"
#define PLACE(table)          E5(table ".latitude") ", " E5(table ".longitude")
#define IN_RANGE(table, time) table "." time " >= $2 AND " table "." time " < $3"
#define DEVICES               "avld.devices d WHERE ($1::text IS NULL OR d.ident = $1)"
#define HAS(table, time)                                                                           \
	"EXISTS (SELECT FROM " table " x WHERE x.device_id = d.id AND " IN_RANGE("x", time)
#define HAS_FIX HAS("avld.positions", "fixed_at") " AND x.valid)"
// Trackers with a fix in the range.
#define MOVED "(SELECT d.id, d.ident FROM " DEVICES " AND " HAS_FIX ") d"

static const char count_sql[] =
	"WITH fixes AS (SELECT count(*) AS n FROM avld.positions p WHERE p.valid AND " IN_RANGE("p",
		"fixed_at") " AND ($1::text IS NULL"
			    " OR p.device_id = (SELECT id FROM avld.devices WHERE ident = $1)) "
			    "GROUP BY p.device_id) "
			    "SELECT $1::text IS NULL OR EXISTS (SELECT FROM avld.devices WHERE "
			    "ident = $1), (SELECT count(*) FROM fixes), "
			    "(SELECT coalesce(sum(n), 0)::bigint FROM fixes), "
			    "(SELECT count(*) FROM avld.alarms a JOIN avld.devices d ON d.id = "
			    "a.device_id "
			    "WHERE ($1::text IS NULL OR d.ident = $1) AND " IN_RANGE("a",
				    "occurred_at") "), (SELECT count(*) FROM avld.media m JOIN "
						   "avld.devices d ON d.id = m.device_id "
						   "WHERE ($1::text IS NULL OR d.ident = $1) "
						   "AND " IN_RANGE("m", "taken_at") ")";

static const char devices_sql[] =
	"SELECT json_build_array(d.id, d.ident, left(d.name, 200)) FROM " DEVICES " AND (" HAS_FIX
	" OR " HAS("avld.alarms", "occurred_at") ") OR " HAS(
		"avld.media", "taken_at") ")) ORDER BY d.ident";

static const char tracks_sql[] = "SELECT d.id, " SECONDS("t.fixed_at") ", " PLACE(
	"t") ", coalesce(round(t.speed_kmh)::int, -1) "
	     "FROM " MOVED " CROSS JOIN LATERAL avld.track(d.ident, $2, $3) WITH ORDINALITY AS t "
	     "ORDER BY d.id, t.ordinality";

static const char trips_sql[] =
	"SELECT json_build_array(d.id, " SECONDS("t.started_at") ", " SECONDS("t.ended_at") ", " E5(
		"t.start_latitude") ", " E5("t.start_longitude") ", round(t.distance_km * "
								 "1000)::bigint, "
								 "round(t.max_speed_kmh)::int) "
								 "FROM " MOVED
								 " CROSS JOIN LATERAL "
								 "avld.trips(d.ident, $2, $3) AS t "
								 "ORDER BY t.started_at, d.id";

static const char stops_sql[] =
	"SELECT json_build_array(d.id, " SECONDS("t.arrived_at") ", " SECONDS(
		"t.left_at") ", " SECONDS("t.duration") ", " PLACE("t") ") FROM " MOVED
									" CROSS JOIN LATERAL "
									"avld.stops(d.ident, $2, "
									"$3) AS t "
									"ORDER BY t.arrived_at, "
									"d.id";

static const char alarms_sql[] =
	"SELECT json_build_array(d.id, " SECONDS("a.occurred_at") ", " PLACE(
		"a") ", left(a.alarm, 100), "
		     "round(a.speed_kmh)::int) FROM avld.alarms a JOIN avld.devices d ON d.id = "
		     "a.device_id "
		     "WHERE ($1::text IS NULL OR d.ident = $1) AND " IN_RANGE(
			     "a", "occurred_at") " ORDER BY "
						 "a.occurred_at, d.id, a.alarm, a.dedup";

// The newest pictures are in the page, up to $4 bytes. The second column is whether the photo is a JPEG that is not.
static const char photos_sql[] =
	"SELECT json_build_array(m.device_id, " SECONDS("m.taken_at") ", " PLACE(
		"m") ", m.camera, "
		     "octet_length(m.bytes), CASE WHEN m.fits THEN "
		     "translate(encode(m.bytes, 'base64'), E'\\n', '') END), NOT m.fits "
		     "FROM (SELECT s.*, s.jpeg AND sum(CASE WHEN s.jpeg THEN octet_length(s.bytes) "
		     "ELSE 0 END) "
		     "OVER (ORDER BY s.taken_at DESC, s.id DESC) <= $4::bigint AS fits "
		     "FROM (SELECT p.*, p.content_type = 'image/jpeg' AND substring(p.bytes, 1, 3) "
		     "= "
		     "'\\xffd8ff' AS jpeg FROM avld.media p JOIN avld.devices d ON d.id = "
		     "p.device_id "
		     "WHERE ($1::text IS NULL OR d.ident = $1) AND " IN_RANGE(
			     "p", "taken_at") ") AS s) AS m "
					      "ORDER BY m.taken_at DESC, m.id DESC";

static bool fail(const char *what, const char *why)
{
	return failure_print("map", what, why);
}

// ---- rows

static int64_t number_at(const PGresult *row, int column)
{
	int64_t number = 0;
	text_int((struct text){PQgetvalue(row, 0, column), (size_t)PQgetlength(row, 0, column)},
		&number);
	return number;
}

// Calls on_row for each row as it arrives, so that only one is in memory.
static bool stream(const struct map_data *data, const char *sql,
	void (*on_row)(void *context, const PGresult *row), void *context)
{
	char from[CALENDAR_TEXT_MAX], to[CALENDAR_TEXT_MAX], photos[24];
	const char *const values[] = {data->query.ident,
		calendar_text(data->query.from_us, 6, from),
		calendar_text(data->query.to_us, 6, to), photos};
	const int count = sql == photos_sql ? 4 : 3;
	bool sound = true;
	PGresult *row;

	snprintf(photos, sizeof(photos), "%" PRId64, MAP_DATA_PHOTOS_MAX);
	if (!PQsendQueryParams(data->conn, sql, count, NULL, values, NULL, NULL, 0) ||
		!PQsetSingleRowMode(data->conn))
		return fail("cannot query the database", PQerrorMessage(data->conn));
	while ((row = PQgetResult(data->conn))) {
		const ExecStatusType status = PQresultStatus(row);
		if (status == PGRES_SINGLE_TUPLE)
			on_row(context, row);
		else if (sound && status != PGRES_TUPLES_OK)
			sound = database_fail("map", "cannot read the database", data->conn,
				PQresultErrorField(row, PG_DIAG_SQLSTATE));
		PQclear(row);
	}
	return sound;
}

static void on_count(void *context, const PGresult *row)
{
	struct map_data *data = context;
	data->known = *PQgetvalue(row, 0, 0) == 't';
	data->trackers = (uint64_t)number_at(row, 1);
	data->fixes = (uint64_t)number_at(row, 2);
	data->alarms = (uint64_t)number_at(row, 3);
	data->photos = (uint64_t)number_at(row, 4);
}

// With the first and the last point of each tracker, trackers * 2 + fixes / step points are at most points_max.
static bool choose_step(struct map_data *data)
{
	const uint64_t ends = 2 * data->trackers, most = data->query.points_max;
	data->step = 1;
	if (data->fixes <= most)
		return true;
	if (ends >= most) {
		fprintf(stderr,
			"avld map: %" PRIu64 " trackers are too many for %" PRIu64
			" points; raise --points above %" PRIu64 " or give --ident\n",
			data->trackers, most, ends);
		return false;
	}
	data->step = (data->fixes + most - ends - 1) / (most - ends);
	return true;
}

bool map_data_count(struct map_data *data)
{
	PGresult *result = PQexec(data->conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
	const bool begun = PQresultStatus(result) == PGRES_COMMAND_OK;

	PQclear(result);
	if (!begun)
		return fail("cannot query the database", PQerrorMessage(data->conn));
	return stream(data, count_sql, on_count, data) && choose_step(data);
}

// ---- lists

// Writes JSON that PostgreSQL has made. The characters replaced occur only inside of its strings.
static void put_json(FILE *out, const char *json)
{
	for (;;) {
		const size_t plain = strcspn(json, "<>&\xE2");
		fwrite(json, 1, plain, out);
		json += plain;
		if (!*json)
			return;
		if (*json != '\xE2') {
			fprintf(out, "\\u%04x", (unsigned)*json);
			json++;
		} else if (!strncmp(json, "\xE2\x80\xA8", 3) || !strncmp(json, "\xE2\x80\xA9", 3)) {
			fprintf(out, "\\u20%02x", json[2] == '\xA8' ? 0x28U : 0x29U);
			json += 3;
		} else {
			fputc(*json++, out);
		}
	}
}

struct list {
	FILE *out;
	uint64_t most, written, left_out, without_picture;
};

static void on_item(void *context, const PGresult *row)
{
	struct list *list = context;
	if (list->written == list->most) {
		list->left_out++;
		return;
	}
	if (list->written++)
		fputc(',', list->out);
	put_json(list->out, PQgetvalue(row, 0, 0));
	if (PQnfields(row) > 1)
		list->without_picture += *PQgetvalue(row, 0, 1) == 't';
}

static bool write_list(
	const struct map_data *data, const char *name, const char *sql, struct list *list)
{
	fprintf(list->out, ",\n\"%s\":[", name);
	const bool sound = stream(data, sql, on_item, list);
	fputc(']', list->out);
	return sound;
}

// ---- tracks

struct point {
	int64_t time, latitude, longitude, speed;
};

struct track {
	FILE *out;
	uint64_t step, seen, written; /* of all trackers; written includes the last points */
	int64_t device;               /* of the current track, 0: none yet */
	uint64_t number;              /* points of the current track so far */
	struct point last;            /* the last point written */
	struct point pending;         /* the last point seen */
	bool is_pending;              /* it is not written */
};

static void put_point(struct track *track, struct point point)
{
	fprintf(track->out, ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64,
		point.time - track->last.time, point.latitude - track->last.latitude,
		point.longitude - track->last.longitude, point.speed);
	track->last = point;
	track->written++;
}

static void end_track(struct track *track)
{
	if (track->is_pending)
		put_point(track, track->pending);
	if (track->device)
		fputc(']', track->out);
}

static void on_point(void *context, const PGresult *row)
{
	struct track *track = context;
	const int64_t device = number_at(row, 0);
	const struct point point = {
		number_at(row, 1), number_at(row, 2), number_at(row, 3), number_at(row, 4)};

	if (device != track->device) {
		end_track(track);
		fprintf(track->out, "%s[%" PRId64, track->device ? ",\n" : "", device);
		track->device = device;
		track->number = 0;
		track->last = (struct point){0};
	}
	track->is_pending = track->number++ % track->step != 0;
	track->pending = point;
	track->seen++;
	if (!track->is_pending)
		put_point(track, point);
}

static bool write_tracks(struct map_data *data, FILE *out)
{
	struct track track = {.out = out, .step = data->step};

	fputs(",\n\"tracks\":[", out);
	if (!stream(data, tracks_sql, on_point, &track))
		return false;
	end_track(&track);
	fputc(']', out);
	data->points = track.written;
	data->thinned = track.seen - track.written;
	data->implausible = data->fixes - track.seen;
	return true;
}

bool map_data_write(struct map_data *data, FILE *out)
{
	struct list devices = {.out = out, .most = UINT64_MAX};
	struct list trips = {.out = out, .most = MAP_DATA_LIST_MAX};
	struct list stops = trips, alarms = trips, photos = trips;

	fprintf(out, "{\"from\":%" PRId64 ",\"to\":%" PRId64 ",\"step\":%" PRIu64,
		data->query.from_us / 1000000, data->query.to_us / 1000000, data->step);
	if (!write_list(data, "devices", devices_sql, &devices) || !write_tracks(data, out) ||
		!write_list(data, "trips", trips_sql, &trips) ||
		!write_list(data, "stops", stops_sql, &stops) ||
		!write_list(data, "alarms", alarms_sql, &alarms) ||
		!write_list(data, "photos", photos_sql, &photos))
		return false;
	data->pictures_left_out = photos.without_picture;
	data->pictures = photos.written - photos.without_picture;
	fprintf(out,
		",\n\"left_out\":{\"points\":%" PRIu64 ",\"implausible points\":%" PRIu64
		",\"trips\":%" PRIu64 ",\"stops\":%" PRIu64 ",\"alarms\":%" PRIu64
		",\"photos\":%" PRIu64 ",\"pictures\":%" PRIu64 "}}\n",
		data->thinned, data->implausible, trips.left_out, stops.left_out, alarms.left_out,
		photos.left_out, photos.without_picture);
	if (trips.left_out || stops.left_out || alarms.left_out || photos.left_out)
		fprintf(stderr,
			"avld map: left out, of more than %d: trips=%" PRIu64 " stops=%" PRIu64
			" alarms=%" PRIu64 " photos=%" PRIu64 "; narrow --from and --to\n",
			MAP_DATA_LIST_MAX, trips.left_out, stops.left_out, alarms.left_out,
			photos.left_out);
	return true;
}
