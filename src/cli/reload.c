// SPDX-License-Identifier: MIT
#include "cli/reload.h"

#include "config/config_load.h"
#include "config/setting_field.h"
#include "util/log.h"

#include <stdio.h>
#include <string.h>

// The first error, and how many there are.
struct problems {
	char first[1536];
	unsigned count;
};

static void on_problem(void *context, const char *text)
{
	struct problems *problems = context;

	if (!problems->count++)
		log_quote(text, strlen(text), problems->first, sizeof(problems->first));
}

static void log_problems(const struct problems *problems, const char *file)
{
	log_error("settings not reloaded, nothing has changed signal=SIGHUP errors=%u error=\"%s\" "
		  "what_to_do=\"mend it and reload again; avld check -c %s lists all\"",
		problems->count, problems->first, file);
}

// journal.max_size must hold two segments of the size that the daemon runs with.
static bool can_apply(
	const struct setting *setting, const struct config *running, const struct config *read)
{
	return setting->live &&
	       (strcmp(setting->key, "journal.max_size") != 0 ||
		       read->journal.max_size / 2 >= running->journal.segment_size);
}

static void log_change(const struct setting *setting, const struct config *running,
	const struct config *read, bool applied)
{
	char old[SETTING_FIELD_SHOW_MAX], new[SETTING_FIELD_SHOW_MAX], place[SETTING_ORIGIN_MAX];

	setting_field_show(setting, running, old);
	setting_field_show(setting, read, new);
	setting_origin(read, setting->key, place);
	const char *hidden = strcmp(old, new) != 0 ? "" : " differs=\"in a password\"";
	if (applied)
		log_info_each("setting changed key=%s old=\"%s\" new=\"%s\"%s place=\"%s\"",
			setting->key, old, new, hidden, place);
	else
		log_warning_each(
			"setting needs a restart key=%s running=\"%s\" file=\"%s\"%s place=\"%s\"",
			setting->key, old, new, hidden, place);
}

// Returns how many settings need a restart.
static unsigned apply(struct config *running, const struct config *read, unsigned *applied)
{
	unsigned restart = 0;

	for (size_t i = 0; i < setting_count; i++) {
		const struct setting *setting = &setting_table[i];
		const bool same = setting_field_same(setting, running, read);
		const bool can = same || can_apply(setting, running, read);
		if (!same)
			log_change(setting, running, read, can);
		restart += !can;
		if (!can)
			continue;
		*applied += !same;
		running->origin.line[i] = read->origin.line[i];
		if (!same) /* a text that stays is in use */
			setting_field_copy(setting, read, running);
	}
	return restart;
}

bool reload_settings(struct reload *reload, struct config *config, char *const *options)
{
	struct problems problems = {.count = 0};
	struct config read;
	unsigned applied = 0, restart = 0;
	const char *file = config->origin.file;
	const bool good = config_load_again(&read, config, options, on_problem, &problems);

	reload->note[0] = '\0';
	if (good) {
		restart = apply(config, &read, &applied);
		log_info_each(
			"settings reloaded signal=SIGHUP file=\"%s\" applied=%u need_restart=%u",
			file ? file : "", applied, restart);
	} else {
		log_problems(&problems, file);
	}
	if (!good)
		snprintf(reload->note, sizeof(reload->note), "settings not reloaded");
	else if (restart)
		snprintf(reload->note, sizeof(reload->note), "%u setting%s need%s a restart",
			restart, restart == 1 ? "" : "s", restart == 1 ? "s" : "");
	config_done(&read);
	return good;
}
