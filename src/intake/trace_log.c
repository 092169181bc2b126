// SPDX-License-Identifier: MIT
#include "intake/trace_log.h"

#include "intake/trace.h"
#include "util/clock.h"
#include "util/log.h"

#include <stdlib.h>
#include <string.h>

#define LINES_MOST 120 /* about one ident, in WINDOW_S */
#define WINDOW_S   60

struct log_watcher {
	struct trace_watcher watcher;
	uint32_t window_s; /* clock_coarse_s at its beginning */
	uint32_t lines, suppressed;
};

struct trace_log {
	size_t count;
	struct log_watcher watchers[CONFIG_TRACE_IDENTS];
};

// Returns true if a line may be written now; else counts it.
static bool may_log(struct log_watcher *to)
{
	const uint32_t now_s = clock_coarse_s();

	if (now_s - to->window_s >= WINDOW_S) {
		if (to->suppressed)
			log_info_each("trace ident=%.*s lines_suppressed=%u", to->watcher.ident_len,
				to->watcher.ident, to->suppressed);
		to->window_s = now_s;
		to->lines = to->suppressed = 0;
	}
	if (to->lines < LINES_MOST) {
		to->lines++;
		return true;
	}
	to->suppressed++;
	return false;
}

// trace_watcher.write
static void on_event(struct trace_watcher *watcher, struct text event)
{
	struct log_watcher *to = list_item(watcher, struct log_watcher, watcher);

	if (may_log(to))
		log_info_each("trace ident=%.*s event=%.*s", watcher->ident_len, watcher->ident,
			(int)event.len, event.data);
}

static void end(struct intake *intake, struct trace_log *log)
{
	for (size_t i = 0; log && i < log->count; i++)
		trace_unwatch(intake, &log->watchers[i].watcher);
	free(log);
}

bool trace_log_set(struct intake *intake, struct trace_log **log, const char *idents)
{
	end(intake, *log);
	*log = NULL;
	for (const char *at = idents + strspn(idents, ", \t"); *at;) {
		const struct text ident = {at, strcspn(at, ", \t")};
		if (!*log)
			*log = calloc(1, sizeof(**log));
		if (!*log || (*log)->count == CONFIG_TRACE_IDENTS)
			return false;
		struct log_watcher *to = &(*log)->watchers[(*log)->count];
		to->watcher.write = on_event;
		if (!trace_watch(intake, &to->watcher, ident))
			return false;
		(*log)->count++;
		at += ident.len;
		at += strspn(at, ", \t");
	}
	return true;
}
