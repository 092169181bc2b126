// SPDX-License-Identifier: MIT
// Records as a PT-502 sends them, without printf: this is also what measures how fast a server is.
//
//   $EVT,id,hhmmss.sss,A,ddmm.mmmm,N,dddmm.mmmm,E,knots,course,ddmmyy,,,A/inputs,outputs/adc/odometer//state/
//   CR LF
//
// Half of the trackers send it bare, the other half in a full frame: BF FB, xor of the body, length
// of all (LE), body.
#include "simulate.h"

#include "checksum.h"

#include <string.h>

#define FRAME_HEADER 5

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

// Exactly width digits.
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

// 2240 is 22.40
static char *put_hundredths(char *out, uint32_t value)
{
	out = put_number(out, value / 100);
	*out++ = '.';
	return put_padded(out, value % 100, 2);
}

static char *put_hex(char *out, unsigned value)
{
	static const char digits[] = "0123456789abcdef";
	unsigned width = value > 0xff ? 3 : value > 0xf ? 2 : 1;
	for (unsigned i = width; i > 0; i--)
		*out++ = digits[value >> (4 * (i - 1)) & 15];
	return out;
}

// Degrees and minutes, and the half of the globe: "4807.0380,N"
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

static char *put_place(char *out, const struct sighting *seen)
{
	out = put_angle(out, seen->lat_e7, 2, "NS");
	*out++ = ',';
	out = put_angle(out, seen->lon_e7, 3, "EW");
	*out++ = ',';
	out = put_hundredths(out, (uint32_t)(((uint64_t)seen->speed_kmh_e2 * 1000 + 926) / 1852));
	*out++ = ',';
	return put_hundredths(out, seen->course_deg_e2);
}

static char *put_state(char *out, const struct simulated *device, const struct sighting *seen)
{
	*out++ = seen->event == SIGHTING_SOS ? '1' : '0';
	out = put_text(out, "00", 2);
	*out++ = seen->ignition ? '1' : '0';
	out = put_text(out, "0,", 2);
	for (unsigned i = 0; i < 5; i++)
		*out++ = (char)('0' + (device->outputs >> i & 1));
	*out++ = '/';
	out = put_hex(out, seen->adc);
	out = put_text(out, ",0,0,0/", 7);
	out = put_number(out, (uint64_t)seen->odometer_m);
	out = put_text(out, "//", 2);
	out = put_hex(out, seen->battery);
	out = put_hex(out, seen->gsm);
	out = put_hex(out, seen->satellites);
	return put_text(out, "/\r\n", 3);
}

static char *put_record(
	char *out, const struct simulated *device, const struct sighting *seen, bool photo)
{
	struct calendar now = simulate_calendar(seen->time_us);
	*out++ = '$';
	out = put_text(out, photo ? "PHO" : event_names[seen->event], 3);
	if (photo) {
		out = put_number(out, device->camera.size);
		out = put_text(out, "-1", 2);
	}
	*out++ = ',';
	out = put_text(out, device->ident, device->ident_len);
	*out++ = ',';
	out = put_padded(out, (uint32_t)(now.hour * 10000 + now.minute * 100 + now.second), 6);
	*out++ = '.';
	out = put_padded(out, (uint32_t)now.ms, 3);
	out = put_text(out, ",A,", 3);
	out = put_place(out, seen);
	*out++ = ',';
	out = put_padded(out, (uint32_t)(now.day * 10000 + now.month * 100 + now.year % 100), 6);
	out = put_text(out, ",,,A/", 5);
	return put_state(out, device, seen);
}

static size_t write_record(
	struct simulated *device, const struct sighting *seen, bool photo, uint8_t *out)
{
	bool full = device->number / 2 % 2;
	uint8_t *body = full ? out + FRAME_HEADER : out;
	size_t len = (size_t)(put_record((char *)body, device, seen, photo) - (char *)body);
	if (!full)
		return len;
	uint16_t total = (uint16_t)(len + FRAME_HEADER);
	out[0] = 0xbf;
	out[1] = 0xfb;
	out[2] = checksum_xor(body, len);
	out[3] = (uint8_t)total;
	out[4] = (uint8_t)(total >> 8);
	return total;
}

static size_t write_report(struct simulated *device, const struct sighting *seen, uint8_t *out)
{
	bool photo = seen->event == SIGHTING_POSITION && simulate_tell_photo(device);
	return write_record(device, seen, photo, out);
}

static size_t record_length(const uint8_t *record, size_t len)
{
	if (record[0] == 0xbf)
		return (size_t)record[3] | (size_t)record[4] << 8;
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

// A line of the server: an output is seen in the next record, a position is one, the rest is answered in words.
static size_t obey(struct simulated *device, const uint8_t *line, size_t len, uint8_t *reply)
{
	static const char version[] = "$VER PT-502 V1.07\r\n", done[] = "$OK\r\n";
	struct sighting now = device->last;
	if (is_command(line, len, "#OPC")) {
		simulate_set_output(device, (const char *)line + 1, len - 1);
		return 0;
	}
	now.event = SIGHTING_POSITION;
	now.time_us += 1000; /* a record of its own */
	if (is_command(line, len, "#RCP"))
		return now.time_us > 1000 ? write_record(device, &now, false, reply) : 0;
	if (is_command(line, len, "#PHD"))
		return simulate_give_part(device, line, len, reply);
	if (is_command(line, len, "#VER"))
		return (size_t)(put_text((char *)reply, version, sizeof(version) - 1) -
				(char *)reply);
	return (size_t)(put_text((char *)reply, done, sizeof(done) - 1) - (char *)reply);
}

const struct simulate_protocol simulate_pt502 = {
	.name = "pt502",
	.ident = simulate_ident_short,
	.report = write_report,
	.length = record_length,
	.is_report = is_report,
	.command_length = command_length,
	.obey = obey,
};
