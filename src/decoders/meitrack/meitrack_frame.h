// SPDX-License-Identifier: MIT
// The frame of a Meitrack: its head, its end and its sum.
#ifndef AVLD_DECODERS_MEITRACK_FRAME_H
#define AVLD_DECODERS_MEITRACK_FRAME_H

#include "protocol/decoder.h"

#define MEITRACK_AROUND 16 /* bytes of a frame around ident and content, at most */

struct meitrack_head {
	char flag;
	size_t comma; /* index of the comma before the ident */
	size_t total; /* bytes of the frame */
};

// Reads "$$A167,". PROBE_YES: *head is valid.
enum probe meitrack_frame_read_head(const uint8_t *data, size_t len, struct meitrack_head *head);

// Returns whether the bytes begin with head, ident of 14 or 15 digits and command. It never needs more than 29 bytes.
enum probe meitrack_frame_probe(const uint8_t *data, size_t len);

// Returns the index of the * that ends the content of a frame; 0: length or end do not fit. A datagram may lack CR LF.
size_t meitrack_frame_find_end(
	const uint8_t *data, size_t len, const struct meitrack_head *head, bool datagram);

// Returns true if the two digits after the * are the sum of the bytes before them.
bool meitrack_frame_sum_fits(const uint8_t *data, size_t star);

// Writes a frame whose content has two parts. mark: "$$" or "@@". out has room for MEITRACK_AROUND more than ident and content.
// Returns its length.
size_t meitrack_frame_write(
	char *out, const char *mark, char flag, struct text ident, const struct text content[2]);

#endif
