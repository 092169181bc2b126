// SPDX-License-Identifier: MIT
// Reads the settings again while the daemon runs.
#ifndef AVLD_CLI_RELOAD_H
#define AVLD_CLI_RELOAD_H

#include "config/config.h"

// What a person should know of the last reload.
struct reload {
	char note[64]; /* "" for nothing; shown by systemctl status */
};

// Reads the file of *config again; the settings from options stay. Logs each setting that differs: those that a reload can
// apply are changed in *config, the others need a restart. After an error, which is logged, nothing is changed. options:
// those given at the start, for messages. Returns true if *config may have changed.
bool reload_settings(struct reload *reload, struct config *config, char *const *options);

#endif
