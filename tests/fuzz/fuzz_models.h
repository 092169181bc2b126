// SPDX-License-Identifier: MIT
// Settings of devices, as if from avld.devices: models on which decoders decide.
#ifndef AVLD_TESTS_FUZZ_MODELS_H
#define AVLD_TESTS_FUZZ_MODELS_H

#include "protocol/session.h"

#include <string.h>

// Of every device. context: the model; "": none.
static struct device_settings find_settings(const void *context, struct text ident)
{
	const char *model = context;
	(void)ident;
	return (struct device_settings){.model = {model, strlen(model)}, .known = true};
}

// Gives all devices of the session the model of this number. Those of number 0 have no settings.
static void set_model(struct session *session, unsigned number)
{
	static const char *const models[] = {NULL, "", "echo", "R11", "LW", "SEEWORLD", "VL103",
		"NT20", "QH302R", "G109", "C5L", "DT800", "MV810G", "G-360P", "G1C Pro", "G10LS",
		"HB-A9", "VL300", "JC400", "gv55", "TK numbers;"};
	const char *model = models[number % (sizeof models / sizeof models[0])];
	session->settings_context = model;
	session->find_settings = model ? find_settings : NULL;
}

#endif
