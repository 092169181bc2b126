// SPDX-License-Identifier: MIT
#include "util/log_levels.h"

#include "util/log_quote.h"
#include "util/log_sites.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const level_names[] = {[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug"};

const char *log_levels_module(const char *file, char *out)
{
	const char *in_source = strstr(file, "src/"), *slash = strrchr(file, '/');
	const char *name = file;

	if (in_source) {
		name = in_source + strlen("src/");
	} else if (slash) { // of a test: its folder
		for (name = slash; name > file && name[-1] != '/';)
			name--;
	}
	size_t len = strcspn(name, "/.");
	if (len >= LOG_LEVELS_NAME_MAX)
		len = LOG_LEVELS_NAME_MAX - 1;
	memcpy(out, name, len);
	out[len] = '\0';
	return out;
}

// Names of modules, sorted.
struct names {
	size_t count;
	char name[LOG_LEVELS_MODULES_MAX][LOG_LEVELS_NAME_MAX];
};

static void add_name(struct names *names, const char *name)
{
	size_t at = 0;
	while (at < names->count && strcmp(names->name[at], name) < 0)
		at++;
	if (names->count == LOG_LEVELS_MODULES_MAX ||
		(at < names->count && !strcmp(names->name[at], name)))
		return;
	memmove(names->name[at + 1], names->name[at], (names->count - at) * LOG_LEVELS_NAME_MAX);
	snprintf(names->name[at], LOG_LEVELS_NAME_MAX, "%s", name);
	names->count++;
}

static void find_names(struct names *names)
{
	char name[LOG_LEVELS_NAME_MAX];
	memset(names, 0, sizeof(*names));
	LOG_SITES_EACH (site) {
		add_name(names, log_levels_module(site->file, name));
	}
}

static bool find_module(const char *item, size_t len, struct log_levels_module *module)
{
	struct names names;
	find_names(&names);
	for (size_t i = 0; i < names.count; i++) {
		if (strlen(names.name[i]) == len && !strncasecmp(names.name[i], item, len)) {
			snprintf(module->name, sizeof(module->name), "%s", names.name[i]);
			return true;
		}
	}
	return false;
}

static bool find_level(const char *item, size_t len, struct log_levels_module *module)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
		if (strlen(level_names[i]) == len && !strncasecmp(level_names[i], item, len)) {
			module->level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

static bool fail_module(const char *item, size_t len, char *error, size_t cap)
{
	struct names names;
	find_names(&names);
	char name[64];
	int used = snprintf(error, cap,
		"unknown module \"%s\"; known are: ", log_quote(item, len, name, sizeof(name)));
	for (size_t i = 0; i < names.count && used >= 0 && (size_t)used < cap; i++)
		used += snprintf(
			error + used, cap - (size_t)used, "%s%s", i ? ", " : "", names.name[i]);
	return false;
}

// Reads "MODULE=LEVEL".
static bool parse_item(
	const char *item, size_t len, struct log_levels_module *module, char *error, size_t cap)
{
	const char *equals = memchr(item, '=', len);
	char shown[64];
	if (!equals) {
		snprintf(error, cap, "\"%s\" is not of the form MODULE=LEVEL; write writer=debug",
			log_quote(item, len, shown, sizeof(shown)));
		return false;
	}
	const size_t name_len = (size_t)(equals - item), level_len = len - name_len - 1;
	if (!find_module(item, name_len, module))
		return fail_module(item, name_len, error, cap);
	if (find_level(equals + 1, level_len, module))
		return true;
	snprintf(error, cap, "%s=%s is not a known level; write one of error, warning, info, debug",
		module->name, log_quote(equals + 1, level_len, shown, sizeof(shown)));
	return false;
}

bool log_levels_parse(const char *text, struct log_levels *levels, char *error, size_t cap)
{
	levels->count = 0;
	for (;;) {
		text += strspn(text, ", \t");
		const size_t len = strcspn(text, ", \t");
		struct log_levels_module module;
		if (!len)
			return true;
		if (!parse_item(text, len, &module, error, cap))
			return false;
		size_t at = 0;
		while (at < levels->count && strcmp(levels->modules[at].name, module.name) != 0)
			at++;
		if (at < levels->count || at == LOG_LEVELS_MODULES_MAX) {
			snprintf(error, cap, "%s is named twice; remove one of the two",
				module.name);
			return false;
		}
		levels->modules[levels->count++] = module;
		text += len;
	}
}

void log_levels_apply(enum log_level level, const char *text)
{
	struct log_levels levels;
	char error[256];

	if (!log_levels_parse(text, &levels, error, sizeof(error)))
		levels.count = 0;
	LOG_SITES_EACH (site) {
		char name[LOG_LEVELS_NAME_MAX];
		enum log_level own = level;
		log_levels_module(site->file, name);
		for (size_t i = 0; i < levels.count; i++)
			if (!strcmp(levels.modules[i].name, name))
				own = levels.modules[i].level;
		atomic_store(&site->on, site->level <= own);
	}
}
