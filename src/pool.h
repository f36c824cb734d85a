/*
 * The pool of connections: last in, first out, opened on demand, by one thread of its own, which
 * may wait for names and servers while requests wait for no longer than their deadlines.
 */
#ifndef JOBSTATUS_POOL_H
#define JOBSTATUS_POOL_H

#include "connection.h"

struct pool;

/* How long a request waits for an attempt to open when the database was down at the last look. */
#define POOL_PATIENCE (400 * CLOCK_MILLISECOND)

/* A pool of at most LIMIT connections, none of them open yet.  OPTIONS is borrowed.  NULL: no
 * memory. */
struct pool *pool_open(const struct connection_options *options, unsigned int limit);

/* Closes all; every connection must have been put back. */
void pool_close(struct pool *pool);

/*
 * Takes a connection, waiting for it until DEADLINE, but not while the database is known to be
 * away. NULL: *FAILURE says why.
 */
struct connection *pool_take(struct pool *pool, int64_t deadline, struct failure *failure);

/* How many connections have been opened so far. */
uint64_t pool_opened(struct pool *pool);

/* Puts a connection back that can be used again. */
void pool_put(struct pool *pool, struct connection *connection);

/*
 * Puts a connection back whose use ended with FAILURE.  What was opened before it is not used
 * again; so the next one taken is fresh.  AGAIN: this read had lost a session before; opening waits
 * a while then.
 */
void pool_put_failed(
    struct pool *pool, struct connection *connection, const struct failure *failure, bool again);

#endif
