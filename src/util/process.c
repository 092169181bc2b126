// SPDX-License-Identifier: MIT
#include "util/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES "/proc/self/fd"

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

// Reads the two sizes from the head of /proc/self/statm, which counts pages.
static void read_memory(struct process_use *use)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	char text[128], *end;

	if (fd < 0)
		return;
	const ssize_t len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len < 0 ? 0 : len] = '\0';
	use->virtual_bytes = strtoull(text, &end, 10) * page;
	use->resident_bytes = strtoull(end, NULL, 10) * page;
}

struct process_use process_read_use(void)
{
	struct process_use use = {.files_max = UINT64_MAX};
	struct rusage usage;
	struct rlimit limit;
	struct stat folder;

	read_memory(&use);
	if (!getrusage(RUSAGE_SELF, &usage))
		use.cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur != RLIM_INFINITY)
		use.files_max = limit.rlim_cur;
	if (!stat(FILES, &folder) && folder.st_size > 0)
		use.files = (uint64_t)folder.st_size;
	return use;
}

size_t process_count_files(void)
{
	DIR *dir = opendir(FILES);
	const struct dirent *entry;
	size_t count = 0;

	if (!dir)
		return 0;
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count - 1; // without that of the folder itself
}
