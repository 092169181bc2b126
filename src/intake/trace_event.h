// SPDX-License-Identifier: MIT
// An event of a trace: a JSON object in memory of its own.
#ifndef AVLD_INTAKE_TRACE_EVENT_H
#define AVLD_INTAKE_TRACE_EVENT_H

#include "model/peer.h"
#include "util/json_line.h"

#define TRACE_EVENT_HEX_MOST 32768 /* bytes of a frame that are shown */

struct trace_event {
	struct json_line json; /* json.to NULL: out of memory */
	char *text;            /* without a line end; valid after trace_event_end */
	size_t len;
};

// Begins {"event":name,"time":...}. Returns false if out of memory: nothing is to be freed.
bool trace_event_begin(struct trace_event *event, const char *name, int64_t time_us);
// Adds "transport" and "peer".
void trace_event_peer(struct trace_event *event, const struct peer *peer);
// Adds up to TRACE_EVENT_HEX_MOST bytes as hex, without those of `secret`, which become 2a ("*"): all bytes, if it does not lie
// within them (it has another form there). And "cut":true if that is not all.
void trace_event_bytes(
	struct trace_event *event, const char *name, struct text bytes, struct text secret);
// Completes the text. Returns false, with nothing to free, if out of memory. Else the caller frees event->text.
bool trace_event_end(struct trace_event *event);

#endif
