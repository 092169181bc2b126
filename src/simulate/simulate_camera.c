// SPDX-License-Identifier: MIT
// A photo is a valid JPEG (64 x 48, grey) with a comment that makes it as long as a small photo:
//
//   SOI  APP0  COM: letters, to fill up the size  DQT SOF0 DHT DHT SOS data EOI
//   head[] ......      make_byte                  tail[] ...............
#include "simulate/simulate_camera.h"

#include "simulate/simulate_protocol.h"
#include "util/checksum.h"
#include "util/text.h"

#include <string.h>

#define FIRST       5   /* the report that announces the first photo */
#define EVERY       20  /* reports from one photo to the next */
#define AT_LEAST    100 /* the same, if the photo has not been fetched */
#define LOSE_EVERY  31  /* parts: one is not answered */
#define TWICE_EVERY 3   /* photos: the last part of one is sent twice */
#define PART_MAX    960

static const uint8_t head[] = {0xff, 0xd8, 0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1,
	0, 1, 0, 0, 0xff, 0xfe};

#define SIXTEENS 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16
// Both Huffman tables have one code of one bit, "no difference" and "end of block", so each of the 48 blocks is two
// bits of 0.
#define COUNTS 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
static const uint8_t tail[] = {0xff, 0xdb, 0, 67, 0, SIXTEENS, SIXTEENS, SIXTEENS, SIXTEENS, 0xff,
	0xc0, 0, 11, 8, 0, 48, 0, 64, 1, 1, 0x11, 0, 0xff, 0xc4, 0, 20, 0x00, COUNTS, 0, 0xff, 0xc4,
	0, 20, 0x10, COUNTS, 0, 0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0xff, 0xd9};

static uint8_t make_byte(const struct simulate_camera *camera, uint32_t at)
{
	const uint32_t comment = camera->size - (uint32_t)(sizeof(head) + sizeof(tail));
	if (at < sizeof(head))
		return head[at];
	at -= (uint32_t)sizeof(head);
	if (at < 2) /* length of the comment */
		return (uint8_t)(comment >> (at == 0 ? 8 : 0));
	if (at < comment)
		return (uint8_t)('a' + (at * 7 + at / 60 + camera->number + camera->count) % 26);
	return tail[at - comment];
}

bool simulate_camera_take_photo(struct simulate_camera *camera)
{
	const uint32_t report = camera->reports++;
	if (!camera->on || report < FIRST ||
		(camera->count > 0 &&
			report < camera->announced + (camera->open ? AT_LEAST : EVERY)))
		return false;
	camera->announced = report;
	camera->count++;
	camera->open = true;
	camera->size = 3000 + (camera->number * 577 + camera->count * 1009) % 4000;
	return true;
}

// Returns "1920,960" of "#PHD1920,960" and its line end.
static struct text numbers_of(const uint8_t *line, size_t len)
{
	struct text numbers = {(const char *)line + 4, len - 4};
	while (numbers.len > 0 &&
		(numbers.data[numbers.len - 1] == '\r' || numbers.data[numbers.len - 1] == '\n'))
		numbers.len--;
	return numbers;
}

// Parses "1920,960".
static bool read_numbers(struct text numbers, uint64_t *offset, uint64_t *count)
{
	struct text field;
	return text_next(&numbers, ',', &field) && text_uint(field, offset) &&
	       text_uint(numbers, count);
}

static uint8_t *put(uint8_t *out, const void *data, size_t len)
{
	memcpy(out, data, len);
	return out + len;
}

size_t simulate_camera_part(
	struct simulate_camera *camera, const uint8_t *line, size_t len, uint8_t *reply)
{
	uint8_t *body = reply + 5, *out = body;
	const struct text numbers = numbers_of(line, len);
	uint64_t offset, count;
	if (!camera->size || !read_numbers(numbers, &offset, &count) || count > PART_MAX ||
		offset > camera->size || count > camera->size - offset ||
		++camera->answers % LOSE_EVERY == 0)
		return 0;
	out = put(out, "$PHD", 4);
	out = put(out, numbers.data, numbers.len);
	out = put(out, ",", 1);
	for (uint64_t i = 0; i < count; i++)
		*out++ = make_byte(camera, (uint32_t)(offset + i));
	out = put(out, "\r\n", 2);
	size_t total = (size_t)(out - reply);
	reply[0] = 0xbf;
	reply[1] = 0xfb;
	reply[2] = checksum_xor(body, total - 5);
	reply[3] = (uint8_t)total;
	reply[4] = (uint8_t)(total >> 8);
	if (offset + count < camera->size)
		return total;
	camera->open = false;
	camera->given++;
	if (camera->count % TWICE_EVERY == 1 && 2 * total <= SIMULATE_REPLY_MAX) {
		memcpy(out, reply, total);
		total *= 2;
	}
	return total;
}
