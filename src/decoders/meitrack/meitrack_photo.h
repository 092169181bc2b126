// SPDX-License-Identifier: MIT
// Photos of a Meitrack.
#ifndef AVLD_DECODERS_MEITRACK_PHOTO_H
#define AVLD_DECODERS_MEITRACK_PHOTO_H

#include "decoders/meitrack/meitrack_message.h"

// Returns true for a name that a request can have.
bool meitrack_photo_is_name(struct text file);

// Requests the photo that the newest report announces, unless another one is being fetched. may_repeat: the report may have come
// before.
void meitrack_photo_announce(const struct meitrack_message *m, struct text file, bool may_repeat);

// Decodes a part (D00). Returns false, and does nothing, if it has another form.
bool meitrack_photo_decode(struct meitrack_message *m, enum decode_status *status);

void meitrack_photo_wake(struct session *session, int64_t last_us, struct decoded *out);

#endif
