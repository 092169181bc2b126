// SPDX-License-Identifier: MIT
// What one simulated tracker sends: makes the reports that are due and writes them, log-ins and replies to a socket.
#ifndef AVLD_SIMULATE_SIMULATE_OUTBOX_H
#define AVLD_SIMULATE_SIMULATE_OUTBOX_H

#include "simulate/simulate_records.h"
#include "simulate/simulate_run.h"
#include "simulate/simulate_tracker.h"

struct simulate_outbox {
	struct simulate_run *run;
	struct simulate_tracker tracker;
	struct simulate_records records;
	uint32_t index;
	uint64_t made;  /* reports written into records so far */
	uint64_t quota; /* reports to make in all */
	uint8_t login_len, login_sent;
	uint16_t reply_len, reply_sent;
	uint8_t login[SIMULATE_LOGIN_MAX];
	uint8_t reply[SIMULATE_REPLY_MAX]; /* to commands; sent between two records */
};

enum simulate_sent {
	SENT_ALL,    /* nothing is pending */
	SENT_SOME,   /* the rest when the socket is writable */
	SENT_FAILED, /* errno is the reason */
};

void simulate_outbox_init(struct simulate_outbox *outbox, struct simulate_run *run, uint32_t index);
void simulate_outbox_done(struct simulate_outbox *outbox);

// Prepares the log-in and drops pending replies. Returns false if the protocol has none over this transport.
bool simulate_outbox_log_in(struct simulate_outbox *outbox);
enum simulate_sent simulate_outbox_send_login(struct simulate_outbox *outbox, int fd);

// Makes the reports that are due and sends them, and replies.
enum simulate_sent simulate_outbox_send(struct simulate_outbox *outbox, int fd);

// Executes a whole command of the server and queues the reply.
void simulate_outbox_execute(struct simulate_outbox *outbox, const uint8_t *command, size_t len);

// Returns true if there are reports to send or to make.
bool simulate_outbox_has_more(const struct simulate_outbox *outbox);

// Returns true if all reports of the quota have been made and sent, and all replies.
bool simulate_outbox_is_finished(const struct simulate_outbox *outbox);

#endif
