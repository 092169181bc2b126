// SPDX-License-Identifier: MIT
// All simulated trackers and their sockets: what `avld simulate` runs.
#ifndef AVLD_SIMULATE_SIMULATE_FLEET_H
#define AVLD_SIMULATE_SIMULATE_FLEET_H

#include "simulate/simulate.h"

#include <ev.h>
#include <sys/socket.h>

#define TROUBLE_MAX 96

struct fleet;

enum link_state {
	LINK_NEW,        /* not begun */
	LINK_CONNECTING, /* TCP: waits for the handshake */
	LINK_LOGIN,      /* log-in said, no answer yet */
	LINK_OPEN,       /* reports */
	LINK_CLOSING,    /* all is said: waits for the peer's FIN */
	LINK_WAITING,    /* broken: comes again after a while */
	LINK_DONE,       /* said all, closed in order */
	LINK_FAILED,     /* given up */
};

// What a tracker has said and has still to say, in bytes:
//
//   0      first          sent            len      cap
//   | gone | kept: again   | not yet handed | room  |
//          | after a break | to the kernel  |
//
// Kept is what has no acknowledgement yet or, where the server gives none, the last three records.
// A break sets sent = first: what comes behind was interrupted or never begun. again_until: how far
// it had been handed over.
struct records {
	const struct simulate_protocol *protocol;
	uint8_t *data;
	size_t first, sent, len, cap;
	size_t again_until;
};

#define RECORDS_MAX 16384

// simulate_records.c
// Room for `want` bytes behind len; false while there would be more than RECORDS_MAX, or without
// memory.
bool records_reserve(struct records *records, size_t want);
size_t records_at(const struct records *records, size_t at); /* length of the record there */
// Whole records in from..to.
uint64_t records_count(const struct records *records, size_t from, size_t to, bool reports_only);
void records_forget_old(struct records *records); /* keeps the last three of those sent */
// Takes the sent record of that key out. False: there is none.
bool records_acknowledge(struct records *records, uint32_t key);
void records_rewind(struct records *records);
uint64_t records_unsent(const struct records *records); /* reports never handed over whole */
void records_done(struct records *records);

// One tracker and its socket.
struct link {
	ev_io io;
	ev_timer timer; /* connecting, waiting, log-in, acknowledgement, FIN: by state */
	struct fleet *fleet;
	struct records records;
	uint64_t made;  /* reports written into records so far */
	uint64_t quota; /* reports it makes in all */
	double opened;  /* ev_now of the newest connection */
	int fd;
	uint32_t index;
	uint16_t tries;       /* breaks in a row */
	uint16_t silences;    /* acknowledgement time-outs in a row */
	uint16_t close_tries; /* breaks while closing */
	bool was_open;
	enum link_state state;
	size_t skip; /* bytes of the server still to drop */
	uint8_t hello_len, hello_sent;
	uint16_t in_len, reply_len, reply_sent;
	uint8_t hello[SIMULATE_HELLO_MAX];
	uint8_t in[288];                   /* head of an answer, or of a command */
	uint8_t reply[SIMULATE_REPLY_MAX]; /* to commands; goes out between two records */
	struct simulated device;
};

struct fleet_options {
	const char *target; /* as the user wrote it */
	struct sockaddr_storage address;
	socklen_t address_len;
	const struct simulate_protocol *even, *odd; /* devices by index */
	uint32_t devices, seed;
	uint64_t count, rate_milli; /* as in struct schedule */
	bool udp;
	bool deltas, gaps; /* as in struct simulated */
	bool photos;       /* trackers that can have a camera */
};

struct fleet {
	struct ev_loop *loop;
	const struct fleet_options *options;
	struct link *links;
	struct schedule schedule;
	bool scheduled;       /* it has begun: the first connection stands */
	int64_t scheduled_us; /* then, on the monotonic clock */
	bool reached;         /* somebody is there */
	bool stopping;
	bool interrupted;
	bool gave_up;
	uint32_t begun; /* links that are not NEW */
	uint32_t connecting, open, ended;
	uint64_t due;              /* reports due by now */
	uint64_t kicked;           /* and told to their links */
	uint64_t made;             /* reports written */
	uint64_t unsent;           /* of these, never handed over: their link failed */
	uint64_t again;            /* records sent again */
	uint64_t asked;            /* frames that want an acknowledgement */
	uint64_t answered;         /* and got it */
	uint64_t missing;          /* never got it */
	uint64_t strange;          /* answers nobody waits for */
	uint64_t obeyed;           /* commands */
	uint64_t photos;           /* fetched by the server */
	uint64_t breaks;           /* connections lost, or not made */
	uint64_t reconnects;       /* connections made anew */
	char trouble[TROUBLE_MAX]; /* why the newest break */
	double began, heard;       /* ev_now at the start; when a connection last stood */
	ev_timer tick;
	ev_prepare starter;
	ev_signal interrupt, terminate;
	ev_timer grace; /* from Ctrl-C to the end */
};

// simulate_link.c
void link_init(struct link *link, struct fleet *fleet, uint32_t index);
void link_begin(struct link *link); /* connects */
void link_kick(struct link *link);  /* reports may be due */
void link_stop(struct link *link);  /* make no more reports, send what there is, close */
void link_abort(struct link *link); /* at once */
void link_done(struct link *link);  /* frees what init and the rest took */

// simulate_send.c
enum sending {
	SENT_ALL,   /* nothing waits */
	SENT_SOME,  /* more when the socket takes more */
	SEND_BROKE, /* errno says why */
};
enum sending link_send_hello(struct link *link);
// Takes a whole command of the server and answers it.
void link_obey(struct link *link, const uint8_t *command, size_t len);
enum sending link_send_reports(struct link *link); /* makes those that are due, too */
bool link_has_more(const struct link *link);       /* reports to send or to make */

// simulate_fleet.c. False if memory or descriptors do not suffice, with the reason in trouble.
bool fleet_init(struct fleet *fleet, struct ev_loop *loop, const struct fleet_options *options);
void fleet_begin_schedule(struct fleet *fleet); /* on the first connection */
void fleet_stop(struct fleet *fleet);
void fleet_give_up(struct fleet *fleet);
void fleet_link_ended(struct fleet *fleet);
void fleet_done(struct fleet *fleet);

#endif
