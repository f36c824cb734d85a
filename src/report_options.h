/*
 * The command line of jobstatus-report.
 */
#ifndef JOBSTATUS_REPORT_OPTIONS_H
#define JOBSTATUS_REPORT_OPTIONS_H

#include <stdint.h>
#include <stdio.h>

#include "report_command.h"

enum report_action { REPORT_ACTION_RUN, REPORT_ACTION_VERSION, REPORT_ACTION_HELP };

struct report_options {
	enum report_action action;
	const struct report_command *command;
	const char *values[REPORT_FIELDS]; /* as given: a value that begins with @ names a file */
	const char *database;              /* libpq conninfo, "" for libpq's own defaults */
	int64_t timeout;                   /* how long to keep trying, in nanoseconds */
	char **wrapped;                    /* the command to wrap and its arguments, or NULL */
	int64_t heartbeat;                 /* between its heartbeats, in nanoseconds */
	char *target;                      /* owned: WORKSPACE/JOB, cut in two */
};

/* Whether the value of FIELD may be @FILE. */
int report_options_may_be_file(enum report_field field);

/*
 * Fills OPTIONS from the environment and from ARGV, whose strings it borrows.  Returns 0, or -1
 * with a line in ERROR (SIZE bytes) that names what is wrong.  report_options_free() either way.
 */
int report_options_read(
    struct report_options *options, int argc, char *argv[], char *error, size_t size);
void report_options_free(struct report_options *options);

/* Writes the usage text. */
void report_options_usage(FILE *to);

#endif
