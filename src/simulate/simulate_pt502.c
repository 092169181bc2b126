// SPDX-License-Identifier: MIT
// Records of a PT-502. Written without printf, because benchmarks measure servers with them.
//
//   $EVT,id,hhmmss.sss,A,ddmm.mmmm,N,dddmm.mmmm,E,knots,course,ddmmyy,,,A/inputs,outputs/adc/odometer//state/
//   CR LF
//
// Half of the trackers send bare records, the other half full frames: BF FB, xor of the body, length of the frame (LE),
// body. With deltas, most records are sent as the difference from the previous one:
//
//   @ check { field offset count text }
//
// With gaps, a tracker cannot send some records in a row. It stores them (terminated by "# LF") and sends them after the
// next live record.
#include "simulate/simulate_pt502.h"

#include "simulate/simulate_tracker.h"
#include "util/calendar.h"
#include "util/checksum.h"
#include "util/hex.h"

#include <string.h>

#define FRAME_HEADER 5
#define WHOLE_EVERY  16 /* records: one is sent whole */
#define GAP_EVERY    30 /* records from one gap to the next */

static const char event_names[][4] = {
	[SIGHTING_POSITION] = "POS",
	[SIGHTING_IGNITION] = "IN4",
	[SIGHTING_OVERSPEED] = "SPD",
	[SIGHTING_SOS] = "IN1",
	[SIGHTING_LOW_BATTERY] = "LPA",
};

static char *put_text(char *out, const char *text, size_t len)
{
	memcpy(out, text, len);
	return out + len;
}

// Writes exactly width digits.
static char *put_padded(char *out, uint32_t value, unsigned width)
{
	for (unsigned i = width; i > 0; i--) {
		out[i - 1] = (char)('0' + value % 10);
		value /= 10;
	}
	return out + width;
}

static char *put_number(char *out, uint64_t value)
{
	unsigned width = 1;
	for (uint64_t rest = value; rest >= 10; rest /= 10)
		width++;
	for (unsigned i = width; i > 0; i--) {
		out[i - 1] = (char)('0' + value % 10);
		value /= 10;
	}
	return out + width;
}

// Writes hundredths as a decimal: 2240 is 22.40.
static char *put_hundredths(char *out, uint32_t value)
{
	out = put_number(out, value / 100);
	*out++ = '.';
	return put_padded(out, value % 100, 2);
}

static char *put_hex(char *out, unsigned value)
{
	unsigned width = value > 0xff ? 3 : value > 0xf ? 2 : 1;
	for (unsigned i = width; i > 0; i--)
		*out++ = hex_digits[value >> (4 * (i - 1)) & 15];
	return out;
}

// Writes degrees, minutes and hemisphere: "4807.0380,N".
static char *put_angle(char *out, int32_t e7, unsigned degree_digits, const char *halves)
{
	uint32_t magnitude = e7 < 0 ? (uint32_t)-e7 : (uint32_t)e7;
	uint32_t minutes_e4 = (uint32_t)(((uint64_t)magnitude * 60 + 500) / 1000);
	out = put_padded(out, minutes_e4 / 600000, degree_digits);
	out = put_padded(out, minutes_e4 % 600000 / 10000, 2);
	*out++ = '.';
	out = put_padded(out, minutes_e4 % 10000, 4);
	*out++ = ',';
	*out++ = halves[e7 < 0];
	return out;
}

static char *put_place(char *out, const struct simulate_sighting *seen)
{
	out = put_angle(out, seen->lat_e7, 2, "NS");
	*out++ = ',';
	out = put_angle(out, seen->lon_e7, 3, "EW");
	*out++ = ',';
	out = put_hundredths(out, (uint32_t)(((uint64_t)seen->speed_kmh_e2 * 1000 + 926) / 1852));
	*out++ = ',';
	return put_hundredths(out, seen->course_deg_e2);
}

static char *put_state(
	char *out, const struct simulate_tracker *tracker, const struct simulate_sighting *seen)
{
	*out++ = seen->event == SIGHTING_SOS ? '1' : '0';
	out = put_text(out, "00", 2);
	*out++ = seen->ignition ? '1' : '0';
	out = put_text(out, "0,", 2);
	for (unsigned i = 0; i < 5; i++)
		*out++ = (char)('0' + (tracker->outputs >> i & 1));
	*out++ = '/';
	out = put_hex(out, seen->adc);
	out = put_text(out, ",0,0,0/", 7);
	out = put_number(out, (uint64_t)seen->odometer_m);
	out = put_text(out, "//", 2);
	out = put_hex(out, seen->battery);
	out = put_hex(out, seen->gsm);
	out = put_hex(out, seen->satellites);
	return put_text(out, "/", 1);
}

static char *put_record(char *out, const struct simulate_tracker *tracker,
	const struct simulate_sighting *seen, bool photo)
{
	const struct calendar now = calendar_of(seen->time_us);
	*out++ = '$';
	out = put_text(out, photo ? "PHO" : event_names[seen->event], 3);
	if (photo) {
		out = put_number(out, tracker->camera.size);
		out = put_text(out, "-1", 2);
	}
	*out++ = ',';
	out = put_text(out, tracker->ident, tracker->ident_len);
	*out++ = ',';
	out = put_padded(out, (uint32_t)(now.hour * 10000 + now.minute * 100 + now.second), 6);
	*out++ = '.';
	out = put_padded(out, (uint32_t)now.us / 1000, 3);
	out = put_text(out, ",A,", 3);
	out = put_place(out, seen);
	*out++ = ',';
	out = put_padded(
		out, (uint32_t)(now.day * 10000 + now.month * 100 + (int)(now.year % 100)), 6);
	out = put_text(out, ",,,A/", 5);
	return put_state(out, tracker, seen);
}

// Puts the body into a full frame, if this tracker sends these. Returns the length.
static size_t wrap(
	const struct simulate_tracker *tracker, const uint8_t *body, size_t len, uint8_t *out)
{
	bool full = tracker->number / 2 % 2;
	if (!full) {
		memcpy(out, body, len);
		return len;
	}
	uint16_t total = (uint16_t)(len + FRAME_HEADER);
	out[0] = 0xbf;
	out[1] = 0xfb;
	out[2] = checksum_xor(body, len);
	out[3] = (uint8_t)total;
	out[4] = (uint8_t)(total >> 8);
	memcpy(out + FRAME_HEADER, body, len);
	return total;
}

static size_t field_len(const uint8_t *at, const uint8_t *end)
{
	size_t len = 0;
	while (at + len < end && at[len] != ',' && at[len] != '/')
		len++;
	return len;
}

static size_t put_edit(uint8_t *out, uint8_t field, size_t offset, const uint8_t *text, size_t len)
{
	out[0] = field;
	out[1] = (uint8_t)offset;
	out[2] = (uint8_t)len;
	memcpy(out + 3, text, len);
	return 3 + len;
}

// Writes the difference from the previous record. Returns 0 if there is none or if it is longer than the record.
static size_t put_delta(
	const struct simulate_log *log, const uint8_t *body, size_t body_len, uint8_t *out)
{
	const uint8_t *old = log->last, *old_end = old + log->last_len, *end = body + body_len;
	size_t len = 2;
	out[0] = '@';
	out[1] = checksum_xor(log->last, log->last_len);
	for (uint8_t field = 0; body <= end && old <= old_end; field++) {
		size_t n = field_len(body, end), old_n = field_len(old, old_end), same = 0;
		while (same < n && same < old_n && body[same] == old[same])
			same++;
		if (len + 3 + n - same > body_len)
			return 0;
		if (same < n || same < old_n)
			len += put_edit(out + len, field, same, body + same, n - same);
		body += n + 1;
		old += old_n + 1;
	}
	return len > 2 ? len : 0;
}

static void remember(struct simulate_log *log, const uint8_t *body, size_t len)
{
	log->made++;
	memcpy(log->last, body, len);
	log->last_len = len;
}

// Returns true if the tracker is out of coverage at this record. Gaps are 3 to SIMULATE_GAP_MAX - 1 records long.
static bool is_in_gap(struct simulate_tracker *tracker)
{
	struct simulate_log *log = tracker->log;
	if (!tracker->gaps || tracker->ends) {
		log->gap_left = 0;
		return false;
	}
	if (log->gap_left > 0)
		return --log->gap_left > 0;
	if (log->made % GAP_EVERY != GAP_EVERY / 2)
		return false;
	log->gap_left = 3 + (tracker->number + log->made / GAP_EVERY) % (SIMULATE_GAP_MAX - 3);
	return true;
}

static size_t write_logged(
	struct simulate_tracker *tracker, uint8_t *body, size_t len, uint8_t *out)
{
	struct simulate_log *log = tracker->log;
	uint8_t delta[SIMULATE_RECORD_MAX];
	if (is_in_gap(tracker)) { // the log keeps whole records
		memcpy(body + len, "#\n", 2);
		remember(log, body, len + 2);
		log->len += wrap(tracker, body, len + 2, log->bytes + log->len);
		tracker->camera.open = false; // a photo announced by a stored record is not fetched
		return 0;
	}
	memcpy(body + len, "\r\n", 2);
	len += 2;
	size_t delta_len = 0;
	if (tracker->deltas && log->made % WHOLE_EVERY)
		delta_len = put_delta(log, body, len, delta);
	remember(log, body, len);
	size_t made =
		delta_len ? wrap(tracker, delta, delta_len, out) : wrap(tracker, body, len, out);
	memcpy(out + made, log->bytes, log->len);
	made += log->len;
	log->len = 0;
	return made;
}

static size_t write_record(struct simulate_tracker *tracker, const struct simulate_sighting *seen,
	bool photo, uint8_t *out)
{
	uint8_t body[SIMULATE_RECORD_MAX];
	size_t len = (size_t)(put_record((char *)body, tracker, seen, photo) - (char *)body);
	if (tracker->log)
		return write_logged(tracker, body, len, out);
	memcpy(body + len, "\r\n", 2);
	return wrap(tracker, body, len + 2, out);
}

static size_t write_report(
	struct simulate_tracker *tracker, const struct simulate_sighting *seen, uint8_t *out)
{
	bool photo =
		seen->event == SIGHTING_POSITION && simulate_camera_take_photo(&tracker->camera);
	return write_record(tracker, seen, photo, out);
}

// Returns the length of a bare delta: it ends at the first byte that starts no edit.
static size_t delta_length(const uint8_t *record, size_t len)
{
	size_t at = 2;
	while (at + 3 <= len && record[at] < 0x20)
		at += 3 + (size_t)record[at + 2];
	return at < len ? at : len;
}

static size_t record_length(const uint8_t *record, size_t len)
{
	if (record[0] == 0xbf)
		return (size_t)record[3] | (size_t)record[4] << 8;
	if (record[0] == '@')
		return delta_length(record, len);
	const uint8_t *end = memchr(record, '\n', len);
	return end ? (size_t)(end - record) + 1 : len;
}

static bool is_report(const uint8_t *record)
{
	(void)record;
	return true;
}

static size_t command_length(const uint8_t *data, size_t len)
{
	const uint8_t *end = memchr(data, '\n', len);
	return end ? (size_t)(end - data) + 1 : 0;
}

static bool is_command(const uint8_t *line, size_t len, const char *word)
{
	return len >= 4 && memcmp(line, word, 4) == 0;
}

// Executes a line of the server. An output shows in the next record, a position request is answered by a record, the rest by
// text.
static size_t execute(
	struct simulate_tracker *tracker, const uint8_t *line, size_t len, uint8_t *reply)
{
	static const char version[] = "$VER PT-502 V1.07\r\n", done[] = "$OK\r\n";
	struct simulate_sighting now = tracker->last;
	if (is_command(line, len, "#OPC")) {
		simulate_tracker_set_output(tracker, (const char *)line + 1, len - 1);
		return 0;
	}
	now.event = SIGHTING_POSITION;
	now.time_us += 1000; /* a different record */
	if (is_command(line, len, "#RCP") && tracker->log)
		return 0; /* the next record answers it; one in between would become its reference */
	if (is_command(line, len, "#RCP"))
		return now.time_us > 1000 ? write_record(tracker, &now, false, reply) : 0;
	if (is_command(line, len, "#PHD"))
		return simulate_camera_part(&tracker->camera, line, len, reply);
	if (is_command(line, len, "#VER"))
		return (size_t)(put_text((char *)reply, version, sizeof(version) - 1) -
				(char *)reply);
	return (size_t)(put_text((char *)reply, done, sizeof(done) - 1) - (char *)reply);
}

const struct simulate_protocol simulate_pt502 = {
	.name = "pt502",
	.ident = simulate_tracker_ident_short,
	.report = write_report,
	.length = record_length,
	.is_report = is_report,
	.command_length = command_length,
	.execute = execute,
};
