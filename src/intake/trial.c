// SPDX-License-Identifier: MIT
#include "intake/trial.h"

#include "intake/admission.h"
#include "util/clock.h"
#include "util/log.h"

#include <string.h>

// Devices are created on their first report, up to this many in all.
#define DEVICES_MAX 2000000
#define WARN_S      60 /* between warnings */

const char trial_pending[] = "on trial";

// ---- the journal

static void count_protocol(struct intake *intake, const uint8_t *bytes, size_t size)
{
	struct entry entry;

	if (entry_read(bytes, size, &entry))
		frame_counts_of(&intake->frames,
			registry_find(entry.protocol.data, entry.protocol.len),
			entry.peer.transport)
			->reports++;
}

// newcomers_visit. Leaves the room of the frame at hand, which may name many idents.
static void append_entry(void *context, const uint8_t *entry, size_t size)
{
	struct intake *intake = context;

	while (!intake_has_room_beside(intake, 1, size)) {
		if (!journal_wait(intake->journal)) {
			intake->counters.udp_no_room++; // the tracker has no acknowledgement
			intake->counters.reports_refused++;
			return;
		}
	}
	memcpy(journal_begin(intake->journal, size), entry, size);
	journal_commit(intake->journal);
	intake->counters.reports++;
	intake->counters.reports_journaled++;
	count_protocol(intake, entry, size);
}

static void reject(struct intake *intake, const struct entry *entry, const char *refusal)
{
	struct feed feed = {0};

	intake->counters.reports_refused++;
	feed.session.decoder = registry_find(entry->protocol.data, entry->protocol.len);
	feed.session.received_us = entry->received_us;
	session_set_ident(&feed.session, entry->ident.data, entry->ident.len);
	intake_reject(intake, &feed, &entry->peer, refusal, (const uint8_t *)entry->raw.data,
		entry->raw.len);
}

// newcomers_visit
static void reject_entry(void *context, const uint8_t *bytes, size_t size)
{
	struct entry entry;

	if (entry_read(bytes, size, &entry))
		reject(context, &entry, admission_refusals[REFUSAL_NEW]);
}

// newcomers_visit, for a device that the owner has added since then: what the settings do not admit is rejected. The
// password that the peer gave is not known here.
static void append_admitted(void *context, const uint8_t *bytes, size_t size)
{
	struct intake *intake = context;
	struct entry entry;

	if (!entry_read(bytes, size, &entry))
		return;
	const struct device *device = device_directory_find(intake->directory, entry.ident);
	const char *objection = admission_objection(
		device, registry_find(entry.protocol.data, entry.protocol.len), &entry.peer, NULL);
	if (objection)
		reject(intake, &entry, objection);
	else
		append_entry(intake, bytes, size);
}

static bool keep_report(struct intake *intake, const struct feed *feed, const struct peer *peer,
	const struct report *report)
{
	const struct session *session = &feed->session;
	const struct text own = {session->ident, session->ident_len};
	const struct text protocol = {session->decoder->name, strlen(session->decoder->name)};

	if (!text_same(report->ident, own))
		return false;
	const struct entry_head head =
		entry_report_head(report, session->received_us, peer, protocol);
	uint8_t *out = newcomers_keep(intake->newcomers, own, entry_head_size(&head));
	if (!out)
		return false;
	entry_report_write(report, protocol, &head, out);
	return true;
}

void trial_keep(struct intake *intake, const struct feed *feed, const struct peer *peer,
	struct decoded *decoded)
{
	for (size_t i = 0; i < decoded->report_count; i++) {
		struct report *report = &decoded->reports[i];
		if (decoded->has_password) // it may become a reject, whose readers are not to see it
			report->raw = (struct text){"", 0};
		if (keep_report(intake, feed, peer, report))
			continue;
		intake->counters.reports_refused++;
		intake_reject(intake, feed, peer, admission_refusals[REFUSAL_NEW],
			(const uint8_t *)report->raw.data, report->raw.len);
	}
	decoded->report_count = 0;
	decoded->resolved_count = 0;
}

// ---- admission

static struct device *add(struct intake *intake, const struct peer *peer, struct text ident)
{
	struct device *device = device_directory_add(intake->directory, ident);

	if (!intake->newcomers)
		return device;
	newcomers_joined(intake->newcomers, intake->directory, device, peer, clock_coarse_ms());
	newcomers_release(intake->newcomers, ident, append_entry, intake);
	return device;
}

// Returns true if no limit of new idents applies.
static bool is_open(const struct intake *intake)
{
	return !intake->newcomers ||
	       (!device_directory_loaded(intake->directory) &&
		       device_directory_count(intake->directory) < TRIAL_UNREAD);
}

static bool is_full(const struct intake *intake)
{
	return device_directory_count(intake->directory) >= DEVICES_MAX;
}

const char *trial_ask(struct intake *intake, const struct feed *feed, const struct peer *peer,
	struct device **device)
{
	const struct text ident = {feed->session.ident, feed->session.ident_len};

	bool heard_once = false;

	if (is_full(intake))
		return admission_refusals[REFUSAL_TOO_MANY];
	if (!is_open(intake)) {
		heard_once = peer->transport == TRANSPORT_UDP &&
			     !newcomers_has_trial(intake->newcomers, ident);
		const enum newcomer newcomer = newcomers_ask(intake->newcomers, peer, ident,
			feed->session.received_us, clock_coarse_ms());
		if (newcomer == NEWCOMER_ON_TRIAL)
			return trial_pending;
		if (newcomer == NEWCOMER_REFUSED)
			return admission_refusals[REFUSAL_NEW];
	}
	*device = add(intake, peer, ident);
	device_memory_keep(&feed->session, heard_once);
	return NULL;
}

const char *trial_ask_other(struct intake *intake, const struct peer *peer, struct text ident)
{
	if (is_full(intake))
		return admission_refusals[REFUSAL_TOO_MANY];
	if (!is_open(intake) && newcomers_ask_other(intake->newcomers, peer, clock_coarse_ms()) !=
					NEWCOMER_ADMITTED)
		return admission_refusals[REFUSAL_NEW];
	add(intake, peer, ident);
	return NULL;
}

// ---- once a second

// newcomers_admit
static bool admit(void *context, struct text ident, bool has_token)
{
	static const struct peer nobody = {.transport = TRANSPORT_UDP};
	struct intake *intake = context;

	if (device_directory_find(intake->directory, ident)) {
		newcomers_release(intake->newcomers, ident, append_admitted, intake);
		return true;
	}
	if (!has_token || is_full(intake))
		return false;
	add(intake, &nobody, ident);
	return true;
}

static void warn(struct intake *intake)
{
	const uint32_t now = clock_coarse_s();
	char text[PEER_TEXT_MAX];
	struct peer peer;

	if (intake->newcomers_warned_s && now - intake->newcomers_warned_s < WARN_S)
		return;
	const char *setting = newcomers_limited(intake->newcomers, &peer);
	if (!setting)
		return;
	intake->newcomers_warned_s = now;
	log_warning("too many new devices limit=%s peer=%s refused=%llu on_trial=%zu "
		    "what_to_do=\"raise the setting (0: no limit) if they are yours\"",
		setting, peer_text(&peer, text),
		(unsigned long long)newcomers_counters(intake->newcomers)->refused,
		newcomers_on_trial(intake->newcomers));
}

void trial_each_second(struct intake *intake, newcomers_proves *proves)
{
	if (!intake->newcomers)
		return;
	if (intake_has_room(intake))
		newcomers_each_second(intake->newcomers, admit, intake, proves, clock_coarse_ms());
	warn(intake);
}

// ---- beginning and end

static struct newcomers_limits configured(const struct intake *intake)
{
	return (struct newcomers_limits){
		.per_minute = (uint32_t)intake->config->devices.new_per_minute,
		.per_address = (uint32_t)intake->config->devices.new_per_address};
}

bool trial_begin(struct intake *intake)
{
	intake->newcomers =
		newcomers_new(configured(intake), reject_entry, intake, clock_coarse_ms());
	return intake->newcomers != NULL;
}

void trial_configure(struct intake *intake)
{
	if (intake->newcomers)
		newcomers_set_limits(intake->newcomers, configured(intake));
}

void trial_finish(struct intake *intake)
{
	if (intake->newcomers)
		newcomers_finish(intake->newcomers);
}

void trial_end(struct intake *intake)
{
	newcomers_free(intake->newcomers);
	intake->newcomers = NULL;
}
