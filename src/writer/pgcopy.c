// SPDX-License-Identifier: MIT
// Rows in PostgreSQL's COPY BINARY format: the parts that are not inline.
#include "writer/pgcopy.h"

#include "util/log.h"

#include <stdlib.h>

#define EPOCH_2000_US INT64_C(946684800000000)
#define YEAR_1800_US  INT64_C(-5364662400000000)
#define YEAR_9999_US  INT64_C(253370764800000000)

static const uint8_t head[] = {
	'P', 'G', 'C', 'O', 'P', 'Y', '\n', 0xff, '\r', '\n', 0, 0, 0, 0, 0, 0, 0, 0, 0};

static void *grow(void *memory, size_t *cap, size_t need, size_t each)
{
	if (need <= *cap)
		return memory;
	size_t cap_new = *cap ? *cap : 256;
	while (cap_new < need)
		cap_new *= 2;
	memory = realloc(memory, cap_new * each);
	if (!memory)
		log_fatal("out of memory: batch");
	*cap = cap_new;
	return memory;
}

void pgcopy_begin(struct pgcopy *copy)
{
	copy->data = grow(copy->data, &copy->cap, sizeof(head), 1);
	memcpy(copy->data, head, sizeof(head));
	copy->len = sizeof(head);
	copy->rows = 0;
}

uint8_t *pgcopy_row(struct pgcopy *copy, unsigned fields, size_t size, uint64_t lsn)
{
	const uint16_t wire = htobe16((uint16_t)fields);
	copy->data = grow(copy->data, &copy->cap, copy->len + sizeof(wire) + size, 1);
	copy->lsns = grow(copy->lsns, &copy->rows_cap, copy->rows + 1, sizeof(*copy->lsns));
	copy->lsns[copy->rows++] = lsn;
	memcpy(copy->data + copy->len, &wire, sizeof(wire));
	return copy->data + copy->len + sizeof(wire);
}

void pgcopy_row_end(struct pgcopy *copy, const uint8_t *end)
{
	copy->len = (size_t)(end - copy->data);
}

void pgcopy_end(struct pgcopy *copy)
{
	copy->data = grow(copy->data, &copy->cap, copy->len + 2, 1);
	copy->data[copy->len++] = 0xff;
	copy->data[copy->len++] = 0xff;
}

void pgcopy_done(struct pgcopy *copy)
{
	free(copy->data);
	free(copy->lsns);
	*copy = (struct pgcopy){0};
}

uint8_t *pgcopy_put_time(uint8_t *out, int64_t time_us)
{
	if (time_us < YEAR_1800_US || time_us >= YEAR_9999_US)
		return pgcopy_put_null(out);
	return pgcopy_put_int8(out, time_us - EPOCH_2000_US);
}

static uint8_t *put_printable(uint8_t *out, struct text text)
{
	for (size_t i = 0; i < text.len; i++) {
		const uint8_t c = (uint8_t)text.data[i];
		out[i] = c >= ' ' && c <= '~' ? c : '?';
	}
	return out + text.len;
}

uint8_t *pgcopy_put_text_always(uint8_t *out, struct text text)
{
	return put_printable(pgcopy_put_raw32(out, (uint32_t)text.len), text);
}

uint8_t *pgcopy_put_text(uint8_t *out, struct text text)
{
	return text.len ? pgcopy_put_text_always(out, text) : pgcopy_put_null(out);
}

uint8_t *pgcopy_put_members(uint8_t *out, struct text members)
{
	if (!members.len)
		return pgcopy_put_null(out);
	out = pgcopy_put_raw32(out, (uint32_t)members.len + 3);
	*out++ = 1; /* jsonb's version */
	*out++ = '{';
	out = put_printable(out, members);
	*out++ = '}';
	return out;
}

uint8_t *pgcopy_put_bytes(uint8_t *out, struct text bytes)
{
	out = pgcopy_put_raw32(out, (uint32_t)bytes.len);
	if (bytes.len)
		memcpy(out, bytes.data, bytes.len);
	return out + bytes.len;
}

static uint8_t *put_e2(uint8_t *out, bool present, double e2)
{
	return present ? pgcopy_put_real(out, (float)(e2 / 1e2)) : pgcopy_put_null(out);
}

static uint8_t *put_milli(uint8_t *out, bool present, double milli)
{
	return present ? pgcopy_put_real(out, (float)(milli / 1e3)) : pgcopy_put_null(out);
}

static uint8_t *put_small(uint8_t *out, bool present, uint8_t value)
{
	return present ? pgcopy_put_int2(out, value) : pgcopy_put_null(out);
}

static uint8_t *put_int4(uint8_t *out, bool present, int32_t value)
{
	return present ? pgcopy_put_int4(out, value) : pgcopy_put_null(out);
}

uint8_t *pgcopy_put_motion(uint8_t *out, const struct report_body *body)
{
	const uint32_t has = body->has;

	out = put_e2(out, has & HAS_ALTITUDE, body->altitude_m_e2);
	out = put_e2(out, has & HAS_SPEED, body->speed_kmh_e2);
	out = put_e2(out, has & HAS_COURSE, body->course_deg_e2);
	out = put_small(out, has & HAS_SATELLITES, body->satellites);
	return put_e2(out, has & HAS_HDOP, body->hdop_e2);
}

uint8_t *pgcopy_put_telemetry(uint8_t *out, const struct report_body *body)
{
	const uint32_t has = body->has;

	out = has & HAS_IGNITION ? pgcopy_put_bool(out, body->flags & FLAG_IGNITION)
				 : pgcopy_put_null(out);
	out = put_int4(out, has & HAS_INPUTS, (int32_t)body->inputs);
	out = put_int4(out, has & HAS_OUTPUTS, (int32_t)body->outputs);
	for (unsigned i = 0; i < 4; i++)
		out = put_int4(out, has & (uint32_t)HAS_ADC1 << i, body->adc[i]);
	out = has & HAS_ODOMETER ? pgcopy_put_int8(out, body->odometer_m) : pgcopy_put_null(out);
	out = put_small(out, has & HAS_BATTERY_PERCENT, body->battery_percent);
	out = put_milli(out, has & HAS_BATTERY_V, body->battery_mv);
	out = put_milli(out, has & HAS_POWER_V, body->power_mv);
	return put_small(out, has & HAS_GSM, body->gsm_percent);
}
