// SPDX-License-Identifier: MIT
#include "intake/trace_early.h"

#include <stdlib.h>

struct early_event {
	struct list link;
	const struct conversation *conversation;
	char *text;
	size_t len;
};

static struct early_event *event_of(struct list *link)
{
	return list_item(link, struct early_event, link);
}

static void drop(struct trace_early *early, struct early_event *event)
{
	early->count--;
	early->bytes -= event->len;
	list_remove(&event->link);
	free(event->text);
	free(event);
}

void trace_early_init(struct trace_early *early)
{
	*early = (struct trace_early){.count = 0};
	list_init(&early->events);
}

void trace_early_keep(
	struct trace_early *early, const struct conversation *conversation, char *text, size_t len)
{
	struct early_event *event = len <= TRACE_EARLY_BYTES ? malloc(sizeof(*event)) : NULL;

	if (!event) {
		free(text);
		return;
	}
	while (early->count > 0 &&
		(early->count == TRACE_EARLY_MOST || early->bytes > TRACE_EARLY_BYTES - len))
		drop(early, event_of(early->events.next));
	*event = (struct early_event){.conversation = conversation, .text = text, .len = len};
	list_append(&early->events, &event->link);
	early->count++;
	early->bytes += len;
}

void trace_early_visit(const struct trace_early *early, const struct conversation *conversation,
	void (*visit)(void *context, struct text event), void *context)
{
	for (struct list *at = early->events.next; at != &early->events; at = at->next) {
		const struct early_event *event = event_of(at);
		if (event->conversation == conversation)
			visit(context, (struct text){event->text, event->len});
	}
}

void trace_early_drop(struct trace_early *early, const struct conversation *conversation)
{
	struct list *next;

	for (struct list *at = early->events.next; at != &early->events; at = next) {
		next = at->next;
		if (!conversation || event_of(at)->conversation == conversation)
			drop(early, event_of(at));
	}
}
