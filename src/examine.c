/*
 * --check.  Nobody waits here, so libpq's blocking calls do.  The catalogue is asked first, for
 * words that an operator can act on; then the read itself is tried, which knows best.
 */
#include "examine.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "clock.h"
#include "config.h"
#include "connection.h"
#include "dial.h"

/* One row a finding: what it is, and a sentence. */
static const char findings[] =
    "with wanted(relation, columns) as (select relation, columns from (values"
    " ('jobs', array['workspace', 'name', 'id', 'attempt', 'status', 'status_details',"
    "  'error_details', 'created_at', 'updated_at']),"
    " ('steps', array['workspace', 'job_id', 'attempt', 'position', 'id', 'name', 'status',"
    "  'status_details', 'error_details', 'created_at', 'updated_at']),"
    " ('tasks', array['workspace', 'job_id', 'attempt', 'step_position', 'position', 'id', 'name',"
    "  'status', 'status_details', 'error_details', 'error_stack', 'created_at', 'updated_at']),"
    " ('readers', array['workspace', 'principal'])) as relations(relation, columns)"
    " where $2::boolean or relation <> 'readers'),"
    " home as (select oid from pg_catalog.pg_namespace where nspname = $1),"
    " found as (select w.relation, w.columns, c.oid, exists (select from pg_catalog.pg_attribute"
    "  where attrelid = c.oid and attname in ('data', 'status') and attnum > 0 and not attisdropped"
    "  having bool_and(attname = 'data')) as has_data from home cross join wanted w"
    "  left join pg_catalog.pg_class c on c.relnamespace = home.oid and c.relname = w.relation"
    "   and c.relkind in ('r', 'p', 'v', 'm', 'f'))"
    " select 'error', format('schema %I does not exist: install sql/%s', $1::text,"
    "  case $1 when 'jobstatus_nemo' then 'nemo-platform.sql' else 'schema.sql' end)"
    "  where not exists (select from home)"
    " union all select 'error', format('no right to use schema %I: grant usage on it to %I', $1::text,"
    "  current_user) from home where not has_schema_privilege(home.oid, 'usage')"
    " union all select 'error', format('relation %I.%I is missing', $1::text, relation)"
    "  from found where oid is null"
    " union all select 'error', format('no right to read %I.%I: grant select on it to %I', $1::text,"
    "  relation, current_user) from found where not has_table_privilege(oid, 'select')"
    " union all select 'error', format('column %I.%I.%I is missing', $1::text, relation, name)"
    "  from found cross join unnest(columns) as name where oid is not null and not exists"
    "  (select from pg_catalog.pg_attribute where attrelid = found.oid and attname = name"
    "   and attnum > 0 and not attisdropped)"
    "  and not (has_data and name in ('status', 'status_details', 'error_details', 'error_stack'))"
    " union all select 'warning', format('%I is a superuser: the program needs no more than the role"
    " jobstatus_reader', current_user) from pg_catalog.pg_roles where rolname = current_user"
    " and rolsuper";

static PGconn *
connect_blocking(const struct config *config)
{
	char timeout[24];
	const char *const keywords[] = { "connect_timeout", "fallback_application_name", "dbname",
		NULL };
	const char *const values[] = { timeout, "jobstatus", config->database, NULL };

	/* libpq waits two seconds at least, and for ever when told 0. */
	snprintf(timeout, sizeof(timeout), "%lld",
	    (long long)((config->timeout + CLOCK_SECOND - 1) / CLOCK_SECOND));
	return PQconnectdbParams(keywords, values, 1);
}

/* Prints the findings.  Returns the errors among them, or -1 if the catalogue does not answer. */
static int
print_findings(PGconn *pg, const struct config *config)
{
	const char *values[2] = { config->schema, config->authorize != NULL ? "t" : "f" };
	PGresult *result = PQexecParams(pg, findings, 2, NULL, values, NULL, NULL, 0);
	int errors = 0;

	if (PQresultStatus(result) != PGRES_TUPLES_OK) {
		printf("error: the catalogue cannot be read: %s", PQerrorMessage(pg));
		PQclear(result);
		return -1;
	}
	for (int i = 0; i < PQntuples(result); i++) {
		printf("%s: %s\n", PQgetvalue(result, i, 0), PQgetvalue(result, i, 1));
		errors += strcmp(PQgetvalue(result, i, 0), "error") == 0;
	}
	PQclear(result);
	return errors;
}

static int
ignore_row(void *context, const struct row *row)
{
	(void)context;
	(void)row;
	return 0;
}

/* Reads a job that no table holds, just as a request would. */
static int
try_read(const struct config *config)
{
	struct host_list hosts;
	const struct connection_options options = { .hosts = &hosts,
		.schema = config->schema,
		.compat = config->compat,
		.authorize = config->authorize != NULL,
		.prepare = config->prepare,
		.timeout = config->timeout };
	const struct row_text nobody[PARAMETERS] = { { ".", 1 }, { ".", 1 }, { ".", 1 } };
	int64_t deadline = clock_now() + config->timeout;
	struct failure failure = { .text = "no memory" };
	struct connection *connection = NULL;
	int outcome = -1;

	if (host_list_open(&hosts, config->database) == 0)
		connection = connection_open(&options, DIAL_ANY, deadline, NULL, &failure);
	if (connection != NULL)
		outcome = connection_read(
		    connection, STATEMENT_STATUS, nobody, deadline, ignore_row, NULL, &failure);
	if (outcome != 0)
		printf("error: the read fails: %s\n", failure.text);
	connection_close(connection);
	host_list_close(&hosts);
	return outcome == 0 ? 0 : -1;
}

int
examine_run(const struct config *config)
{
	PGconn *pg = connect_blocking(config);
	int errors = -1;

	if (PQstatus(pg) == CONNECTION_OK)
		errors = print_findings(pg, config);
	else
		printf("error: cannot connect to the database: %s", PQerrorMessage(pg));
	PQfinish(pg);
	if (errors != 0 || try_read(config) != 0)
		return -1;
	printf("ok: the database answers, and schema %s can be read\n", config->schema);
	return 0;
}
