// SPDX-License-Identifier: MIT
#include "intake/conversation_admission.h"

#include "intake/conversation_share.h"
#include "intake/trial.h"
#include "util/text.h"

// ---- decisions

const char *conversation_admission_ask(
	struct intake *intake, const struct conversation *c, struct device **found)
{
	const struct text ident = {c->feed.session.ident, c->feed.session.ident_len};
	struct device *device = device_directory_find(intake->directory, ident);
	const char *objection = device ? conversation_admission_objection(c, device) : NULL;

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
		conversation_share_begin(*found);
	return refusal;
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
		return conversation_admission_objection(c, device);
	if (intake->config->devices.unknown == UNKNOWN_REFUSE)
		return NULL;
	const char *refusal = trial_ask_other(intake, &c->peer, report->ident);
	device = device_directory_find(intake->directory, report->ident);
	if (device)
		conversation_share_begin(device);
	return refusal;
}

// Ends the photo that this device has announced, maybe with the report that is rejected: then no part of it has come.
static void end_photo_of(struct session *session, struct text ident)
{
	const struct photo *photo = session->photo;

	if (photo && text_same(ident, (struct text){photo->ident, photo->ident_len}))
		photo_end(session);
}

void conversation_admission_reject_others(
	struct intake *intake, struct conversation *c, struct decoded *decoded)
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
		end_photo_of(&c->feed.session, report->ident);
		intake_reject_report(intake, &c->feed, &c->peer, objection, raw,
			decoded_remove_report(decoded, i));
	}
}

// ---- rejects

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

void conversation_admission_reject_frame(
	struct conversation *c, struct decoded *decoded, const char *refusal)
{
	if (refusal == admission_refusals[REFUSAL_SECRET] ||
		refusal == admission_refusals[REFUSAL_NETWORK])
		reject_silent(c, decoded, refusal);
	if (refusal == admission_refusals[REFUSAL_NEW])
		reject_empty(c, decoded);
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

void conversation_admission_reject_unsaved(
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
