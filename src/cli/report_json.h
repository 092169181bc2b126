// SPDX-License-Identifier: MIT
// The JSON lines of `avld decode` (a contract: keys as the SQL columns, absent ones left out).
#ifndef AVLD_CLI_REPORT_JSON_H
#define AVLD_CLI_REPORT_JSON_H

#include "feed/feed.h"

#include <stdio.h>

// Everything a batch holds, a line each: reports, then rejects, then replies. protocol: NULL if
// none was found.
void batch_print_json(FILE *to, const char *protocol, const struct decoded *batch);

// A photo that the feed has finished, without its bytes.
void photo_print_json(FILE *to, const char *protocol, const struct photo *photo);

// "2026-11-22T10:15:00.000Z" with decimals 3 (ms) or 6 (µs); needs 32 bytes, returns out.
char *time_text(int64_t time_us, unsigned decimals, char *out);

#endif
