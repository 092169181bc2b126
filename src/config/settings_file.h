// SPDX-License-Identifier: MIT
// Reads an INI file through inih and reports everything that inih would cut or skip without a word.
#ifndef AVLD_CONFIG_SETTINGS_FILE_H
#define AVLD_CONFIG_SETTINGS_FILE_H

#include <stdbool.h>

// Called in the order of the file. Texts have no blanks around them and are valid during the call.
struct settings_file_handler {
	void *context;
	// "[name]". On false (unknown, reported by the handler) the settings of this section are skipped.
	bool (*section)(void *context, int line, const char *name);
	// "name = value"; section is "" before the first one.
	void (*setting)(
		void *context, int line, const char *section, const char *name, const char *value);
	void (*problem)(void *context, int line, const char *text);
};

// Returns 0, or the errno with which the file could not be opened or read.
int settings_file_read(const char *path, const struct settings_file_handler *handler);

#endif
