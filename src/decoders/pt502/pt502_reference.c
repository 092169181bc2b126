// SPDX-License-Identifier: MIT
// Finds the record that a delta refers to. The delta's check is the XOR of that record, which is
// weak evidence: records of one layout differ only in four bits of it, so 1 in 16 fits by chance.
// The behaviour of the tracker says more. It makes records in the order of their times, and a delta
// refers to the record made just before it. Live records are sent in the order in which they are
// made; without a connection the tracker stores records, and sends them after the next live one. So
// the reference of
//
//   a live delta    is the previous live record, or one from the log, which mostly arrives later
//   a stored delta  is the previous record of the log, or the last live one before the gap
//
// A candidate is accepted at once if no delta has used it yet and it is in the expected place.
// Where a record may be missing, it is accepted only when the check of the next delta fits the
// result.
#include "decoders/pt502/pt502_reference.h"
#include "decoders/pt502/pt502_fields.h"

#define LEANS_LEAST 3  /* after so many lean deltas, one that is not lean is suspicious */
#define LAG_S       90 /* most difference between the lags of two live records */
#define SURE_BITS   10 /* least evidence for a reference that the order contradicts */
#define LATE_US     INT64_C(5500000) /* most delay of a live record after its delta */

// How good a reference is, rising. Up to UNPROVEN it is accepted only if held deltas apply to the
// result.
enum rank {
	NONE,
	MISSING,      /* a record may be missing: the next delta must apply, with SURE_BITS */
	UNRESOLVED,   /* an unresolved delta is likelier: two deltas must apply, with SURE_BITS */
	OVERTAKEN,    /* the first held delta must apply: it has overtaken this one */
	UNPROVEN,     /* the next held delta must apply */
	REPEATED,     /* the result has arrived already */
	NEWEST,       /* the newest record, though others have times between it and the result */
	NEXT_IN_TIME, /* no remembered record has a time between it and the result */
};

// A record whose XOR is the delta's check, and the result of applying the delta.
struct candidate {
	const struct pt502_history *history;
	const struct pt502_history_record *record;
	bool live;       /* the result is a live record */
	bool lean;       /* pt502_apply_is_lean */
	bool next;       /* no remembered record has a time between the two */
	uint32_t time_s; /* of the result */
};

static bool is_next_in_time(const struct pt502_history *history, size_t index, uint32_t time_s)
{
	uint32_t before_s = history->records[index].time_s;
	if (before_s == 0 || time_s == 0 || time_s < before_s)
		return false;
	for (size_t i = 0; i < history->count; i++) {
		uint32_t other_s = history->records[i].time_s;
		if (other_s > before_s && other_s < time_s)
			return false;
	}
	return true;
}

// Returns the latest remembered time before time_s, or 0 if there is none.
static uint32_t time_before(const struct pt502_history *history, uint32_t time_s)
{
	uint32_t before_s = 0;
	for (size_t i = 0; i < history->count; i++) {
		uint32_t other_s = history->records[i].time_s;
		if (other_s < time_s && other_s > before_s)
			before_s = other_s;
	}
	return before_s;
}

// Returns true if the step to the result is much longer than any between the remembered records.
static bool is_gap(const struct pt502_history *history, uint32_t before_s, uint32_t time_s)
{
	uint32_t longest_s = 0;
	unsigned steps = 0;
	for (uint32_t at_s = before_s, other_s; (other_s = time_before(history, at_s)); steps++) {
		longest_s = at_s - other_s > longest_s ? at_s - other_s : longest_s;
		at_s = other_s;
	}
	return steps >= 2 && time_s > before_s && time_s - before_s > longest_s + longest_s / 2 + 1;
}

// Returns true if a record seems to be missing: the device reports at regular times, except for a
// few lost records, and this step is two to four intervals long. (A longer step is more likely
// another interval: is_gap.)
static bool is_missing(const struct pt502_history *history, uint32_t before_s, uint32_t time_s)
{
	uint32_t steps[PT502_HISTORY_MOST], usual_s = UINT32_MAX;
	size_t count = 0, usual = 0;
	for (uint32_t at_s = before_s, other_s;
		count < PT502_HISTORY_MOST && (other_s = time_before(history, at_s));
		at_s = other_s) {
		steps[count] = at_s - other_s;
		usual_s = steps[count] < usual_s ? steps[count] : usual_s;
		count++;
	}
	for (size_t i = 0; i < count; i++)
		usual += steps[i] - usual_s <= usual_s / 8;
	if (count < 2 || 2 * usual <= count)
		return false;
	const uint32_t step_s = time_s - before_s, slack_s = usual_s / 8;
	return step_s + slack_s >= 2 * usual_s && step_s <= 4 * usual_s + slack_s;
}

// Returns true if a live record arrived between the two ticks.
static bool is_live_between(const struct pt502_history *history, uint32_t from, uint32_t to)
{
	for (size_t i = 0; i < history->count; i++) {
		const struct pt502_history_record *record = &history->records[i];
		if (!record->stored && pt502_is_later(record->tick, from) &&
			pt502_is_later(to, record->tick))
			return true;
	}
	return false;
}

// Returns true if both arrived on one TCP connection, where nothing is lost between them.
static bool is_near(const struct candidate *candidate, const struct session *session,
	const struct pt502_query *query)
{
	return !session->datagram && query->start > 0 &&
	       !pt502_is_later(query->start, candidate->record->tick);
}

// Judges the step to the result. A long one may mean that a record is missing and this one fits by
// chance.
static enum rank judge_step(const struct candidate *candidate, const struct session *session,
	const struct pt502_query *query)
{
	const struct pt502_history *history = candidate->history;
	const uint32_t before_s = candidate->record->time_s;
	if (!is_near(candidate, session, query) && candidate->next &&
		is_gap(history, before_s, candidate->time_s))
		return query->last ? REPEATED : UNPROVEN;
	if (!candidate->lean && history->leans >= LEANS_LEAST)
		return query->last ? REPEATED : UNPROVEN;
	return candidate->next ? NEXT_IN_TIME : NEWEST;
}

// Judges a live record that arrived before the delta.
static enum rank judge_live(const struct candidate *candidate, const struct session *session,
	const struct pt502_query *query)
{
	const uint32_t tick = candidate->record->tick;
	if (!candidate->live)
		return candidate->next ? NEXT_IN_TIME : NONE;
	if (is_live_between(candidate->history, tick, query->tick))
		return NONE;
	if (candidate->next && !is_near(candidate, session, query) &&
		is_missing(candidate->history, candidate->record->time_s, candidate->time_s))
		return MISSING;
	if (query->unresolved == 0 || !pt502_is_later(query->unresolved, tick))
		return judge_step(candidate, session, query);
	if (!candidate->next)
		return NONE; // the unresolved delta is the reference
	return session->datagram && query->held_at != 0 ? OVERTAKEN : UNRESOLVED;
}

// Judges a live record that arrived after the delta: the two were reordered on the way.
static enum rank judge_late(const struct candidate *candidate, const struct session *session,
	const struct pt502_query *query)
{
	if (!candidate->live || !candidate->next ||
		session->received_us - query->received_us > LATE_US ||
		is_live_between(candidate->history, query->tick, candidate->record->tick))
		return NONE;
	return (uint32_t)query->held_at + 1 == held_frames_count(session) ? NEXT_IN_TIME : UNPROVEN;
}

// Returns true if the result is as old as the device's live records are on arrival.
static bool has_live_age(const struct candidate *candidate, const struct pt502_query *query)
{
	const struct pt502_history *history = candidate->history;
	const int64_t lag_s = query->received_us / 1000000 - candidate->time_s - history->lag_s;
	return !history->lag_known || (lag_s >= -LAG_S && lag_s <= LAG_S);
}

// Judges a record from the log.
static enum rank judge_logged(const struct candidate *candidate, const struct session *session,
	const struct pt502_query *query)
{
	const uint32_t tick = candidate->record->tick;
	const bool came_before = pt502_is_later(query->tick, tick);
	const bool unresolved = query->unresolved > 0 && pt502_is_later(query->unresolved, tick);
	const bool is_previous =
		came_before && !is_live_between(candidate->history, tick, query->tick);
	if (!candidate->next)
		return NONE;
	if (!candidate->live) // it must follow directly, or others may be missing
		return is_previous && !unresolved ? NEXT_IN_TIME : UNPROVEN;
	if (came_before && !is_previous)
		return NONE; // the delta would refer to the live record between them
	// A live delta that follows an unresolved one of this conversation refers to that.
	if (query->unresolved > 0 && !pt502_is_later(query->start, query->unresolved) &&
		!is_live_between(candidate->history, query->unresolved, query->tick))
		return NONE;
	// Unless the log has ended, a better one may follow.
	const bool ended =
		candidate->lean && has_live_age(candidate, query) &&
		!is_gap(candidate->history, candidate->record->time_s, candidate->time_s) &&
		is_live_between(candidate->history, tick, tick + INT32_MAX);
	return came_before || session->quiet || ended ? NEXT_IN_TIME : UNPROVEN;
}

// Judges a reference whose result has arrived already. After reconnecting, a tracker repeats its
// last records, and the network repeats datagrams. Otherwise it is a coincidence: a vehicle at rest
// makes nearly equal records.
static enum rank judge_known(const struct candidate *candidate, const struct session *session,
	const struct pt502_query *query)
{
	const bool fresh = !session->datagram &&
			   !is_live_between(candidate->history, query->start, query->tick);
	const bool again = session->datagram && held_frames_count(session) == 0;
	return fresh || again || !candidate->live || candidate->record->stored ? REPEATED : NONE;
}

static enum rank judge(const struct candidate *candidate, const struct session *session,
	const struct pt502_query *query, struct text text)
{
	const struct pt502_history_record *record = candidate->record;
	if (pt502_history_find(candidate->history, text, pt502_xor(text)) <
		candidate->history->count)
		return candidate->next ? judge_known(candidate, session, query) : NONE;
	if (record->followed)
		return NONE;
	if (record->stored)
		return judge_logged(candidate, session, query);
	return pt502_is_later(record->tick, query->tick) ? judge_late(candidate, session, query)
							 : judge_live(candidate, session, query);
}

// Returns true if enough held deltas apply to the result, as the rank requires.
static bool is_proven(const struct session *session, const struct pt502_query *query,
	enum rank rank, struct text reference, struct text text)
{
	const size_t wanted = rank == UNRESOLVED ? 2 : 1;
	const uint32_t next = rank == OVERTAKEN ? 0 : (uint32_t)(query->held_at + 1);
	if (held_frames_count(session) == 0 || (query->held_at < 0 && rank != OVERTAKEN))
		return false;
	if ((rank == MISSING || rank == UNRESOLVED) &&
		pt502_apply_chain(session->held, (uint32_t)query->held_at, reference).bits <
			SURE_BITS)
		return false;
	return pt502_apply_chain(session->held, next, text).length >= wanted;
}

// Applies the delta to the record at `index`. Returns how good a reference that is; *out: the
// result.
static enum rank try_reference(const struct session *session, const struct pt502_history *history,
	const struct pt502_query *query, size_t index, struct pt502_choice *out)
{
	struct text reference = pt502_history_text(history, index);
	if (history->xors[index] != (uint8_t)query->delta.data[1] ||
		!pt502_apply(reference, query->delta, &out->record))
		return NONE;
	struct text text = pt502_rebuilt_text(&out->record);
	struct pt502_fields fields = pt502_fields_split(text);
	if (!pt502_is_same(
		    pt502_fields_ident(&fields), (struct text){session->ident, session->ident_len}))
		return NONE;
	out->index = index;
	out->lean = pt502_apply_is_lean(reference, query->delta);
	struct candidate candidate = {.history = history,
		.record = &history->records[index],
		.live = !pt502_is_stored(text),
		.lean = out->lean,
		.time_s = pt502_fields_time(&fields)};
	candidate.next = is_next_in_time(history, index, candidate.time_s);
	enum rank rank = judge(&candidate, session, query, text);
	out->tick = rank == OVERTAKEN ? candidate.record->tick : query->tick;
	if (rank != NONE && rank <= UNPROVEN && !is_proven(session, query, rank, reference, text))
		return NONE;
	return rank;
}

struct pt502_choice pt502_reference_choose(const struct session *session,
	const struct pt502_history *history, const struct pt502_query *query)
{
	struct pt502_choice best = {.found = false}, next = best;
	enum rank best_rank = NONE;
	for (size_t i = history->count; i-- > 0;) {
		enum rank rank = try_reference(session, history, query, i, &next);
		if (rank > best_rank ||
			(rank == best_rank && rank != NONE && next.lean && !best.lean)) {
			best = next;
			best_rank = rank;
		}
	}
	best.found = best_rank != NONE;
	return best;
}
