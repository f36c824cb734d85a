/*
 * The listening socket.
 */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"

bool
listener_is(int fd)
{
	int accepts = 0;
	socklen_t length = sizeof(accepts);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &length) == 0 && accepts;
}

/* Accepting must not block: another process may have been faster. */
static int
set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -1 : 0;
}

/* Removes a socket that nobody listens on.  Returns 0 when the path is free, or -1 with errno. */
static int
remove_stale(const struct sockaddr_un *address)
{
	struct stat st;
	int fd, result;

	if (lstat(address->sun_path, &st) != 0)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	result = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	if (result == 0 || errno != ECONNREFUSED) {
		close(fd);
		errno = EADDRINUSE;
		return -1;
	}
	close(fd);
	return unlink(address->sun_path);
}

bool
listener_valid_group(const char *group)
{
	return getgrnam(group) != NULL;
}

static int
set_group(const char *path, const char *group)
{
	const struct group *entry;

	if (group == NULL)
		return 0;
	if ((entry = getgrnam(group)) == NULL) {
		errno = EINVAL;
		return -1;
	}
	return chown(path, (uid_t)-1, entry->gr_gid);
}

static int
make(struct listener *listener, const struct sockaddr_un *address, const char *group)
{
	struct stat st;
	int saved;

	if (bind(listener->fd, (const struct sockaddr *)address, sizeof(*address)) != 0)
		return -1;
	/* Nobody can connect before listen(), so the modes are right for the first who does. */
	if (set_group(listener->path, group) == 0 && chmod(listener->path, 0660) == 0 &&
	    lstat(listener->path, &st) == 0 && listen(listener->fd, SOMAXCONN) == 0) {
		listener->device = st.st_dev;
		listener->inode = st.st_ino;
		return 0;
	}
	saved = errno;
	unlink(listener->path);
	errno = saved;
	return -1;
}

int
listener_open(struct listener *listener, const char *path, const char *group)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	memset(listener, 0, sizeof(*listener));
	if (path == NULL)
		return set_nonblocking(listener->fd = STDIN_FILENO);
	if (strlen(path) >= sizeof(address.sun_path)) {
		log_error("socket %s: the path is longer than %zu bytes", path,
		    sizeof(address.sun_path) - 1);
		return -1;
	}
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	listener->path = path;
	listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd >= 0 && remove_stale(&address) == 0 &&
	    make(listener, &address, group) == 0)
		return 0;
	log_error("socket %s: %s", path,
	    errno == EADDRINUSE ? "another process listens there" : strerror(errno));
	listener_close(listener);
	return -1;
}

void
listener_unlink(const struct listener *listener)
{
	struct stat st;

	if (listener->path != NULL && lstat(listener->path, &st) == 0 &&
	    st.st_dev == listener->device && st.st_ino == listener->inode)
		unlink(listener->path);
}

void
listener_close(struct listener *listener)
{
	if (listener->fd >= 0)
		close(listener->fd);
	listener->fd = -1;
}
