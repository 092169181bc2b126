// SPDX-License-Identifier: MIT
// Commands on their way to trackers: those of avld.commands that have not ended, by the device they are for. Decides
// which may be sent now, and what later reports say of those that were. Owns no socket: connections ask for what is to be
// sent. Each change of a command is an entry of the journal before it is anything else.
#ifndef AVLD_DOWNLINK_COMMAND_QUEUE_H
#define AVLD_DOWNLINK_COMMAND_QUEUE_H

#include "config/config.h"
#include "journal/journal.h"
#include "model/peer.h"
#include "protocol/decoder.h"
#include "writer/writer.h"

#define COMMAND_FRAME_MAX 512 /* bytes of a command on the wire */

struct command_queue;

struct command_counters {
	uint64_t sent, confirmed, failed, expired;
};

// ready: a device of that ident may have something to get now; called from command_queue_sink and command_queue_tick.
typedef void command_queue_ready(void *context, struct text ident);
struct command_queue *command_queue_new(const struct config *config, struct journal *journal,
	command_queue_ready *ready, void *context);
void command_queue_free(struct command_queue *queue);

// Commands that have not ended; 0 is the usual case, and then the others need not be called.
size_t command_queue_count(const struct command_queue *queue);
const struct command_counters *command_queue_counters(const struct command_queue *queue);

// What the writer tells (writer.h).
struct command_sink command_queue_sink(struct command_queue *queue);

// A report of a device, as just received: its fix counts for engineStop, and it may confirm what was sent.
void command_queue_note_report(struct command_queue *queue, const struct decoder *decoder,
	const struct peer *peer, const struct report *report, int64_t received_us);

// To whom one may speak.
struct command_queue_talk {
	struct text ident;
	const struct decoder *decoder;
	const struct session *session;
	const struct peer *peer;
};
// What is to be sent to the device now, in its protocol: out has room for COMMAND_FRAME_MAX. 0: nothing. It counts as
// sent from here on.
size_t command_queue_next(struct command_queue *queue, const struct command_queue_talk *talk,
	int64_t now_us, uint8_t *out);

// Once a second: what has expired, and what may be sent again.
void command_queue_tick(struct command_queue *queue, int64_t now_us);

#endif
