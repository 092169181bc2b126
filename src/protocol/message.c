// SPDX-License-Identifier: MIT
// A session's messages are in a list; each has an array of its parts by number. A part has its frame, and its data if that
// does not lie within the frame (it was unescaped).
//
//   message.part[]   NULL | part 2 | NULL | part 4          part   frame ... | data ...
#include "protocol/message.h"

#include <stdlib.h>
#include <string.h>

struct part {
	int64_t received_us;
	bool saved; /* in the journal */
	uint32_t frame_len;
	uint32_t at, len; /* of the data */
	uint8_t bytes[];
};

struct message {
	struct message *next;
	struct messages *all;
	struct message *before, *after; /* in `all` */
	bool listed, yields;
	uint64_t id, key;
	int64_t newest_us;  /* receipt of the newest part; INT64_MIN: to be rejected */
	const char *detail; /* the reason for that */
	enum decode_status status;
	size_t bytes;  /* of memory */
	size_t len;    /* of the data of the parts held */
	uint32_t held; /* parts */
	uint32_t count;
	uint8_t ident_len;
	char ident[IDENT_MAX];
	struct part *part[];
};

#define SPARE (MESSAGES_BYTES / 8)

static void use_bytes(struct message *message, size_t bytes)
{
	message->bytes += bytes;
	message->all->bytes += bytes;
}

static void free_bytes(struct message *message, size_t bytes)
{
	message->bytes -= bytes;
	message->all->bytes -= bytes;
	message->all->yielding -= message->yields ? bytes : 0;
}

// ---- all of them, by their newest part

static void unlist(struct message *message)
{
	struct messages *all = message->all;

	if (!message->listed)
		return;
	*(message->before ? &message->before->after : &all->first) = message->after;
	*(message->after ? &message->after->before : &all->last) = message->before;
	message->before = message->after = NULL;
	message->listed = false;
}

static void list_last(struct message *message)
{
	struct messages *all = message->all;

	unlist(message);
	message->before = all->last;
	*(all->last ? &all->last->after : &all->first) = message;
	all->last = message;
	message->listed = true;
}

// Lets idle messages be rejected while less than SPARE would be left.
static void make_room(struct messages *all, size_t bytes, int64_t now_us)
{
	while (all->first && all->bytes + bytes > MESSAGES_BYTES - SPARE + all->yielding &&
		now_us - all->first->newest_us >= MESSAGE_IDLE_US) {
		struct message *message = all->first;
		unlist(message);
		message->yields = true;
		all->yielding += message->bytes;
		message->newest_us = INT64_MIN;
		message->status = DECODE_DETAIL;
		message->detail = MESSAGE_INCOMPLETE;
	}
}

// ---- one message

// Returns the memory of a part. outside: its data does not lie within the frame.
static size_t part_bytes(size_t frame_len, size_t len, bool outside)
{
	return sizeof(struct part) + frame_len + (outside ? len : 0);
}

static void drop_part(struct message *message, uint32_t index)
{
	struct part *part = message->part[index];
	if (!part)
		return;
	const size_t bytes = part_bytes(part->frame_len, part->len, part->at == part->frame_len);
	message->part[index] = NULL;
	message->held--;
	message->len -= part->len;
	free_bytes(message, bytes);
	free(part);
}

static void drop(struct message *message)
{
	for (uint32_t i = 0; i < message->count; i++)
		drop_part(message, i);
	free_bytes(message, message->bytes);
	unlist(message);
	free(message);
}

void message_drop_all(struct session *session)
{
	while (session->messages) {
		struct message *next = session->messages->next;
		drop(session->messages);
		session->messages = next;
	}
	if (session->whole)
		drop(session->whole);
	session->whole = NULL;
}

static bool is_of(const struct message *message, const struct session *session, uint64_t id)
{
	return message->id == id && message->newest_us != INT64_MIN &&
	       message->ident_len == session->ident_len &&
	       memcmp(message->ident, session->ident, session->ident_len) == 0;
}

static struct message **find(struct session *session, uint64_t id)
{
	struct message **at = &session->messages;
	while (*at && !is_of(*at, session, id))
		at = &(*at)->next;
	return at;
}

// Returns true if the session may hold so many more bytes, in a further message or in one that it has.
static bool has_room(const struct session *session, size_t bytes, bool further)
{
	size_t used = 0, count = 0;
	make_room(session->all_messages, bytes, session->received_us);
	for (const struct message *message = session->messages; message; message = message->next) {
		used += message->bytes;
		count++;
	}
	return count + further <= MESSAGES_MOST && used <= MESSAGES_HELD &&
	       bytes <= MESSAGES_HELD - used && session->all_messages->bytes <= MESSAGES_BYTES &&
	       bytes <= MESSAGES_BYTES - session->all_messages->bytes;
}

static struct message *open_message(struct session *session, const struct message_part *part)
{
	const size_t bytes = sizeof(struct message) + part->count * sizeof(struct part *);
	if (!has_room(session, bytes, true))
		return NULL;
	struct message *message = calloc(1, bytes);
	if (!message)
		return NULL;
	message->all = session->all_messages;
	use_bytes(message, bytes);
	message->id = part->id;
	message->count = part->count;
	message->ident_len = session->ident_len;
	memcpy(message->ident, session->ident, session->ident_len);
	message->next = session->messages;
	session->messages = message;
	return message;
}

static bool hold(struct session *session, struct message *message, const struct message_part *from)
{
	const uintptr_t data = (uintptr_t)from->data, frame = (uintptr_t)from->frame;
	const bool inside = data >= frame && data + from->len <= frame + from->frame_len;
	const size_t bytes = part_bytes(from->frame_len, from->len, !inside);
	const int64_t newest_us = message->newest_us;
	message->newest_us = session->received_us; // so that this one does not yield
	list_last(message);
	struct part *part = has_room(session, bytes, false) ? malloc(bytes) : NULL;
	if (!part) {
		message->newest_us = newest_us;
		return false;
	}
	*part = (struct part){.received_us = session->received_us,
		.frame_len = (uint32_t)from->frame_len,
		.at = (uint32_t)(inside ? data - frame : from->frame_len),
		.len = (uint32_t)from->len};
	memcpy(part->bytes, from->frame, from->frame_len);
	if (!inside)
		memcpy(part->bytes + part->at, from->data, from->len);
	use_bytes(message, bytes);
	message->part[from->number - 1] = part;
	message->held++;
	message->len += from->len;
	session->unsaved = true;
	return true;
}

// Joins the parts held and this one, which is the last to arrive.
static bool join(const struct message *message, const struct message_part *last,
	struct decoded *out, struct text *whole)
{
	uint8_t *data = decoded_arena(out, message->len + last->len);
	if (!data)
		return false;
	*whole = (struct text){(char *)data, message->len + last->len};
	for (uint32_t i = 0; i < message->count; i++) {
		const struct part *part = message->part[i];
		const uint8_t *from = part ? part->bytes + part->at : last->data;
		const size_t len = part ? part->len : last->len;
		memcpy(data, from, len);
		data += len;
	}
	return true;
}

static bool is_sound(const struct message_part *part)
{
	return part->count - 1 < MESSAGE_PARTS && part->number - 1 < part->count && part->len > 0 &&
	       part->len <= MESSAGE_BYTES && part->frame_len <= MESSAGES_HELD;
}

enum message_state message_add(struct session *session, const struct message_part *part,
	struct decoded *out, struct text *whole)
{
	if (!is_sound(part))
		return MESSAGE_REFUSED;
	if (part->count == 1) {
		*whole = (struct text){(const char *)part->data, part->len};
		return MESSAGE_WHOLE;
	}
	if (!session->all_messages || session->whole)
		return MESSAGE_REFUSED;
	struct message **at = find(session, part->id), *message = *at;
	if (message && (message->count != part->count || part->len > MESSAGE_BYTES - message->len))
		return MESSAGE_REFUSED;
	if (message && message->part[part->number - 1])
		return MESSAGE_HELD;
	if (message && message->held + 1 == message->count) {
		if (!join(message, part, out, whole))
			return MESSAGE_REFUSED;
		*at = message->next;
		unlist(message);
		session->whole = message;
		return MESSAGE_WHOLE;
	}
	const bool opened = !message;
	if (opened && !(message = open_message(session, part)))
		return MESSAGE_REFUSED;
	if (hold(session, message, part))
		return MESSAGE_HELD;
	if (opened) {
		session->messages = message->next;
		drop(message);
	}
	return MESSAGE_REFUSED;
}

uint32_t message_missing(
	const struct session *session, uint64_t id, uint16_t *numbers, uint32_t most)
{
	uint32_t missing = 0;
	const struct message *message = session->messages;
	while (message && !is_of(message, session, id))
		message = message->next;
	for (uint32_t i = 0; message && i < message->count; i++) {
		if (message->part[i])
			continue;
		if (missing < most)
			numbers[missing] = (uint16_t)(i + 1);
		missing++;
	}
	return missing;
}

void message_conclude(
	struct session *session, bool accepted, enum decode_status status, struct decoded *out)
{
	struct message *message = session->whole;
	if (!message)
		return;
	session->whole = NULL;
	if (accepted) {
		out->message = (struct held_mark){.key = message->key};
		drop(message);
		return;
	}
	unlist(message);
	message->newest_us = INT64_MIN;
	message->status = status;
	message->detail = out->fault ? DECODED_FAULT : out->detail;
	message->next = session->messages;
	session->messages = message;
}

// Rejects the parts of a message. Returns false if there was no room for all of them.
static bool reject_parts(struct message *message, struct decoded *out)
{
	if (message->newest_us != INT64_MIN) {
		unlist(message);
		message->newest_us = INT64_MIN;
		message->status = DECODE_DETAIL;
		message->detail = MESSAGE_INCOMPLETE;
	}
	for (uint32_t i = 0; i < message->count; i++) {
		const struct part *part = message->part[i];
		if (!part)
			continue;
		const struct held_mark mark = {
			.key = part->saved ? message->key : 0, .number = i + 1};
		if (!decoded_reject_held(out, message->status, message->detail,
			    (struct text){(const char *)part->bytes, part->frame_len}, mark))
			return false;
		drop_part(message, i);
	}
	return true;
}

void message_reject(struct session *session, int64_t before_us, struct decoded *out)
{
	for (struct message **at = &session->messages; *at;) {
		struct message *message = *at;
		if (message->newest_us >= before_us) {
			at = &message->next;
			continue;
		}
		if (!reject_parts(message, out))
			return;
		*at = message->next;
		drop(message);
	}
}

void message_forget(struct session *session, int64_t before_us)
{
	for (struct message **at = &session->messages; *at;) {
		struct message *message = *at;
		if (message->newest_us >= before_us) {
			at = &message->next;
			continue;
		}
		*at = message->next;
		drop(message);
	}
}

void message_visit_parts(
	struct session *session, bool only_new, bool saves, message_visitor *visitor, void *context)
{
	for (struct message *message = session->messages; message; message = message->next) {
		for (uint32_t i = 0; i < message->count; i++) {
			struct part *part = message->part[i];
			if (!part || (only_new && part->saved))
				continue;
			const struct message_visit visit = {.key = &message->key,
				.number = i + 1,
				.received_us = part->received_us,
				.ident = {message->ident, message->ident_len},
				.frame = {(const char *)part->bytes, part->frame_len}};
			part->saved |= saves;
			visitor(context, &visit);
		}
	}
}

void message_drop_unsaved(struct session *session)
{
	for (struct message **at = &session->messages; *at;) {
		struct message *message = *at;
		for (uint32_t i = 0; i < message->count; i++)
			if (message->part[i] && !message->part[i]->saved)
				drop_part(message, i);
		if (message->held > 0) {
			at = &message->next;
			continue;
		}
		*at = message->next;
		drop(message);
	}
}

void message_set_key(struct session *session, uint64_t key)
{
	for (struct message *message = session->messages; message; message = message->next) {
		if (message->key != 0 && message->key != key)
			continue;
		message->key = key;
		for (uint32_t i = 0; i < message->count; i++)
			if (message->part[i])
				message->part[i]->saved = true;
	}
}

bool message_move(struct session *from, struct session *to)
{
	bool moved = false;
	for (struct message **at = &from->messages; *at;) {
		struct message *message = *at;
		if (*find(to, message->id) || message->newest_us == INT64_MIN ||
			!has_room(to, message->bytes, true)) {
			at = &message->next;
			continue;
		}
		*at = message->next;
		message->next = to->messages;
		to->messages = message;
		moved = true;
	}
	return moved;
}
