// SPDX-License-Identifier: MIT
// The field of a setting in struct config: compared, copied and shown, whatever its type. For the reload.
#ifndef AVLD_CONFIG_SETTING_FIELD_H
#define AVLD_CONFIG_SETTING_FIELD_H

#include "config/setting.h"

#define SETTING_FIELD_SHOW_MAX 512

// Returns true if both have the same value.
bool setting_field_same(
	const struct setting *setting, const struct config *one, const struct config *other);
// Gives `to` the value that `from` has. A text is duplicated.
void setting_field_copy(
	const struct setting *setting, const struct config *from, struct config *to);
// Writes the value as it would be written in a file, passwords as '*', cut where it is longer than
// SETTING_FIELD_SHOW_MAX - 1. Returns out.
const char *setting_field_show(
	const struct setting *setting, const struct config *config, char *out);

#endif
