/*
 * What the database is asked, and one row of its answer: a job, a step or a task.
 */
#ifndef JOBSTATUS_ROW_H
#define JOBSTATUS_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum statement {
	STATEMENT_STATUS,    /* the read: a row for the job, each step and each task */
	STATEMENT_REVISION,  /* the job's id and revision alone */
	STATEMENT_REVISIONS, /* the same of several jobs: arrays of their workspaces and names */
	STATEMENTS
};

/* What a statement is asked with: a text each, or of several jobs an array of them. */
enum parameter {
	PARAMETER_WORKSPACE,
	PARAMETER_NAME,
	PARAMETER_PRINCIPAL, /* who asks; only where access is controlled */
	PARAMETERS
};

/* The levels in document order; the numbers are those that the statement gives. */
enum row_level { ROW_JOB = 1, ROW_STEP, ROW_TASK };

/* Bytes of a row, not terminated; `bytes` is NULL for SQL's NULL. */
struct row_text {
	const char *bytes;
	size_t length;
};

struct row {
	enum row_level level;
	struct row_text
	    step_position; /* of a step, or of a task's step; any type, comparable by bytes */
	struct row_text id, name, status;
	struct row_text status_details, error_details; /* JSON */
	struct row_text error_stack;
	struct row_text revision; /* of a job; NULL where there is none */
	size_t place;             /* among several jobs that are asked for, from 1 */
	bool encoded;             /* status and error_stack are JSON values, and no plain text */
	int64_t created_at, updated_at; /* see timestamp.h */
};

#endif
