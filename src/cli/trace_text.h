// SPDX-License-Identifier: MIT
// The events of `avld trace` (intake/trace.h, net/trace_socket.h) for people.
#ifndef AVLD_CLI_TRACE_TEXT_H
#define AVLD_CLI_TRACE_TEXT_H

#include "util/text.h"

#include <stdio.h>

// Prints the event, a line and for a frame a block of lines. event: a JSON object that json_reader_check has accepted.
void trace_text_print(FILE *to, struct text event);

// Returns a member of the event as it is in JSON; empty: it has none of this name.
struct text trace_text_member(struct text event, const char *name);
// Returns true if the event is of this kind: "frame", ...
bool trace_text_is(struct text event, const char *kind);

#endif
