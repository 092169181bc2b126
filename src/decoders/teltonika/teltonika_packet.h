// SPDX-License-Identifier: MIT
// A packet while it is decoded, and what its readers share.
#ifndef AVLD_DECODERS_TELTONIKA_PACKET_H
#define AVLD_DECODERS_TELTONIKA_PACKET_H

#include "protocol/decoder.h"
#include "util/reader.h"

#define TELTONIKA_CODEC_7  0x07
#define TELTONIKA_CODEC_8  0x08
#define TELTONIKA_CODEC_8E 0x8E
#define TELTONIKA_CODEC_12 0x0C
#define TELTONIKA_CODEC_13 0x0D
#define TELTONIKA_CODEC_14 0x0E
#define TELTONIKA_CODEC_15 0x0F
#define TELTONIKA_CODEC_16 0x10

#define TELTONIKA_FRAME_MOST 16384 /* bytes */

#define TELTONIKA_TYPE_COMMAND 0x05 /* of messages */
#define TELTONIKA_TYPE_ANSWER  0x06
#define TELTONIKA_TYPE_CAMERA  0x0D
#define TELTONIKA_TYPE_REFUSED 0x11 /* codec 14 */

// Offsets in session.memo.
#define TELTONIKA_MEMO_DATA  0 /* 1 byte: records were received after the log-in */
#define TELTONIKA_MEMO_PHOTO 4 /* 4 bytes: id of the photo that is being fetched */

// The device's block.
struct teltonika_device {
	uint64_t
		overspeed; /* the last overspeed event: bits 63..9 its time in ms, 8..1 km/h, 0 set; 0: none */
};

// body: codec, number n, n records or messages, n again.
struct teltonika_packet {
	struct session *session;
	struct decoded *out;
	struct text frame; /* as received */
	const uint8_t *body;
	size_t len; /* of the body, at least 3 */
	uint8_t codec, count;
};

// Returns the records or messages, and the n after them.
static inline struct reader teltonika_packet_content(const struct teltonika_packet *packet)
{
	return reader_of(packet->body + 2, packet->len - 2);
}

// Returns true if the content has been read up to n, which must be its last byte.
static inline bool teltonika_packet_ends(const struct teltonika_packet *packet, struct reader *r)
{
	return reader_u8(r) == packet->count && !r->bad && r->left == 0;
}

// Returns the bytes from which one record or message can be decoded alone: the frame if it is the only one, else a body with
// nothing but it: codec, 1, record, 1. data NULL: the arena is full.
struct text teltonika_packet_cut(
	const struct teltonika_packet *packet, const uint8_t *record, size_t len);

// Appends a report of the packet. key: its record or message, from which raw is made. Returns NULL if there is no room.
struct report *teltonika_packet_report(
	const struct teltonika_packet *packet, const uint8_t *key, size_t len);

// Sets the event to the codec's number, "0C".
bool teltonika_packet_set_codec_event(const struct teltonika_packet *packet, struct report *report);

// Sets the number of satellites, unless it is above 60 or -1: unknown.
void teltonika_packet_set_satellites(struct report *report, int satellites);

// Sets coordinates and satellites. Without satellites (0) the coordinates are the last known ones. Returns true if
// the report has coordinates.
bool teltonika_packet_place(struct report *report, int64_t lat_e7, int64_t lon_e7, int satellites);

// Writes a packet with one message of codec 12. out has room for len + TELTONIKA_PACKET_AROUND bytes. Returns its length.
#define TELTONIKA_PACKET_AROUND 20
size_t teltonika_packet_write(uint8_t *out, unsigned type, const void *payload, size_t len);

// Makes the whole packet a reject, because a report of it had no room. DECODED_ARENA is chosen so that this does not happen.
enum decode_status teltonika_packet_overflow(const struct teltonika_packet *packet);

#endif
