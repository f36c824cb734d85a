/*
 * Connecting to PostgreSQL against a deadline, host by host.
 */
#ifndef JOBSTATUS_DIAL_H
#define JOBSTATUS_DIAL_H

#include <stdatomic.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "clock.h"
#include "failure.h"
#include "host.h"

#define DIAL_ANY SIZE_MAX

/* How long one of several hosts may say nothing before the next one is tried. */
#define DIAL_PATIENCE CLOCK_SECOND

/*
 * Connects to the host of index *WHICH of HOSTS, within DIAL_PATIENCE if there are several; or with
 * DIAL_ANY to the first of them that has a server of the kind that is asked for: those that
 * answered when they were last tried go first, and one that says nothing for DIAL_PATIENCE gets
 * what time is left after the others.  *WHICH is then its index, and what each did is noted in
 * HOSTS.  *CANCEL, unless it is NULL, ends the attempt when it turns true.  The caller finishes the
 * connection.  NULL: *FAILURE says why, with the server's SQLSTATE if it gave one.
 */
PGconn *dial(struct host_list *hosts, size_t *which, int64_t deadline, const atomic_bool *cancel,
    struct failure *failure);

/* The same with the hosts of the conninfo DATABASE, once. */
PGconn *dial_database(
    const char *database, int64_t deadline, const atomic_bool *cancel, struct failure *failure);

/* Waits for EVENTS of poll(2) on the socket.  Returns 0, or -1 when DEADLINE passed or *CANCEL is
 * true. */
int dial_wait(const PGconn *pg, short events, int64_t deadline, const atomic_bool *cancel);

#endif
