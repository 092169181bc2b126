// SPDX-License-Identifier: MIT
// Notifications of alarms for other programs (database.notify_alarms). They are part of the transaction that stores the
// alarms: PostgreSQL delivers them if and when it commits. They never keep a batch from being stored: if the database refuses
// them, the batch is sent again without them.
#ifndef AVLD_WRITER_WRITER_NOTIFY_H
#define AVLD_WRITER_WRITER_NOTIFY_H

#include "writer/writer_failure.h"
#include "writer/writer_state.h"

#include <libpq-fe.h>

// A batch is about to be sent. Returns true if it is to notify its alarms, of which it has so many (repeats included).
bool writer_notify_begin(struct writer *writer, uint64_t alarms);
// Reads the answer of the statement that stores alarms: a row "t" or "f" for each, notified or not.
void writer_notify_answer(struct writer *writer, const PGresult *result);
// The batch failed. Returns true if its notifications may be the cause: it is to be sent again without them.
bool writer_notify_failed(struct writer *writer, const struct writer_failure *failure);
// The batch is committed, with so many new alarms: counts their notifications.
void writer_notify_committed(struct writer *writer, uint64_t alarms);

#endif
