/*
 * jobstatus.fcgi: answers the status of a job from PostgreSQL, as FastCGI or plain CGI.
 */
#include "build.h"

#include <malloc.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "cache.h"
#include "config.h"
#include "connection.h"
#include "examine.h"
#include "listener.h"
#include "log.h"
#include "metrics.h"
#include "plaincgi.h"
#include "server.h"
#include "store.h"

/* Reads the configuration and says what is wrong with it.  Returns 0 or -1. */
static int
configure(struct config *config, int argc, char *argv[])
{
	char error[400];

	if (config_read(config, argc, argv, error, sizeof(error)) != 0) {
		log_error("%s", error);
		return -1;
	}
	if (config->action == CONFIG_RUN)
		log_open(config->log_target, config->log_level);
	if (!connection_valid_database(config->database)) {
		log_error(
		    "--database or JOBSTATUS_DATABASE: not a connection string of PostgreSQL");
		return -1;
	}
	if (config->socket_group != NULL && !listener_valid_group(config->socket_group)) {
		log_error("--socket-group or JOBSTATUS_SOCKET_GROUP: there is no group \"%s\"",
		    config->socket_group);
		return -1;
	}
	return 0;
}

/* A file that cannot be used is no reason to answer nothing. */
static void
count_in_file(const struct config *config)
{
	char error[400];

	if (config->metrics_file != NULL &&
	    metrics_open(config->metrics_file, error, sizeof(error)) != 0)
		log_error("metrics: %s", error);
}

/* Under CGI the command line is the client's query string: it is not read. */
static int
run_plain_cgi(void)
{
	struct config config;

	if (configure(&config, 0, NULL) == 0) {
		count_in_file(&config);
		plaincgi_run(&config);
	} else {
		plaincgi_refuse();
	}
	return EX_OK;
}

static int
run_server(const struct config *config)
{
	struct listener listener;
	struct store *store;
	struct cache *cache;
	int result;

	if (config->socket == NULL && !listener_is(STDIN_FILENO)) {
		log_error(
		    "nowhere to listen: no --socket, and descriptor 0 is no listening socket");
		config_usage(stderr);
		return EX_USAGE;
	}
	/* What one thread keeps in the cache another one frees: with a heap for each thread the
	 * holes of all of them would be more than the cache. */
	mallopt(M_ARENA_MAX, 2);
	server_block_signals();
	count_in_file(config);
	if (listener_open(&listener, config->socket, config->socket_group) != 0)
		return EX_CANTCREAT;
	store = store_open(config, true);
	cache = cache_open(config->cache);
	if (store == NULL || cache == NULL)
		log_error("start: no memory or no thread");
	result = store != NULL && cache != NULL ? server_run(config, &listener, store, cache) : -1;
	cache_close(cache);
	store_close(store);
	metrics_close();
	listener_unlink(&listener);
	listener_close(&listener);
	return result == 0 ? EX_OK : EX_OSERR;
}

int
main(int argc, char *argv[])
{
	struct config config;

	if (plaincgi_is())
		return run_plain_cgi();
	if (configure(&config, argc, argv) != 0)
		return EX_USAGE;
	switch (config.action) {
	case CONFIG_VERSION:
		printf("jobstatus %s\n", PACKAGE_VERSION);
		return EX_OK;
	case CONFIG_HELP:
		config_usage(stdout);
		return EX_OK;
	case CONFIG_CHECK:
		return examine_run(&config) == 0 ? EX_OK : EX_CONFIG;
	case CONFIG_RUN:
		break;
	}
	return run_server(&config);
}
