// SPDX-License-Identifier: MIT
// Rows in PostgreSQL's COPY BINARY format, in memory that grows to what a batch needs and is kept
// for the next one.
//
//   "PGCOPY\n\377\r\n\0" flags(4) extension(4) { fields(2) { length(4) bytes }... }... -1(2)
//
// Numbers are big endian; a NULL is the length -1. A row is written through a plain pointer:
// pgcopy_row promises the room.
#ifndef AVLD_WRITER_PGCOPY_H
#define AVLD_WRITER_PGCOPY_H

#include "model/report.h"

#include <endian.h>
#include <string.h>

struct pgcopy {
	uint8_t *data;
	size_t len, cap;
	uint64_t *lsns; /* of the journal entry that each row came from */
	size_t rows, rows_cap;
};

// Begins anew: no rows; memory is kept. A zeroed struct pgcopy is fit for it.
void pgcopy_begin(struct pgcopy *copy);
// A new row. Returns where its fields go: `size` bytes are there for them.
uint8_t *pgcopy_row(struct pgcopy *copy, unsigned fields, size_t size, uint64_t lsn);
// The fields end here: what a pgcopy_put_ returned last.
void pgcopy_row_end(struct pgcopy *copy, const uint8_t *end);
// No more rows.
void pgcopy_end(struct pgcopy *copy);
void pgcopy_done(struct pgcopy *copy);

// The bytes of a field of fixed size never need more than this, its length included.
#define PGCOPY_FIELD_MAX 12

static inline uint8_t *pgcopy_put_raw32(uint8_t *out, uint32_t value)
{
	const uint32_t wire = htobe32(value);
	memcpy(out, &wire, sizeof(wire));
	return out + sizeof(wire);
}

static inline uint8_t *pgcopy_put_raw64(uint8_t *out, uint64_t value)
{
	const uint64_t wire = htobe64(value);
	memcpy(out, &wire, sizeof(wire));
	return out + sizeof(wire);
}

static inline uint8_t *pgcopy_put_null(uint8_t *out)
{
	return pgcopy_put_raw32(out, UINT32_MAX);
}

static inline uint8_t *pgcopy_put_bool(uint8_t *out, bool value)
{
	out = pgcopy_put_raw32(out, 1);
	*out = value;
	return out + 1;
}

static inline uint8_t *pgcopy_put_int2(uint8_t *out, int16_t value)
{
	const uint16_t wire = htobe16((uint16_t)value);
	out = pgcopy_put_raw32(out, 2);
	memcpy(out, &wire, sizeof(wire));
	return out + sizeof(wire);
}

static inline uint8_t *pgcopy_put_int4(uint8_t *out, int32_t value)
{
	return pgcopy_put_raw32(pgcopy_put_raw32(out, 4), (uint32_t)value);
}

static inline uint8_t *pgcopy_put_int8(uint8_t *out, int64_t value)
{
	return pgcopy_put_raw64(pgcopy_put_raw32(out, 8), (uint64_t)value);
}

static inline uint8_t *pgcopy_put_real(uint8_t *out, float value)
{
	uint32_t bits;
	memcpy(&bits, &value, sizeof(bits));
	return pgcopy_put_raw32(pgcopy_put_raw32(out, 4), bits);
}

static inline uint8_t *pgcopy_put_double(uint8_t *out, double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	return pgcopy_put_raw64(pgcopy_put_raw32(out, 8), bits);
}

// µs since 1970, UTC. What timestamptz cannot hold with ease (outside the years 1800 to 9999)
// becomes NULL.
uint8_t *pgcopy_put_time(uint8_t *out, int64_t time_us);
// Empty becomes NULL; a byte that is not printable ASCII becomes '?'. Takes 4 + len.
uint8_t *pgcopy_put_text(uint8_t *out, struct text text);
// The same without NULL.
uint8_t *pgcopy_put_text_always(uint8_t *out, struct text text);
// JSON members, without the braces; empty becomes NULL. Takes 7 + len.
uint8_t *pgcopy_put_members(uint8_t *out, struct text members);
uint8_t *pgcopy_put_bytes(uint8_t *out, struct text bytes);

// Runs of a report's fields that several tables have, absent ones as NULL:
// altitude_m, speed_kmh, course_deg, satellites, hdop;
uint8_t *pgcopy_put_motion(uint8_t *out, const struct report_body *body);
// ignition, inputs, outputs, adc1..adc4, odometer_m, battery_percent, battery_v, power_v,
// gsm_percent.
uint8_t *pgcopy_put_telemetry(uint8_t *out, const struct report_body *body);

#endif
