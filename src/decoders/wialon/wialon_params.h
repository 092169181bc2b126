// SPDX-License-Identifier: MIT
// Parameters of a record of Wialon IPS. Drawn in wialon_params.c.
#ifndef AVLD_DECODERS_WIALON_PARAMS_H
#define AVLD_DECODERS_WIALON_PARAMS_H

#include "decoders/wialon/wialon_message.h"

// Sets columns and adds the others to extra. rest: the text after the parameters, which goes into extra.data; may be empty.
void wialon_params_add(const struct wialon_message *m, struct report *report, struct text params,
	struct text rest);

#endif
