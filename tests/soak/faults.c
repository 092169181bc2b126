// SPDX-License-Identifier: MIT
// Loaded into avld by the soak tests (LD_PRELOAD): a disk that fails or waits, a clock that jumps.
//
//   AVLD_FAULTS=FOLDER    FOLDER/sync-fails   there: fdatasync and fsync fail with EIO
//                         FOLDER/sync-waits   there: they wait while it is there
//                         FOLDER/clock        seconds added to the time of day
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int exists(const char *name)
{
	char path[512];
	const char *folder = getenv("AVLD_FAULTS");
	if (!folder)
		return 0;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

static long offset_s(void)
{
	char path[512], text[32];
	const char *folder = getenv("AVLD_FAULTS");
	if (!folder)
		return 0;
	snprintf(path, sizeof(path), "%s/clock", folder);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strtol(text, NULL, 10);
}

static int sync_by(const char *name, int fd)
{
	const struct timespec moment = {0, 10000000};
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
	while (exists("sync-waits"))
		nanosleep(&moment, NULL);
	if (exists("sync-fails")) {
		errno = EIO;
		return -1;
	}
	return real(fd);
}

int fdatasync(int fd)
{
	return sync_by("fdatasync", fd);
}

int fsync(int fd)
{
	return sync_by("fsync", fd);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	static int (*real)(clockid_t, struct timespec *);
	if (!real)
		real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	const int rc = real(clock, now);
	if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += offset_s();
	return rc;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec time;
	(void)zone;
	const int rc = clock_gettime(CLOCK_REALTIME, &time);
	now->tv_sec = time.tv_sec;
	now->tv_usec = time.tv_nsec / 1000;
	return rc;
}

time_t time(time_t *out)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}
