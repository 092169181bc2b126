// SPDX-License-Identifier: MIT
// Frees settings.
#include "config/config.h"

#include <stdlib.h>
#include <string.h>

void config_done(struct config *config)
{
	free(config->server.listen);
	free(config->database.conninfo);
	free(config->database.instance);
	free(config->journal.dir);
	free(config->http.listen);
	free(config->log.trace);
	free(config->log.modules);
	free(config->origin.file);
	memset(config, 0, sizeof(*config));
}
