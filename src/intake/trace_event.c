// SPDX-License-Identifier: MIT
#include "intake/trace_event.h"

#include <stdlib.h>
#include <string.h>

bool trace_event_begin(struct trace_event *event, const char *name, int64_t time_us)
{
	*event = (struct trace_event){.text = NULL};
	event->json.to = open_memstream(&event->text, &event->len);
	if (!event->json.to)
		return false;
	json_line_string(&event->json, "event", name);
	json_line_time(&event->json, "time", time_us);
	return true;
}

void trace_event_peer(struct trace_event *event, const struct peer *peer)
{
	char text[PEER_TEXT_MAX];

	json_line_string(&event->json, "transport", peer_transport_name(peer->transport));
	json_line_string(&event->json, "peer", peer_text(peer, text));
}

void trace_event_bytes(
	struct trace_event *event, const char *name, struct text bytes, struct text secret)
{
	const uintptr_t at = (uintptr_t)secret.data - (uintptr_t)bytes.data;
	const size_t shown = bytes.len < TRACE_EVENT_HEX_MOST ? bytes.len : TRACE_EVENT_HEX_MOST;
	const bool is_hidden = secret.len > 0 && at >= bytes.len;
	char *blanked = NULL;

	if (is_hidden || (secret.len > 0 && at < shown)) {
		const size_t from = is_hidden ? 0 : at, left = shown - from;
		blanked = malloc(shown);
		if (!blanked)
			return;
		memcpy(blanked, bytes.data, shown);
		memset(blanked + from, '*', is_hidden || secret.len > left ? left : secret.len);
	}
	json_line_hex(&event->json, name, blanked ? blanked : bytes.data, shown);
	if (shown < bytes.len)
		json_line_bool(&event->json, "cut", true);
	free(blanked);
}

bool trace_event_end(struct trace_event *event)
{
	json_line_end(&event->json);
	if (fclose(event->json.to) || event->len == 0) {
		free(event->text);
		event->text = NULL;
		return false;
	}
	event->len--; // the line end
	return true;
}
