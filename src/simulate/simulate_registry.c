// SPDX-License-Identifier: MIT
#include "simulate/simulate_registry.h"

#include "simulate/simulate_gps103.h"
#include "simulate/simulate_gt06.h"
#include "simulate/simulate_h02.h"
#include "simulate/simulate_jt808.h"
#include "simulate/simulate_meitrack.h"
#include "simulate/simulate_osmand.h"
#include "simulate/simulate_pt502.h"
#include "simulate/simulate_queclink.h"
#include "simulate/simulate_suntech.h"
#include "simulate/simulate_teltonika.h"
#include "simulate/simulate_tk103.h"
#include "simulate/simulate_watch.h"
#include "simulate/simulate_wialon.h"

#include <string.h>

const struct simulate_protocol *const simulate_registry[] = {
	&simulate_pt502,
	&simulate_gt06,
	&simulate_h02,
	&simulate_gps103,
	&simulate_tk103,
	&simulate_jt808,
	&simulate_teltonika,
	&simulate_suntech,
	&simulate_wialon,
	&simulate_queclink,
	&simulate_meitrack,
	&simulate_osmand,
	&simulate_watch,
};
const size_t simulate_registry_count = sizeof(simulate_registry) / sizeof(simulate_registry[0]);

size_t simulate_registry_udp_count(void)
{
	size_t count = 0;
	while (count < simulate_registry_count && !simulate_registry[count]->tcp_only)
		count++;
	return count;
}

const struct simulate_protocol *const *simulate_registry_find(const char *name)
{
	for (size_t i = 0; i < simulate_registry_count; i++)
		if (!strcmp(simulate_registry[i]->name, name))
			return &simulate_registry[i];
	return NULL;
}
