// SPDX-License-Identifier: MIT
// The table of all places that log, which the linker makes of their entries.
#ifndef AVLD_UTIL_LOG_SITES_H
#define AVLD_UTIL_LOG_SITES_H

#include "util/log_site.h"

extern struct log_site *__start_avld_log_sites[];
extern struct log_site *__stop_avld_log_sites[];

#define LOG_SITES_EACH(site)                                                                       \
	for (struct log_site **site##_entry = __start_avld_log_sites, *(site);                     \
		site##_entry < __stop_avld_log_sites && ((site) = *site##_entry, true);            \
		site##_entry++)

#endif
