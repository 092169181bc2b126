// SPDX-License-Identifier: MIT
// From a conninfo to a libpq connection that has been started: its host names are resolved first, without blocking.
#ifndef AVLD_WRITER_WRITER_CONNECT_H
#define AVLD_WRITER_WRITER_CONNECT_H

#include <libpq-fe.h>

struct ev_loop;
struct resolve;

// The caller owns the connection, whose status may be BAD already; PQconnectPoll is next. NULL: error says why.
typedef void writer_connect_done(void *context, PGconn *conn, const char *error);

struct writer_connect {
	struct resolve *resolve; /* NULL: nothing is under way */
	const char *conninfo;
	size_t skip; /* hosts that did not answer: the next connection is tried with the others first */
	writer_connect_done *done;
	void *context;
};

// Calls done once: from within the call if no name is to be resolved, else from the loop. conninfo must be well-formed
// and outlive it. A new struct is zeroed.
void writer_connect_start(struct writer_connect *connect, struct ev_loop *loop,
	const char *conninfo, writer_connect_done *done, void *context);
// Stops what is under way, if anything; done is not called any more. A zeroed struct may be stopped.
void writer_connect_stop(struct writer_connect *connect);

#endif
