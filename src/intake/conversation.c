// SPDX-License-Identifier: MIT
// One conversation, over TCP or UDP.
//
// The devices of a TCP connection: nearly always one, which is connected as long as the connection. One that
// names several serves them all, up to CONVERSATION_IDENTS; beyond that it is a gateway, and its devices are
// not "connected". A refused device ends its connection, except a gateway's; over UDP it only gets rejects.
#include "intake/conversation.h"

#include "feed/registry.h"
#include "intake/admission.h"
#include "intake/orphans.h"
#include "intake/speaker.h"
#include "intake/trial.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

#include <stdlib.h>
#include <string.h>

#define REJECTS_SPARE 100  /* rejects allowed to a connection, and ten more for each good frame */
#define OPEN_MS       1000 /* an open frame is whole when nothing has followed for so long */

// A device may cost as much as 11 hours of reports every 10 s at once, and 100 reports a second. A stranger gets enough for a
// log-in and its first reports; so does a device that is new, so that inventing one gains nothing.
static const struct share_rate of_device = {.burst = 4096, .per_s = 100},
			       of_stranger = {.burst = 32, .per_s = 4};
#define SHARE_BYTES 1024 /* received, that count as one report */

// ---- admission

bool conversation_is_refusal(struct text reason)
{
	for (size_t i = 0; i < REFUSALS; i++)
		if (i != REFUSAL_NEW && text_equal(reason, admission_refusals[i]))
			return true;
	return false;
}

static inline const char *find_objection(const struct conversation *c, const struct device *device)
{
	return admission_objection(device, c->feed.session.decoder, &c->peer, c->credential);
}

// A device that is new has a stranger's share.
static void begin_share(struct device *device)
{
	share_spend(&device->share, &of_device, (uint64_t)(of_device.burst - of_stranger.burst),
		clock_coarse_ms());
}

// Finds or creates the device that the session names. Returns NULL, or why it is not admitted (trial_pending: not yet).
static const char *admit(struct intake *intake, const struct conversation *c, struct device **found)
{
	const struct text ident = {c->feed.session.ident, c->feed.session.ident_len};
	struct device *device = device_directory_find(intake->directory, ident);
	const char *objection = device ? find_objection(c, device) : NULL;

	if (objection)
		return objection;
	if (intake->config->devices.unknown == UNKNOWN_REFUSE &&
		device_directory_loaded(intake->directory) &&
		(!device || device->state != DEVICE_ACTIVE))
		return admission_refusals[REFUSAL_UNKNOWN];
	*found = device;
	if (device)
		return NULL;
	const char *refusal = trial_ask(intake, &c->feed, &c->peer, found);
	if (*found)
		begin_share(*found);
	return refusal;
}

static inline bool is_named_by(const struct device *device, const struct session *session)
{
	return device_directory_has_ident(
		device, (struct text){session->ident, session->ident_len});
}

// Returns true if the session names another device than the one admitted last, or if the owner has
// changed what that one may do.
static inline bool must_ask(const struct conversation *c)
{
	const struct session *session = &c->feed.session;

	return session->ident_len > 0 && (!c->device || !is_named_by(c->device, session) ||
						 find_objection(c, c->device) != NULL);
}

// Makes it the device admitted last; NULL: none.
static void set_device(struct conversation *c, struct device *device)
{
	if (c->device)
		c->device->users--;
	if (device)
		device->users++;
	c->device = device;
}

bool conversation_proves(const struct device *device)
{
	return device->live && device->live->feed.frames > 1;
}

// ---- the devices of a TCP connection

static inline bool is_gateway(const struct conversation *c)
{
	return c->idents > CONVERSATION_IDENTS;
}

static size_t count_named(const struct conversation *c)
{
	return c->named ? c->idents : c->device != NULL && !is_gateway(c);
}

static const struct device *named_device(const struct conversation *c, size_t i)
{
	return c->named ? c->named[i] : c->device;
}

static bool has_named(const struct conversation *c, const struct device *device)
{
	for (size_t i = 0; i < count_named(c); i++)
		if (named_device(c, i) == device)
			return true;
	return false;
}

// Ends commands over this connection to the device admitted last.
static void give_up_live(struct conversation *c)
{
	if (c->device && c->device->live == c)
		c->device->live = NULL;
}

// Journals that the named devices have left the connection, except the one that a session names (NULL: none).
static void leave_all(struct intake *intake, struct conversation *c, const struct session *except)
{
	for (size_t i = 0; i < count_named(c); i++)
		if (!except || !is_named_by(named_device(c, i), except))
			intake_left(intake, &c->feed, &c->peer, named_device(c, i));
	for (size_t i = 0; c->named && i < c->idents; i++)
		c->named[i]->users--;
	free(c->named);
	c->named = NULL;
}

static void become_gateway(struct intake *intake, struct conversation *c)
{
	leave_all(intake, c, NULL);
	give_up_live(c);
	c->idents = CONVERSATION_IDENTS + 1;
}

// Adds the device to those of the connection, which may become a gateway by that. Returns true if it is a new one
// and the connection is no gateway.
static bool name_device(struct intake *intake, struct conversation *c, struct device *device)
{
	if (is_gateway(c) || has_named(c, device))
		return false;
	if (c->idents == 1 && c->device && !c->named) {
		c->named = calloc(CONVERSATION_IDENTS, sizeof(struct device *));
		if (c->named) {
			c->named[0] = c->device;
			c->device->users++;
		}
	}
	if (c->idents == CONVERSATION_IDENTS || (c->idents > 0 && !c->named)) {
		become_gateway(intake, c);
		return false;
	}
	if (c->named) {
		c->named[c->idents] = device;
		device->users++;
	}
	c->idents++;
	return true;
}

// Makes this the device's live connection, and ends an earlier one.
static void connect_device(
	struct conversation_transport *transport, struct conversation *c, struct device *device)
{
	give_up_live(c);
	const bool is_new = name_device(transport->intake, c, device);
	set_device(c, device);
	if (is_gateway(c))
		return;
	if (device->live)
		transport->displace(device->live);
	device->live = c;
	if (is_new)
		intake_connected(transport->intake, &c->feed, &c->peer);
}

// Names the other devices of a frame with records of several, as far as they are admitted, and marks the reports of a
// gateway.
static void name_others(struct intake *intake, struct conversation *c, struct decoded *decoded)
{
	for (size_t i = 0; decoded->report_count > 1 && i < decoded->report_count; i++) {
		const struct text ident = decoded->reports[i].ident;
		if (!c->device || device_directory_has_ident(c->device, ident))
			continue;
		struct device *device = device_directory_find(intake->directory, ident);
		if (device)
			name_device(intake, c, device);
	}
	for (size_t i = 0; is_gateway(c) && i < decoded->report_count; i++)
		decoded->reports[i].body.flags |= FLAG_SHARED;
}

// ---- what the peer costs

bool conversation_has_share(struct conversation *c, uint32_t now_ms)
{
	if (conversation_is_established(c))
		return share_is_left(&c->device->share, &of_device, now_ms);
	return share_is_left(&c->share, &of_stranger, now_ms);
}

// Until avld.devices has been read all devices seem to be new.
static void begin_probation(
	const struct intake *intake, struct conversation *c, const struct device *device)
{
	if (device->state == DEVICE_UNKNOWN && device_directory_loaded(intake->directory))
		c->probation = PROBATION_BEGINS;
}

// Counts the work that these bytes have made since the counters were `before`.
static void charge(const struct intake *intake, struct conversation *c,
	const struct intake_counters *before, size_t bytes)
{
	const struct intake_counters *after = &intake->counters;
	const uint64_t frames = after->frames - before->frames;
	const uint64_t entries =
		after->reports - before->reports + after->rejects - before->rejects;
	const uint64_t work = (frames > entries ? frames : entries) + bytes / SHARE_BYTES;

	if (conversation_is_established(c))
		share_spend(&c->device->share, &of_device, work, clock_coarse_ms());
	else
		share_spend(&c->share, &of_stranger, work, clock_coarse_ms());
	if (c->probation == PROBATION_BEGINS)
		c->probation = PROBATION_HEARD;
	else if (c->probation == PROBATION_HEARD && frames && clock_coarse_s() != c->active_s)
		c->probation = PROBATION_NONE;
}

// ---- one frame

static inline bool is_datagram(const struct conversation *c)
{
	return c->feed.session.datagram;
}

// Returns NULL if the device that the session names is admitted, or why not.
static const char *ask_admission(struct conversation_transport *transport, struct conversation *c)
{
	struct device *device = NULL;
	const char *refusal = admit(transport->intake, c, &device);

	if (!device)
		return refusal;
	if (!c->device)
		begin_probation(transport->intake, c, device);
	if (is_datagram(c))
		set_device(c, device);
	else
		connect_device(transport, c, device);
	return NULL;
}

// Returns why the report of another device in a frame of this conversation is rejected, or NULL. Unknown ones are added.
static const char *object_to_other(
	struct intake *intake, struct conversation *c, const struct report *report)
{
	if (text_same(
		    report->ident, (struct text){c->feed.session.ident, c->feed.session.ident_len}))
		return NULL;
	struct device *device = device_directory_find(intake->directory, report->ident);
	if (device)
		return find_objection(c, device);
	if (intake->config->devices.unknown == UNKNOWN_REFUSE)
		return NULL;
	const char *refusal = trial_ask_other(intake, &c->peer, report->ident);
	device = device_directory_find(intake->directory, report->ident);
	if (device)
		begin_share(device);
	return refusal;
}

// Rejects the reports of other devices that are not admitted: of a frame with records of several, or of held frames.
static void reject_others(struct intake *intake, struct conversation *c, struct decoded *decoded)
{
	for (size_t i = 0; i < decoded->report_count;) {
		const struct report *report = &decoded->reports[i];
		const char *objection = object_to_other(intake, c, report);
		if (!objection) {
			i++;
			continue;
		}
		const struct text raw = report->raw;
		c->feed.rejects++;
		intake_reject_report(intake, &c->feed, &c->peer, objection, raw,
			decoded_remove_report(decoded, i));
	}
}

// Rejects a log-in with a wrong password, or a frame from elsewhere, that makes no report. Its bytes are left out: they may
// contain a password.
static void reject_silent(struct conversation *c, struct decoded *decoded, const char *refusal)
{
	const bool secret = refusal == admission_refusals[REFUSAL_SECRET];

	if (decoded->report_count > 0 || (!secret && decoded->reject_count > 0))
		return;
	if (secret && !decoded->has_password && !decoded->reply_len[REPLY_REFUSED])
		return;
	c->feed.rejects++;
	decoded_reject(decoded, DECODE_DETAIL, refusal, (const uint8_t *)"", 0);
}

// Counts a frame without a report of an ident for which there is no room, so that it has a reject all the same.
static void reject_empty(struct conversation *c, struct decoded *decoded)
{
	if (decoded->report_count > 0)
		return;
	c->feed.rejects++;
	decoded_reject(
		decoded, DECODE_DETAIL, admission_refusals[REFUSAL_NEW], (const uint8_t *)"", 0);
}

// Sends what the protocol has for a refusal, unless the tracker is to try again.
static bool send_refusal(struct conversation_transport *transport, struct conversation *c,
	const struct decoded *decoded, const char *refusal)
{
	const size_t len = decoded->reply_len[REPLY_REFUSED];

	return !len || refusal == admission_refusals[REFUSAL_NEW] ||
	       transport->send(transport, c, decoded->reply[REPLY_REFUSED], len, 0);
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
	return sent;
}

bool conversation_send_command(struct conversation_transport *transport, struct conversation *c)
{
	return must_ask(c) || send_command(transport, c);
}

static bool has_too_many_rejects(const struct feed *feed)
{
	return feed->rejects > REJECTS_SPARE && feed->rejects / 10 > feed->frames;
}

struct refused {
	struct intake *intake;
	struct conversation *conversation;
	const char *refusal;
};

static void reject_one(const struct refused *refused, struct text frame)
{
	struct feed *feed = &refused->conversation->feed;

	feed->rejects++;
	intake_reject(refused->intake, feed, &refused->conversation->peer, refused->refusal,
		(const uint8_t *)frame.data, frame.len);
}

// message_visitor
static void reject_part(void *context, const struct message_visit *visit)
{
	reject_one(context, visit->frame);
}

// Rejects what the feed holds and the journal does not: a device that is not admitted has sent it. So what is held in the
// journal under an ident was admitted.
static __attribute__((noinline)) void reject_unsaved(
	struct intake *intake, struct conversation *c, const char *refusal)
{
	struct refused refused = {intake, c, refusal};
	struct session *session = &c->feed.session;

	for (uint32_t i = 0; i < held_frames_count(session);) {
		if (session->held->frames[i].key) {
			i++;
			continue;
		}
		reject_one(&refused, held_frames_text(session->held, i));
		held_frames_remove(session->held, i);
	}
	message_visit_parts(session, true, false, reject_part, &refused);
	message_drop_unsaved(session);
	session->unsaved = false;
}

// Journals what the frame has added to what the feed holds, or removed from it. Returns the LSN after it.
static uint64_t save_held(struct intake *intake, struct conversation *c, const char *refusal)
{
	if (refusal && c->feed.session.unsaved)
		reject_unsaved(intake, c, refusal);
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
// journaled; what the feed holds stays there. Always returns NULL.
static __attribute__((noinline, cold)) const char *hold_frame(
	struct intake *intake, struct conversation *c, struct decoded *decoded)
{
	trial_keep(intake, &c->feed, &c->peer, decoded);
	intake->counters.frames++;
	intake_append_reports(intake, &c->feed, &c->peer, decoded, NULL);
	return NULL;
}

// Journals intake->decoded and sends the replies. Returns NULL, or why the conversation ends.
static const char *finish_frame(
	struct conversation_transport *transport, struct conversation *c, bool may_command)
{
	struct intake *intake = transport->intake;
	struct decoded *decoded = &intake->decoded;
	if (decoded->has_password)
		admission_keep_password(&c->credential, decoded->password);
	const char *refusal = must_ask(c) ? ask_admission(transport, c) : NULL;

	if (refusal == trial_pending)
		return hold_frame(intake, c, decoded);
	if (refusal)
		undo(c, decoded);
	if (refusal == admission_refusals[REFUSAL_SECRET] ||
		refusal == admission_refusals[REFUSAL_NETWORK])
		reject_silent(c, decoded, refusal);
	if (refusal == admission_refusals[REFUSAL_NEW])
		reject_empty(c, decoded);
	if (!refusal && decoded->report_count > 1)
		reject_others(intake, c, decoded);
	if (!refusal && !is_datagram(c) && (decoded->report_count > 1 || is_gateway(c)))
		name_others(intake, c, decoded);
	if (!refusal && (is_datagram(c) || is_gateway(c)) &&
		speaker_set_aside(intake->directory, c->device, c, decoded))
		undo(c, decoded);
	intake_append(intake, &c->feed, &c->peer, decoded, refusal);
	const uint64_t lsn = save_held(intake, c, refusal);
	if (!refusal && !is_datagram(c) && has_too_many_rejects(&c->feed))
		return "too many rejects";
	const bool sent = refusal ? send_refusal(transport, c, decoded, refusal)
				  : send_replies(transport, c, decoded, lsn);
	if (refusal && !is_datagram(c) && !is_gateway(c))
		return refusal;
	if (sent && decoded->close && !is_datagram(c))
		return "closed after its reply";
	if (!sent || (!refusal && may_command && !send_command(transport, c)))
		return "does not read its replies";
	return NULL;
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

// Handles bytes that no decoder accepts. A scanner leaves rows once an hour and is only counted otherwise.
static __attribute__((noinline, cold)) void note_unknown(
	struct intake *intake, struct conversation *c, const uint8_t *data, size_t len)
{
	struct decoded *decoded = &intake->decoded;
	const char *reason = scanner_find(data, len);

	if (!reason || strcmp(decoded->detail, "unknown protocol") != 0)
		return;
	decoded->detail = reason;
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
		outcome.reason = finish_frame(transport, c, true);
		if (!outcome.reason && verdict == FEED_CLOSE)
			outcome.reason = intake->decoded.detail;
		if (outcome.reason) {
			outcome.state = CONVERSATION_ENDS;
			break;
		}
		if (outcome.used < len && !(is_datagram(c) ? intake_wait_for_room(intake)
							   : intake_has_room(intake))) {
			outcome.state = CONVERSATION_NO_ROOM;
			break;
		}
	}
	charge(intake, c, &before, outcome.used);
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
	const bool may_command = !is_datagram(c); // a UDP sender may have become unreachable

	if (c->feed.open && len > 0 && clock_coarse_ms() - c->open_ms >= OPEN_MS &&
		intake_has_room(intake)) {
		feed_rest(&c->feed, data, len, &intake->decoded, &outcome.used);
		outcome.reason = finish_frame(transport, c, may_command);
		if (!outcome.reason && outcome.used < len) // frames may follow the open one
			outcome = feed_following(transport, c, data, len, outcome.used);
	}
	if (!outcome.reason && feed_waits(&c->feed) && intake_has_room(intake)) {
		const int64_t now_us = clock_utc_us();
		feed_expire(&c->feed, now_us, now_us - FEED_HOLD_US, &intake->decoded);
		reject_others(intake, c, &intake->decoded);
		if (!feed_is_quiet(&c->feed, &intake->decoded))
			outcome.reason = finish_frame(transport, c, may_command);
	}
	if (outcome.reason)
		outcome.state = CONVERSATION_ENDS;
	return outcome;
}

static void append_ending(struct intake *intake, struct conversation *c)
{
	struct device *device;

	reject_others(intake, c, &intake->ending);
	const bool names = c->feed.session.ident_len > 0 && intake->ending.report_count > 0;
	const char *refusal = names ? admit(intake, c, &device) : NULL;

	if (refusal == trial_pending) {
		trial_keep(intake, &c->feed, &c->peer, &intake->ending);
		refusal = NULL;
	}
	if (refusal)
		decoded_undo(&intake->ending);
	intake_append_reports(intake, &c->feed, &c->peer, &intake->ending, refusal);
}

// Leaves what is still held to intake/orphans.h: the journal had no room for its results.
static void leave_held(struct intake *intake, struct conversation *c)
{
	struct device *device;
	const char *refusal = must_ask(c) ? admit(intake, c, &device) : NULL;

	if (refusal == trial_pending)
		refusal = admission_refusals[REFUSAL_NEW];
	if (refusal)
		reject_unsaved(intake, c, refusal);
	orphans_adopt(intake, &c->hold, &c->feed, &c->peer, !refusal);
}

// Returns true if the bytes of a stranger are those of a scanner that leaves no rows now (note_unknown). It is counted.
static bool is_silent_scanner(
	struct intake *intake, struct conversation *c, const uint8_t *data, size_t len)
{
	const char *reason = c->feed.session.ident_len ? NULL : scanner_find(data, len);

	if (reason)
		c->silent = !scanners_note(
			&intake->scanners, &c->peer, scanner_index(reason), clock_coarse_s());
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
		intake->counters.frames += used > 0;
		append_ending(intake, c);
		rest += used;
		len -= used;
	}
	while (feed_holds(feed) && intake_wait_for_room(intake)) {
		feed_expire(feed, clock_utc_us(), INT64_MAX, &intake->ending);
		append_ending(intake, c);
	}
	photo_end(&feed->session);
	intake_flush_photos(intake, feed, &c->peer);
	if (feed_waits(feed) || c->hold.lsn)
		leave_held(intake, c);
	const size_t blanks = feed_blanks(rest, len);
	if (blanks < len && !is_silent_scanner(intake, c, rest + blanks, len - blanks)) {
		feed->rejects++;
		intake_reject(
			intake, feed, &c->peer, "incomplete frame", rest + blanks, len - blanks);
	}
	feed_done(feed);
}

static void log_closed(const struct conversation *c, const char *reason)
{
	char peer[PEER_TEXT_MAX];
	const struct session *session = &c->feed.session;
	const bool fault = c->feed.rejects > 0 || !session->ident_len;

	if (!log_enabled(fault ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG) ||
		!log_allow(c->peer.address, clock_coarse_s()))
		return;
	(fault ? log_info : log_debug)("conn closed peer=%s protocol=%s ident=%.*s reason=\"%s\" "
				       "rx=%llu frames=%u rejects=%u",
		peer_text(&c->peer, peer), session->decoder ? session->decoder->name : "-",
		session->ident_len ? session->ident_len : 1,
		session->ident_len ? session->ident : "-", reason, (unsigned long long)c->bytes,
		c->feed.frames, c->feed.rejects);
}

void conversation_end(struct conversation_transport *transport, struct conversation *c,
	const uint8_t *rest, size_t len, const char *reason)
{
	struct intake *intake = transport->intake;

	end_feed(intake, c, rest, len);
	admission_drop_password(&c->credential);
	if (is_datagram(c)) {
		set_device(c, NULL);
		return;
	}
	const struct traffic traffic = {c->opened_us, c->bytes, c->feed.frames, c->feed.rejects};
	leave_all(intake, c, &c->feed.session);
	if (!c->silent) {
		intake_closed(intake, &c->feed, &c->peer, c->device, &traffic, reason);
		log_closed(c, reason);
	}
	give_up_live(c);
	set_device(c, NULL);
}
