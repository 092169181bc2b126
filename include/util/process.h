// SPDX-License-Identifier: MIT
// What this process uses, as the kernel counts it.
#ifndef AVLD_UTIL_PROCESS_H
#define AVLD_UTIL_PROCESS_H

#include <stddef.h>
#include <stdint.h>

struct process_use {
	uint64_t resident_bytes, virtual_bytes; /* 0: unknown */
	double cpu_s;
	uint64_t files;     /* open file descriptors; 0: unknown, before Linux 6.2 */
	uint64_t files_max; /* UINT64_MAX: no limit */
};

// Costs a few system calls.
struct process_use process_read_use(void);
// Counts the open file descriptors one by one: slow if they are many. 0: unknown.
size_t process_count_files(void);

#endif
