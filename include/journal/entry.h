// SPDX-License-Identifier: MIT
// A journal entry and its bytes. Everything that goes to the database is an entry first. The byte layout is drawn in
// entry.c.
#ifndef AVLD_JOURNAL_ENTRY_H
#define AVLD_JOURNAL_ENTRY_H

#include "model/held_mark.h"
#include "model/peer.h"
#include "model/report.h"

enum entry_kind {
	ENTRY_REPORT = 1,
	ENTRY_REJECT = 2,       /* reason, raw */
	ENTRY_CONNECTED = 3,    /* a peer has sent its ident: reason empty */
	ENTRY_DISCONNECTED = 4, /* a connection ended: traffic, reason */
	ENTRY_COMMAND =
		5, /* a command changed its state: change, reason, extra (its reply, or the correlation sent) */
	ENTRY_MEDIA = 6,      /* a piece of a photo: media, reason (its content type), raw */
	ENTRY_LEFT = 7,       /* one of several devices of a connection is no longer on it */
	ENTRY_HELD = 8,       /* a frame held in memory: mark, raw. No row until it is resolved */
	ENTRY_MEDIA_PART = 9, /* likewise, part of a photo: part, body, reason (type), raw */
	ENTRY_RELEASED = 10,  /* what has this mark is resolved, without a result of its own */
	ENTRY_KINDS
};

// Traffic of a connection that ended.
struct traffic {
	int64_t opened_us;
	uint64_t bytes; /* received */
	uint32_t frames;
	uint32_t rejects;
};

// States of avld.commands, in the order of a command's life. Part of the journal's format.
enum command_state {
	COMMAND_QUEUED,
	COMMAND_SENT,
	COMMAND_CONFIRMED,
	COMMAND_FAILED,
	COMMAND_EXPIRED,
	COMMAND_STATES
};
// Returns "queued", "sent", ...
const char *entry_command_state_name(enum command_state state);

struct command_change {
	int64_t id;
	uint32_t attempts; /* how often it has been sent */
	uint32_t state;    /* enum command_state: the new one */
};

// A photo is longer than an entry: its pieces are entries of their own.
enum media_flag {
	MEDIA_COMPLETE = 1u << 0, /* the photo was received in full and is sound */
	MEDIA_FIX = 1u << 1,      /* lat_e7 and lon_e7 are set */
};
struct media_piece {
	uint64_t key;     /* the same in all pieces of one photo, unique to it */
	uint64_t dedup;   /* the same if the photo is sent again */
	int64_t taken_us; /* UTC, µs since 1970 */
	int32_t lat_e7, lon_e7;
	uint16_t piece; /* index, below pieces */
	uint16_t pieces;
	int16_t camera; /* -1: unknown */
	uint16_t flags; /* enum media_flag */
};

// One part of a photo that is being received. Each has what is needed to restore the photo without the others.
struct media_part {
	uint64_t key;         /* struct held_mark: the same in all parts of one photo */
	int64_t announced_us; /* receipt of the report that announced it */
	uint32_t number;      /* of the part, from 0, below parts */
	uint32_t parts;       /* expected */
	uint32_t size;        /* bytes announced; 0: unknown */
	int16_t camera;       /* -1: unknown */
	uint16_t reserved;    /* 0 */
};

struct entry {
	enum entry_kind kind;
	int64_t received_us; /* UTC, µs since 1970: of the bytes, or of the connection's end */
	struct peer peer;
	struct text protocol;    /* the decoder's name, empty if none matched */
	struct text ident;       /* empty if unknown */
	struct text event;       /* REPORT */
	struct text driver;      /* REPORT */
	struct text reason;      /* REJECT, DISCONNECTED, MEDIA, MEDIA_PART */
	struct text extra;       /* REPORT: JSON members */
	struct text raw;         /* REPORT, REJECT, HELD: bytes as received; MEDIA, MEDIA_PART */
	struct report_body body; /* REPORT; MEDIA_PART: of the report that announced it */
	struct traffic traffic;  /* DISCONNECTED */
	struct command_change change; /* COMMAND */
	struct media_piece media;     /* MEDIA */
	struct media_part part;       /* MEDIA_PART */
	struct held_mark mark; /* HELD, RELEASED; REPORT, REJECT: what it resolves, or key 0 */
};

#define ENTRY_RAW_MAX 98304 /* the longest frame (protocol/decoder.h) */
// No entry is longer than this.
#define ENTRY_SIZE_MAX (512 + EXTRA_MAX + ENTRY_RAW_MAX)

// Returns the bytes that entry_write writes. Texts longer than their _MAX and raw beyond ENTRY_RAW_MAX are cut.
size_t entry_size(const struct entry *entry);
// Writes entry_size(entry) bytes to out.
void entry_write(const struct entry *entry, uint8_t *out);

// The two functions below do the same for a report, without building a struct entry, because this happens for every
// report: first the head of its entry, from which its size follows, then the entry.
struct entry_head {
	uint8_t kind, transport, head_len, protocol_len, ident_len, event_len, driver_len, body_len;
	uint16_t extra_len, port;
	uint32_t raw_len;
	int64_t received_us;
	uint8_t address[16];
};
struct entry_head entry_report_head(const struct report *report, int64_t received_us,
	const struct peer *peer, struct text protocol);
void entry_report_write(const struct report *report, struct text protocol,
	const struct entry_head *head, uint8_t *out);

// Returns the bytes of the whole entry.
static inline size_t entry_head_size(const struct entry_head *head)
{
	return (size_t)head->head_len + head->body_len + head->protocol_len + head->ident_len +
	       head->event_len + head->driver_len + head->extra_len + head->raw_len;
}

// Parses an entry; its texts point into data. False if the bytes are no entry of a known kind. Never reads beyond len,
// whatever the bytes are.
bool entry_read(const uint8_t *data, size_t len, struct entry *entry);

#endif
