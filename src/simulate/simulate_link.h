// SPDX-License-Identifier: MIT
// One simulated tracker's connection to the server.
#ifndef AVLD_SIMULATE_SIMULATE_LINK_H
#define AVLD_SIMULATE_SIMULATE_LINK_H

#include "simulate/simulate_outbox.h"

enum simulate_link_state {
	LINK_NEW,        /* not begun */
	LINK_CONNECTING, /* TCP: handshake pending */
	LINK_LOGIN,      /* log-in sent, no answer yet */
	LINK_OPEN,       /* reports */
	LINK_CLOSING,    /* everything sent: waits for the peer's FIN */
	LINK_WAITING,    /* broken: reconnects after a while */
	LINK_DONE,       /* everything sent, closed in order */
	LINK_FAILED,     /* given up */
};

struct simulate_link {
	ev_io io;
	ev_timer timer; /* of the state: connect, back-off, log-in, acknowledgement, FIN */
	struct simulate_run *run;
	struct simulate_outbox out;
	double opened; /* ev_now of the newest connection */
	int fd;
	uint16_t tries;       /* breaks in a row */
	uint16_t silences;    /* acknowledgement time-outs in a row */
	uint16_t close_tries; /* breaks while closing */
	bool was_open;
	enum simulate_link_state state;
	size_t skip; /* bytes of the server still to drop */
	uint16_t in_len;
	uint8_t in[288]; /* incomplete answer or command */
};

void simulate_link_init(struct simulate_link *link, struct simulate_run *run, uint32_t index);
// Connects.
void simulate_link_begin(struct simulate_link *link);
// Sends reports that may have become due.
void simulate_link_wake(struct simulate_link *link);
// Makes no more reports, sends the pending ones and closes.
void simulate_link_stop(struct simulate_link *link);
// Closes at once.
void simulate_link_abort(struct simulate_link *link);
// Frees what the link holds.
void simulate_link_done(struct simulate_link *link);

#endif
