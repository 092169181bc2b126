// SPDX-License-Identifier: MIT
// The JSON lines of `avld decode`.
#include "cli/report_json.h"

#include <inttypes.h>
#include <time.h>

char *time_text(int64_t time_us, unsigned decimals, char *out)
{
	const int64_t seconds = time_us / 1000000 - (time_us % 1000000 < 0);
	const int us = (int)(time_us - seconds * 1000000);
	const time_t t = (time_t)seconds;
	struct tm tm;
	char date[24] = "";

	if (gmtime_r(&t, &tm))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	if (decimals == 6)
		snprintf(out, 32, "%s.%06dZ", date, us);
	else
		snprintf(out, 32, "%s.%03dZ", date, us / 1000);
	return out;
}

static void print_text(FILE *to, const char *name, const char *data, size_t len)
{
	fprintf(to, ",\"%s\":\"", name);
	for (size_t i = 0; i < len; i++) {
		const unsigned char c = (unsigned char)data[i];
		if (c == '"' || c == '\\')
			fprintf(to, "\\%c", c);
		else if (c < 0x20 || c > 0x7e)
			fprintf(to, "\\u%04x", c);
		else
			fputc(c, to);
	}
	fputc('"', to);
}

static void print_hex(FILE *to, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		fprintf(to, "%02x", data[i]);
}

// value / 10^decimals, all decimals shown
static void print_fixed(FILE *to, const char *name, int64_t value, unsigned decimals)
{
	int64_t unit = 1;
	for (unsigned i = 0; i < decimals; i++)
		unit *= 10;
	const int64_t size = value < 0 ? -value : value;
	fprintf(to, ",\"%s\":%s%" PRId64 ".%0*" PRId64, name, value < 0 ? "-" : "", size / unit,
		(int)decimals, size % unit);
}

static void print_int(FILE *to, const char *name, int64_t value)
{
	fprintf(to, ",\"%s\":%" PRId64, name, value);
}

static void print_bool(FILE *to, const char *name, bool value)
{
	fprintf(to, ",\"%s\":%s", name, value ? "true" : "false");
}

static void print_position(FILE *to, const struct report_body *body)
{
	if (body->has & HAS_FIX) {
		print_bool(to, "valid", body->flags & FLAG_VALID);
		print_fixed(to, "latitude", body->lat_e7, 7);
		print_fixed(to, "longitude", body->lon_e7, 7);
	}
	if (body->has & HAS_ALTITUDE)
		print_fixed(to, "altitude_m", body->altitude_m_e2, 2);
	if (body->has & HAS_SPEED)
		print_fixed(to, "speed_kmh", body->speed_kmh_e2, 2);
	if (body->has & HAS_COURSE)
		print_fixed(to, "course_deg", body->course_deg_e2, 2);
	if (body->has & HAS_SATELLITES)
		print_int(to, "satellites", body->satellites);
	if (body->has & HAS_HDOP)
		print_fixed(to, "hdop", body->hdop_e2, 2);
}

static void print_adc(FILE *to, const struct report_body *body)
{
	unsigned channels = 4;
	while (channels > 0 && !(body->has & (uint32_t)HAS_ADC1 << (channels - 1)))
		channels--;
	if (channels == 0)
		return;
	fputs(",\"adc\":[", to);
	for (unsigned i = 0; i < channels; i++) {
		if (i)
			fputc(',', to);
		if (body->has & (uint32_t)HAS_ADC1 << i)
			fprintf(to, "%" PRId32, body->adc[i]);
		else
			fputs("null", to);
	}
	fputc(']', to);
}

static void print_telemetry(FILE *to, const struct report_body *body)
{
	if (body->has & HAS_IGNITION)
		print_bool(to, "ignition", body->flags & FLAG_IGNITION);
	if (body->has & HAS_INPUTS)
		print_int(to, "inputs", body->inputs);
	if (body->has & HAS_OUTPUTS)
		print_int(to, "outputs", body->outputs);
	print_adc(to, body);
	if (body->has & HAS_ODOMETER)
		print_int(to, "odometer_m", body->odometer_m);
	if (body->has & HAS_BATTERY_PERCENT)
		print_int(to, "battery_percent", body->battery_percent);
	if (body->has & HAS_BATTERY_V)
		print_fixed(to, "battery_v", body->battery_mv, 3);
	if (body->has & HAS_POWER_V)
		print_fixed(to, "power_v", body->power_mv, 3);
	if (body->has & HAS_GSM)
		print_int(to, "gsm_percent", body->gsm_percent);
}

static void print_alarms(FILE *to, uint64_t alarms)
{
	const char *separator = "";
	fputs(",\"alarms\":[", to);
	for (unsigned i = 0; i < ALARM_COUNT; i++) {
		if (!(alarms >> i & 1))
			continue;
		fprintf(to, "%s\"%s\"", separator, report_alarm_name((enum alarm)i));
		separator = ",";
	}
	fputc(']', to);
}

static void print_report(FILE *to, const char *protocol, const struct report *report)
{
	const struct report_body *body = &report->body;

	fprintf(to, "{\"protocol\":\"%s\"", protocol);
	print_text(to, "ident", report->ident.data, report->ident.len);
	if (body->flags & FLAG_TEXT) {
		fprintf(to, ",%.*s}\n", (int)report->extra.len, report->extra.data);
		return;
	}
	if (report->event.len)
		print_text(to, "event", report->event.data, report->event.len);
	if (body->has & HAS_TIME) {
		char text[32];
		fprintf(to, ",\"device_time\":\"%s\"", time_text(body->device_time_us, 3, text));
	}
	print_position(to, body);
	print_telemetry(to, body);
	if (report->driver.len)
		print_text(to, "driver", report->driver.data, report->driver.len);
	if (report->extra.len)
		fprintf(to, ",\"extra\":{%.*s}", (int)report->extra.len, report->extra.data);
	print_alarms(to, body->alarms);
	print_bool(to, "stored", body->flags & FLAG_STORED);
	fputs("}\n", to);
}

static void print_reject(FILE *to, const char *protocol, const struct reject *reject)
{
	char reason[DECODED_REASON_MAX];

	decoded_reject_reason(reject, reason);
	fputc('{', to);
	if (protocol)
		fprintf(to, "\"protocol\":\"%s\",", protocol);
	fprintf(to, "\"reject\":\"%s\",\"frame\":\"", reason);
	print_hex(to, (const uint8_t *)reject->raw.data, reject->raw.len);
	fputs("\"}\n", to);
}

void batch_print_json(FILE *to, const char *protocol, const struct decoded *batch)
{
	static const char *const when[REPLY_KINDS] = {"now", "stored"};

	for (size_t i = 0; i < batch->report_count; i++)
		print_report(to, protocol, &batch->reports[i]);
	for (size_t i = 0; i < batch->reject_count; i++)
		print_reject(to, protocol, &batch->rejects[i]);
	for (size_t kind = 0; kind < REPLY_KINDS; kind++) {
		if (batch->reply_len[kind] == 0)
			continue;
		fputs("{\"reply\":\"", to);
		print_hex(to, batch->reply[kind], batch->reply_len[kind]);
		fprintf(to, "\",\"when\":\"%s\"}\n", when[kind]);
	}
}

void photo_print_json(FILE *to, const char *protocol, const struct photo *photo)
{
	const struct report_body *body = &photo->body;

	fprintf(to, "{\"protocol\":\"%s\"", protocol);
	print_text(to, "ident", photo->ident, photo->ident_len);
	fputs(",\"media\":\"" PHOTO_TYPE "\"", to);
	if (body->has & HAS_TIME) {
		char text[32];
		fprintf(to, ",\"device_time\":\"%s\"", time_text(body->device_time_us, 3, text));
	}
	if (photo->camera >= 0)
		print_int(to, "camera", photo->camera);
	print_int(to, "size", photo->size);
	print_bool(to, "complete", photo->complete);
	fputs("}\n", to);
}
