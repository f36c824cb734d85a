/*
 * Connecting.  PQconnectPoll() knows no timeout, so every wait is ours.
 */
#include "dial.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "host.h"

#define CANCEL_INTERVAL (50 * CLOCK_MILLISECOND)

int
dial_wait(const PGconn *pg, short events, int64_t deadline, const atomic_bool *cancel)
{
	struct pollfd fd = { .fd = PQsocket(pg), .events = events };

	for (;;) {
		int64_t until = deadline;
		int n;

		if (cancel != NULL) {
			if (atomic_load(cancel))
				return -1;
			if (until > clock_now() + CANCEL_INTERVAL)
				until = clock_now() + CANCEL_INTERVAL;
		}
		n = poll(&fd, 1, clock_poll_timeout(until));
		if (n > 0)
			return 0;
		if ((n < 0 && errno != EINTR) || clock_now() >= deadline)
			return -1;
	}
}

/*
 * The SQLSTATE that a server gave for refusing a session is in libpq's text alone, and there only
 * if that is asked for: "FATAL:  28000: no such role".  A line that has one tells more than the
 * others, which are of the addresses of the host that did not answer.
 */
static int
fail_to_connect(struct failure *failure, const PGconn *pg)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const char *text = PQerrorMessage(pg), *line = text, *code = text;
	size_t prefix;

	while ((code = strstr(code, ":  ")) != NULL) {
		code += strlen(":  ");
		if (strspn(code, digits) == 5 && strncmp(code + 5, ": ", 2) == 0)
			break;
	}
	if (code == NULL) {
		failure_set(failure, FAILURE_CONNECT, text);
		if (PQconnectionNeedsPassword(pg)) /* libpq itself refused */
			snprintf(failure->sqlstate, sizeof(failure->sqlstate), "28P01");
		return -1;
	}
	for (const char *end = text; (end = strchr(end, '\n')) != NULL && end < code;)
		line = ++end;
	failure_set(failure, FAILURE_CONNECT, line);
	prefix = (size_t)(code - line);
	if (prefix < sizeof(failure->text))
		snprintf(failure->text + prefix, sizeof(failure->text) - prefix, "%.*s",
		    (int)strcspn(code + 7, "\n"), code + 7);
	memcpy(failure->sqlstate, code, 5);
	failure->sqlstate[5] = '\0';
	return -1;
}

/* Libpq asks to be polled until it is done.  Returns 0, or -1 with *FAILURE set. */
static int
poll_connect(PGconn *pg, int64_t deadline, const atomic_bool *cancel, struct failure *failure)
{
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;

	while (PQstatus(pg) != CONNECTION_BAD) {
		short events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT;

		if (dial_wait(pg, events, deadline, cancel) != 0)
			return failure_set(
			    failure, FAILURE_TIMEOUT, "no answer to connecting in time");
		next = PQconnectPoll(pg);
		if (next == PGRES_POLLING_OK)
			return 0;
		if (next == PGRES_POLLING_FAILED)
			break;
	}
	return fail_to_connect(failure, pg);
}

static PGconn *
connect_host(const char *database, const struct host *host, int64_t deadline,
    const atomic_bool *cancel, struct failure *failure)
{
	const char *keywords[HOST_KEYWORDS], *values[HOST_KEYWORDS];
	PGconn *pg;

	host_parameters(host, database, keywords, values);
	pg = PQconnectStartParams(keywords, values, 1);
	if (pg == NULL) {
		failure_set(failure, FAILURE_MEMORY, "no memory for a connection");
		return NULL;
	}
	PQsetErrorVerbosity(pg, PQERRORS_VERBOSE);
	if (poll_connect(pg, deadline, cancel, failure) == 0) {
		PQsetErrorVerbosity(pg, PQERRORS_DEFAULT);
		return pg;
	}
	PQfinish(pg);
	return NULL;
}

PGconn *
dial(const char *database, int64_t deadline, const atomic_bool *cancel, struct failure *failure)
{
	struct host_list list;
	PGconn *pg = NULL;

	if (host_list_open(&list, database) != 0) {
		failure_set(failure, FAILURE_MEMORY, "no memory for a connection");
		return NULL;
	}
	for (size_t i = 0; i < list.count && pg == NULL; i++) {
		int64_t now = clock_now();
		int64_t share = (deadline - now) / (int64_t)(list.count - i);

		if (now >= deadline || (cancel != NULL && atomic_load(cancel)))
			break;
		pg = connect_host(database, &list.hosts[i], now + share, cancel, failure);
	}
	host_list_close(&list);
	return pg;
}
