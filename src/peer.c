/*
 * The connections that fronts have opened.
 *
 * A stop must lose no request.  Shutting the receiving side down makes that decision in one step
 * for both sides: what arrived before is still read, what comes after fails at its sender, which
 * then knows that it was not served.  Not every front tries again then (Apache looks whether the
 * connection is open, and writes), so a kept connection ends right after an answer, when its front
 * cannot have taken it for the next request yet; if this thread was held up meanwhile, after one of
 * the next.  One that nobody uses ends a little later.
 */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

#define GRACE (100 * CLOCK_MILLISECOND) /* for one more request when stopping */
#define AT_ONCE 12000 /* ns from an answer to the end of the connection; a front takes longer */
#define PATIENCE (CLOCK_SECOND / 2) /* for such a moment */

void
peer_table_open(struct peer_table *table)
{
	pthread_mutex_init(&table->lock, NULL);
	table->first = NULL;
	table->count = 0;
	table->stopping = 0;
}

void
peer_table_close(struct peer_table *table)
{
	while (table->first != NULL)
		peer_remove(table, table->first);
	pthread_mutex_destroy(&table->lock);
}

/* Called with the lock held. */
static void
link_peer(struct peer_table *table, struct peer *peer)
{
	peer->next = table->first;
	if (peer->next != NULL)
		peer->next->previous = peer;
	table->first = peer;
	table->count++;
}

/*
 * Makes a peer without a connection.  Its second descriptor is there already, a duplicate of the
 * listener for the while: nobody is to be accepted who cannot be served.  NULL, with errno.
 */
static struct peer *
make_peer(int listener, int last)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (peer == NULL)
		return NULL;
	FCGX_InitRequest(&peer->exchange.fcgx, -1, 0); /* it never accepts by itself */
	peer->exchange.fcgx.keepConnection = 1;
	peer->exchange.fcgx.ipcFd = fcntl(listener, F_DUPFD_CLOEXEC, 0);
	peer->parked = true;
	peer->since = clock_now();
	atomic_init(&peer->exchange.cut, 0);
	if (peer->exchange.fcgx.ipcFd >= 0 && peer->exchange.fcgx.ipcFd < last)
		return peer;
	if (peer->exchange.fcgx.ipcFd >= 0) {
		close(peer->exchange.fcgx.ipcFd);
		errno = EMFILE;
	}
	free(peer);
	return NULL;
}

/* The number that a connection's first descriptor is below, so that RESERVE are left beside its
 * second. */
static int
limit_of(unsigned int reserve)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX)
		return INT_MAX;
	if (reserve > limit.rlim_cur / 4)
		reserve = (unsigned int)(limit.rlim_cur / 4);
	return (int)limit.rlim_cur - (int)reserve - 1;
}

struct peer *
peer_accept(struct peer_table *table, int listener, unsigned int reserve)
{
	struct peer *peer = make_peer(listener, limit_of(reserve));
	int saved;

	if (peer == NULL)
		return NULL;
	/* Under the lock, so that what is accepted is there when a stop counts. */
	pthread_mutex_lock(&table->lock);
	errno = EAGAIN;
	peer->fd = table->stopping != 0 ? -1 : accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	saved = errno;
	if (peer->fd >= 0) {
		dup3(peer->fd, peer->exchange.fcgx.ipcFd, O_CLOEXEC);
		link_peer(table, peer);
	}
	pthread_mutex_unlock(&table->lock);
	if (peer->fd >= 0)
		return peer;
	close(peer->exchange.fcgx.ipcFd);
	free(peer);
	errno = saved;
	return NULL;
}

bool
peer_remove(struct peer_table *table, struct peer *peer)
{
	bool last;

	pthread_mutex_lock(&table->lock);
	if (peer->previous != NULL)
		peer->previous->next = peer->next;
	else
		table->first = peer->next;
	if (peer->next != NULL)
		peer->next->previous = peer->previous;
	last = --table->count == 0 && table->stopping != 0;
	pthread_mutex_unlock(&table->lock);
	FCGX_Free(&peer->exchange.fcgx, 1);
	close(peer->fd);
	free(peer);
	return last;
}

void
peer_park(struct peer_table *table, struct peer *peer)
{
	pthread_mutex_lock(&table->lock);
	peer->parked = true;
	peer->since = clock_now();
	atomic_store(&peer->exchange.cut, table->stopping != 0 ? peer->since + GRACE : 0);
	pthread_mutex_unlock(&table->lock);
}

void
peer_unpark(struct peer_table *table, struct peer *peer)
{
	pthread_mutex_lock(&table->lock);
	peer->parked = false;
	pthread_mutex_unlock(&table->lock);
}

static bool
has_input(struct peer *peer)
{
	char byte;

	return recv(peer->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/*
 * Ends a connection between two requests.  Returns false if one has begun to arrive, which is to be
 * answered: Apache sends it in pieces.  What a front sends while this runs is lost, so it is short.
 */
static bool
end_kept(struct peer *peer)
{
	if (has_input(peer))
		return false;
	shutdown(peer->fd, SHUT_RD);
	if (has_input(peer))
		return false;
	shutdown(peer->fd, SHUT_WR);
	return true;
}

void
peer_end_idle(struct peer_table *table, int64_t then)
{
	pthread_mutex_lock(&table->lock);
	for (struct peer *peer = table->first; peer != NULL; peer = peer->next)
		if (peer->parked && peer->since < then)
			end_kept(peer);
	pthread_mutex_unlock(&table->lock);
}

void
peer_cut_overdue(struct peer_table *table)
{
	int64_t now = clock_now();

	pthread_mutex_lock(&table->lock);
	for (struct peer *peer = table->first; peer != NULL; peer = peer->next) {
		int64_t cut = atomic_load(&peer->exchange.cut);

		if (cut == 0 || now < cut)
			continue;
		if (peer->parked)
			end_kept(peer);
		else
			shutdown(peer->fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&table->lock);
}

bool
peer_is_over(struct peer_table *table, struct peer *peer, int64_t answered)
{
	int64_t stopping, now;

	pthread_mutex_lock(&table->lock);
	stopping = table->stopping;
	pthread_mutex_unlock(&table->lock);
	if (stopping == 0)
		return false;
	now = clock_now();
	return (now - answered < AT_ONCE || now - stopping > PATIENCE) && end_kept(peer);
}

bool
peer_stop_all(struct peer_table *table)
{
	int64_t now = clock_now();
	bool none;

	pthread_mutex_lock(&table->lock);
	table->stopping = now;
	for (struct peer *peer = table->first; peer != NULL; peer = peer->next)
		if (peer->parked)
			atomic_store(&peer->exchange.cut, now + GRACE);
	none = table->count == 0;
	pthread_mutex_unlock(&table->lock);
	return none;
}
