// SPDX-License-Identifier: MIT
// Each item is a layout: how many bytes country and network take, whether each cell repeats them, and the cell's fields in
// order.
#include "decoders/jt808/jt808_item_radio.h"

#define MCC_MOST 999

// How the cells of an item are written.
struct layout {
	uint8_t mnc;      /* bytes */
	bool shared;      /* country and network come once, before the cells */
	bool cid_first;   /* before the LAC */
	uint8_t lac, cid; /* bytes */
	bool has_rssi;
};

static size_t cell_size(const struct layout *layout)
{
	return (layout->shared ? 0 : 2u + layout->mnc) + layout->lac + layout->cid +
	       layout->has_rssi;
}

// Adds the cells, or only checks them.
static bool read_cells(struct jt808_report *r, const struct layout *layout, struct reader in,
	size_t count, bool add)
{
	uint32_t mcc = 0, mnc = 0;
	for (size_t i = 0; i < count; i++) {
		if (!layout->shared || i == 0) {
			mcc = reader_be16(&in);
			mnc = (uint32_t)reader_be(&in, layout->mnc);
		}
		const uint32_t first =
			(uint32_t)reader_be(&in, layout->cid_first ? layout->cid : layout->lac);
		const uint32_t second =
			(uint32_t)reader_be(&in, layout->cid_first ? layout->lac : layout->cid);
		const int rssi = layout->has_rssi ? reader_u8(&in) : -1;
		if (in.bad || mcc > MCC_MOST)
			return false;
		if (add)
			jt808_report_cell(r, mcc, mnc, layout->cid_first ? second : first,
				layout->cid_first ? first : second, rssi);
	}
	return true;
}

// Reads `count` cells, which fill the bytes.
static bool read_all(struct jt808_report *r, const struct layout *layout, const uint8_t *v,
	size_t len, size_t count)
{
	const size_t head = layout->shared ? 2u + layout->mnc : 0;
	const struct reader in = reader_of(v, len);
	return len == head + count * cell_size(layout) && read_cells(r, layout, in, count, false) &&
	       read_cells(r, layout, in, count, true);
}

static bool read_counted(
	struct jt808_report *r, const struct layout *layout, const uint8_t *v, size_t len)
{
	return len > 0 && read_all(r, layout, v + 1, len - 1, v[0]);
}

// Reads as many as there are bytes for.
static bool read_repeated(
	struct jt808_report *r, const struct layout *layout, const uint8_t *v, size_t len)
{
	const size_t head = layout->shared ? 2u + layout->mnc : 0;
	return len >= head && read_all(r, layout, v, len, (len - head) / cell_size(layout));
}

// The size of the cells shows whether their ids have two bytes or four.
bool jt808_item_radio_read_53(struct jt808_report *r, const uint8_t *v, size_t len)
{
	static const struct layout short_id = {1, false, false, 2, 2, true},
				   long_id = {1, false, false, 2, 4, true};
	return read_counted(r, &short_id, v, len) || read_counted(r, &long_id, v, len);
}

bool jt808_item_radio_read_e1(struct jt808_report *r, const uint8_t *v, size_t len)
{
	static const struct layout layout = {2, true, false, 3, 4, true};
	return len > 4 && read_repeated(r, &layout, v, len);
}

bool jt808_item_radio_read_eb(struct jt808_report *r, const uint8_t *v, size_t len)
{
	static const struct layout layout = {1, true, false, 2, 2, true};
	return len >= 3 && jt808_u16(v) > 200 && jt808_u16(v) <= MCC_MOST &&
	       read_repeated(r, &layout, v, len);
}

bool jt808_item_radio_read_ee(struct jt808_report *r, const uint8_t *v, size_t len)
{
	return len == 10 && jt808_item_radio_read_d8(r, v, len);
}

bool jt808_item_radio_read_d8(struct jt808_report *r, const uint8_t *v, size_t len)
{
	static const struct layout layout = {1, false, false, 2, 4, false};
	return len >= 9 && read_all(r, &layout, v, 9, 1);
}

bool jt808_item_radio_read_f0(struct jt808_report *r, const uint8_t *v, size_t len)
{
	static const struct layout layout = {2, false, true, 4, 4, true};
	return read_repeated(r, &layout, v, len);
}

bool jt808_item_radio_read_fd(struct jt808_report *r, const uint8_t *v, size_t len)
{
	static const struct layout layout = {2, false, true, 2, 4, false};
	return len == 10 && read_all(r, &layout, v, len, 1);
}

bool jt808_item_radio_read_ff(struct jt808_report *r, const uint8_t *v, size_t len)
{
	static const struct layout layout = {2, false, false, 4, 4, false};
	return len == 12 && read_all(r, &layout, v, len, 1);
}

bool jt808_item_radio_read_wifi(struct jt808_report *r, const uint8_t *v, size_t len)
{
	if (len % 7 != 0)
		return false;
	jt808_report_wifi_bytes(r, v, len / 7);
	return true;
}

bool jt808_item_radio_read_54(struct jt808_report *r, const uint8_t *v, size_t len)
{
	return len > 0 && len == 1 + 7u * v[0] && jt808_item_radio_read_wifi(r, v + 1, len - 1);
}
