/*
 * The read is one statement, so that an answer is one snapshot, and a union of the three levels,
 * each joining only what it needs (measured against a wide join, which repeats the job in every
 * row, and against json_agg).  The current attempt's key comes from a row subquery: a constant to
 * the planner, one index lookup, and unlike a join condition it reaches into views with a window
 * function.  workspace = $1 stands in every branch and subquery, so that the statement can be
 * routed to one shard; looking the job up once, in a materialised common table expression, would
 * spare the database a thirtieth and lose that.
 *
 * The first branch names the columns and is the tasks', so that the NULL positions of the others
 * take their types.  Results are asked for in binary: timestamps come as numbers and are not
 * printed twice.
 */
#include "statement.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* @ stands for the quoted schema. */
static const char template[] =
    "select 3 as level, step_position, position, id::text as id, name::text as name,"
    " status::text as status, status_details::json as status_details,"
    " error_details::json as error_details, error_stack::text as error_stack,"
    " created_at::timestamptz as created_at, updated_at::timestamptz as updated_at"
    " from @.tasks where workspace = $1 and (job_id, attempt) ="
    " (select id, attempt from @.jobs where workspace = $1 and name = $2)"
    " union all"
    " select 2, position, null, id::text, name::text, status::text, status_details::json,"
    " error_details::json, null, created_at::timestamptz, updated_at::timestamptz"
    " from @.steps where workspace = $1 and (job_id, attempt) ="
    " (select id, attempt from @.jobs where workspace = $1 and name = $2)"
    " union all"
    " select 1, null, null, id::text, name::text, status::text, status_details::json,"
    " error_details::json, null, created_at::timestamptz, updated_at::timestamptz"
    " from @.jobs where workspace = $1 and name = $2"
    " order by step_position nulls first, position nulls first, id";

static const char *const names[COLUMNS] = {
	[COLUMN_LEVEL] = "level",
	[COLUMN_STEP_POSITION] = "step_position",
	[COLUMN_ID] = "id",
	[COLUMN_NAME] = "name",
	[COLUMN_STATUS] = "status",
	[COLUMN_STATUS_DETAILS] = "status_details",
	[COLUMN_ERROR_DETAILS] = "error_details",
	[COLUMN_ERROR_STACK] = "error_stack",
	[COLUMN_CREATED_AT] = "created_at",
	[COLUMN_UPDATED_AT] = "updated_at",
};

/* Writes NAME as an SQL identifier; returns the end. */
static char *
quote_identifier(char *to, const char *name)
{
	*to++ = '"';
	for (; *name != '\0'; name++) {
		if (*name == '"')
			*to++ = '"';
		*to++ = *name;
	}
	*to++ = '"';
	return to;
}

char *
statement_text(const char *schema)
{
	size_t schemas = 0;
	char *text, *to;

	for (const char *from = template; *from != '\0'; from++)
		schemas += *from == '@';
	text = malloc(sizeof(template) + schemas * (2 * strlen(schema) + 2));
	if (text == NULL)
		return NULL;
	to = text;
	for (const char *from = template; *from != '\0'; from++) {
		if (*from == '@')
			to = quote_identifier(to, schema);
		else
			*to++ = *from;
	}
	*to = '\0';
	return text;
}

bool
statement_find_columns(const PGresult *result, struct statement_columns *columns)
{
	for (int i = 0; i < COLUMNS; i++)
		if ((columns->at[i] = PQfnumber(result, names[i])) < 0)
			return false;
	return true;
}

static struct row_text
get_text(const PGresult *result, int column)
{
	struct row_text text = { NULL, 0 };

	if (!PQgetisnull(result, 0, column)) {
		text.bytes = PQgetvalue(result, 0, column);
		text.length = (size_t)PQgetlength(result, 0, column);
	}
	return text;
}

static bool
get_int64(const PGresult *result, int column, int64_t *value)
{
	uint64_t bits;

	if (PQgetlength(result, 0, column) != sizeof(bits))
		return false;
	memcpy(&bits, PQgetvalue(result, 0, column), sizeof(bits));
	*value = (int64_t)be64toh(bits);
	return true;
}

static bool
get_level(const PGresult *result, int column, enum row_level *level)
{
	uint32_t bits;

	if (PQgetlength(result, 0, column) != sizeof(bits))
		return false;
	memcpy(&bits, PQgetvalue(result, 0, column), sizeof(bits));
	bits = be32toh(bits);
	*level = (enum row_level)bits;
	return bits >= ROW_JOB && bits <= ROW_TASK;
}

bool
statement_row(const PGresult *result, const struct statement_columns *columns, struct row *row)
{
	const int *at = columns->at;

	row->step_position = get_text(result, at[COLUMN_STEP_POSITION]);
	row->id = get_text(result, at[COLUMN_ID]);
	row->name = get_text(result, at[COLUMN_NAME]);
	row->status = get_text(result, at[COLUMN_STATUS]);
	row->status_details = get_text(result, at[COLUMN_STATUS_DETAILS]);
	row->error_details = get_text(result, at[COLUMN_ERROR_DETAILS]);
	row->error_stack = get_text(result, at[COLUMN_ERROR_STACK]);
	/* A NULL timestamp has no bytes and becomes one that the contract cannot express. */
	if (!get_int64(result, at[COLUMN_CREATED_AT], &row->created_at))
		row->created_at = INT64_MIN;
	if (!get_int64(result, at[COLUMN_UPDATED_AT], &row->updated_at))
		row->updated_at = INT64_MIN;
	return get_level(result, at[COLUMN_LEVEL], &row->level);
}
