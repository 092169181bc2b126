// SPDX-License-Identifier: MIT
//   ST910;type;id;[version;]date;hh:mm:ss;[cell;]lat;lon;km/h;course;fix; ...
//     ...  battery V;flag;flag;number                        Location, old
//     ...  metres;battery percent;flag;flag;number;cells     Location, new
//     ...  [metres;]id                                       Emergency, Alert
//
// One of the flags tells live from stored; which one is not settled, so that what follows the battery is kept as it is.
#include "decoders/suntech/suntech_nine.h"

#include "decoders/suntech/suntech_columns.h"

static struct text get(const struct suntech_message *m, size_t index)
{
	return suntech_message_get(m, index);
}

static void add_rest(const struct suntech_message *m, size_t at)
{
	uint64_t percent;
	if (suntech_message_is_fixed(get(m, at), 1, 2)) {
		suntech_message_set_battery(m, get(m, at));
		at++;
	} else if (fields_is_digits(get(m, at), 1, 18) && fields_is_digits(get(m, at + 1), 1, 3)) {
		suntech_message_set_odometer(m, get(m, at));
		if (text_uint(get(m, at + 1), &percent))
			report_set_battery_percent(m->report, (int64_t)percent);
		at += 2;
	}
	if (fields_is_digits(get(m, at), 1, 1) && fields_is_digits(get(m, at + 1), 1, 1) &&
		fields_is_digits(get(m, at + 2), 1, 6))
		suntech_message_add(m, "index", get(m, at + 2));
	suntech_message_keep(m, "tail", fields_from(&m->fields, at));
}

// Adds what follows the fix. name: of the id that ends an emergency or alert; NULL: it is a location.
static void add_end(const struct suntech_message *m, size_t at, const char *name)
{
	const size_t left = m->fields.count > at ? m->fields.count - at : 0;
	if (name && left == 1) {
		suntech_message_add(m, name, get(m, at));
	} else if (name && left == 2 && fields_is_digits(get(m, at), 1, 18)) {
		suntech_message_set_odometer(m, get(m, at));
		suntech_message_add(m, name, get(m, at + 1));
	} else {
		add_rest(m, at);
	}
}

void suntech_nine_decode(const struct suntech_message *m)
{
	const struct text type = get(m, 1);
	const char *name = fields_is_word(type, "EMERGENCY") ? "emergency"
			   : fields_is_word(type, "ALERT")   ? "alert"
							     : NULL;
	const bool is_known = name || fields_is_word(type, "LOCATION");
	const struct suntech_columns columns = suntech_columns_find(&m->fields, 3);
	if (name)
		report_add_alarm(m->report, ALARM_GENERAL);
	if (is_known && columns.date != SUNTECH_NONE_FOUND)
		suntech_message_set_time(m, get(m, columns.date), get(m, columns.date + 1));
	if (!is_known || columns.lat == SUNTECH_NONE_FOUND) {
		suntech_message_keep(m, "data", fields_from(&m->fields, 3));
		return;
	}
	const size_t lat = columns.lat;
	suntech_message_set_place(
		m, &(struct suntech_place){get(m, lat), get(m, lat + 1), get(m, lat + 2),
			   get(m, lat + 3), fields_is_letter(get(m, lat + 4), '1')});
	add_end(m, lat + 5, name);
}
