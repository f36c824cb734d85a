/*
 * Makes one call of the program fail, as calls do: linked with the program's own code and the
 * linker's --wrap, it stands before every function that can fail.  JOBSTATUS_FAULT=N is the Nth of
 * them; with JOBSTATUS_FAULT=NAME:N it is the Nth of that name.  A line on standard error says
 * which it was.
 *
 * The arguments are the functions' own.  What fails does nothing else: a descriptor that is to be
 * closed stays the program's.
 */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fcgiapp.h>
#include <json-c/json_object.h>
#include <json-c/printbuf.h>
#include <libpq-fe.h>

static atomic_long calls;
static atomic_bool over;

ssize_t __real_write(int fd, const void *from, size_t size);

static void
end(void)
{
	atomic_store(&over, true);
}

/* What runs after the program's end, as a profiler's writing does, is not the program. */
__attribute__((constructor)) static void
begin(void)
{
	atexit(end);
}

/* Whether this call of NAME is the one. */
static int
fails(const char *name)
{
	const char *fault = getenv("JOBSTATUS_FAULT"), *number;
	char line[100];
	int length;

	if (fault == NULL || atomic_load(&over))
		return 0;
	number = strchr(fault, ':');
	if (number != NULL &&
	    (strlen(name) != (size_t)(number - fault) || memcmp(fault, name, strlen(name)) != 0))
		return 0;
	number = number != NULL ? number + 1 : fault;
	if (atomic_fetch_add(&calls, 1) + 1 != strtol(number, NULL, 10))
		return 0;
	length = snprintf(line, sizeof(line), "fault: %s\n", name);
	__real_write(STDERR_FILENO, line, (size_t)length);
	return 1;
}

/* A function of TYPE, its parameters and arguments in brackets: fails with RESULT and ERROR. */
#define FAULT(type, name, parameters, arguments, result, error) \
	type __real_##name parameters; \
	type __wrap_##name parameters; \
	type __wrap_##name parameters \
	{ \
		if (!fails(#name)) \
			return __real_##name arguments; \
		errno = (error); \
		return (result); \
	}

/* Memory. */
FAULT(void *, malloc, (size_t size), (size), NULL, ENOMEM)
FAULT(void *, calloc, (size_t count, size_t size), (count, size), NULL, ENOMEM)
FAULT(void *, realloc, (void *old, size_t size), (old, size), NULL, ENOMEM)
FAULT(char *, strdup, (const char *text), (text), NULL, ENOMEM)
FAULT(int, setenv, (const char *name, const char *value, int replace), (name, value, replace), -1,
    ENOMEM)

/* Files, sockets and events. */
FAULT(ssize_t, read, (int fd, void *to, size_t size), (fd, to, size), -1, EIO)
FAULT(ssize_t, write, (int fd, const void *from, size_t size), (fd, from, size), -1, EINTR)
FAULT(ssize_t, pread, (int fd, void *to, size_t size, off_t at), (fd, to, size, at), -1, EIO)
FAULT(ssize_t, pwrite, (int fd, const void *from, size_t size, off_t at), (fd, from, size, at), -1,
    ENOSPC)
FAULT(int, socket, (int domain, int type, int protocol), (domain, type, protocol), -1, EMFILE)
FAULT(int, bind, (int fd, const struct sockaddr *address, socklen_t size), (fd, address, size), -1,
    EACCES)
FAULT(int, listen, (int fd, int backlog), (fd, backlog), -1, EADDRINUSE)
FAULT(int, chmod, (const char *path, mode_t mode), (path, mode), -1, EPERM)
FAULT(int, accept4, (int fd, struct sockaddr *address, socklen_t *size, int flags),
    (fd, address, size, flags), -1, EMFILE)
FAULT(ssize_t, recv, (int fd, void *to, size_t size, int flags), (fd, to, size, flags), -1,
    ECONNRESET)
FAULT(
    int, poll, (struct pollfd * fds, nfds_t count, int timeout), (fds, count, timeout), -1, ENOMEM)
FAULT(int, epoll_create1, (int flags), (flags), -1, EMFILE)
FAULT(int, epoll_ctl, (int fd, int what, int other, struct epoll_event *event),
    (fd, what, other, event), -1, ENOMEM)
FAULT(int, epoll_wait, (int fd, struct epoll_event *events, int most, int timeout),
    (fd, events, most, timeout), -1, EINTR)
FAULT(int, eventfd, (unsigned int count, int flags), (count, flags), -1, EMFILE)
FAULT(int, signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags), -1, EMFILE)
FAULT(int, pthread_create,
    (pthread_t * thread, const pthread_attr_t *how, void *(*run)(void *), void *context),
    (thread, how, run, context), EAGAIN, 0)

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int
__wrap_fcntl(int fd, int command, ...)
{
	va_list arguments;
	int argument;

	va_start(arguments, command);
	argument = va_arg(arguments, int);
	va_end(arguments);
	if (!fails("fcntl"))
		return __real_fcntl(fd, command, argument);
	errno = EMFILE;
	return -1;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int
__wrap_open(const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = va_arg(arguments, mode_t);
	va_end(arguments);
	if (!fails("open"))
		return __real_open(path, flags, mode);
	errno = EOPNOTSUPP; /* a file system without O_TMPFILE */
	return -1;
}

/* libfcgi. */
FAULT(int, FCGX_Init, (void), (), -1, ENOMEM)
FAULT(int, FCGX_Accept_r, (FCGX_Request * request), (request), -1, ENOMEM)
FAULT(int, FCGX_PutStr, (const char *text, int length, FCGX_Stream *stream), (text, length, stream),
    -1, EPIPE)

/* json-c. */
FAULT(struct printbuf *, printbuf_new, (void), (), NULL, ENOMEM)
FAULT(int, printbuf_memappend, (struct printbuf * buffer, const char *from, int size),
    (buffer, from, size), -1, ENOMEM)
FAULT(struct json_object *, json_object_new_object, (void), (), NULL, ENOMEM)
FAULT(struct json_object *, json_object_new_array, (void), (), NULL, ENOMEM)
FAULT(struct json_object *, json_object_new_int, (int32_t value), (value), NULL, ENOMEM)
FAULT(struct json_object *, json_object_new_string, (const char *text), (text), NULL, ENOMEM)
FAULT(struct json_object *, json_object_new_string_len, (const char *text, int length),
    (text, length), NULL, ENOMEM)
FAULT(int, json_object_object_add,
    (struct json_object * object, const char *key, struct json_object *value), (object, key, value),
    -1, ENOMEM)
FAULT(int, json_object_array_add, (struct json_object * array, struct json_object *value),
    (array, value), -1, ENOMEM)
FAULT(const char *, json_object_to_json_string_length,
    (struct json_object * object, int flags, size_t *length), (object, flags, length), NULL, ENOMEM)

/* libpq. */
FAULT(PQconninfoOption *, PQconninfoParse, (const char *text, char **error), (text, error), NULL,
    ENOMEM)
FAULT(PQconninfoOption *, PQconndefaults, (void), (), NULL, ENOMEM)
FAULT(PGconn *, PQconnectStartParams,
    (const char *const *keywords, const char *const *values, int expand),
    (keywords, values, expand), NULL, ENOMEM)
FAULT(PGconn *, PQconnectdbParams,
    (const char *const *keywords, const char *const *values, int expand),
    (keywords, values, expand), NULL, ENOMEM)
FAULT(PGresult *, PQexecParams,
    (PGconn * pg, const char *text, int count, const Oid *types, const char *const *values,
	const int *lengths, const int *formats, int format),
    (pg, text, count, types, values, lengths, formats, format), NULL, ENOMEM)
FAULT(PostgresPollingStatusType, PQconnectPoll, (PGconn * pg), (pg), PGRES_POLLING_FAILED, ENOMEM)
FAULT(int, PQsetnonblocking, (PGconn * pg, int on), (pg, on), -1, ENOMEM)
FAULT(int, PQflush, (PGconn * pg), (pg), -1, EPIPE)
FAULT(int, PQconsumeInput, (PGconn * pg), (pg), 0, ECONNRESET)
FAULT(int, PQsendPrepare,
    (PGconn * pg, const char *name, const char *text, int count, const Oid *types),
    (pg, name, text, count, types), 0, ENOMEM)
FAULT(int, PQsendQueryPrepared,
    (PGconn * pg, const char *name, int count, const char *const *values, const int *lengths,
	const int *formats, int format),
    (pg, name, count, values, lengths, formats, format), 0, ENOMEM)
FAULT(int, PQsendQueryParams,
    (PGconn * pg, const char *text, int count, const Oid *types, const char *const *values,
	const int *lengths, const int *formats, int format),
    (pg, text, count, types, values, lengths, formats, format), 0, ENOMEM)
FAULT(int, PQsetSingleRowMode, (PGconn * pg), (pg), 0, 0)
FAULT(int, PQenterPipelineMode, (PGconn * pg), (pg), 0, 0)
FAULT(int, PQpipelineSync, (PGconn * pg), (pg), 0, ENOMEM)
FAULT(int, PQexitPipelineMode, (PGconn * pg), (pg), 0, 0)
