/*
 * The FastCGI server.
 *
 * libfcgi's own way, a thread that accepts and then keeps its connection, pins threads to the kept
 * connections of a front.  Here the listener and every connection that waits for a request are in
 * one epoll set, one-shot, and any free thread takes the next that is readable.  The thread that
 * began it all waits for signals and cuts off peers that are overdue.
 */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "config.h"
#include "handler.h"
#include "listener.h"
#include "log.h"
#include "metrics.h"
#include "worker.h"

#define TICK_MAX (250 * CLOCK_MILLISECOND)
#define TICK_MIN (10 * CLOCK_MILLISECOND)
#define ACCEPT_BATCH 64
#define QUEUE_MAX 4096 /* Linux's own limit, unless it is raised */
#define ACCEPT_PAUSE (100 * CLOCK_MILLISECOND)
#define IDLE_MIN (250 * CLOCK_MILLISECOND) /* of a connection that is ended to make room */
#define THREAD_DESCRIPTORS 3 /* of a thread: its session's, two with several hosts, and a file */

struct server {
	const struct config *config;
	struct listener *listener;
	struct store *store;
	struct cache *cache;
	struct workplace place;
	int signals;                        /* signalfd */
	atomic_int_least64_t accept_again;  /* when to try, out of descriptors; 0: listening */
	atomic_int_least64_t accept_failed; /* when it did; 0: that is over, and told */
	unsigned int threads;
	pthread_t *thread;
	struct handler **handler; /* one per thread */
	atomic_uint started;
};

static void
stop_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGUSR1);
}

void
server_block_signals(void)
{
	sigset_t set;

	stop_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

/* Accepts one connection.  Returns whether there may be more. */
static bool
accept_peer(struct server *server)
{
	struct peer *peer = peer_accept(&server->place.peers, server->listener->fd,
	    THREAD_DESCRIPTORS * server->config->threads);
	int64_t now;

	if (peer != NULL) {
		worker_admit(&server->place, peer);
		return true;
	}
	if (errno == EINTR || errno == ECONNABORTED)
		return true;
	if (errno == EAGAIN)
		return false;
	/* Out of descriptors or memory: who has a connection that he does not use makes room; those
	 * who wait in the queue wait a little longer. */
	now = clock_now();
	if (atomic_exchange(&server->accept_failed, now) == 0)
		log_error("accept: %s", strerror(errno));
	atomic_store(&server->accept_again, now + ACCEPT_PAUSE);
	peer_end_idle(&server->place.peers, now - IDLE_MIN);
	return false;
}

static void
listen_again(struct server *server)
{
	/* After a stop the listener is not in the set, and that is as it should be. */
	if (workplace_watch(&server->place, EPOLL_CTL_MOD, server->listener->fd,
		EPOLLIN | EPOLLONESHOT, server->listener) == 0 ||
	    errno == ENOENT)
		return;
	log_error("epoll: %s", strerror(errno));
	atomic_store(&server->accept_again, clock_now() + ACCEPT_PAUSE);
}

/*
 * Accepts all that wait, or a batch.  One at a time they would wait long: between two accepts every
 * connection that is readable has its turn.
 */
static void
accept_peers(struct server *server)
{
	for (int i = 0; i < ACCEPT_BATCH && accept_peer(server); i++)
		continue;
	if (atomic_load(&server->accept_again) == 0)
		listen_again(server);
}

static void *
run_thread(void *context)
{
	struct server *server = context;
	struct workplace *place = &server->place;
	struct handler *handler = server->handler[atomic_fetch_add(&server->started, 1)];
	struct epoll_event event;

	for (;;) {
		int n = epoll_wait(place->epoll, &event, 1, lookup_patience(&place->lookups));

		if (n == 0)
			worker_look_up(place, handler);
		if (n < 1)
			continue; /* or EINTR */
		if (event.data.ptr == &place->over)
			return NULL;
		metrics_add(METRICS_THREADS_BUSY, 1);
		if (event.data.ptr == &place->ready)
			worker_resume(place, handler);
		else if (event.data.ptr == server->listener)
			accept_peers(server);
		else
			worker_serve(place, event.data.ptr, event.events, handler);
		metrics_add(METRICS_THREADS_BUSY, -1);
	}
}

/*
 * Accepts nothing more, but loses nobody who waits.  Whether somebody else listens on descriptor 0
 * cannot be told; if so, those who come from now on are his.  If not, they are refused and know it:
 * in the queue of a listener that we keep they would wait for our end, and be cut off by it.
 */
static void
stop(struct server *server)
{
	bool last;

	log_info("stopping");
	epoll_ctl(server->place.epoll, EPOLL_CTL_DEL, server->listener->fd, NULL);
	listener_unlink(server->listener);
	for (int i = 0; i < QUEUE_MAX && accept_peer(server); i++)
		continue;
	last = peer_stop_all(&server->place.peers);
	/* Nothing takes its number, which other threads may still hold. */
	dup3(server->place.over, server->listener->fd, O_CLOEXEC);
	if (last)
		workplace_end(&server->place);
}

static void
resume_accepting(struct server *server)
{
	int64_t again = atomic_load(&server->accept_again), now = clock_now();
	int64_t failed = atomic_load(&server->accept_failed);

	if (again != 0 && now >= again) {
		atomic_store(&server->accept_again, 0);
		accept_peers(server);
	} else if (again == 0 && failed != 0 && now - failed > CLOCK_SECOND) {
		atomic_store(&server->accept_failed, 0);
		log_info("accept: goes on");
	}
}

/* The first thread's work: signals and peers that are overdue, until the others end. */
static void
supervise(struct server *server)
{
	struct pollfd fds[2] = { { .fd = server->signals, .events = POLLIN },
		{ .fd = server->place.over, .events = POLLIN } };
	int64_t tick = server->config->timeout / 2;
	struct signalfd_siginfo info;
	bool stopping = false;

	tick = tick > TICK_MAX ? TICK_MAX : tick < TICK_MIN ? TICK_MIN : tick;
	while (fds[1].revents == 0) {
		int64_t wait = stopping ? TICK_MIN : tick;

		if (poll(fds, 2, (int)(wait / CLOCK_MILLISECOND)) > 0 && fds[0].revents != 0 &&
		    read(server->signals, &info, sizeof(info)) > 0 && !stopping) {
			stopping = true;
			stop(server);
		}
		peer_cut_overdue(&server->place.peers);
		resume_accepting(server);
	}
}

static int
open_descriptors(struct server *server)
{
	struct workplace *place = &server->place;
	sigset_t set;

	stop_signals(&set);
	server->signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (workplace_open(place) != 0 || server->signals < 0)
		return -1;
	/* `over` stays readable, so that it wakes every thread. */
	if (workplace_watch(place, EPOLL_CTL_ADD, place->over, EPOLLIN, &place->over) != 0 ||
	    workplace_watch(place, EPOLL_CTL_ADD, place->ready, EPOLLIN, &place->ready) != 0)
		return -1;
	return workplace_watch(
	    place, EPOLL_CTL_ADD, server->listener->fd, EPOLLIN | EPOLLONESHOT, server->listener);
}

/* Starts the threads, each with its handler; server->threads is how many run. */
static int
start_threads(struct server *server)
{
	unsigned int wanted = server->config->threads;

	server->thread = calloc(wanted, sizeof(*server->thread));
	server->handler = calloc(wanted, sizeof(struct handler *));
	if (server->thread == NULL || server->handler == NULL)
		return -1;
	for (unsigned int i = 0; i < wanted; i++)
		if ((server->handler[i] =
			    handler_open(server->store, server->cache, server->config)) == NULL)
			return -1;
	for (; server->threads < wanted; server->threads++) {
		int error =
		    pthread_create(&server->thread[server->threads], NULL, run_thread, server);

		if (error != 0) {
			errno = error;
			return -1;
		}
	}
	return 0;
}

static void
close_all(struct server *server)
{
	for (unsigned int i = 0; i < server->threads; i++)
		pthread_join(server->thread[i], NULL);
	for (unsigned int i = 0; server->handler != NULL && i < server->config->threads; i++)
		handler_close(server->handler[i]);
	workplace_close(&server->place);
	free(server->thread);
	free(server->handler);
	if (server->signals >= 0)
		close(server->signals);
}

/*
 * libfcgi drains what it closes for up to two seconds unless told otherwise; and it takes SIGPIPE,
 * which is put back.
 */
static int
init_libfcgi(void)
{
	int result = setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "0", 1) != 0 || FCGX_Init() != 0;

	signal(SIGPIPE, SIG_IGN);
	return result ? -1 : 0;
}

int
server_run(const struct config *config, struct listener *listener, struct store *store,
    struct cache *cache)
{
	struct server server = { .config = config,
		.listener = listener,
		.store = store,
		.cache = cache,
		.place = { .config = config },
		.signals = -1 };
	int result = open_descriptors(&server);

	if (result == 0)
		result = init_libfcgi() == 0 ? start_threads(&server) : -1;
	if (result == 0) {
		metrics_set(METRICS_THREADS, server.threads);
		log_info("ready: %u threads, %s", config->threads,
		    listener->path != NULL ? listener->path : "descriptor 0");
		supervise(&server);
		log_info("stopped");
	} else {
		log_error("start: %s", strerror(errno));
		if (server.place.over >= 0)
			workplace_end(&server.place);
	}
	close_all(&server);
	return result;
}
