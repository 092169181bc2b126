// SPDX-License-Identifier: MIT
// The networks from which a device may report: avld.devices.networks, an array of cidr.
#ifndef AVLD_MODEL_NETWORKS_H
#define AVLD_MODEL_NETWORKS_H

#include "util/text.h"

#include <stdbool.h>
#include <stdint.h>

#define NETWORKS_MAX 16 /* of one device; the table has the same limit */

struct networks;

// Parses PostgreSQL's text of the array, "{192.0.2.0/24,2001:db8::/32}". Text that is no such array, or has more than
// NETWORKS_MAX networks, becomes networks that contain no address. Free with free(). NULL: out of memory.
struct networks *networks_parse(struct text text);

// Returns true if one of the networks contains the address (16 bytes; IPv4 as ::ffff:a.b.c.d). An IPv4 address is only in
// IPv4 networks, not in ::/0.
bool networks_contain(const struct networks *networks, const uint8_t address[16]);

// Returns true if they contain no address at all.
bool networks_are_empty(const struct networks *networks);

#endif
