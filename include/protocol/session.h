// SPDX-License-Identifier: MIT
// The protocol state of one conversation (a TCP connection or a UDP sender). Decoders read all of it and write only
// ident and memo; the feed and its caller set the rest.
#ifndef AVLD_PROTOCOL_SESSION_H
#define AVLD_PROTOCOL_SESSION_H

#include "model/report.h"

#define SESSION_MEMO 32

// What the owner has set for a device in avld.devices.
struct device_settings {
	struct text model;              /* devices.model; empty: NULL, or the device is unknown */
	const struct decoder *protocol; /* devices.protocol; NULL: any */
	bool known; /* the device is in avld.devices, or these have not been read yet; or its protocol is given */
};

struct decoder;
struct device_memory; /* protocol/device_memory.h */
struct held_frames;   /* protocol/held_frames.h */
struct message;       /* protocol/message.h */
struct messages;
struct photo; /* protocol/photo.h */
struct photos;

struct session {
	int64_t received_us;        /* time of receipt of the bytes at hand: UTC, µs since 1970 */
	int64_t now_us;             /* for wake(): the current time, UTC, µs since 1970 */
	uint8_t ident_len;          /* 0 until the ident is known */
	char ident[IDENT_MAX];      /* not NUL-terminated */
	bool datagram;              /* UDP: the end of the bytes is the end of the frame */
	bool unsaved;               /* held_frames.h and message.h hold something new */
	bool quiet;                 /* no more bytes are expected: frame() must not return OPEN */
	bool probed;                /* probe() has returned YES for the bytes at hand (decoder.h) */
	uint8_t memo[SESSION_MEMO]; /* the decoder's own, initially 0; accessed through memcpy */
	const struct decoder *decoder; /* the decoder in use; NULL: none yet */
	struct device_memory *memory;  /* memory beyond one frame; NULL: none */
	struct held_frames *held;      /* frames held for later; NULL: none was held so far */
	void *device;                  /* device_memory's: the block found last */
	uint64_t device_dropped;       /* device_memory's: its drop count at that time */
	/* Looks up the settings of a device (session_settings); NULL: none are known. */
	struct device_settings (*find_settings)(const void *context, struct text ident);
	const void *settings_context;
	/* Returns true if the frames for the session's ident must not use device memory; NULL: they may. */
	bool (*forbids_memory)(const struct session *session);
	struct messages *all_messages; /* budget of all conversations; NULL: no parts are held */
	struct message *messages;      /* messages of which parts are missing */
	struct message *whole;         /* message.h's: the one completed by the frame at hand */
	struct photos *photos;         /* budget of all conversations; NULL: photos are off */
	struct photo *photo;           /* the photo being fetched, or NULL */
	struct photo *finished;        /* fetched photos not yet in the journal, oldest first */
};

// Sets the ident. Returns false and changes nothing unless it is 1..IDENT_MAX bytes of [0-9A-Za-z._:-].
bool session_set_ident(struct session *session, const void *data, size_t len);

// Returns the settings of the session's device as they are now; none before the ident is known. A table look-up: call it only
// where the bytes do not decide. The texts are valid until the next frame.
struct device_settings session_settings(const struct session *session);

#endif
