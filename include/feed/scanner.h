// SPDX-License-Identifier: MIT
// Scanners: peers whose first bytes are certainly of another service, such as TLS, SSH or HTTP. Asked only for bytes that no
// decoder accepts.
#ifndef AVLD_FEED_SCANNER_H
#define AVLD_FEED_SCANNER_H

#include <stddef.h>
#include <stdint.h>

#define SCANNER_PREFIX "scanner: "

// The kinds, by index: "tls", "ssh", ... NULL beyond the last.
const char *scanner_kind(size_t index);
#define SCANNER_KINDS_MAX 32

// Returns the reason for the connection's end, such as "scanner: tls"; NULL: not a known scanner.
const char *scanner_find(const uint8_t *data, size_t len);
// Returns the index of the kind of a reason that scanner_find has returned; -1 for any other text.
int scanner_index(const char *reason);

#endif
