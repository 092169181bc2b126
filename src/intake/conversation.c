// SPDX-License-Identifier: MIT
// One conversation, over TCP or UDP. A refused device ends its connection, except a gateway's; over UDP it only gets rejects.
#include "intake/conversation.h"

#include "feed/registry.h"
#include "intake/conversation_admission.h"
#include "intake/conversation_devices.h"
#include "intake/conversation_share.h"
#include "intake/orphans.h"
#include "intake/speaker.h"
#include "intake/trace.h"
#include "intake/trial.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

#include <stdio.h>
#include <string.h>

#define REJECTS_SPARE 100  /* rejects allowed to a connection, and ten more for each good frame */
#define OPEN_MS       1000 /* an open frame is whole when nothing has followed for so long */

bool conversation_proves(const struct device *device)
{
	return device->live && device->live->feed.frames > 1;
}

// ---- counts

// Counts what a step of the feed has found. To be called after each, before anything of the result is removed.
static inline void count_found(
	struct intake *intake, const struct conversation *c, const struct decoded *decoded)
{
	intake->counters.reports_decoded += decoded->report_count;
	if (c->feed.consumed == FEED_NO_FRAME)
		return;
	intake->counters.frames++;
	intake_counts(intake, &c->feed, &c->peer)->frames++;
}

static bool has_position(const struct decoded *decoded)
{
	for (size_t i = 0; i < decoded->report_count; i++)
		if (decoded->reports[i].body.has & HAS_FIX)
			return true;
	return false;
}

// refusal: of the session's device, which may be trial_pending. had: reports before those of others were rejected.
static enum frame_outcome find_outcome(const struct conversation *c, const struct decoded *decoded,
	const char *refusal, size_t had)
{
	if (refusal == trial_pending && decoded->report_count > 0)
		return FRAME_ON_TRIAL;
	if (refusal && refusal != trial_pending)
		return FRAME_REFUSED;
	if (decoded->report_count > 0)
		return has_position(decoded) ? FRAME_POSITION : FRAME_STATUS;
	if (had > 0)
		return FRAME_REFUSED;
	if (c->feed.consumed == FEED_REJECTED || decoded->reject_count > 0)
		return FRAME_REJECTED;
	return c->feed.session.unsaved ? FRAME_HELD : FRAME_IGNORED;
}

// Counts what becomes of the frame, if there is one.
static inline void count_outcome(struct intake *intake, const struct conversation *c,
	const struct decoded *decoded, const char *refusal, size_t had)
{
	if (c->feed.consumed == FEED_NO_FRAME)
		return;
	intake->outcome = find_outcome(c, decoded, refusal, had);
	intake->refusal = refusal;
	intake_counts(intake, &c->feed, &c->peer)->outcomes[intake->outcome]++;
}

// ---- one frame

// Returns NULL if the device that the session names is admitted, or why not.
static const char *ask_admission(struct conversation_transport *transport, struct conversation *c)
{
	struct device *device = NULL;
	const char *refusal = conversation_admission_ask(transport->intake, c, &device);

	if (!device)
		return refusal;
	if (!c->device)
		conversation_share_begin_probation(transport->intake, c, device);
	if (conversation_is_datagram(c))
		conversation_devices_set(c, device);
	else
		conversation_devices_connect(transport->intake, c, device, transport->displace);
	return NULL;
}

// Returns what the protocol has for a refusal; REPLY_KINDS: nothing, the tracker is to try again.
static enum reply_when find_refusal_reply(const struct decoded *decoded, const char *refusal)
{
	if (refusal == admission_refusals[REFUSAL_NEW])
		return REPLY_KINDS;
	return refusal == admission_refusals[REFUSAL_SECRET] &&
			       decoded->reply_len[REPLY_WRONG_PASSWORD] > 0
		       ? REPLY_WRONG_PASSWORD
		       : REPLY_REFUSED;
}

static bool send_refusal(struct conversation_transport *transport, struct conversation *c,
	const struct decoded *decoded, const char *refusal)
{
	const enum reply_when when = find_refusal_reply(decoded, refusal);

	return when == REPLY_KINDS || !decoded->reply_len[when] ||
	       transport->send(transport, c, decoded->reply[when], decoded->reply_len[when], 0);
}

static bool send_replies(struct conversation_transport *transport, struct conversation *c,
	const struct decoded *decoded, uint64_t lsn)
{
	const size_t now = decoded->reply_len[REPLY_NOW], stored = decoded->reply_len[REPLY_STORED];

	if (now && !transport->send(transport, c, decoded->reply[REPLY_NOW], now, 0))
		return false;
	if (!stored)
		return true;
	if (lsn <= intake_safe(transport->intake))
		lsn = 0;
	return transport->send(transport, c, decoded->reply[REPLY_STORED], stored, lsn);
}

static bool send_command(struct conversation_transport *transport, struct conversation *c)
{
	struct command_queue *commands = transport->intake->commands;
	struct session *session = &c->feed.session;

	if (!commands || !command_queue_count(commands) || !c->device || !c->feed.pinned ||
		speaker_is_aside(c->device, c))
		return true;
	uint8_t command[COMMAND_FRAME_MAX];
	const struct command_queue_talk talk = {
		{session->ident, session->ident_len}, session->decoder, session, &c->peer};
	const size_t len = command_queue_next(commands, &talk, clock_utc_us(), command);
	transport->commanding = true;
	const bool sent = !len || transport->send(transport, c, command, len, 0);
	transport->commanding = false;
	if (len && transport->intake->trace)
		trace_command(transport->intake, c, command_queue_sent_id(commands), command, len);
	return sent;
}

bool conversation_send_command(struct conversation_transport *transport, struct conversation *c)
{
	return conversation_admission_is_due(c) || send_command(transport, c);
}

static bool has_too_many_rejects(const struct feed *feed)
{
	return feed->rejects > REJECTS_SPARE && feed->rejects / 10 > feed->frames;
}

// Journals what the frame has added to what the feed holds, or removed from it. Returns the LSN after it.
static uint64_t save_held(struct intake *intake, struct conversation *c, const char *refusal)
{
	if (refusal && c->feed.session.unsaved)
		conversation_admission_reject_unsaved(intake, c, refusal);
	if (intake->orphans && !refusal)
		orphans_retry(intake, &c->hold, &c->feed, &c->peer);
	if (refusal && !feed_waits(&c->feed))
		hold_end(&intake->holds, intake->journal, &c->hold);
	else if (!refusal && hold_is_due(&c->hold, &c->feed))
		hold_save(&intake->holds, intake->journal, &c->hold, &c->feed, &c->peer);
	if (intake->holds.first)
		hold_renew_old(&intake->holds, intake->journal);
	return journal_end(intake->journal);
}

// Restores what the frame has changed in device memory, which later frames may not use without being asked about it.
static void undo(struct conversation *c, struct decoded *decoded)
{
	decoded_undo(decoded);
	device_memory_ask_again(&c->feed.session);
}

// session->forbids_memory: what a peer outside the device's networks, or one that is set aside, sends is not remembered.
static bool forbids_memory(const struct session *session)
{
	const struct conversation *c =
		(const void *)((const char *)session - offsetof(struct conversation, feed.session));
	const struct device *device = device_directory_find(
		session->settings_context, (struct text){session->ident, session->ident_len});

	return device && (admission_is_elsewhere(device, &c->peer) || speaker_is_aside(device, c));
}

// Holds the reports of an ident on trial, and sends no reply: the tracker repeats what is not acknowledged. Rejects are
// journaled; what the feed holds stays there, except photos. Always returns NULL.
static __attribute__((noinline, cold)) const char *hold_frame(
	struct intake *intake, struct conversation *c, struct decoded *decoded)
{
	count_outcome(intake, c, decoded, trial_pending, decoded->report_count);
	trial_keep(intake, &c->feed, &c->peer, decoded);
	intake_append_reports(intake, &c->feed, &c->peer, decoded, NULL);
	intake_drop_photos(intake, &c->feed, &c->peer);
	return NULL;
}

// Returns true if there may be reports of other devices than the one that the session names. Of a frame with records of several
// devices, the only good one may be another's.
static inline bool may_have_others(const struct session *session, const struct decoded *decoded)
{
	if (decoded->report_count != 1)
		return decoded->report_count > 1;
	const struct text ident = decoded->reports[0].ident;
	return ident.len != session->ident_len || memcmp(ident.data, session->ident, ident.len);
}

// Marks the reports of a gateway, and those of devices that have another connection.
static inline void mark_reports(
	struct intake *intake, struct conversation *c, struct decoded *decoded)
{
	if (!conversation_is_datagram(c) &&
		(decoded->report_count > 1 || conversation_is_gateway(c)))
		conversation_devices_name_others(intake, c, decoded);
	if ((conversation_is_datagram(c) || conversation_is_gateway(c)) &&
		speaker_set_aside(intake->directory, c->device, c, decoded))
		undo(c, decoded);
}

// Journals intake->decoded and sends the replies. Returns NULL, or why the conversation ends.
static const char *finish_frame(
	struct conversation_transport *transport, struct conversation *c, bool may_command)
{
	struct intake *intake = transport->intake;
	struct decoded *decoded = &intake->decoded;
	const size_t had = decoded->report_count;
	if (decoded->has_password && decoded->reject_count == 0)
		admission_keep_password(&c->credential, decoded->password);
	const char *refusal = conversation_admission_is_due(c) ? ask_admission(transport, c) : NULL;

	if (refusal == trial_pending)
		return hold_frame(intake, c, decoded);
	if (refusal) {
		undo(c, decoded);
		conversation_admission_reject_frame(c, decoded, refusal);
	}
	if (!refusal && may_have_others(&c->feed.session, decoded))
		conversation_admission_reject_others(intake, c, decoded);
	if (!refusal)
		mark_reports(intake, c, decoded);
	count_outcome(intake, c, decoded, refusal, had);
	intake_append(intake, &c->feed, &c->peer, decoded, refusal);
	const uint64_t lsn = save_held(intake, c, refusal);
	if (!refusal && !conversation_is_datagram(c) && has_too_many_rejects(&c->feed))
		return "too many rejects";
	const bool sent = refusal ? send_refusal(transport, c, decoded, refusal)
				  : send_replies(transport, c, decoded, lsn);
	if (refusal && !conversation_is_datagram(c) && !conversation_is_gateway(c))
		return refusal;
	if (sent && decoded->close && !conversation_is_datagram(c))
		return "closed after its reply";
	if (!sent || (!refusal && may_command && !send_command(transport, c)))
		return "does not read its replies";
	return NULL;
}

// Returns which kinds of replies are sent for the frame counted last.
static unsigned find_replies(const struct intake *intake, const struct decoded *decoded)
{
	if (!intake->refusal)
		return 1U << REPLY_NOW | 1U << REPLY_STORED;
	return intake->refusal == trial_pending
		       ? 0
		       : 1U << find_refusal_reply(decoded, intake->refusal);
}

// finish_frame, while somebody watches.
static __attribute__((noinline, cold)) const char *finish_traced(
	struct conversation_transport *transport, struct conversation *c, bool may_command,
	struct text bytes)
{
	struct intake *intake = transport->intake;
	struct trace_frame traced;

	trace_frame_begin(intake, &traced, c, &intake->decoded, bytes);
	const char *reason = finish_frame(transport, c, may_command);
	trace_frame_end(
		intake, &traced, c, &intake->decoded, find_replies(intake, &intake->decoded));
	return reason;
}

// Does what is to be done with intake->decoded, of the frame with these bytes. Returns NULL, or why the conversation ends.
static inline const char *finish(struct conversation_transport *transport, struct conversation *c,
	bool may_command, const uint8_t *data, size_t len)
{
	if (__builtin_expect(transport->intake->trace != NULL, 0))
		return finish_traced(
			transport, c, may_command, (struct text){(const char *)data, len});
	return finish_frame(transport, c, may_command);
}

// ---- beginning, feeding, end

void conversation_begin(
	struct conversation_transport *transport, struct conversation *c, const struct peer *peer)
{
	struct intake *intake = transport->intake;

	*c = (struct conversation){
		.opened_us = clock_utc_us(), .active_s = clock_coarse_s(), .peer = *peer};
	feed_init(
		&c->feed, intake->config->server.protocols, NULL, peer->transport == TRANSPORT_UDP);
	c->feed.session.received_us = c->opened_us;
	intake_begin(intake, &c->feed.session);
	c->feed.session.forbids_memory = forbids_memory;
}

// Handles bytes that no decoder accepts. A scanner leaves rows once an hour; all are counted, and logged together.
static __attribute__((noinline, cold)) void note_unknown(
	struct intake *intake, struct conversation *c, const uint8_t *data, size_t len)
{
	struct decoded *decoded = &intake->decoded;
	const char *reason = scanner_find(data, len);

	if (!reason || strcmp(decoded->detail, "unknown protocol") != 0)
		return;
	decoded->detail = reason;
	c->scanner = true;
	if (scanners_note(&intake->scanners, &c->peer, scanner_index(reason), clock_coarse_s()))
		return;
	c->silent = true;
	decoded->reject_count = 0;
}

struct conversation_outcome conversation_feed(struct conversation_transport *transport,
	struct conversation *c, const uint8_t *data, size_t len)
{
	struct intake *intake = transport->intake;
	const struct intake_counters before = intake->counters;
	struct conversation_outcome outcome = {CONVERSATION_OPEN, NULL, 0};

	while (outcome.used < len) {
		size_t used;
		const enum feed_verdict verdict = feed_step(
			&c->feed, data + outcome.used, len - outcome.used, &intake->decoded, &used);
		if (verdict == FEED_CLOSE)
			note_unknown(intake, c, data + outcome.used, len - outcome.used);
		outcome.used += used;
		if (verdict == FEED_MORE)
			break;
		count_found(intake, c, &intake->decoded);
		intake->counters.fillers += c->feed.consumed == FEED_NO_FRAME && used > 0;
		outcome.reason = finish(transport, c, true, data + outcome.used - used, used);
		if (!outcome.reason && verdict == FEED_CLOSE)
			outcome.reason = intake->decoded.detail;
		if (outcome.reason) {
			outcome.state = CONVERSATION_ENDS;
			break;
		}
		if (outcome.used < len &&
			!(conversation_is_datagram(c) ? intake_wait_for_room(intake)
						      : intake_has_room(intake))) {
			outcome.state = CONVERSATION_NO_ROOM;
			break;
		}
	}
	intake_counts(intake, &c->feed, &c->peer)->bytes += outcome.used;
	conversation_share_charge(intake, c, &before, outcome.used);
	if (c->feed.open && !outcome.reason)
		c->open_ms = clock_coarse_ms();
	return outcome;
}

// Processes the bytes after the first `used`.
static struct conversation_outcome feed_following(struct conversation_transport *transport,
	struct conversation *c, const uint8_t *data, size_t len, size_t used)
{
	struct conversation_outcome outcome =
		conversation_feed(transport, c, data + used, len - used);

	outcome.used += used;
	return outcome;
}

struct conversation_outcome conversation_each_second(struct conversation_transport *transport,
	struct conversation *c, const uint8_t *data, size_t len)
{
	struct intake *intake = transport->intake;
	struct conversation_outcome outcome = {CONVERSATION_OPEN, NULL, 0};
	const bool may_command =
		!conversation_is_datagram(c); // a UDP sender may have become unreachable

	if (c->feed.open && len > 0 && clock_coarse_ms() - c->open_ms >= OPEN_MS &&
		intake_has_room(intake)) {
		const enum feed_verdict verdict =
			feed_rest(&c->feed, data, len, &intake->decoded, &outcome.used);
		count_found(intake, c, &intake->decoded);
		intake_counts(intake, &c->feed, &c->peer)->bytes += outcome.used;
		outcome.reason = finish(transport, c, may_command, data, outcome.used);
		if (!outcome.reason && verdict == FEED_CLOSE)
			outcome.reason = intake->decoded.detail;
		if (!outcome.reason && outcome.used < len) // frames may follow the open one
			outcome = feed_following(transport, c, data, len, outcome.used);
	}
	if (!outcome.reason && feed_waits(&c->feed) && intake_has_room(intake)) {
		const int64_t now_us = clock_utc_us();
		feed_expire(&c->feed, now_us, now_us - FEED_HOLD_US, &intake->decoded);
		count_found(intake, c, &intake->decoded);
		conversation_admission_reject_others(intake, c, &intake->decoded);
		if (!feed_is_quiet(&c->feed, &intake->decoded))
			outcome.reason = finish(transport, c, may_command, NULL, 0);
	}
	if (outcome.reason)
		outcome.state = CONVERSATION_ENDS;
	return outcome;
}

// Journals intake->ending, of the frame with these bytes. No reply is sent.
static void append_ending(
	struct intake *intake, struct conversation *c, const uint8_t *data, size_t len)
{
	struct device *device;
	struct trace_frame traced;
	const size_t had = intake->ending.report_count;

	count_found(intake, c, &intake->ending);
	if (intake->trace)
		trace_frame_begin(intake, &traced, c, &intake->ending,
			(struct text){(const char *)data, len});
	conversation_admission_reject_others(intake, c, &intake->ending);
	const bool names = c->feed.session.ident_len > 0 && intake->ending.report_count > 0;
	const char *refusal = names ? conversation_admission_ask(intake, c, &device) : NULL;

	count_outcome(intake, c, &intake->ending, refusal, had);
	if (refusal == trial_pending) {
		trial_keep(intake, &c->feed, &c->peer, &intake->ending);
		refusal = NULL;
	}
	if (refusal)
		decoded_undo(&intake->ending);
	else
		mark_reports(intake, c, &intake->ending);
	intake_append_reports(intake, &c->feed, &c->peer, &intake->ending, refusal);
	if (intake->trace)
		trace_frame_end(intake, &traced, c, &intake->ending, 0);
}

// Leaves what is still held to intake/orphans.h: the journal had no room for its results.
static void leave_held(struct intake *intake, struct conversation *c)
{
	struct device *device;
	const char *refusal = conversation_admission_is_due(c)
				      ? conversation_admission_ask(intake, c, &device)
				      : NULL;

	if (refusal == trial_pending)
		refusal = admission_refusals[REFUSAL_NEW];
	if (refusal)
		conversation_admission_reject_unsaved(intake, c, refusal);
	orphans_adopt(intake, &c->hold, &c->feed, &c->peer, !refusal);
}

// Returns true if the bytes of a stranger are those of a scanner that leaves no rows now (note_unknown). It is counted.
static bool is_silent_scanner(
	struct intake *intake, struct conversation *c, const uint8_t *data, size_t len)
{
	const char *reason = c->feed.session.ident_len ? NULL : scanner_find(data, len);

	if (reason) {
		c->scanner = true;
		c->silent = !scanners_note(
			&intake->scanners, &c->peer, scanner_index(reason), clock_coarse_s());
	}
	return c->silent;
}

// Journals what the feed holds: an open frame is a whole one now, held frames expire, other bytes are an
// incomplete frame.
static void end_feed(struct intake *intake, struct conversation *c, const uint8_t *rest, size_t len)
{
	struct feed *feed = &c->feed;

	bool open = feed->open;
	while (open && len > 0 && intake_wait_for_room(intake)) { // frames may follow the open one
		size_t used;
		open = feed_rest(feed, rest, len, &intake->ending, &used) == FEED_TAKEN;
		intake_counts(intake, feed, &c->peer)->bytes += used;
		append_ending(intake, c, rest, used);
		rest += used;
		len -= used;
	}
	while (feed_holds(feed) && intake_wait_for_room(intake)) {
		feed_expire(feed, clock_utc_us(), INT64_MAX, &intake->ending);
		append_ending(intake, c, NULL, 0);
	}
	photo_end(&feed->session);
	intake_flush_photos(intake, feed, &c->peer);
	if (feed_waits(feed) || c->hold.lsn)
		leave_held(intake, c);
	const size_t blanks = feed_blanks(rest, len);
	if (blanks < len)
		intake_count_unusable(intake, feed, &c->peer, len);
	if (blanks < len && intake->trace)
		trace_unusable(intake, c, "incomplete frame",
			(struct text){(const char *)rest + blanks, len - blanks});
	if (blanks < len && !is_silent_scanner(intake, c, rest + blanks, len - blanks)) {
		feed->rejects++;
		intake_reject(
			intake, feed, &c->peer, "incomplete frame", rest + blanks, len - blanks);
	}
	feed_done(feed);
}

static void log_closed(const struct conversation *c, const char *reason)
{
	char peer[PEER_TEXT_MAX], text[256];
	const struct session *session = &c->feed.session;
	const bool fault = c->feed.rejects > 0 || !session->ident_len;
	const struct log_peer about = {c->peer.address, !session->ident_len};

	if (!fault && !log_enabled(LOG_LEVEL_DEBUG))
		return;
	snprintf(text, sizeof(text),
		"peer=%s protocol=%s ident=%.*s reason=\"%s\" rx=%llu frames=%u rejects=%u",
		peer_text(&c->peer, peer), session->decoder ? session->decoder->name : "-",
		session->ident_len ? session->ident_len : 1,
		session->ident_len ? session->ident : "-", reason, (unsigned long long)c->bytes,
		c->feed.frames, c->feed.rejects);
	if (fault)
		log_info_peer(&about, "conn closed %s", text);
	else
		log_debug("conn closed %s", text);
}

void conversation_end(struct conversation_transport *transport, struct conversation *c,
	const uint8_t *rest, size_t len, const char *reason)
{
	struct intake *intake = transport->intake;

	end_feed(intake, c, rest, len);
	if (intake->trace)
		trace_ended(intake, c, reason);
	admission_drop_password(&c->credential);
	if (conversation_is_datagram(c)) {
		conversation_devices_drop(intake, c);
		return;
	}
	const struct traffic traffic = {c->opened_us, c->bytes, c->feed.frames, c->feed.rejects};
	conversation_devices_leave(intake, c);
	if (!c->silent) {
		intake_closed(intake, &c->feed, &c->peer, c->device, &traffic, reason);
		if (!c->scanner)
			log_closed(c, reason);
	}
	conversation_devices_drop(intake, c);
}
