/*
 * The FastCGI server: kept connections, the threads that serve them, and the end of both.
 */
#ifndef JOBSTATUS_SERVER_H
#define JOBSTATUS_SERVER_H

struct cache;
struct config;
struct listener;
struct store;

/*
 * Blocks the signals that ask for a stop in this thread and those it starts, and ignores SIGHUP and
 * SIGPIPE.  To be called before any thread and the listener are there, so that no signal is lost.
 */
void server_block_signals(void);

/*
 * Serves until SIGTERM, SIGINT or SIGUSR1, then finishes what is in flight.  Returns 0, or -1 after
 * logging why it could not begin.
 */
int server_run(const struct config *config, struct listener *listener, struct store *store,
    struct cache *cache);

#endif
