// SPDX-License-Identifier: MIT
#include "intake/trace.h"

#include "intake/report_json.h"
#include "intake/trace_early.h"
#include "intake/trace_event.h"
#include "intake/trial.h"
#include "util/clock.h"

#include <stdlib.h>
#include <string.h>

#define DECODED_TEXT_MOST 65536 /* about: of the reports and rejects that are shown of a frame */

struct trace {
	struct list watchers;
	size_t count;
	struct trace_frame *current; /* the frame at hand; NULL: none */
	struct trace_early early;
};

static struct trace_watcher *watcher_of(struct list *link)
{
	return list_item(link, struct trace_watcher, link);
}

static struct text ident_of(const struct conversation *c)
{
	return (struct text){c->feed.session.ident, c->feed.session.ident_len};
}

// ---- who watches

static bool watches(const struct trace_watcher *watcher, struct text ident)
{
	return text_same(ident, (struct text){watcher->ident, watcher->ident_len});
}

static bool watches_report(const struct trace_watcher *watcher, const struct decoded *decoded)
{
	for (size_t i = 0; decoded && i < decoded->report_count; i++)
		if (watches(watcher, decoded->reports[i].ident))
			return true;
	return false;
}

// Returns the watchers of the conversation's device, and of those that have reports here. decoded: NULL, none.
static uint32_t find_wanted(
	const struct trace *trace, const struct conversation *c, const struct decoded *decoded)
{
	uint32_t wanted = 0, bit = 1;

	for (struct list *at = trace->watchers.next; at != &trace->watchers;
		at = at->next, bit <<= 1)
		if (watches(watcher_of(at), ident_of(c)) || watches_report(watcher_of(at), decoded))
			wanted |= bit;
	return wanted;
}

// ---- writing

static void write_to(void *watcher, struct text event)
{
	struct trace_watcher *to = watcher;

	to->write(to, event);
}

static void write_event(struct trace_watcher *watcher, struct trace_event *event)
{
	if (!trace_event_end(event))
		return;
	write_to(watcher, (struct text){event->text, event->len});
	free(event->text);
}

// Writes where the following events come from, and what came before the ident was known, unless the last events were of this
// conversation too.
static void introduce(
	const struct trace *trace, struct trace_watcher *watcher, const struct conversation *c)
{
	struct trace_event event;

	if (watcher->shown == c || !trace_event_begin(&event, "connection", clock_utc_us()))
		return;
	watcher->shown = c;
	trace_event_peer(&event, &c->peer);
	json_line_time(&event.json, "since", c->opened_us);
	write_event(watcher, &event);
	trace_early_visit(&trace->early, c, write_to, watcher);
}

// Writes the event to those who want it. lsn: of the journal's entries that the event is about; 0: none.
static void deliver(struct trace *trace, const struct conversation *c, uint32_t wanted,
	struct text event, uint64_t lsn)
{
	for (struct list *at = trace->watchers.next; at != &trace->watchers;
		at = at->next, wanted >>= 1) {
		struct trace_watcher *watcher = watcher_of(at);
		if (!(wanted & 1))
			continue;
		introduce(trace, watcher, c);
		write_to(watcher, event);
		if (lsn && !watcher->open_lsn)
			watcher->open_lsn = lsn;
		if (lsn)
			watcher->newest_lsn = lsn;
	}
	trace_early_drop(&trace->early, c);
}

// ---- frames

// Returns the reports and rejects as JSON objects separated by commas; NULL: none, or out of memory.
static char *print_decoded(
	const struct decoded *decoded, const char *protocol, struct text bytes, uint32_t *left_out)
{
	const size_t count = decoded->report_count + decoded->reject_count;
	char *text = NULL;
	size_t len = 0;
	FILE *to = count ? open_memstream(&text, &len) : NULL;

	for (size_t i = 0; to && i < count; i++) {
		if (ftell(to) >= DECODED_TEXT_MOST) {
			*left_out = (uint32_t)(count - i);
			break;
		}
		if (i < decoded->report_count) {
			report_json_report(to, protocol, &decoded->reports[i]);
			continue;
		}
		const struct reject *reject = &decoded->rejects[i - decoded->report_count];
		const bool is_part = reject->raw.len != bytes.len && !decoded->has_password &&
				     reject->raw.len < TRACE_EVENT_HEX_MOST / 2;
		report_json_reject(to, protocol, reject, is_part);
	}
	if (!to || fclose(to) || len == 0) {
		free(text);
		return NULL;
	}
	for (char *end = text; (end = strchr(end, '\n'));)
		*end = end[1] ? ',' : '\0';
	return text;
}

static const char *protocol_of(const struct conversation *c)
{
	return c->feed.session.decoder ? c->feed.session.decoder->name : NULL;
}

void trace_frame_begin(struct intake *intake, struct trace_frame *frame,
	const struct conversation *c, const struct decoded *decoded, struct text bytes)
{
	struct trace *trace = intake->trace;

	intake->refusal = NULL;
	frame->bytes = bytes;
	frame->wanted = find_wanted(trace, c, decoded);
	frame->is_early = !frame->wanted && c->feed.session.ident_len == 0 && bytes.len > 0;
	frame->decoded = NULL;
	frame->left_out = 0;
	frame->command_len = 0;
	frame->lsn = journal_end(intake->journal);
	frame->withheld = intake->counters.udp_withheld;
	frame->outer = trace->current;
	trace->current = frame;
	if (frame->wanted || frame->is_early)
		frame->decoded = print_decoded(decoded, protocol_of(c), bytes, &frame->left_out);
}

static void add_reply(struct trace_event *event, const struct decoded *decoded, unsigned kind)
{
	const struct text reply = {(const char *)decoded->reply[kind], decoded->reply_len[kind]};
	struct json_line json = {.to = event->json.to};

	json_line_hex(&json, "reply", reply.data, reply.len);
	json_line_string(&json, "when", kind == REPLY_STORED ? "stored" : "now");
	fputc('}', json.to);
}

static void add_replies(struct trace_event *event, const struct decoded *decoded, unsigned kinds)
{
	const char *separator = "[";

	for (unsigned kind = 0; kind < REPLY_KINDS; kind++) {
		if (!(kinds >> kind & 1) || decoded->reply_len[kind] == 0)
			continue;
		if (*separator == '[')
			json_line_name(&event->json, "replies");
		fputs(separator, event->json.to);
		add_reply(event, decoded, kind);
		separator = ",";
	}
	if (*separator == ',')
		fputc(']', event->json.to);
}

// What is known of bytes besides what has been decoded.
struct judgement {
	const char *outcome; /* NULL: they are what became of frames held before */
	const char *reason;  /* why not accepted; NULL: none, or it is in each reject */
	uint64_t lsn;        /* up to which the journal has the entries; 0: none */
	struct text secret;  /* within the bytes; empty: none */
};

static struct judgement judge(const struct intake *intake, const struct trace_frame *frame,
	const struct conversation *c, const struct decoded *decoded)
{
	const uint64_t end = journal_end(intake->journal);
	struct judgement judgement = {.lsn = end == frame->lsn ? 0 : end};

	if (frame->bytes.len)
		judgement.outcome = c->feed.consumed == FEED_NO_FRAME
					    ? "filler"
					    : frame_counts_outcome_name(intake->outcome);
	if (frame->bytes.len && intake->refusal != trial_pending)
		judgement.reason = intake->refusal;
	if (decoded->has_password)
		judgement.secret = decoded->password;
	return judgement;
}

// The outcome comes before the bytes: a log line may be cut.
static bool begin_frame(struct trace_event *event, const struct conversation *c, struct text bytes,
	const struct judgement *judgement)
{
	if (!trace_event_begin(
		    event, "frame", bytes.len ? c->feed.session.received_us : clock_utc_us()))
		return false;
	if (c->feed.session.ident_len)
		json_line_text(&event->json, "ident", ident_of(c));
	trace_event_peer(event, &c->peer);
	if (protocol_of(c))
		json_line_string(&event->json, "protocol", protocol_of(c));
	json_line_uint(&event->json, "bytes", bytes.len);
	if (judgement->outcome)
		json_line_string(&event->json, "outcome", judgement->outcome);
	if (judgement->reason)
		json_line_string(&event->json, "reason", judgement->reason);
	if (judgement->lsn)
		json_line_uint(&event->json, "lsn", judgement->lsn);
	if (bytes.len)
		trace_event_bytes(event, "frame", bytes, judgement->secret);
	return true;
}

static void print_content(struct trace_event *event, const struct intake *intake,
	const struct trace_frame *frame, const struct decoded *decoded, unsigned replies)
{
	if (frame->decoded) {
		json_line_name(&event->json, "decoded");
		fputc('[', event->json.to);
		json_line_ascii(event->json.to, frame->decoded);
		fputc(']', event->json.to);
	}
	if (frame->left_out)
		json_line_uint(&event->json, "decoded_left_out", frame->left_out);
	if (replies)
		add_replies(event, decoded, replies);
	if (intake->counters.udp_withheld != frame->withheld)
		json_line_bool(&event->json, "withheld", true);
}

static void end_frame(struct intake *intake, const struct trace_frame *frame,
	const struct conversation *c, const struct decoded *decoded, unsigned replies)
{
	const struct judgement judgement = judge(intake, frame, c, decoded);
	struct trace_event event;

	if (!begin_frame(&event, c, frame->bytes, &judgement))
		return;
	print_content(&event, intake, frame, decoded, replies);
	if (!trace_event_end(&event))
		return;
	if (frame->is_early) {
		trace_early_keep(&intake->trace->early, c, event.text, event.len);
		return;
	}
	deliver(intake->trace, c, frame->wanted, (struct text){event.text, event.len},
		judgement.lsn);
	free(event.text);
}

void trace_frame_end(struct intake *intake, struct trace_frame *frame, const struct conversation *c,
	const struct decoded *decoded, unsigned replies)
{
	intake->trace->current = frame->outer;
	if (frame->wanted || frame->is_early)
		end_frame(intake, frame, c, decoded, replies);
	free(frame->decoded);
	if (frame->command_len)
		trace_command(intake, c, frame->command_id, frame->command, frame->command_len);
}

void trace_unusable(
	struct intake *intake, const struct conversation *c, const char *reason, struct text bytes)
{
	const uint32_t wanted = find_wanted(intake->trace, c, NULL);
	const struct judgement judgement = {
		.outcome = frame_counts_outcome_name(FRAME_REJECTED), .reason = reason};
	struct trace_event event;

	if ((!wanted && c->feed.session.ident_len) || !begin_frame(&event, c, bytes, &judgement) ||
		!trace_event_end(&event))
		return;
	if (!wanted) {
		trace_early_keep(&intake->trace->early, c, event.text, event.len);
		return;
	}
	deliver(intake->trace, c, wanted, (struct text){event.text, event.len}, 0);
	free(event.text);
}

// ---- other events

void trace_command(struct intake *intake, const struct conversation *c, int64_t id,
	const uint8_t *data, size_t len)
{
	struct trace *trace = intake->trace;
	const uint32_t wanted = find_wanted(trace, c, NULL);
	struct trace_event event;

	if (trace->current) {
		memcpy(trace->current->command, data, len);
		trace->current->command_len = len;
		trace->current->command_id = id;
		return;
	}
	if (!wanted || !trace_event_begin(&event, "command", clock_utc_us()))
		return;
	json_line_text(&event.json, "ident", ident_of(c));
	trace_event_peer(&event, &c->peer);
	json_line_int(&event.json, "id", id);
	json_line_hex(&event.json, "frame", data, len);
	if (!trace_event_end(&event))
		return;
	deliver(trace, c, wanted, (struct text){event.text, event.len}, 0);
	free(event.text);
}

static void write_ended(
	struct trace_watcher *watcher, const struct conversation *c, const char *reason)
{
	struct trace_event event;

	if (!trace_event_begin(&event, "disconnected", clock_utc_us()))
		return;
	trace_event_peer(&event, &c->peer);
	json_line_string(&event.json, "reason", reason);
	json_line_time(&event.json, "since", c->opened_us);
	json_line_uint(&event.json, "bytes", c->bytes);
	json_line_uint(&event.json, "frames", c->feed.frames);
	json_line_uint(&event.json, "rejects", c->feed.rejects);
	write_event(watcher, &event);
}

void trace_ended(struct intake *intake, const struct conversation *c, const char *reason)
{
	struct trace *trace = intake->trace;

	for (struct list *at = trace->watchers.next; at != &trace->watchers; at = at->next) {
		struct trace_watcher *watcher = watcher_of(at);
		if (!conversation_is_datagram(c) &&
			(watcher->shown == c || watches(watcher, ident_of(c))))
			write_ended(watcher, c, reason);
		if (watcher->shown == c)
			watcher->shown = NULL;
	}
	trace_early_drop(&trace->early, c);
}

void trace_stored(struct intake *intake, uint64_t lsn)
{
	const struct trace *trace = intake->trace;

	for (struct list *at = trace->watchers.next; at != &trace->watchers; at = at->next) {
		struct trace_watcher *watcher = watcher_of(at);
		struct trace_event event;
		if (!watcher->open_lsn || lsn < watcher->open_lsn)
			continue;
		watcher->open_lsn = watcher->newest_lsn > lsn ? watcher->newest_lsn : 0;
		if (!trace_event_begin(&event, "stored", clock_utc_us()))
			continue;
		json_line_uint(&event.json, "lsn", lsn);
		write_event(watcher, &event);
	}
}

void trace_greet(const struct intake *intake, struct trace_watcher *watcher)
{
	const struct text ident = {watcher->ident, watcher->ident_len};
	const struct device *device = device_directory_find(intake->directory, ident);
	const struct conversation *live = device ? device->live : NULL;
	struct trace_event event;

	if (!trace_event_begin(&event, "watching", clock_utc_us()))
		return;
	json_line_text(&event.json, "ident", ident);
	json_line_bool(&event.json, "known", device != NULL);
	json_line_bool(&event.json, "connected", live != NULL);
	if (live) {
		trace_event_peer(&event, &live->peer);
		json_line_time(&event.json, "since", live->opened_us);
	}
	write_event(watcher, &event);
}

// ---- watchers

bool trace_is_ident(struct text ident)
{
	struct session session = {.ident_len = 0};

	return session_set_ident(&session, ident.data, ident.len);
}

static struct trace *trace_new(void)
{
	struct trace *trace = calloc(1, sizeof(*trace));

	if (!trace)
		return NULL;
	list_init(&trace->watchers);
	trace_early_init(&trace->early);
	return trace;
}

bool trace_watch(struct intake *intake, struct trace_watcher *watcher, struct text ident)
{
	if (!intake->trace)
		intake->trace = trace_new();
	struct trace *trace = intake->trace;
	if (!trace || trace->count == TRACE_WATCHERS || ident.len > IDENT_MAX)
		return false;
	memcpy(watcher->ident, ident.data, ident.len);
	watcher->ident_len = (uint8_t)ident.len;
	watcher->shown = NULL;
	watcher->open_lsn = watcher->newest_lsn = 0;
	list_append(&trace->watchers, &watcher->link);
	trace->count++;
	return true;
}

void trace_unwatch(struct intake *intake, struct trace_watcher *watcher)
{
	struct trace *trace = intake->trace;

	list_remove(&watcher->link);
	if (--trace->count > 0)
		return;
	trace_early_drop(&trace->early, NULL);
	free(trace);
	intake->trace = NULL;
}
