/*
 * The commands of jobstatus-report: what each takes from the command line, the function of the
 * database that it calls, and how it is tried again.
 */
#ifndef JOBSTATUS_REPORT_COMMAND_H
#define JOBSTATUS_REPORT_COMMAND_H

#include <stddef.h>

/* What a report consists of.  The values of a report are an array with one text, or NULL, for each.
 */
enum report_field {
	REPORT_WORKSPACE,
	REPORT_JOB,
	REPORT_STEP,
	REPORT_TASK,
	REPORT_STATUS,
	REPORT_DETAILS,     /* JSON: status_details */
	REPORT_ERROR,       /* JSON: error_details */
	REPORT_ERROR_STACK, /* text */
	REPORT_TASKS,       /* JSON: report_tasks()' array */
	REPORT_STEPS,       /* names with commas between them */
	REPORT_ID,
	REPORT_FIELDS
};

/*
 * A connection that is lost in the middle of a call leaves open whether the call was executed. What
 * may be done twice is simply done again; see report_try.c for the others.
 */
enum report_again { REPORT_AGAIN_SAME, REPORT_AGAIN_CREATE, REPORT_AGAIN_GUARDED };

#define REPORT_PARAMETERS 8

struct report_command {
	const char *name;
	const char *usage;             /* what follows the name */
	enum report_field operands[4]; /* after WORKSPACE/JOB */
	size_t least, most;            /* how many of them */
	unsigned int options;          /* a bit, 1 << field, for each that an option may give */
	enum report_again again;
	const char *sql;
	const char
	    *guarded; /* what is called after a lost connection, if it is another; see there */
	enum report_field parameters[REPORT_PARAMETERS]; /* $1, $2, ... of SQL */
	size_t count;
};

/* Ends with one without a name. */
extern const struct report_command report_commands[];

/* The command of this name, or NULL. */
const struct report_command *report_command_find(const char *name);

#endif
