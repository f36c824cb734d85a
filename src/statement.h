/*
 * The read: its SQL text, and how its result's columns become a row.
 */
#ifndef JOBSTATUS_STATEMENT_H
#define JOBSTATUS_STATEMENT_H

#include <stdbool.h>

#include <libpq-fe.h>

#include "row.h"

enum statement_column {
	COLUMN_LEVEL,
	COLUMN_STEP_POSITION,
	COLUMN_ID,
	COLUMN_NAME,
	COLUMN_STATUS,
	COLUMN_STATUS_DETAILS,
	COLUMN_ERROR_DETAILS,
	COLUMN_ERROR_STACK,
	COLUMN_CREATED_AT,
	COLUMN_UPDATED_AT,
	COLUMNS
};

/* Where the columns stand in a result. */
struct statement_columns {
	int at[COLUMNS];
};

/* The text for SCHEMA, with workspace as $1 and name as $2; the caller frees it.  NULL: no memory.
 */
char *statement_text(const char *schema);

/* Finds the columns by name.  False: one is missing. */
bool statement_find_columns(const PGresult *result, struct statement_columns *columns);

/* Makes ROW of the result's first row, in binary format; it borrows from RESULT.  False: it cannot
 * be one. */
bool statement_row(
    const PGresult *result, const struct statement_columns *columns, struct row *row);

#endif
