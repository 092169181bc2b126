// SPDX-License-Identifier: MIT
#include "intake/report_json.h"

#include "util/json_line.h"

#include <inttypes.h>

static void print_position(struct json_line *json, const struct report_body *body)
{
	if (body->has & HAS_FIX) {
		json_line_bool(json, "valid", body->flags & FLAG_VALID);
		json_line_fixed(json, "latitude", body->lat_e7, 7);
		json_line_fixed(json, "longitude", body->lon_e7, 7);
	}
	if (body->has & HAS_ALTITUDE)
		json_line_fixed(json, "altitude_m", body->altitude_m_e2, 2);
	if (body->has & HAS_SPEED)
		json_line_fixed(json, "speed_kmh", body->speed_kmh_e2, 2);
	if (body->has & HAS_COURSE)
		json_line_fixed(json, "course_deg", body->course_deg_e2, 2);
	if (body->has & HAS_SATELLITES)
		json_line_int(json, "satellites", body->satellites);
	if (body->has & HAS_HDOP)
		json_line_fixed(json, "hdop", body->hdop_e2, 2);
}

static void print_adc(struct json_line *json, const struct report_body *body)
{
	unsigned channels = 4;
	while (channels > 0 && !(body->has & (uint32_t)HAS_ADC1 << (channels - 1)))
		channels--;
	if (channels == 0)
		return;
	json_line_name(json, "adc");
	fputc('[', json->to);
	for (unsigned i = 0; i < channels; i++) {
		if (i)
			fputc(',', json->to);
		if (body->has & (uint32_t)HAS_ADC1 << i)
			fprintf(json->to, "%" PRId32, body->adc[i]);
		else
			fputs("null", json->to);
	}
	fputc(']', json->to);
}

static void print_telemetry(struct json_line *json, const struct report_body *body)
{
	if (body->has & HAS_IGNITION)
		json_line_bool(json, "ignition", body->flags & FLAG_IGNITION);
	if (body->has & HAS_INPUTS)
		json_line_int(json, "inputs", body->inputs);
	if (body->has & HAS_OUTPUTS)
		json_line_int(json, "outputs", body->outputs);
	print_adc(json, body);
	if (body->has & HAS_ODOMETER)
		json_line_int(json, "odometer_m", body->odometer_m);
	if (body->has & HAS_BATTERY_PERCENT)
		json_line_int(json, "battery_percent", body->battery_percent);
	if (body->has & HAS_BATTERY_V)
		json_line_fixed(json, "battery_v", body->battery_mv, 3);
	if (body->has & HAS_POWER_V)
		json_line_fixed(json, "power_v", body->power_mv, 3);
	if (body->has & HAS_GSM)
		json_line_int(json, "gsm_percent", body->gsm_percent);
}

static void print_alarms(struct json_line *json, uint64_t alarms)
{
	const char *separator = "";
	json_line_name(json, "alarms");
	fputc('[', json->to);
	for (unsigned i = 0; i < ALARM_COUNT; i++) {
		if (!(alarms >> i & 1))
			continue;
		fprintf(json->to, "%s\"%s\"", separator, report_alarm_name((enum alarm)i));
		separator = ",";
	}
	fputc(']', json->to);
}

void report_json_report(FILE *to, const char *protocol, const struct report *report)
{
	const struct report_body *body = &report->body;
	struct json_line json = {.to = to};

	json_line_string(&json, "protocol", protocol);
	json_line_text(&json, "ident", report->ident);
	if (body->flags & FLAG_TEXT) {
		fprintf(to, ",%.*s", (int)report->extra.len, report->extra.data);
		json_line_end(&json);
		return;
	}
	if (report->event.len)
		json_line_text(&json, "event", report->event);
	if (body->has & HAS_TIME)
		json_line_time(&json, "device_time", body->device_time_us);
	print_position(&json, body);
	print_telemetry(&json, body);
	if (report->driver.len)
		json_line_text(&json, "driver", report->driver);
	if (report->extra.len)
		fprintf(to, ",\"extra\":{%.*s}", (int)report->extra.len, report->extra.data);
	print_alarms(&json, body->alarms);
	json_line_bool(&json, "stored", body->flags & FLAG_STORED);
	json_line_end(&json);
}

void report_json_reject(FILE *to, const char *protocol, const struct reject *reject, bool has_frame)
{
	char reason[DECODED_REASON_MAX];
	struct json_line json = {.to = to};

	decoded_reject_reason(reject, reason);
	if (protocol)
		json_line_string(&json, "protocol", protocol);
	json_line_string(&json, "reject", reason);
	if (has_frame)
		json_line_hex(&json, "frame", reject->raw.data, reject->raw.len);
	json_line_end(&json);
}

void report_json_decoded(FILE *to, const char *protocol, const struct decoded *decoded)
{
	static const char *const when[REPLY_KINDS] = {"now", "stored", "refused", "wrong password"};

	for (size_t i = 0; i < decoded->report_count; i++)
		report_json_report(to, protocol, &decoded->reports[i]);
	for (size_t i = 0; i < decoded->reject_count; i++)
		report_json_reject(to, protocol, &decoded->rejects[i], true);
	for (size_t kind = 0; kind < REPLY_KINDS; kind++) {
		struct json_line json = {.to = to};
		if (decoded->reply_len[kind] == 0)
			continue;
		json_line_hex(&json, "reply", decoded->reply[kind], decoded->reply_len[kind]);
		json_line_string(&json, "when", when[kind]);
		json_line_end(&json);
	}
}

void report_json_photo(FILE *to, const char *protocol, const struct photo *photo)
{
	const struct report_body *body = &photo->body;
	struct json_line json = {.to = to};

	json_line_string(&json, "protocol", protocol);
	json_line_text(&json, "ident", (struct text){photo->ident, photo->ident_len});
	json_line_string(&json, "media", photo->type);
	if (body->has & HAS_TIME)
		json_line_time(&json, "device_time", body->device_time_us);
	if (photo->camera >= 0)
		json_line_int(&json, "camera", photo->camera);
	json_line_int(&json, "size", photo->size);
	json_line_bool(&json, "complete", photo->complete);
	json_line_end(&json);
}
