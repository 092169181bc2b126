// SPDX-License-Identifier: MIT
//   ST410STT;id;version;model;[variant;] 7 cells; battery V;type;number;status;[network;] [network;temperature;motion;]
//     date;hh:mm:ss;lat;lon;km/h;course;satellites;fix
//
// The first cell is cid;mcc;mnc;level;lac;ta, the others are cid;mcc;mnc;lac;level;ta, all decimal; cid 0: absent. A network of three
// letters may follow the status. Variant, the other network, temperature and motion (1 no, 2 yes) are on model 41. Without a fix the
// date is empty.
#include "decoders/suntech/suntech_asset.h"

#include "decoders/cells.h"

#define CELLS       7
#define CELL_FIELDS 6
#define NETWORK     3 /* letters */

struct asset {
	size_t cells, battery, date; /* indexes */
	size_t sensors;              /* of the network before them; 0: none */
};

static struct text get(const struct suntech_message *m, size_t index)
{
	return suntech_message_get(m, index);
}

// Returns the offset of a cell's level.
static size_t level_of(size_t cell)
{
	return cell == 0 ? 3 : 4;
}

static bool has_cells(const struct suntech_message *m, size_t at)
{
	int64_t level;
	for (size_t i = 0; i < CELLS * CELL_FIELDS; i++) {
		const struct text field = get(m, at + i);
		if (i % CELL_FIELDS == level_of(i / CELL_FIELDS) ? !fields_level(field, &level)
								 : !fields_is_digits(field, 1, 10))
			return false;
	}
	return true;
}

static bool is_date(struct text text)
{
	return text.len == 0 || fields_is_digits(text, 8, 8);
}

// Returns true if a network at `at` is the one before temperature and motion, and the date follows these: it may be empty, as the
// time after it.
static bool is_end(const struct suntech_message *m, size_t at)
{
	return fields_is_digits(get(m, at + 2), 1, 1) && is_date(get(m, at + 3));
}

static bool find(const struct suntech_message *m, struct asset *asset)
{
	const bool is_41 = text_equal(get(m, 3), "41");
	asset->cells = is_41 ? 5 : 4;
	asset->battery = asset->cells + CELLS * CELL_FIELDS;
	asset->sensors = 0;
	if (m->head.family.len != 5 || m->head.family.data[2] != '4' ||
		(m->head.family.data[1] | 0x20) != 't' || m->fields.count < asset->battery + 6 ||
		!has_cells(m, asset->cells) ||
		!suntech_message_is_fixed(get(m, asset->battery), 2, 2) ||
		(!fields_is_letter(get(m, asset->battery + 1), '0') &&
			!fields_is_letter(get(m, asset->battery + 1), '1')))
		return false;
	size_t at = asset->battery + 4;
	const bool has_network = get(m, at).len == NETWORK;
	if (!is_41) {
		at += has_network;
	} else {
		if (has_network && m->fields.count > at + 4 && is_date(get(m, at + 4)) &&
			!is_end(m, at))
			at++;
		asset->sensors = at;
		at += 3;
	}
	asset->date = at;
	return m->fields.count >= at + 2 && is_date(get(m, at));
}

static void add_cells(const struct suntech_message *m, size_t at)
{
	struct cells cells;
	uint64_t cid, mcc, mnc, lac;
	int64_t level;
	cells_init(&cells, 0, 0, m->report, m->out);
	for (size_t i = 0; i < CELLS; i++, at += CELL_FIELDS) {
		if (!text_uint(get(m, at), &cid) || cid == 0 || !text_uint(get(m, at + 1), &mcc) ||
			!text_uint(get(m, at + 2), &mnc) ||
			!fields_level(get(m, at + level_of(i)), &level) ||
			!text_uint(get(m, at + 7 - level_of(i)), &lac))
			continue;
		if (cells.count == 0) {
			cells.mcc = mcc;
			cells.mnc = mnc;
		}
		cells_put(&cells, lac, cid, level == 0 ? CELLS_NO_RSSI : level);
	}
	cells_end(&cells);
}

static void add_sensors(const struct suntech_message *m, size_t at)
{
	const struct text motion = get(m, at + 2);
	fields_add_number(m->out, m->report, "temp1", get(m, at + 1));
	if (fields_is_letter(motion, '1') || fields_is_letter(motion, '2'))
		extra_bool(m->out, m->report, "motion", motion.data[0] == '2');
}

bool suntech_asset_decode(const struct suntech_message *m)
{
	struct asset asset;
	if (!find(m, &asset))
		return false;
	add_cells(m, asset.cells);
	suntech_message_set_battery(m, get(m, asset.battery));
	suntech_message_set_stored(m, get(m, asset.battery + 1));
	suntech_message_add(m, "index", get(m, asset.battery + 2));
	suntech_message_add(m, "status", get(m, asset.battery + 3));
	if (asset.sensors > 0)
		add_sensors(m, asset.sensors);
	const size_t at = asset.date;
	suntech_message_set_time(m, get(m, at), get(m, at + 1));
	if (get(m, at).len > 0) {
		suntech_message_set_place(
			m, &(struct suntech_place){get(m, at + 2), get(m, at + 3), get(m, at + 4),
				   get(m, at + 5), fields_is_letter(get(m, at + 7), '1')});
		suntech_message_set_satellites(m, get(m, at + 6));
	}
	suntech_message_keep(m, "tail", fields_from(&m->fields, at + 8));
	return true;
}
