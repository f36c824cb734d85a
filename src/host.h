/*
 * The hosts that a conninfo names, one set of parameters each: libpq's own loop over them would
 * spend the whole deadline on the first one that is frozen.
 */
#ifndef JOBSTATUS_HOST_H
#define JOBSTATUS_HOST_H

#include <stddef.h>

#define HOST_KEYWORDS 8 /* parameters of one attempt, the terminating NULL included */

/* One attempt; a member that is NULL is left to the conninfo. */
struct host {
	const char *host, *hostaddr, *port;
	const char *session_attrs;
};

struct host_list {
	size_t count; /* at least 1 */
	struct host *hosts;
	char *memory[3]; /* owned */
};

/* Reads DATABASE and libpq's environment.  Returns 0, or -1: no memory. */
int host_list_open(struct host_list *list, const char *database);
void host_list_close(struct host_list *list);

/* Fills the arrays for PQconnectStartParams(); they borrow from HOST and DATABASE. */
void host_parameters(const struct host *host, const char *database,
    const char *keywords[static HOST_KEYWORDS], const char *values[static HOST_KEYWORDS]);

#endif
