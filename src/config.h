/*
 * The configuration: defaults, then the environment, then options; checked once and read-only from
 * then on.  This room alone knows the names of options and variables.
 */
#ifndef JOBSTATUS_CONFIG_H
#define JOBSTATUS_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "compat.h"
#include "log.h"

enum config_action { CONFIG_RUN, CONFIG_CHECK, CONFIG_VERSION, CONFIG_HELP };

struct config {
	enum config_action action;
	const char *socket;         /* path of the socket to make, or NULL: descriptor 0 */
	const char *socket_group;   /* its group, or NULL: the process's own */
	unsigned int threads;       /* 1 to 256 */
	const char *database;       /* libpq conninfo, "" for libpq's own defaults */
	const char *schema;         /* holds the read relations */
	enum compat compat;         /* whose habits answers follow */
	bool accept_unknown_status; /* pass on a status that the contract does not know */
	bool prepare;               /* prepared statements */
	size_t cache;               /* bytes of documents to keep, 0: none */
	bool poll_hints;            /* say when to ask again */
	int64_t timeout;            /* the deadline of one request, in nanoseconds */
	const char *authorize;      /* the CGI variable that names who asks, or NULL: anyone may */
	const char *challenge;      /* WWW-Authenticate for who is not named */
	enum log_level log_level;
	enum log_target log_target;
	bool access_log;          /* a line for each request */
	bool status_routes;       /* answer /-/live, /-/ready and /-/metrics */
	const char *metrics_file; /* to count in, with other processes, or NULL */
};

/*
 * Fills CONFIG from the environment and, unless ARGV is NULL (plain CGI, where the command line is
 * the client's), from the options in ARGV.  Strings borrow from both.  Returns 0, or -1 with a line
 * in ERROR (SIZE bytes) that names the bad option or variable.
 */
int config_read(struct config *config, int argc, char *const argv[], char *error, size_t size);

/* Writes the usage text, one line per option with its variable and default. */
void config_usage(FILE *to);

#endif
