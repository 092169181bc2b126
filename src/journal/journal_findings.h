// SPDX-License-Identifier: MIT
// What is wrong with a journal: given to its owner, or the reason why it cannot be opened; and damaged bytes.
#ifndef AVLD_JOURNAL_JOURNAL_FINDINGS_H
#define AVLD_JOURNAL_JOURNAL_FINDINGS_H

#include <stdbool.h>
#include <stdint.h>

struct journal;
struct segment;

// Gives a text to the journal's owner.
void journal_findings_add(const struct journal *journal, bool serious, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
// Writes the reason why the journal cannot be opened. Returns false.
bool journal_findings_fail(const struct journal *journal, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

// Copies the bytes [from, to) of a mapped segment to damaged-LSN.bin, and makes a finding of it. If the copy cannot be
// written the segment is to be kept. If it is there already, does nothing unless `again`.
void journal_findings_set_aside(struct journal *journal, struct segment *segment,
	const uint8_t *map, uint64_t from, uint64_t to, bool again);

#endif
