/*
 * The connections that fronts have opened, in a table that the threads share.
 */
#ifndef JOBSTATUS_PEER_H
#define JOBSTATUS_PEER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "exchange.h"

/*
 * One connection.  libfcgi closes its descriptor when the peer breaks the protocol, at a moment
 * that nobody else sees; so it has a duplicate, and the descriptor that a watchdog may shut down
 * stays ours.
 */
struct peer {
	struct exchange exchange;
	int fd;
	bool parked;   /* in the epoll set, no thread's */
	int64_t since; /* when it was */
	struct peer *next, *previous;
	STAILQ_ENTRY(peer) ready; /* see worker.h */
};

struct peer_table {
	pthread_mutex_t lock;
	struct peer *first;
	unsigned int count;
	int64_t stopping; /* since when; 0: it is not */
};

void peer_table_open(struct peer_table *table);
void peer_table_close(struct peer_table *table);

/*
 * Accepts a connection from LISTENER, which does not block, and makes a parked peer of it.  NULL,
 * with errno: there is none (EAGAIN), or no memory or descriptors: a number of RESERVE is left, or
 * a quarter of the process's limit if that is less.
 */
struct peer *peer_accept(struct peer_table *table, int listener, unsigned int reserve);

/* Closes the connection and frees the peer.  Returns whether it was the last one of a stopping
 * table. */
bool peer_remove(struct peer_table *table, struct peer *peer);

/* Marks it as waiting for its next request, or as a thread's. */
void peer_park(struct peer_table *table, struct peer *peer);
void peer_unpark(struct peer_table *table, struct peer *peer);

/* Ends the connections that have waited for a request since before THEN, to have their descriptors.
 */
void peer_end_idle(struct peer_table *table, int64_t then);

/* Cuts off the peers whose time has passed. */
void peer_cut_overdue(struct peer_table *table);

/*
 * Whether a peer, after an answer whose end began to leave at ANSWERED, is to be removed because
 * the table is stopping.  From then on no request begins on it: one that has arrived is still to be
 * answered, more is refused to the front.
 */
bool peer_is_over(struct peer_table *table, struct peer *peer, int64_t answered);

/*
 * Begins to stop: each kept connection ends after one of its next answers, or soon if there is
 * none. Returns whether there is no peer.
 */
bool peer_stop_all(struct peer_table *table);

#endif
