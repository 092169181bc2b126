// SPDX-License-Identifier: MIT
// The open commands of avld.commands, per device. Decides which may be sent now, and whether later reports confirm those
// sent. Owns no socket: conversations fetch the bytes to send. Each change of a command is appended to the journal before
// it takes effect.
#ifndef AVLD_DOWNLINK_COMMAND_QUEUE_H
#define AVLD_DOWNLINK_COMMAND_QUEUE_H

#include "config/config.h"
#include "downlink/command_counters.h"
#include "journal/journal.h"
#include "model/peer.h"
#include "protocol/decoder.h"
#include "writer/command_rows.h"

#define COMMAND_FRAME_MAX 512 /* bytes of a command on the wire */

struct command_queue;

// Called from the sink and from command_queue_tick when a command may now be sent to the device of that ident.
typedef void command_queue_ready(void *context, struct text ident);
struct command_queue *command_queue_new(const struct config *config, struct journal *journal,
	command_queue_ready *ready, void *context);
void command_queue_free(struct command_queue *queue);

// Returns the number of open commands. While it is 0, which is the usual case, the functions below need not be called.
size_t command_queue_count(const struct command_queue *queue);
// Returns how many of the open ones have been sent. Looks at each.
size_t command_queue_count_sent(const struct command_queue *queue);
const struct command_counters *command_queue_counters(const struct command_queue *queue);

// Returns the callbacks through which the writer delivers the commands read from the database. Valid as long as the queue.
struct command_sink command_queue_sink(struct command_queue *queue);

// Notes a report just received: its fix counts for engineStop, and it may confirm a command sent, or refuse it. answer: the
// report's (decoded_find_answer), or NULL. For an answer without a report, *report has the ident only. A datagram confirms
// only what was sent to its address; a report that is set aside (FLAG_ASIDE) confirms nothing.
void command_queue_note_report(struct command_queue *queue, const struct decoder *decoder,
	const struct peer *peer, const struct report *report, const struct command_answer *answer,
	int64_t received_us);

// A conversation to which a command may be sent.
struct command_queue_talk {
	struct text ident;
	const struct decoder *decoder;
	struct session *session;
	const struct peer *peer;
};
// Writes the next command for the device, in its protocol, into out (room for COMMAND_FRAME_MAX) and returns its length;
// 0: none. The command counts as sent. A UDP peer gets none until the device's newest two datagrams with reports have come
// from its address, also if an earlier process received the first (avld.device_state).
size_t command_queue_next(struct command_queue *queue, const struct command_queue_talk *talk,
	int64_t now_us, uint8_t *out);
// Returns the id of the command that command_queue_next has written last.
int64_t command_queue_sent_id(const struct command_queue *queue);

// Call once a second: expires commands and reports devices whose commands may be sent again.
void command_queue_tick(struct command_queue *queue, int64_t now_us);

#endif
