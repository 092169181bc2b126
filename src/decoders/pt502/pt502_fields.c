// SPDX-License-Identifier: MIT
// Splits records of the PT-502 into fields. Contracts are in the header.
#include "decoders/pt502/pt502_fields.h"

#include <string.h>

struct pt502_fields pt502_fields_split(struct text record)
{
	struct pt502_fields fields;
	const char *start = record.data, *end = record.data + record.len;
	fields.count = 0;
	for (const char *at = start; at <= end; at++) {
		if (at < end && *at != ',' && *at != '/')
			continue;
		if (fields.count == PT502_FIELDS_MOST) {
			fields.count = 0;
			return fields;
		}
		fields.field[fields.count++] = (struct text){start, (size_t)(at - start)};
		start = at + 1;
	}
	return fields;
}

struct text pt502_fields_ident(const struct pt502_fields *fields)
{
	if (fields->count < 2)
		return (struct text){"", 0};
	const struct text code = fields->field[0];
	if (code.len > 4 && memcmp(code.data, "$FUS", 4) == 0)
		return (struct text){code.data + 4, code.len - 4};
	return fields->field[PT502_FIELD_IDENT];
}

uint32_t pt502_fields_time(const struct pt502_fields *fields)
{
	int64_t clock_us, date_us;
	if (fields->count <= PT502_FIELD_DATE ||
		!text_hhmmss(fields->field[PT502_FIELD_TIME], &clock_us) ||
		!text_ddmmyy(fields->field[PT502_FIELD_DATE], &date_us))
		return 0;
	return (uint32_t)((date_us + clock_us) / 1000000);
}
