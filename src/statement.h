/*
 * The statements: their SQL texts, and how a result's columns become a row.
 */
#ifndef JOBSTATUS_STATEMENT_H
#define JOBSTATUS_STATEMENT_H

#include <stdbool.h>

#include <libpq-fe.h>

#include "compat.h"
#include "row.h"

enum statement_column {
	COLUMN_PLACE,
	COLUMN_LEVEL,
	COLUMN_STEP_POSITION,
	COLUMN_ID,
	COLUMN_NAME,
	COLUMN_STATUS,
	COLUMN_STATUS_DETAILS,
	COLUMN_ERROR_DETAILS,
	COLUMN_ERROR_STACK,
	COLUMN_DATA,
	COLUMN_REVISION,
	COLUMN_CREATED_AT,
	COLUMN_UPDATED_AT,
	COLUMNS
};

/* Where the columns stand in a result, or -1 each. */
struct statement_columns {
	int at[COLUMNS];
};

#define STATEMENT_LEVELS 3

/* Which relations offer `data` in place of status, details and error stack; whether jobs have a
 * revision; and whether any relation is no table. */
struct statement_relations {
	bool data[STATEMENT_LEVELS];
	bool revision;
	bool views;
};

/* An SQL expression that says so, with the schema as $1: the relations' names, `revision` and
 * `views`, in one text. */
#define STATEMENT_QUESTION \
	"(select pg_catalog.string_agg(word, ' ') from (select case a.attname when 'revision'" \
	" then 'revision' else c.relname::text end as word" \
	" from pg_catalog.pg_namespace n join pg_catalog.pg_class c on c.relnamespace = n.oid" \
	" join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped" \
	" where n.nspname = $1::text and c.relname in ('jobs', 'steps', 'tasks')" \
	" and (a.attname in ('data', 'status') or c.relname = 'jobs' and a.attname = 'revision')" \
	" group by 1 having pg_catalog.bool_and(a.attname <> 'status')" \
	" union select 'views' from pg_catalog.pg_namespace n join pg_catalog.pg_class c" \
	" on c.relnamespace = n.oid where n.nspname = $1::text" \
	" and c.relname in ('jobs', 'steps', 'tasks', 'readers') and c.relkind not in ('r', 'p')) as found)"

/* What its answer, FOUND, says. */
void statement_learn(const char *found, struct statement_relations *relations);

/* Whether STATEMENT can be asked of such relations: several jobs cannot be looked up in views,
 * which might compute themselves as a whole for each. */
bool statement_fits(enum statement statement, const struct statement_relations *relations);

/*
 * The text of STATEMENT for SCHEMA, with its parameters as $1 and so on, or arrays of these;
 * AUTHORIZE: what `readers` does not show to the principal is not found.  The caller frees it.
 * NULL: no memory.
 */
char *statement_text(enum statement statement, const char *schema,
    const struct statement_relations *relations, enum compat compat, bool authorize);

/* Finds the columns of STATEMENT by name.  False: one is missing. */
bool statement_find_columns(
    enum statement statement, const PGresult *result, struct statement_columns *columns);

/* Makes ROW of the result's first row, in binary format; it borrows from RESULT.  What the
 * statement does not give is NULL.  False: it cannot be one. */
bool statement_row(
    const PGresult *result, const struct statement_columns *columns, struct row *row);

#endif
