/*
 * The line of the log that each request gets, when it is wanted.
 */
#ifndef JOBSTATUS_ACCESS_H
#define JOBSTATUS_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

/* A request that was answered.  Texts may be NULL; times are nanoseconds. */
struct access {
	const char *method, *script_name, *path_info;
	const char *request_id; /* one that is no token of 1 to 128 characters is replaced */
	int status;
	uint64_t bytes; /* of the body */
	bool cut;       /* its reader went away before the end */
	int64_t total, database;
};

void access_log(const struct access *access);

#endif
