// SPDX-License-Identifier: MIT
// The table of settings: one row per key with its type, default, range and help text. docs/settings.md and
// conf/avld.ini document the same rows in the same order; a test compares them.
#ifndef AVLD_CONFIG_SETTING_H
#define AVLD_CONFIG_SETTING_H

#include "config/config.h"

// What is wrong with a value, and how to mend it.
struct setting_error {
	char text[512];
};

struct setting;
// Reads value, which has no blanks around it, into its field of *config. On false the field is unchanged and *error is
// filled.
typedef bool setting_reader(const struct setting *setting, const char *value, struct config *config,
	struct setting_error *error);

struct setting {
	const char *key; /* "section.key" */
	setting_reader *read;
	const char *text; /* the default, as written in a file */
	size_t offset;    /* of the field in struct config */
	int64_t min,
		max; /* of a number, size or duration in the field's unit, of a name in bytes */
	bool none;   /* 0 (of a number) or an empty text is valid too */
	/* A reload applies a change, else it needs a restart. For a text: nobody keeps a pointer to it. */
	bool live;
	const char *const *names; /* of an enum, by value; ends with NULL */
	const char *doc;          /* one line, for --help */
	const char *old; /* the key in earlier versions, which still works; NULL: the same */
};

enum setting_type {
	SETTING_FLAG,
	SETTING_NUMBER,
	SETTING_SHARE, /* a number, or percent as a negative one */
	SETTING_SIZE,
	SETTING_DURATION,
	SETTING_ENUM,
	SETTING_TEXT, /* char *, owned by the struct config */
	SETTING_TRANSPORTS,
	SETTING_PROTOCOLS,
	SETTING_COMMANDS,
};

extern const struct setting setting_table[];
extern const size_t setting_count; /* at most CONFIG_SETTINGS_MAX */

// Returns NULL if there is no such setting.
const struct setting *setting_find(const char *key);

// The type of its field.
enum setting_type setting_type(const struct setting *setting);

// Both take the key of an existing setting.
bool setting_is_default(const struct config *config, const char *key);
// Writes where the value comes from: "conf/avld.ini:12", "-o" or "default". out has room for SETTING_ORIGIN_MAX bytes.
// Returns out.
#define SETTING_ORIGIN_MAX 512
const char *setting_origin(const struct config *config, const char *key, char *out);

#endif
