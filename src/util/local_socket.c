// SPDX-License-Identifier: MIT
#include "util/local_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int open_dir(const char *dir)
{
	return open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void close_quietly(int fd)
{
	const int error = errno;

	if (fd >= 0)
		close(fd);
	errno = error;
}

// Fills *address for dir/name. A path that is too long leads over the descriptor of the folder. Returns false, with errno.
static bool fill_address(int dir_fd, const char *dir, const char *name, struct sockaddr_un *address)
{
	char *path = address->sun_path;
	const size_t cap = sizeof(address->sun_path);

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if ((size_t)snprintf(path, cap, "%s/%s", dir, name) < cap)
		return true;
	errno = ENAMETOOLONG;
	return (size_t)snprintf(path, cap, "/proc/self/fd/%d/%s", dir_fd, name) < cap;
}

// On Linux the mode that a socket has before bind is that of its file.
static bool bind_and_listen(int fd, const struct sockaddr_un *address, int backlog)
{
	return !fchmod(fd, 0600) && !bind(fd, (const struct sockaddr *)address, sizeof(*address)) &&
	       !listen(fd, backlog);
}

int local_socket_listen(const char *dir, const char *name, int backlog)
{
	struct sockaddr_un address;
	struct stat stat;
	const int dir_fd = open_dir(dir);
	int fd = -1;

	if (dir_fd < 0)
		return -1;
	if (!fstatat(dir_fd, name, &stat, AT_SYMLINK_NOFOLLOW) && S_ISSOCK(stat.st_mode))
		unlinkat(dir_fd, name, 0);
	if (fill_address(dir_fd, dir, name, &address))
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !bind_and_listen(fd, &address, backlog)) {
		close_quietly(fd);
		fd = -1;
	}
	close_quietly(dir_fd);
	return fd;
}

int local_socket_connect(const char *dir, const char *name)
{
	struct sockaddr_un address;
	const int dir_fd = open_dir(dir);
	int fd = -1;

	if (dir_fd < 0)
		return -1;
	if (fill_address(dir_fd, dir, name, &address))
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address))) {
		close_quietly(fd);
		fd = -1;
	}
	close_quietly(dir_fd);
	return fd;
}

void local_socket_remove(const char *dir, const char *name)
{
	const int dir_fd = open_dir(dir);

	if (dir_fd >= 0)
		unlinkat(dir_fd, name, 0);
	close_quietly(dir_fd);
}
