// SPDX-License-Identifier: MIT
// The messages of a Watch without a position: keep-alive, health, photos, voice, answers to commands.
#ifndef AVLD_DECODERS_WATCH_OTHER_H
#define AVLD_DECODERS_WATCH_OTHER_H

#include "decoders/watch/watch_message.h"

void watch_other_decode(struct watch_message *m);

#endif
