// SPDX-License-Identifier: MIT
// HTTP/1.x requests (RFC 9112): the head and the body's chunks.
#ifndef AVLD_DECODERS_OSMAND_OSMAND_HTTP_H
#define AVLD_DECODERS_OSMAND_OSMAND_HTTP_H

#include "decoders/osmand/osmand_message.h"

#define OSMAND_HTTP_LINE   8192  /* bytes of the request line, at most */
#define OSMAND_HTTP_HEAD   16384 /* of the lines after it */
#define OSMAND_HTTP_FIELDS 64    /* these lines */
#define OSMAND_HTTP_BODY   65536 /* bytes of a body */

enum osmand_http_state { OSMAND_HTTP_MORE, OSMAND_HTTP_WHOLE, OSMAND_HTTP_BAD };

struct osmand_http_head {
	struct text query; /* of the target; empty: none */
	struct text type;  /* Content-Type without parameters */
	size_t len;        /* of the head; BAD: of the bytes that show the fault */
	size_t body_len;   /* unless chunked */
	bool chunked;
	bool expects;            /* the client waits for 100 Continue */
	bool closes;             /* the connection ends after the answer */
	bool says_close;         /* because the client asks for it */
	bool says_keep;          /* HTTP/1.0: the client asks for a connection that stays open */
	enum osmand_fault fault; /* of BAD */
};

// Reads the head of a request. BAD if it is complete, or too long, and faulty.
enum osmand_http_state osmand_http_read_head(
	const uint8_t *data, size_t len, struct osmand_http_head *head);

// How far the chunks of a body have been followed.
struct osmand_http_chunks {
	size_t at; /* of the next chunk; WHOLE: the byte after the body; BAD: after the bytes that show the fault */
	size_t sum;              /* bytes in the chunks before it */
	enum osmand_fault fault; /* of BAD */
};

// Follows the chunks from chunks->at on. out: gets their bytes, or NULL. most: bytes that the frame may have.
enum osmand_http_state osmand_http_follow_chunks(const uint8_t *data, size_t len, size_t most,
	struct osmand_http_chunks *chunks, uint8_t *out);

#endif
