// SPDX-License-Identifier: MIT
// The parts of a report that both styles of the TK103 have: coordinates, state, mileage.
#ifndef AVLD_DECODERS_TK103_REPORT_H
#define AVLD_DECODERS_TK103_REPORT_H

#include "decoders/tk103/tk103_message.h"

// Begins the report; one already begun is dropped.
void tk103_report_begin(struct tk103_message *message);

void tk103_report_text(const struct tk103_message *message, const char *name, struct text text);

// Reads "1220.7360N", blanks before it too, at the head of the text; sides: "NS" or "EW". Returns its length; 0: it is not
// there. *e7: 1e-7 degree without a sign; -1: minutes of 60 and more, or beyond the most degrees.
size_t tk103_report_read_side(
	struct text text, const char sides[2], unsigned most, int64_t *e7, char *side);

// The coordinates of a frame.
struct tk103_fix {
	int64_t lat_e7, lon_e7; /* as tk103_report_read_side reads them */
	char mark, ns, ew;      /* A or V, N or S, E or W */
};

enum tk103_fix_result { TK103_FIX_SET, TK103_FIX_NONE, TK103_FIX_BAD };

// Sets the fix. NONE: 0/0 without a fix. BAD: out of range; message->bad is the field.
enum tk103_fix_result tk103_report_fix(struct tk103_message *message, const struct tk103_fix *fix);

void tk103_report_speed(const struct tk103_message *message, struct text kmh);

// Returns true for PIXXXFFF, eight hex digits.
bool tk103_report_is_state(struct text text);
// The same, of a state that no mileage follows: P and I are 0 or 1.
bool tk103_report_is_last_state(struct text text);

// Sets what a state says, and the alarm sos if panic has begun. text: eight hex digits.
void tk103_report_state(const struct tk103_message *message, struct text text);

// Sets mileage and temperature from the text after the L.
void tk103_report_mileage(const struct tk103_message *message, struct text text);

#endif
