// SPDX-License-Identifier: MIT
#include "config/conninfo_exposed.h"

#include "config/conninfo.h"
#include "config/setting.h"

#include <sys/stat.h>

bool conninfo_exposed(const struct config *config)
{
	const struct setting *setting = setting_find("database.conninfo");
	struct stat status;

	return config->origin.line[setting - setting_table] > 0 &&
	       !stat(config->origin.file, &status) && status.st_mode & S_IROTH &&
	       conninfo_has_password(config->database.conninfo);
}
