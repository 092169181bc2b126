// SPDX-License-Identifier: MIT
#include "util/inflate.h"

#include <stdalign.h>

#define ZLIB_CONST
#include <zlib.h>

// The state of zlib takes less than 10,000 bytes. A window of 32,768 more is asked for only where the output does not fit, and is
// refused.
#define STATE_MOST 16384

struct state {
	size_t used;
	alignas(16) uint8_t bytes[STATE_MOST];
};

static void *allocate(void *context, unsigned count, unsigned size)
{
	struct state *state = context;
	const size_t need = ((size_t)count * size + 15) / 16 * 16;
	if (need > sizeof state->bytes - state->used)
		return Z_NULL;
	state->used += need;
	return state->bytes + state->used - need;
}

static void release(void *context, void *bytes)
{
	(void)context;
	(void)bytes;
}

enum inflate inflate_zlib(const uint8_t *data, size_t len, uint8_t *out, size_t room, size_t *used)
{
	struct state state; // not initialised: zlib does
	state.used = 0;
	z_stream stream = {
		.next_in = data,
		.avail_in = (uInt)len,
		.next_out = out,
		.avail_out = (uInt)room,
		.zalloc = allocate,
		.zfree = release,
		.opaque = &state,
	};
	if (inflateInit(&stream) != Z_OK)
		return INFLATE_BAD;
	const int result = inflate(&stream, Z_FINISH);
	*used = room - stream.avail_out;
	inflateEnd(&stream);
	if (result == Z_STREAM_END)
		return INFLATE_DONE;
	return result != Z_DATA_ERROR && stream.avail_out == 0 && stream.avail_in > 0 ? INFLATE_FULL
										      : INFLATE_BAD;
}
