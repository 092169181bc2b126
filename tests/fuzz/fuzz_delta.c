// SPDX-License-Identifier: MIT
// libFuzzer: trackers of the PT-502 whose full records and deltas ("Smart Report") are right, in any order, over several
// conversations and restarts; now and then with a wrong byte.
//
//   how | step, its bytes ... | step ...
//
//   how   bit 0: datagrams; bit 1: deltas in frames (BF FB); bit 2: two trackers; bit 3: the bytes in pieces;
//         bit 4: bytes may be wrong
//   step  enum step below, modulo STEPS
//
// All records have different XORs, so a delta fits one of them only: without wrong bytes, no report may differ from a
// record that was made.
#include "fuzz.h"

#include "feed/feed.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define HOW_DATAGRAM 1u
#define HOW_FRAMED   2u
#define HOW_TWO      4u
#define HOW_PIECES   8u
#define HOW_WRONG    16u
#define RECEIVED_US  INT64_C(1795342500000000) /* 2026-11-22 10:15 */
#define RECORDS      24                        /* of all trackers; each has two XORs */
#define RECORD_MOST  160
#define FIELDS_MOST  32

enum step {
	STEP_FULL,     /* a record is made and sent whole */
	STEP_STORED,   /* the same, from the tracker's log */
	STEP_DELTA,    /* a record is made and sent as a delta to the one before */
	STEP_DELTA_OF, /* as a delta to an earlier one */
	STEP_AGAIN,    /* a record is sent again, whole */
	STEP_MADE,     /* a record is made and not sent */
	STEP_EXPIRE,   /* time passes */
	STEP_CONNECT,  /* the conversation ends and another one begins */
	STEP_RESTART,  /* the same, and the memory of devices is lost */
	STEPS
};

struct record {
	unsigned device;
	size_t len; /* with its line end */
	char text[RECORD_MOST];
};

struct scene {
	uint8_t how;
	struct input input;
	struct feed feed;
	struct device_memory *memory;
	int64_t now_us;
	size_t count;
	struct record records[RECORDS];
	uint64_t keys
		[RECORDS]
		[2]; /* of each: the hash of its text; and with a `#`, which is part of a text of unknown meaning */
	bool xors[256];
	bool wrong; /* a wrong byte was sent: reports may differ */
};

static struct decoded batch; // half a megabyte: not for the stack

// ---- records

static uint8_t xor_of(const char *text, size_t len)
{
	uint8_t sum = 0;
	for (size_t i = 0; i < len; i++)
		sum ^= (uint8_t)text[i];
	return sum;
}

// Writes the record's text with an odometer that makes its XORs, of a live and of a stored one, new. Returns false if there is
// none.
static bool write_record(struct scene *scene, struct record *record, const char *line_end)
{
	struct input *in = &scene->input;
	const unsigned minute = input_byte(in) % 60, second = input_byte(in) % 60,
		       speed = input_byte(in);
	const unsigned lat = input_number(in, 2) % 10000, lon = input_number(in, 2) % 10000;
	const char *events[] = {"POS", "IN1", "PWR", "T1"}, *event = events[input_byte(in) & 3];
	for (unsigned odometer = 0; odometer < 512; odometer++) {
		const int len = snprintf(record->text, RECORD_MOST - 2,
			"$%s,502100%u,10%02u%02u.000,A,5412.%04u,N,00748.%04u,E,%u.40,84.40,221126,"
			",,A/00010,00000/0,0,0,0/%u//fa7/",
			event, record->device + 1, minute % 15, second, lat, lon, speed, odometer);
		CHECK(len > 0 && len < RECORD_MOST - 2);
		const uint8_t plain = xor_of(record->text, (size_t)len);
		const uint8_t live = plain ^ '\r' ^ '\n', stored = plain ^ '#' ^ '\n';
		if (scene->xors[live] || scene->xors[stored])
			continue;
		scene->xors[live] = scene->xors[stored] = true;
		memcpy(record->text + len, line_end, 2);
		record->len = (size_t)len + 2;
		return true;
	}
	return false;
}

static struct record *make_record(struct scene *scene, const char *line_end)
{
	if (scene->count == RECORDS)
		return NULL;
	struct record *record = &scene->records[scene->count];
	record->device = scene->how & HOW_TWO ? input_byte(&scene->input) & 1 : 0;
	if (!write_record(scene, record, line_end))
		return NULL;
	for (size_t i = 0; i < 2; i++)
		scene->keys[scene->count][i] = XXH3_64bits(record->text, record->len - 2 + i);
	scene->count++;
	return record;
}

// Returns the record of the same tracker that was made `back` before this one (0: the one just before), or NULL.
static const struct record *earlier(
	const struct scene *scene, const struct record *record, size_t back)
{
	for (const struct record *at = record; at-- > scene->records;)
		if (at->device == record->device && back-- == 0)
			return at;
	return NULL;
}

// ---- deltas

struct fields {
	size_t count;
	struct text field[FIELDS_MOST];
};

static struct fields split(const struct record *record)
{
	struct fields fields = {.count = 1, .field[0] = {record->text, 0}};
	for (size_t i = 0; i < record->len; i++) {
		if (record->text[i] == ',' || record->text[i] == '/') {
			CHECK(fields.count < FIELDS_MOST);
			fields.field[fields.count++] = (struct text){record->text + i + 1, 0};
		} else {
			fields.field[fields.count - 1].len++;
		}
	}
	return fields;
}

// Writes what a tracker sends instead of `record` after it has made `reference`. Returns the length.
static size_t write_delta(const struct record *reference, const struct record *record, uint8_t *out)
{
	const struct fields old = split(reference), new = split(record);
	size_t len = 0;
	out[len++] = '@';
	out[len++] = xor_of(reference->text, reference->len);
	CHECK(old.count == new.count);
	for (size_t i = 0; i < new.count; i++) {
		const struct text a = old.field[i], b = new.field[i];
		size_t same = 0;
		while (same < a.len && same < b.len && a.data[same] == b.data[same])
			same++;
		if (same == a.len && same == b.len)
			continue;
		out[len++] = (uint8_t)i;
		out[len++] = (uint8_t)same;
		out[len++] = (uint8_t)(b.len - same);
		memcpy(out + len, b.data + same, b.len - same);
		len += b.len - same;
	}
	return len;
}

// Puts bytes into a frame: BF FB | XOR of the body | length u16, all of it | body. Returns its length.
static size_t put_in_frame(uint8_t *bytes, size_t len)
{
	const uint8_t head[5] = {0xBF, 0xFB, xor_of((char *)bytes, len), (uint8_t)(len + 5),
		(uint8_t)((len + 5) >> 8)};
	memmove(bytes + 5, bytes, len);
	memcpy(bytes, head, 5);
	return len + 5;
}

// ---- conversations

static void check_batch(const struct scene *scene)
{
	CHECK(!batch.fault);
	CHECK(batch.report_count <= DECODED_REPORTS && batch.reject_count <= DECODED_REJECTS);
	CHECK(batch.arena_len <= DECODED_ARENA);
	for (size_t i = 0; i < batch.report_count && !scene->wrong; i++) {
		bool made = false;
		for (size_t k = 0; k < scene->count; k++)
			made |= batch.reports[i].body.dedup == scene->keys[k][0] ||
				batch.reports[i].body.dedup == scene->keys[k][1];
		CHECK(made);
	}
}

static void begin(struct scene *scene)
{
	feed_init(&scene->feed, DECODERS_ALL, NULL, scene->how & HOW_DATAGRAM);
	scene->feed.session.memory = scene->memory;
}

static void end(struct scene *scene)
{
	while (feed_holds(&scene->feed)) {
		feed_expire(&scene->feed, scene->now_us, INT64_MAX, &batch);
		check_batch(scene);
	}
	feed_done(&scene->feed);
}

// Steps through bytes flush against the red zone of the heap. Returns the number used; *closed: the conversation has ended.
static size_t step_through(struct scene *scene, const uint8_t *data, size_t len, bool *closed)
{
	size_t at = 0, used;
	while (at < len && !*closed) {
		const enum feed_verdict verdict =
			feed_step(&scene->feed, data + at, len - at, &batch, &used);
		if (verdict == FEED_MORE)
			break;
		CHECK(used >= (batch.reject_count > 0 ? 0 : 1) && used <= len - at);
		check_batch(scene);
		at += used;
		*closed = verdict == FEED_CLOSE;
	}
	return at;
}

static void send(struct scene *scene, const uint8_t *bytes, size_t len)
{
	const size_t piece = scene->how & HOW_PIECES && !(scene->how & HOW_DATAGRAM)
				     ? 1 + input_byte(&scene->input) % 40
				     : len;
	bool closed = false;
	size_t start = 0, got = 0;
	scene->feed.session.received_us = scene->now_us;
	if (scene->how & HOW_DATAGRAM)
		feed_datagram(&scene->feed, scene->now_us);
	while (got < len && !closed) {
		got = piece < len - got ? got + piece : len;
		const struct input part = {bytes + start, got - start};
		uint8_t *copy = input_copy(part);
		start += step_through(scene, copy, part.len, &closed);
		if (got == len && start < len && !closed && scene->feed.open) { // nothing follows
			size_t used;
			feed_rest(&scene->feed, copy + (start - (got - part.len)), len - start,
				&batch, &used);
			check_batch(scene);
		}
		free(copy);
	}
	if (closed) {
		end(scene);
		begin(scene);
	}
}

// Sends a record, or a delta to the reference; with HOW_WRONG perhaps one byte of it is wrong.
static void send_record(
	struct scene *scene, const struct record *record, const struct record *reference)
{
	uint8_t bytes[2 * RECORD_MOST + 3 * FIELDS_MOST + 8];
	size_t len = record->len;
	if (reference)
		len = write_delta(reference, record, bytes);
	else
		memcpy(bytes, record->text, record->len);
	if (scene->how & HOW_WRONG && input_byte(&scene->input) & 1) {
		bytes[input_byte(&scene->input) % len] ^= input_byte(&scene->input);
		scene->wrong = true;
	}
	if (scene->how & HOW_FRAMED)
		len = put_in_frame(bytes, len);
	send(scene, bytes, len);
}

static void make_and_send(struct scene *scene, enum step step)
{
	const struct record *record = make_record(scene, step == STEP_STORED ? "#\n" : "\r\n");
	const size_t back = step == STEP_DELTA_OF ? input_byte(&scene->input) % 10 : 0;
	const bool whole = step == STEP_FULL || step == STEP_STORED;
	if (record && step != STEP_MADE)
		send_record(scene, record, whole ? NULL : earlier(scene, record, back));
}

static void take_step(struct scene *scene)
{
	const enum step step = input_byte(&scene->input) % STEPS;
	switch (step) {
	case STEP_AGAIN:
		if (scene->count > 0)
			send_record(scene,
				&scene->records[input_byte(&scene->input) % scene->count], NULL);
		return;
	case STEP_EXPIRE:
		scene->now_us += (int64_t)input_byte(&scene->input) * 1000000;
		feed_expire(&scene->feed, scene->now_us, scene->now_us - FEED_HOLD_US, &batch);
		check_batch(scene);
		return;
	case STEP_RESTART:
	case STEP_CONNECT:
		end(scene);
		if (step == STEP_RESTART) {
			device_memory_free(scene->memory);
			scene->memory = device_memory_new(2);
			CHECK(scene->memory);
		}
		begin(scene);
		return;
	default:
		make_and_send(scene, step);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct scene scene;
	memset(&scene, 0, sizeof(scene));
	scene.input = (struct input){data, len};
	scene.how = input_byte(&scene.input);
	scene.now_us = RECEIVED_US;
	scene.memory = device_memory_new(2);
	CHECK(scene.memory);
	begin(&scene);
	for (int steps = 0; scene.input.len > 0 && steps < 200; steps++)
		take_step(&scene);
	end(&scene);
	device_memory_free(scene.memory);
	return 0;
}
