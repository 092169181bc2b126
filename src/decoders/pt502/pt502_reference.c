// SPDX-License-Identifier: MIT
// Which of a device's records a delta refers to. Its check is the XOR of that record: little proof,
// for among records of one layout it differs in four bits, so that one in 16 has it by chance. What
// the tracker does says more. It makes records in the order of their times, and refers to the one made
// just before. It sends live ones in the order in which it makes them; while it has no connection it
// stores them, and sends them after the next live one. So the reference of
//
//   a live delta    is the live record before it, or one out of the log, mostly still to come
//   a stored delta  is the record before it in the log, or the last live one before the gap
//
// A record that fits is taken at once when no delta has led on from it yet and it stands where the
// reference must; where something may be missing, not before the next delta's check fits the result.
#include "decoders/pt502/pt502_delta.h"

#define LEANS_LEAST 3  /* lean deltas after which one that is not looks wrong */
#define LAG_S       90 /* that much a live record's age may differ from the last one's */
#define SURE_BITS   10 /* that much must be said for a reference that the order speaks against */
#define LATE_US     INT64_C(5500000) /* a live record may come that long after its delta */

// How good a reference is, rising. Up to UNPROVEN other deltas must go on from the result: so many that
// chance is out of the question; such two; the first that waits, which has overtaken this one; the
// next one.
enum rank { NONE, MISSING, ASTRAY, OVERTAKEN, UNPROVEN, REPEATED, NEWEST, NEXT_IN_TIME };

// A record that check fits, and what it becomes.
struct candidate {
	const struct past *past;
	const struct past_record *record;
	bool live; /* the result is */
	bool lean;
	bool next; /* nothing remembered lies between it and the result, by their times */
	uint32_t time_s;
};

static bool is_next_in_time(const struct past *past, size_t index, uint32_t time_s)
{
	uint32_t before_s = past->records[index].time_s;
	if (before_s == 0 || time_s == 0 || time_s < before_s)
		return false;
	for (size_t i = 0; i < past->count; i++) {
		uint32_t other_s = past->records[i].time_s;
		if (other_s > before_s && other_s < time_s)
			return false;
	}
	return true;
}

// The record remembered before that time, by its time; 0: none.
static uint32_t time_before(const struct past *past, uint32_t time_s)
{
	uint32_t before_s = 0;
	for (size_t i = 0; i < past->count; i++) {
		uint32_t other_s = past->records[i].time_s;
		if (other_s < time_s && other_s > before_s)
			before_s = other_s;
	}
	return before_s;
}

// Is the step to the result much longer than any between the records known?
static bool is_gap(const struct past *past, uint32_t before_s, uint32_t time_s)
{
	uint32_t longest_s = 0;
	unsigned steps = 0;
	for (uint32_t at_s = before_s, other_s; (other_s = time_before(past, at_s)); steps++) {
		longest_s = at_s - other_s > longest_s ? at_s - other_s : longest_s;
		at_s = other_s;
	}
	return steps >= 2 && time_s > before_s && time_s - before_s > longest_s + longest_s / 2 + 1;
}

// Is a record missing? The device reports at even times, but for a few that are lost already, and this
// step is two to four of them. (A longer one more likely is another interval: see is_gap.)
static bool is_missing(const struct past *past, uint32_t before_s, uint32_t time_s)
{
	uint32_t steps[PAST_MOST], usual_s = UINT32_MAX;
	size_t count = 0, usual = 0;
	for (uint32_t at_s = before_s, other_s;
		count < PAST_MOST && (other_s = time_before(past, at_s)); at_s = other_s) {
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

// Is there another live record that came between the two ticks?
static bool is_live_between(const struct past *past, uint32_t from, uint32_t to)
{
	for (size_t i = 0; i < past->count; i++) {
		const struct past_record *record = &past->records[i];
		if (!record->stored && is_later(record->tick, from) && is_later(to, record->tick))
			return true;
	}
	return false;
}

// Nothing is lost within a stream.
static bool is_near(const struct candidate *candidate, const struct session *session,
	const struct seeker *seeker)
{
	return !session->datagram && seeker->start > 0 &&
	       !is_later(seeker->start, candidate->record->tick);
}

// Else a record may be missing, and this one fit by chance.
static enum rank judge_step(const struct candidate *candidate, const struct session *session,
	const struct seeker *seeker)
{
	const struct past *past = candidate->past;
	const uint32_t before_s = candidate->record->time_s;
	if (!is_near(candidate, session, seeker) && candidate->next &&
		is_gap(past, before_s, candidate->time_s))
		return seeker->last ? REPEATED : UNPROVEN;
	if (!candidate->lean && past->leans >= LEANS_LEAST)
		return seeker->last ? REPEATED : UNPROVEN;
	return candidate->next ? NEXT_IN_TIME : NEWEST;
}

// A live record that came before the delta.
static enum rank judge_live(const struct candidate *candidate, const struct session *session,
	const struct seeker *seeker)
{
	const uint32_t tick = candidate->record->tick;
	if (!candidate->live)
		return candidate->next ? NEXT_IN_TIME : NONE;
	if (is_live_between(candidate->past, tick, seeker->tick))
		return NONE;
	if (candidate->next && !is_near(candidate, session, seeker) &&
		is_missing(candidate->past, candidate->record->time_s, candidate->time_s))
		return MISSING;
	if (seeker->after == 0 || !is_later(seeker->after, tick))
		return judge_step(candidate, session, seeker);
	if (!candidate->next)
		return NONE; // what has gone astray since is the reference
	return session->datagram && seeker->place != 0 ? OVERTAKEN : ASTRAY;
}

// One that came after it: they were sent in the wrong order.
static enum rank judge_late(const struct candidate *candidate, const struct session *session,
	const struct seeker *seeker)
{
	if (!candidate->live || !candidate->next ||
		session->received_us - seeker->came_us > LATE_US ||
		is_live_between(candidate->past, seeker->tick, candidate->record->tick))
		return NONE;
	return (uint32_t)seeker->place + 1 == held_frames_count(session) ? NEXT_IN_TIME : UNPROVEN;
}

// Is the result as old as the device's live records are when they come?
static bool is_of_its_time(const struct candidate *candidate, const struct seeker *seeker)
{
	const struct past *past = candidate->past;
	const int64_t lag_s = seeker->came_us / 1000000 - candidate->time_s - past->lag_s;
	return !past->lag_known || (lag_s >= -LAG_S && lag_s <= LAG_S);
}

// A record out of the log.
static enum rank judge_logged(const struct candidate *candidate, const struct session *session,
	const struct seeker *seeker)
{
	const uint32_t tick = candidate->record->tick;
	const bool came_before = is_later(seeker->tick, tick);
	const bool astray = seeker->after > 0 && is_later(seeker->after, tick);
	const bool behind = came_before && !is_live_between(candidate->past, tick, seeker->tick);
	if (!candidate->next)
		return NONE;
	if (!candidate->live) // right behind it, or others may be missing
		return behind && !astray ? NEXT_IN_TIME : UNPROVEN;
	if (came_before && !behind)
		return NONE; // then it would refer to the live one
	// A live delta right behind one that went astray in this conversation refers to that.
	if (seeker->after > 0 && !is_later(seeker->start, seeker->after) &&
		!is_live_between(candidate->past, seeker->after, seeker->tick))
		return NONE;
	// Is the log at its end? Else one may follow that fits better.
	const bool ended = candidate->lean && is_of_its_time(candidate, seeker) &&
			   !is_gap(candidate->past, candidate->record->time_s, candidate->time_s) &&
			   is_live_between(candidate->past, tick, tick + INT32_MAX);
	return came_before || session->quiet || ended ? NEXT_IN_TIME : UNPROVEN;
}

// The result is there already. A tracker sends again what it sent last when it has connected anew; the
// network repeats datagrams. Else a vehicle that stands still makes nearly the same records again.
static enum rank judge_known(const struct candidate *candidate, const struct session *session,
	const struct seeker *seeker)
{
	const bool fresh = !session->datagram &&
			   !is_live_between(candidate->past, seeker->start, seeker->tick);
	const bool again = session->datagram && held_frames_count(session) == 0;
	return fresh || again || !candidate->live || candidate->record->stored ? REPEATED : NONE;
}

static enum rank judge(const struct candidate *candidate, const struct session *session,
	const struct seeker *seeker, struct text text)
{
	const struct past_record *record = candidate->record;
	if (past_find(candidate->past, text, delta_xor(text)) < candidate->past->count)
		return candidate->next ? judge_known(candidate, session, seeker) : NONE;
	if (record->followed)
		return NONE;
	if (record->stored)
		return judge_logged(candidate, session, seeker);
	return is_later(record->tick, seeker->tick) ? judge_late(candidate, session, seeker)
						    : judge_live(candidate, session, seeker);
}

static bool is_proven(const struct session *session, const struct seeker *seeker, enum rank rank,
	struct text reference, struct text text)
{
	const size_t wanted = rank == ASTRAY ? 2 : 1;
	const uint32_t place = rank == OVERTAKEN ? 0 : (uint32_t)(seeker->place + 1);
	if (held_frames_count(session) == 0 || (seeker->place < 0 && rank != OVERTAKEN))
		return false;
	if ((rank == MISSING || rank == ASTRAY) &&
		delta_chain(session->held, (uint32_t)seeker->place, reference).bits < SURE_BITS)
		return false;
	return delta_chain(session->held, place, text).length >= wanted;
}

// Makes what the record at `index` becomes, and says how good that is.
static enum rank look_at(const struct session *session, const struct past *past,
	const struct seeker *seeker, size_t index, struct choice *out)
{
	struct text reference = past_text(past, index);
	if (past->xors[index] != (uint8_t)seeker->delta.data[1] ||
		!delta_apply(reference, seeker->delta, &out->record))
		return NONE;
	struct text text = record_text(&out->record);
	struct fields fields = delta_split(text);
	if (!is_same(delta_ident(&fields), (struct text){session->ident, session->ident_len}))
		return NONE;
	out->index = index;
	out->lean = delta_is_lean(reference, seeker->delta);
	struct candidate candidate = {.past = past,
		.record = &past->records[index],
		.live = !pt502_is_stored(text),
		.lean = out->lean,
		.time_s = delta_time(&fields)};
	candidate.next = is_next_in_time(past, index, candidate.time_s);
	enum rank rank = judge(&candidate, session, seeker, text);
	out->tick = rank == OVERTAKEN ? candidate.record->tick : seeker->tick;
	if (rank != NONE && rank <= UNPROVEN && !is_proven(session, seeker, rank, reference, text))
		return NONE;
	return rank;
}

struct choice delta_choose(
	const struct session *session, const struct past *past, const struct seeker *seeker)
{
	struct choice best = {.found = false}, next = best;
	enum rank best_rank = NONE;
	for (size_t i = past->count; i-- > 0;) {
		enum rank rank = look_at(session, past, seeker, i, &next);
		if (rank > best_rank ||
			(rank == best_rank && rank != NONE && next.lean && !best.lean)) {
			best = next;
			best_rank = rank;
		}
	}
	best.found = best_rank != NONE;
	return best;
}
