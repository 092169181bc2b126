// SPDX-License-Identifier: MIT
// When device_state is written. A row of it costs the database more than a position, so:
//
//   the writer keeps up     with each batch, as far as that batch has entries of a device
//   it does not, or the     the newest states of many batches are collected in memory, and written in slices every few
//   batch is of very many   seconds
//   devices
//
//   entries  ...|............. old .............|............ young ............|.... the batch under way
//               ^ state_lsn: device_state is    ^ when the turn began           ^ lsn: the checkpoint
//                 complete up to here
//
// The entries between the two LSNs stay in the journal, and are read again at a start. The states of an entry that the
// database has refused are among them then, although they were not before.
#ifndef AVLD_WRITER_WRITER_STATES_H
#define AVLD_WRITER_WRITER_STATES_H

#include "writer/writer_state.h"

void writer_states_init(struct writer *writer);
void writer_states_done(struct writer *writer);

// At the checkpoint of a new connection: device_state is complete up to state_lsn. Keeps what is collected if that is what
// follows; otherwise drops it, and it is to be read again.
void writer_states_adopt(struct writer *writer, uint64_t state_lsn);
uint64_t writer_states_lsn(const struct writer *writer);
size_t writer_states_count(const struct writer *writer); /* devices collected */

// Returns true while entries between the two LSNs are still to be read: no batch may be sent.
bool writer_states_is_reading(const struct writer *writer);

// Returns true if states are collected though no entry is pending: an empty batch writes them.
bool writer_states_due(const struct writer *writer);

// Chooses the states that the current batch writes, and makes their rows. Returns the state_lsn of its checkpoint.
uint64_t writer_states_choose(struct writer *writer);
// The database has the batch: calls writer_batch_committed, and releases what need not be read again.
void writer_states_committed(struct writer *writer);
// The database has refused a row of the batch, it is not known which. Returns true if the batch is worth sending again,
// with other states.
bool writer_states_refused(struct writer *writer);

#endif
