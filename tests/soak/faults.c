// SPDX-License-Identifier: MIT
// Loaded into avld by the soak tests (LD_PRELOAD): a disk that fails or blocks, a clock that jumps. A fault is active
// while its file exists.
//
//   AVLD_FAULTS=FOLDER    FOLDER/sync-fails   fdatasync and fsync fail with EIO
//                         FOLDER/sync-waits   fdatasync and fsync block
//                         FOLDER/files-wait   posix_fallocate and unlinkat block
//                         FOLDER/clock        holds seconds added to the time of day
//                         FOLDER/disk/        receives what would survive a power failure: INODE, a file as it was when
//                                             last synced; names, lines "INODE NAME" of the folder synced last
//                         FOLDER/boot         holds the boot id, a UUID
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <systemd/sd-id128.h>
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

static void keep_names(int fd, FILE *to)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fdopendir(again);
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		if (entry->d_name[0] != '.')
			fprintf(to, "%lu %s\n", (unsigned long)entry->d_ino, entry->d_name);
	closedir(dir);
}

static void keep_bytes(int fd, FILE *to)
{
	char bytes[65536];
	off_t at = 0;
	for (ssize_t n; (n = pread(fd, bytes, sizeof(bytes), at)) > 0; at += n)
		fwrite(bytes, 1, (size_t)n, to);
}

// Keeps what a sync that begins now writes to disk at least.
static void keep(int fd)
{
	char path[600], temp[640];
	struct stat stat;
	if (fstat(fd, &stat))
		return;
	if (S_ISDIR(stat.st_mode))
		snprintf(path, sizeof(path), "%s/disk/names", getenv("AVLD_FAULTS"));
	else
		snprintf(path, sizeof(path), "%s/disk/%lu", getenv("AVLD_FAULTS"),
			(unsigned long)stat.st_ino);
	snprintf(temp, sizeof(temp), "%s.tmp", path);
	FILE *to = fopen(temp, "we");
	if (!to)
		return;
	(S_ISDIR(stat.st_mode) ? keep_names : keep_bytes)(fd, to);
	fclose(to);
	rename(temp, path);
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
	if (exists("disk"))
		keep(fd);
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

static void wait_for_files(void)
{
	const struct timespec moment = {0, 10000000};
	while (exists("files-wait"))
		nanosleep(&moment, NULL);
}

int posix_fallocate(int fd, off_t offset, off_t len)
{
	int (*real)(int, off_t, off_t) =
		(int (*)(int, off_t, off_t))dlsym(RTLD_NEXT, "posix_fallocate");
	wait_for_files();
	return real(fd, offset, len);
}

int unlinkat(int fd, const char *name, int flags)
{
	int (*real)(int, const char *, int) =
		(int (*)(int, const char *, int))dlsym(RTLD_NEXT, "unlinkat");
	wait_for_files();
	return real(fd, name, flags);
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

int sd_id128_get_boot(sd_id128_t *boot)
{
	static int (*real)(sd_id128_t *), (*parse)(const char *, sd_id128_t *);
	char path[512], text[64];
	if (!real)
		real = (int (*)(sd_id128_t *))dlsym(RTLD_NEXT, "sd_id128_get_boot");
	if (!parse)
		parse = (int (*)(const char *, sd_id128_t *))dlsym(
			RTLD_NEXT, "sd_id128_from_string");
	if (!exists("boot"))
		return real(boot);
	snprintf(path, sizeof(path), "%s/boot", getenv("AVLD_FAULTS"));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return parse(text, boot);
}
