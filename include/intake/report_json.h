// SPDX-License-Identifier: MIT
// The JSON lines of `avld decode` and of traces (a contract: keys are named like the SQL columns, absent ones are left out).
#ifndef AVLD_INTAKE_REPORT_JSON_H
#define AVLD_INTAKE_REPORT_JSON_H

#include "feed/feed.h"

#include <stdio.h>

// Prints everything that was decoded, one line each: reports, then rejects, then replies. protocol: NULL if none was
// detected.
void report_json_decoded(FILE *to, const char *protocol, const struct decoded *decoded);

// Prints one line. has_frame: with the bytes of the reject.
void report_json_report(FILE *to, const char *protocol, const struct report *report);
void report_json_reject(
	FILE *to, const char *protocol, const struct reject *reject, bool has_frame);

// Prints a photo that the feed has finished, without its bytes.
void report_json_photo(FILE *to, const char *protocol, const struct photo *photo);

#endif
