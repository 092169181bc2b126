// SPDX-License-Identifier: MIT
// The records of one tracker, sent and to be sent, in bytes:
//
//   0      first              sent        len      cap
//   | free | kept: sent again | not yet   | free   |
//   |      | after a break    | sent      |        |
//
// Kept are records that the server is to acknowledge, until it has, and the last three of the others. A break sets sent = first,
// because later records were interrupted or not begun.
#ifndef AVLD_SIMULATE_SIMULATE_RECORDS_H
#define AVLD_SIMULATE_SIMULATE_RECORDS_H

#include "simulate/simulate_protocol.h"

#define RECORDS_MAX 16384

struct simulate_records {
	const struct simulate_protocol *protocol;
	uint8_t *data;
	size_t first, sent, len, cap;
	size_t again_until; /* end of what had been sent before the last break */
};

// Makes room for `want` bytes after len. Returns false at RECORDS_MAX, or without memory.
bool simulate_records_reserve(struct simulate_records *records, size_t want);
// Returns the length of the record at `at`.
size_t simulate_records_at(const struct simulate_records *records, size_t at);
// Returns the number of whole records in from..to.
uint64_t simulate_records_count(
	const struct simulate_records *records, size_t from, size_t to, bool reports_only);
// Returns the number of whole records in from..to that the server is to acknowledge.
uint64_t simulate_records_count_awaited(
	const struct simulate_records *records, size_t from, size_t to);
// Returns true if there is such a record, sent or not.
bool simulate_records_awaits_any(const struct simulate_records *records);
// Keeps only the last three of the records sent that the server does not acknowledge.
void simulate_records_forget_old(struct simulate_records *records);
// Removes the sent record of that key. Returns false if there is none.
bool simulate_records_acknowledge(struct simulate_records *records, uint32_t key);
// Marks all kept records as not sent.
void simulate_records_rewind(struct simulate_records *records);
// Returns the number of reports never sent completely.
uint64_t simulate_records_unsent(const struct simulate_records *records);
void simulate_records_done(struct simulate_records *records);

#endif
