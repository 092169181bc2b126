// SPDX-License-Identifier: MIT
// Photos of a camera at the tracker, in codec 12, type 0D. Source: a capture; the maker describes it for the DualCam.
//
//   tracker  01 | photo id u32 | size u32                         a photo is there; 00: there is none
//   server   02 | photo id u32 | offset u32 | count u16           requests a part of up to 2048 bytes
//   tracker  02 | photo id u32 | offset u32 | count u16 | bytes
//   ... up to size
//
// Requests one part at a time, and repeats the request if the part does not arrive.
#include "decoders/teltonika/teltonika_photo.h"
#include "protocol/photo.h"

#include <string.h>

#define ANNOUNCE 1
#define PART     2

#define PART_BYTES 2048u

#define REQUEST_LEN 11
#define PACKET_LEN  (REQUEST_LEN + TELTONIKA_PACKET_AROUND)

static uint32_t photo_id(const struct session *session)
{
	uint32_t id;
	memcpy(&id, session->memo + TELTONIKA_MEMO_PHOTO, sizeof id);
	return id;
}

static uint32_t part_len(const struct photo *photo, uint32_t part)
{
	const uint32_t left = photo->announced_size - part * PART_BYTES;
	return left < PART_BYTES ? left : PART_BYTES;
}

static void request(struct session *session, int64_t now_us, struct decoded *out)
{
	struct photo *photo = session->photo;
	const uint32_t id = photo_id(session), offset = photo->asked * PART_BYTES;
	const uint32_t count = part_len(photo, photo->asked);
	const uint8_t payload[REQUEST_LEN] = {PART, (uint8_t)(id >> 24), (uint8_t)(id >> 16),
		(uint8_t)(id >> 8), (uint8_t)id, (uint8_t)(offset >> 24), (uint8_t)(offset >> 16),
		(uint8_t)(offset >> 8), (uint8_t)offset, (uint8_t)(count >> 8), (uint8_t)count};
	uint8_t bytes[PACKET_LEN];
	const size_t len =
		teltonika_packet_write(bytes, TELTONIKA_TYPE_CAMERA, payload, sizeof payload);
	photo->asked_us = now_us;
	decoded_reply(out, REPLY_NOW, bytes, len); // if it does not fit, a retry follows
}

void teltonika_photo_open(
	const struct teltonika_packet *packet, const struct report *report, struct text payload)
{
	struct session *session = packet->session;
	struct reader r = reader_of((const uint8_t *)payload.data, payload.len);
	const unsigned kind = reader_u8(&r);
	const uint32_t id = reader_be32(&r), size = reader_be32(&r);
	if (kind != ANNOUNCE || r.bad || session->datagram || size > PHOTO_BYTES)
		return;
	if (session->photo && photo_id(session) == id && session->photo->announced_size == size)
		return; // announced twice
	const struct photo_plan plan = {
		"image/jpeg", size, (size + PART_BYTES - 1) / PART_BYTES, -1};
	if (!photo_open(session, report, &plan))
		return;
	memcpy(session->memo + TELTONIKA_MEMO_PHOTO, &id, sizeof id);
	request(session, session->received_us, packet->out);
}

bool teltonika_photo_add(const struct teltonika_packet *packet, struct text payload)
{
	struct session *session = packet->session;
	struct photo *photo = session->photo;
	struct reader r = reader_of((const uint8_t *)payload.data, payload.len);
	const unsigned kind = reader_u8(&r);
	const uint32_t id = reader_be32(&r), offset = reader_be32(&r), count = reader_be16(&r);
	const uint32_t part = offset / PART_BYTES;
	if (!photo || kind != PART || r.bad || id != photo_id(session) || count != r.left)
		return false;
	if (offset % PART_BYTES != 0 || part >= photo->parts || count != part_len(photo, part))
		return false;
	photo->received_us = session->received_us;
	if (photo_has(photo, part) || !photo_add_part(photo, part, r.at, count) ||
		part != photo->asked)
		return true;
	photo->tries = 0;
	photo->asked = photo_missing(photo);
	if (photo->asked == photo->parts)
		photo_end(session);
	else
		request(session, session->received_us, packet->out);
	return true;
}

void teltonika_photo_wake(struct session *session, int64_t last_us, struct decoded *out)
{
	(void)last_us;
	switch (photo_retry(session)) {
	case PHOTO_WAIT:
		break;
	case PHOTO_ASK:
		request(session, session->now_us, out);
		break;
	case PHOTO_GIVE_UP:
		photo_end(session);
	}
}
