/*
 * A request whose job is to be looked up waits in a queue when other lookups are under way, without
 * a thread; the thread that ends these takes all that wait.  It answers at once what takes no time,
 * and leaves the rest, reads and large documents, to any thread: nobody is to wait for them who
 * need not.
 */
#include "worker.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/sockios.h>

#include "clock.h"
#include "config.h"
#include "log.h"

#define PEER_EVENTS (EPOLLIN | EPOLLRDHUP | EPOLLONESHOT)

int
workplace_open(struct workplace *place)
{
	peer_table_open(&place->peers);
	lookup_queue_open(&place->lookups);
	pthread_mutex_init(&place->lock, NULL);
	STAILQ_INIT(&place->ready_peers);
	place->epoll = epoll_create1(EPOLL_CLOEXEC);
	place->over = eventfd(0, EFD_CLOEXEC);
	place->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	return place->epoll < 0 || place->over < 0 || place->ready < 0 ? -1 : 0;
}

void
workplace_close(struct workplace *place)
{
	peer_table_close(&place->peers);
	lookup_queue_close(&place->lookups);
	pthread_mutex_destroy(&place->lock);
	if (place->epoll >= 0)
		close(place->epoll);
	if (place->over >= 0)
		close(place->over);
	if (place->ready >= 0)
		close(place->ready);
}

int
workplace_watch(struct workplace *place, int operation, int fd, uint32_t events, void *pointer)
{
	struct epoll_event event = { .events = events, .data.ptr = pointer };

	return epoll_ctl(place->epoll, operation, fd, &event);
}

static void
add_one(int eventfd)
{
	uint64_t one = 1;

	while (write(eventfd, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
}

void
workplace_end(struct workplace *place)
{
	add_one(place->over);
}

static void
remove_peer(struct workplace *place, struct peer *peer)
{
	if (peer_remove(&place->peers, peer))
		workplace_end(place);
}

/* Waits for PEER's first request, or the next. */
static void
await(struct workplace *place, int operation, struct peer *peer)
{
	/* From here on the peer may be another thread's. */
	if (workplace_watch(place, operation, peer->fd, PEER_EVENTS, peer) != 0) {
		log_error("epoll: %s", strerror(errno));
		remove_peer(place, peer);
	}
}

void
worker_admit(struct workplace *place, struct peer *peer)
{
	await(place, EPOLL_CTL_ADD, peer);
}

/* Closes a connection that has unread input: a reset would take the answer away from its reader. */
static void
drain_and_remove(struct workplace *place, struct peer *peer)
{
	char piece[8192];

	atomic_store(&peer->exchange.cut, clock_now() + place->config->timeout);
	shutdown(peer->fd, SHUT_WR);
	while (recv(peer->fd, piece, sizeof(piece), 0) > 0)
		continue;
	remove_peer(place, peer);
}

static void
answer(struct workplace *place, struct peer *peer, struct handler *handler)
{
	switch (exchange_end(&peer->exchange, handler, place->config->timeout)) {
	case EXCHANGE_KEEP:
		/* It was to be cut off a timeout after its answer's end began to leave. */
		if (peer_is_over(&place->peers, peer,
			atomic_load(&peer->exchange.cut) - place->config->timeout)) {
			remove_peer(place, peer);
			break;
		}
		peer_park(&place->peers, peer);
		await(place, EPOLL_CTL_MOD, peer);
		break;
	case EXCHANGE_CLOSE:
		remove_peer(place, peer);
		break;
	case EXCHANGE_DRAIN:
		drain_and_remove(place, peer);
		break;
	}
}

/* Leaves a request to any thread. */
static void
make_ready(struct workplace *place, struct peer *peer)
{
	pthread_mutex_lock(&place->lock);
	STAILQ_INSERT_TAIL(&place->ready_peers, peer, ready);
	pthread_mutex_unlock(&place->lock);
	add_one(place->ready);
}

void
worker_resume(struct workplace *place, struct handler *handler)
{
	struct peer *peer;
	uint64_t one;

	if (read(place->ready, &one, sizeof(one)) < 0)
		return; /* another thread was here first */
	pthread_mutex_lock(&place->lock);
	peer = STAILQ_FIRST(&place->ready_peers);
	STAILQ_REMOVE_HEAD(&place->ready_peers, ready);
	pthread_mutex_unlock(&place->lock);
	answer(place, peer, handler);
}

/* Whether PEER has taken all that was sent to it, so that a small answer does not wait for it. */
static bool
takes_at_once(const struct peer *peer)
{
	int unsent;

	return ioctl(peer->fd, SIOCOUTQ, &unsent) == 0 && unsent == 0;
}

void
worker_look_up(struct workplace *place, struct handler *handler)
{
	struct lookup *lookups[LOOKUP_MAX];
	struct peer *slow = NULL; /* one that this thread may answer when nobody waits */
	size_t count;

	while ((count = lookup_take(&place->lookups, lookups)) > 0) {
		if (slow != NULL)
			make_ready(place, slow);
		slow = NULL;
		handler_look_up(handler, lookups, count);
		lookup_done(&place->lookups);
		for (size_t i = 0; i < count; i++) {
			struct peer *peer = lookups[i]->owner;

			if (handler_is_quick(handler, &peer->exchange.request) &&
			    takes_at_once(peer)) {
				answer(place, peer, handler);
				continue;
			}
			if (slow != NULL)
				make_ready(place, slow);
			slow = peer;
		}
	}
	if (slow != NULL)
		answer(place, slow, handler);
}

void
worker_serve(struct workplace *place, struct peer *peer, uint32_t events, struct handler *handler)
{
	struct exchange *exchange = &peer->exchange;
	char byte;

	peer_unpark(&place->peers, peer);
	/* A front that is gone may have left a request. */
	if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 &&
	    recv(peer->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) {
		remove_peer(place, peer);
		return;
	}
	if (!exchange_begin(exchange, place->config)) {
		remove_peer(place, peer);
		return;
	}
	if (exchange->whole && exchange->drained &&
	    handler_may_look_up(handler, &exchange->request)) {
		exchange->request.lookup.owner = peer;
		lookup_wait(&place->lookups, &exchange->request.lookup);
		worker_look_up(place, handler);
		return;
	}
	answer(place, peer, handler);
}
