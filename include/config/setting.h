// SPDX-License-Identifier: MIT
// One row of the table of settings: between config.c, which has the table, and config_load.c, which fills it.
#ifndef AVLD_CONFIG_SETTING_H
#define AVLD_CONFIG_SETTING_H

#include "config/config.h"

#define SETTINGS_MAX 64

// What is wrong with a value, and what to do.
struct complaint {
	char text[512];
};

struct setting;
// Reads value, which has no blanks around it, into its field. False: the field is left alone, complaint is filled.
typedef bool setting_reader(const struct setting *setting, const char *value, struct config *config,
	struct complaint *complaint);

struct setting {
	const char *key; /* "section.key" */
	setting_reader *read;
	const char *text; /* default */
	size_t offset;    /* of the field in struct config */
	int64_t min, max;
	bool none;                /* 0 or nothing is a value as well */
	const char *const *names; /* of an enum, by number; ends with NULL */
	const char *doc;
};

extern const struct setting settings[];
extern const size_t setting_count;

const struct setting *setting_find(const char *key); /* NULL: no such setting */

#endif
