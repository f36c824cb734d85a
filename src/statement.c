/*
 * The read is one statement, so that an answer is one snapshot: the job, and beside it a union of
 * the three levels, each joining only what it needs (measured against a wide join, which repeats
 * the job in every row, and against json_agg).  The job is looked up once; offset 0 keeps the union
 * from being merged with that lookup, so that the job's key comes to it as a parameter: a constant
 * to the planner, one index lookup, and unlike a join condition it reaches into views with a window
 * function or a security barrier.  workspace = $1 stands with each relation, so that the statement
 * can be routed to one shard.
 *
 * A relation may offer its rows' status, details and error stack as members of one column `data`, a
 * JSON object, in place of columns.  Which do is asked once a session, before the text is made.
 * Every column is named with its relation: one that is missing must not be found in another.
 *
 * The job's revision comes with its row, so from the same snapshot.  A request that may do with the
 * revision alone asks for that by a statement of its own: one index lookup, where the read filtered
 * by a revision would set up all its branches.  It names all that the read does, so that it fails
 * as the read would when something, or the right to it, is missing.  Nothing of steps and tasks is
 * used: of tables, whose keys are unique, the planner leaves the joins out, and in views, which it
 * might compute as a whole, it is told that nothing matches.
 *
 * The first branch names the columns and is the tasks', so that the NULL positions of the others
 * take their types.  Results are asked for in binary: timestamps come as numbers and are not
 * printed twice.
 */
#include "statement.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "members.h"

/* What each row of a relation has, and its values, as they come of columns and of `data`. */
#define HEAD(of) \
	of ".id::text as id, " of ".name::text as name, " of \
	   ".created_at::timestamptz as created_at, " of \
	   ".updated_at::timestamptz as updated_at, "
#define COLUMNS_OF(of, error_stack) \
	of ".status::text as status, " of ".status_details::json as status_details, " of \
	   ".error_details::json as error_details, " error_stack "::text as error_stack," \
	   " null::json as data"
#define DATA_OF(of) \
	"null::text as status, null::json as status_details, null::json as error_details," \
	" null::text as error_stack, " of ".data::json as data"
#define REVISION_OF(of) ", " of ".revision::text as revision"
#define NO_REVISION ", null::text as revision"
#define PARTS_MAX 20
#define BELOW(relation, of) \
	" from @." relation " as " of " where " of ".workspace = $1 and " of \
	".job_id = job.id and " of ".attempt = job.attempt union all "

/* The select of each level: START, the values of columns or of data, the revision, END.  @ is the
 * schema. */
static const struct {
	const char *relation, *start, *columns, *data, *revision, *end;
} levels[STATEMENT_LEVELS] = {
	{ "tasks",
	    "select found.* from @.jobs as job cross join lateral ("
	    "select 3 as level, task.step_position, task.position, " HEAD("task"),
	    COLUMNS_OF("task", "task.error_stack"), DATA_OF("task"), NO_REVISION,
	    BELOW("tasks", "task") },
	{ "steps", "select 2, step.position, null, " HEAD("step"), COLUMNS_OF("step", "null"),
	    DATA_OF("step"), NO_REVISION, BELOW("steps", "step") },
	{ "jobs", "select 1, null, null, " HEAD("job"), COLUMNS_OF("job", "null"), DATA_OF("job"),
	    REVISION_OF("job"), " offset 0) as found where job.workspace = $1 and job.name = $2" },
};

static const char *const orders[] = {
	[COMPAT_NONE] = " order by step_position nulls first, position nulls first, id",
	[COMPAT_NEMO_PLATFORM] = " order by step_position nulls first, level, created_at desc, id",
};

/* What the statement of the revision names of each level, from the job down. */
#define COMMON(of) " and row(" of ".id, " of ".name, " of ".created_at, " of ".updated_at, "
#define VALUES(of) of ".status, " of ".status_details, " of ".error_details) is null"
static const struct {
	const char *join, *condition, *columns, *data;
} lookup[STATEMENT_LEVELS] = {
	{ " from @.jobs as job left join @.steps as step on ",
	    "step.workspace = %1 and step.job_id = job.id and step.attempt = job.attempt"
	    " and step.name = ''" COMMON("job"),
	    VALUES("job"), "job.data) is null" },
	{ NULL, COMMON("step"), VALUES("step"), "step.data) is null" },
	{ " left join @.tasks as task on ",
	    "task.workspace = %1 and task.job_id = job.id and task.attempt = job.attempt"
	    " and task.step_position = step.position and task.name = ''" COMMON(
		"task") "task.position, ",
	    "task.error_stack, " VALUES("task"), "task.data) is null" },
};

/* Who may read the job; the condition asks nothing of the job itself. */
static const char may_read[] = " and exists (select from @.readers as reader"
			       " where reader.workspace = %1 and reader.principal = %3)";

/* The same of several jobs, each of which is looked up as if it were the only one. */
static const char *const several_start[] = {
	"select asked.place::integer as place, found.id, found.revision from rows from"
	" (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) with ordinality"
	" as asked(workspace, name, place) cross join lateral (",
	"select asked.place::integer as place, found.id, found.revision from rows from"
	" (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[]),"
	" pg_catalog.unnest($3::text[])) with ordinality"
	" as asked(workspace, name, principal, place) cross join lateral (",
};
static const char several_end[] = " offset 0) as found"; /* so that it is not merged with that */

static const char *const names[COLUMNS] = {
	[COLUMN_PLACE] = "place",
	[COLUMN_LEVEL] = "level",
	[COLUMN_STEP_POSITION] = "step_position",
	[COLUMN_ID] = "id",
	[COLUMN_NAME] = "name",
	[COLUMN_STATUS] = "status",
	[COLUMN_STATUS_DETAILS] = "status_details",
	[COLUMN_ERROR_DETAILS] = "error_details",
	[COLUMN_ERROR_STACK] = "error_stack",
	[COLUMN_DATA] = "data",
	[COLUMN_REVISION] = "revision",
	[COLUMN_CREATED_AT] = "created_at",
	[COLUMN_UPDATED_AT] = "updated_at",
};

/* Writes NAME as an SQL identifier. */
static void
quote_identifier(FILE *to, const char *name)
{
	fputc('"', to);
	for (; *name != '\0'; name++) {
		if (*name == '"')
			fputc('"', to);
		fputc(*name, to);
	}
	fputc('"', to);
}

/* PARTS together, with the quoted SCHEMA for each @, and for %1 and so on what stands for the
 * PARAMETERS. */
static char *
join(const char *const parts[], size_t count, const char *schema,
    const char *const parameters[PARAMETERS])
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (to == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++)
		for (const char *from = parts[i]; *from != '\0'; from++) {
			if (*from == '@')
				quote_identifier(to, schema);
			else if (*from == '%')
				fputs(parameters[*++from - '1'], to);
			else
				fputc(*from, to);
		}
	if (fclose(to) == 0)
		return text;
	free(text);
	return NULL;
}

void
statement_learn(const char *found, struct statement_relations *relations)
{
	for (size_t i = 0; i < STATEMENT_LEVELS; i++)
		relations->data[i] = strstr(found, levels[i].relation) != NULL;
	relations->revision = strstr(found, "revision") != NULL;
	relations->views = strstr(found, "views") != NULL;
}

/* The parts of the read.  Returns how many. */
static size_t
make_read(const char *parts[], const struct statement_relations *relations, enum compat compat,
    bool authorize)
{
	size_t count = 0;

	for (size_t i = 0; i < STATEMENT_LEVELS; i++) {
		parts[count++] = levels[i].start;
		parts[count++] = relations->data[i] ? levels[i].data : levels[i].columns;
		parts[count++] = relations->revision ? levels[i].revision : NO_REVISION;
		parts[count++] = levels[i].end;
	}
	if (authorize)
		parts[count++] = may_read;
	parts[count++] = orders[compat];
	return count;
}

/* The parts of the lookup of one job, or SEVERAL. */
static size_t
make_lookup(
    const char *parts[], const struct statement_relations *relations, bool several, bool authorize)
{
	size_t count = 0;

	if (several)
		parts[count++] = several_start[authorize];
	parts[count++] = "select job.id::text as id";
	parts[count++] = relations->revision ? REVISION_OF("job") : NO_REVISION;
	for (size_t i = 0; i < STATEMENT_LEVELS; i++) {
		bool data = relations->data[STATEMENT_LEVELS - 1 - i];

		if (lookup[i].join != NULL)
			parts[count++] = lookup[i].join;
		if (lookup[i].join != NULL && relations->views)
			parts[count++] = "false and ";
		parts[count++] = lookup[i].condition;
		parts[count++] = data ? lookup[i].data : lookup[i].columns;
	}
	parts[count++] = " where job.workspace = %1 and job.name = %2";
	if (authorize)
		parts[count++] = may_read;
	if (several)
		parts[count++] = several_end;
	return count;
}

bool
statement_fits(enum statement statement, const struct statement_relations *relations)
{
	return statement != STATEMENT_REVISIONS || (relations->revision && !relations->views);
}

char *
statement_text(enum statement statement, const char *schema,
    const struct statement_relations *relations, enum compat compat, bool authorize)
{
	static const char *const one[PARAMETERS] = { "$1", "$2", "$3" };
	static const char *const each[PARAMETERS] = { "asked.workspace", "asked.name",
		"asked.principal" };
	const char *parts[PARTS_MAX];
	bool several = statement == STATEMENT_REVISIONS;
	size_t count = statement == STATEMENT_STATUS ?
	    make_read(parts, relations, compat, authorize) :
	    make_lookup(parts, relations, several, authorize);

	return join(parts, count, schema, several ? each : one);
}

bool
statement_find_columns(
    enum statement statement, const PGresult *result, struct statement_columns *columns)
{
	for (int i = 0; i < COLUMNS; i++) {
		columns->at[i] = PQfnumber(result, names[i]);
		if (columns->at[i] < 0 &&
		    (i == COLUMN_PLACE ? statement == STATEMENT_REVISIONS :
					 statement == STATEMENT_STATUS || i == COLUMN_ID ||
				i == COLUMN_REVISION))
			return false;
	}
	return true;
}

static bool
is_null(const PGresult *result, int column)
{
	return column < 0 || PQgetisnull(result, 0, column);
}

static struct row_text
get_text(const PGresult *result, int column)
{
	struct row_text text = { NULL, 0 };

	if (!is_null(result, column)) {
		text.bytes = PQgetvalue(result, 0, column);
		text.length = (size_t)PQgetlength(result, 0, column);
	}
	return text;
}

static bool
get_int64(const PGresult *result, int column, int64_t *value)
{
	uint64_t bits;

	if (column < 0 || PQgetlength(result, 0, column) != sizeof(bits))
		return false;
	memcpy(&bits, PQgetvalue(result, 0, column), sizeof(bits));
	*value = (int64_t)be64toh(bits);
	return true;
}

/* A whole number; VALUE is left as it is where the statement does not give the column. */
static bool
get_number(const PGresult *result, int column, uint32_t *value)
{
	uint32_t bits;

	if (column < 0)
		return true;
	if (PQgetlength(result, 0, column) != sizeof(bits))
		return false;
	memcpy(&bits, PQgetvalue(result, 0, column), sizeof(bits));
	*value = be32toh(bits);
	return true;
}

/* Takes from DATA what it has in place of columns. */
static void
take_members(struct row *row, struct row_text data)
{
	enum { STATUS, STATUS_DETAILS, ERROR_DETAILS, ERROR_STACK, MEMBERS };
	static const char *const keys[MEMBERS] = { "status", "status_details", "error_details",
		"error_stack" };
	struct row_text values[MEMBERS];

	members_find(data, keys, MEMBERS, values);
	row->status = values[STATUS];
	row->status_details = values[STATUS_DETAILS];
	row->error_details = values[ERROR_DETAILS];
	row->error_stack = values[ERROR_STACK];
}

bool
statement_row(const PGresult *result, const struct statement_columns *columns, struct row *row)
{
	const int *at = columns->at;
	uint32_t level = ROW_JOB, place = 0;

	row->step_position = get_text(result, at[COLUMN_STEP_POSITION]);
	row->id = get_text(result, at[COLUMN_ID]);
	row->name = get_text(result, at[COLUMN_NAME]);
	row->status = get_text(result, at[COLUMN_STATUS]);
	row->status_details = get_text(result, at[COLUMN_STATUS_DETAILS]);
	row->error_details = get_text(result, at[COLUMN_ERROR_DETAILS]);
	row->error_stack = get_text(result, at[COLUMN_ERROR_STACK]);
	row->revision = get_text(result, at[COLUMN_REVISION]);
	row->encoded = !is_null(result, at[COLUMN_DATA]);
	if (row->encoded)
		take_members(row, get_text(result, at[COLUMN_DATA]));
	/* A NULL timestamp has no bytes and becomes one that the contract cannot express. */
	if (!get_int64(result, at[COLUMN_CREATED_AT], &row->created_at))
		row->created_at = INT64_MIN;
	if (!get_int64(result, at[COLUMN_UPDATED_AT], &row->updated_at))
		row->updated_at = INT64_MIN;
	if (!get_number(result, at[COLUMN_LEVEL], &level) ||
	    !get_number(result, at[COLUMN_PLACE], &place))
		return false;
	row->place = place;
	row->level = (enum row_level)level;
	return level >= ROW_JOB && level <= ROW_TASK;
}
