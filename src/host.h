/*
 * The hosts that a conninfo names, one set of parameters each, and what each did when it was last
 * tried: libpq's own loop over them would spend the whole deadline on the first one that is frozen,
 * each time anew.
 */
#ifndef JOBSTATUS_HOST_H
#define JOBSTATUS_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOST_KEYWORDS 8 /* parameters of one attempt, the terminating NULL included */

enum host_state {
	HOST_UNTRIED,
	HOST_ANSWERS, /* a server that has let us in, be it in the role that is asked for or not */
	HOST_REFUSES, /* a server that has not */
	HOST_SILENT,  /* no server, or one that says nothing */
};

/* One attempt; a text that is NULL is left to the conninfo. */
struct host {
	const char *host, *hostaddr, *port;
	const char *session_attrs;
	enum host_state state;
	int64_t tried; /* when that was seen, clock_now(); 0: never */
};

struct host_list {
	const char *database; /* the conninfo; borrowed */
	size_t count;         /* at least 1 */
	struct host *hosts;
	char *memory[3]; /* owned */
};

/* Reads DATABASE, which is borrowed, and libpq's environment.  Returns 0, or -1: no memory. */
int host_list_open(struct host_list *list, const char *database);
void host_list_close(struct host_list *list);

/* Whether HOST is worth a first try: nothing is known against it. */
bool host_is_good(const struct host *host);

/* Fills the arrays for PQconnectStartParams(); they borrow from HOST and DATABASE. */
void host_parameters(const struct host *host, const char *database,
    const char *keywords[static HOST_KEYWORDS], const char *values[static HOST_KEYWORDS]);

#endif
