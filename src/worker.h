/*
 * What a thread does with a connection that has a request: read it, answer it, and let the
 * connection wait for the next.  Requests whose jobs are only looked up may go through this
 * together.
 */
#ifndef JOBSTATUS_WORKER_H
#define JOBSTATUS_WORKER_H

#include <stdint.h>
#include <sys/queue.h>

#include "handler.h"
#include "lookup.h"
#include "peer.h"

/* What all threads share. */
struct workplace {
	const struct config *config; /* borrowed; of it, the variables' names, and the timeout of a
					request and of a peer that takes nothing */
	int epoll;                   /* connections that wait for a request, one-shot */
	int over;                    /* eventfd: the last connection of a stopping table is gone */
	int ready; /* eventfd, a semaphore: requests that were read, and any thread may answer */
	struct peer_table peers;
	struct lookup_queue lookups;
	pthread_mutex_t lock; /* of the next */
	STAILQ_HEAD(peers, peer) ready_peers;
};

/* Sets up all but the configuration.  Returns 0, or -1 with errno; workplace_close() follows either
 * way.
 */
int workplace_open(struct workplace *place);
void workplace_close(struct workplace *place);

/* Lets the set of descriptors wait for FD, or anew (OPERATION); POINTER tells what it is. */
int workplace_watch(struct workplace *place, int operation, int fd, uint32_t events, void *pointer);

/* Says that all is over: every thread finds `over` readable. */
void workplace_end(struct workplace *place);

/* Takes in a connection just accepted, to wait for its first request. */
void worker_admit(struct workplace *place, struct peer *peer);

/* Serves PEER, of which the set of descriptors has told EVENTS. */
void worker_serve(
    struct workplace *place, struct peer *peer, uint32_t events, struct handler *handler);

/* Answers one of those that are ready, if there is any. */
void worker_resume(struct workplace *place, struct handler *handler);

/* Asks for the lookups that wait, if it is time, and answers their requests. */
void worker_look_up(struct workplace *place, struct handler *handler);

#endif
