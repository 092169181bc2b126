// SPDX-License-Identifier: MIT
// A password in a settings file that every user may read.
#ifndef AVLD_CONFIG_CONNINFO_EXPOSED_H
#define AVLD_CONFIG_CONNINFO_EXPOSED_H

#include "config/config.h"

// Returns true if database.conninfo comes from the settings file, has a password, and every user of this machine may
// read the file.
bool conninfo_exposed(const struct config *config);

// The remedy, after the place and the file's path.
#define CONNINFO_EXPOSED                                                                           \
	"every user of this machine can read this file, and it has a password; chmod 0640"

#endif
