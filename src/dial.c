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

/* What an attempt that has failed tells of a host. */
static enum host_state
judge(const PGconn *pg, const struct failure *failure)
{
	if (PQparameterStatus(pg, "server_version") != NULL) /* its role is not the one asked for */
		return HOST_ANSWERS;
	return *failure->sqlstate != '\0' ? HOST_REFUSES : HOST_SILENT;
}

static PGconn *
connect_host(const char *database, struct host *host, int64_t deadline, const atomic_bool *cancel,
    struct failure *failure)
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
		host->state = HOST_ANSWERS;
		host->tried = clock_now();
		return pg;
	}
	host->state = judge(pg, failure);
	host->tried = clock_now();
	PQfinish(pg);
	return NULL;
}

/* The rounds of a search: who is good, who else there is, and who has said nothing again. */
enum round { ROUND_GOOD, ROUND_OTHERS, ROUND_SILENT, ROUNDS };

/* Whether HOST has a turn in ROUND of the search that BEGAN then. */
static bool
has_turn(const struct host *host, enum round round, int64_t began)
{
	if (round == ROUND_SILENT)
		return host->state == HOST_SILENT;
	return host->tried < began && (round == ROUND_OTHERS || host_is_good(host));
}

/* How long host I may take of what is LEFT: as long as each of those that wait for their turn. */
static int64_t
share_of(const struct host_list *hosts, size_t i, enum round round, int64_t began, int64_t left)
{
	bool last = round == ROUND_SILENT;
	int64_t turns = 1;

	for (size_t j = last ? i + 1 : 0; j < hosts->count; j++)
		turns += j != i && has_turn(&hosts->hosts[j], last ? round : ROUND_OTHERS, began);
	left /= turns;
	return !last && left > DIAL_PATIENCE ? DIAL_PATIENCE : left;
}

static PGconn *
search(struct host_list *hosts, size_t *which, int64_t deadline, const atomic_bool *cancel,
    struct failure *failure)
{
	int64_t began = clock_now();
	PGconn *pg = NULL;

	for (enum round round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < hosts->count && pg == NULL; i++) {
			int64_t now = clock_now();

			if (!has_turn(&hosts->hosts[i], round, began))
				continue;
			if (now >= deadline || (cancel != NULL && atomic_load(cancel)))
				return NULL;
			*which = i;
			pg = connect_host(hosts->database, &hosts->hosts[i],
			    now + share_of(hosts, i, round, began, deadline - now), cancel,
			    failure);
		}
	}
	return pg;
}

PGconn *
dial(struct host_list *hosts, size_t *which, int64_t deadline, const atomic_bool *cancel,
    struct failure *failure)
{
	int64_t patience = clock_now() + DIAL_PATIENCE;

	if (hosts->count == 1)
		*which = 0;
	else if (*which == DIAL_ANY)
		return search(hosts, which, deadline, cancel, failure);
	else if (patience < deadline)
		deadline = patience;
	return connect_host(hosts->database, &hosts->hosts[*which], deadline, cancel, failure);
}

PGconn *
dial_database(
    const char *database, int64_t deadline, const atomic_bool *cancel, struct failure *failure)
{
	struct host_list hosts;
	size_t which = DIAL_ANY;
	PGconn *pg;

	if (host_list_open(&hosts, database) != 0) {
		failure_set(failure, FAILURE_MEMORY, "no memory for a connection");
		return NULL;
	}
	pg = dial(&hosts, &which, deadline, cancel, failure);
	host_list_close(&hosts);
	return pg;
}
