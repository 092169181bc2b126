// SPDX-License-Identifier: MIT
#include "cli/export_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER (128 * 1024)

// Opens a stream of zlib that owns a copy of fd: closing it leaves fd open.
static gzFile open_stream(int fd, const char *mode)
{
	const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return NULL;
	gzFile stream = gzdopen(copy, mode);
	if (!stream) {
		close(copy);
		errno = ENOMEM;
	} else {
		gzbuffer(stream, BUFFER);
	}
	return stream;
}

bool export_file_open(struct export_file *file, int dir_fd, const char *name,
	enum export_format format, bool plain)
{
	*file = (struct export_file){.dir_fd = dir_fd, .rows = {.format = format}};
	snprintf(file->name, sizeof(file->name), "%s", name);
	snprintf(file->temporary, sizeof(file->temporary), ".%s.part", name);
	file->fd = openat(dir_fd, file->temporary,
		O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (file->fd < 0)
		return false;
	file->stream = open_stream(file->fd, plain ? "wT" : "w");
	if (file->stream)
		return true;
	const int error = errno;
	close(file->fd);
	unlinkat(dir_fd, file->temporary, 0);
	errno = error;
	return false;
}

// Sets errno to what made a function of zlib fail. seen: errno after it.
static void set_error(int code, int seen)
{
	errno = code == Z_ERRNO ? seen : code == Z_MEM_ERROR ? ENOMEM : EIO;
}

bool export_file_write(struct export_file *file, const char *data, size_t len)
{
	export_rows_count(&file->rows, data, len);
	if (len == 0 || gzwrite(file->stream, data, (unsigned)len) > 0)
		return true;
	const int seen = errno;
	int code = Z_OK;
	gzerror(file->stream, &code);
	set_error(code, seen);
	return false;
}

uint64_t export_file_bytes(const struct export_file *file)
{
	const z_off_t bytes = gzoffset(file->stream);
	return bytes > 0 ? (uint64_t)bytes : 0;
}

// Some file systems have no fsync of folders.
static bool sync_folder(int dir_fd)
{
	return fsync(dir_fd) == 0 || errno == EINVAL;
}

// Writes what the stream holds back, and waits until the disk has it.
static bool finish(struct export_file *file)
{
	struct stat status;
	const int code = gzclose_w(file->stream);

	if (code != Z_OK) {
		set_error(code, errno);
		return false;
	}
	if (fsync(file->fd) != 0 || fstat(file->fd, &status) != 0)
		return false;
	file->bytes = (uint64_t)status.st_size;
	return true;
}

bool export_file_close(struct export_file *file, bool sound)
{
	const bool finished = finish(file);
	int error = errno;
	if (close(file->fd) == 0 && finished && sound &&
		renameat(file->dir_fd, file->temporary, file->dir_fd, file->name) == 0)
		return sync_folder(file->dir_fd);
	error = finished ? errno : error;
	unlinkat(file->dir_fd, file->temporary, 0);
	errno = error;
	return false;
}

static enum export_found read_stream(gzFile stream, enum export_format format, uint64_t *count)
{
	char data[BUFFER];
	struct export_rows rows = {.format = format};
	int len, code = Z_OK;

	while ((len = gzread(stream, data, sizeof(data))) > 0)
		export_rows_count(&rows, data, (size_t)len);
	if (len < 0) {
		const int seen = errno;
		gzerror(stream, &code);
		gzclose_r(stream);
		set_error(code, seen);
		return code == Z_ERRNO ? EXPORT_UNREADABLE : EXPORT_BROKEN;
	}
	// a file that is cut off is an error only now
	return gzclose_r(stream) == Z_OK && export_rows_total(&rows, count) ? EXPORT_COMPLETE
									    : EXPORT_BROKEN;
}

enum export_found export_file_read(
	int dir_fd, const char *name, enum export_format format, uint64_t *rows)
{
	struct stat status;
	const int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? EXPORT_ABSENT : EXPORT_UNREADABLE;
	const bool regular = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
	gzFile stream = regular ? open_stream(fd, "r") : NULL;
	const int error = regular ? errno : EINVAL;
	close(fd);
	if (stream)
		return read_stream(stream, format, rows);
	errno = error;
	return EXPORT_UNREADABLE;
}
