/*
 * The statement's text and how a result becomes a row.
 */
#include <stdint.h>
#include <string.h>

#include "statement.h"
#include "suite.h"

static const struct {
	const char *schema, *quoted;
} schemas[] = {
	{ "jobstatus", "\"jobstatus\".jobs as" },
	{ "a\"b", "\"a\"\"b\".jobs as" },
	{ "a.b; drop", "\"a.b; drop\".jobs as" },
	{ "\"\"\"", "\"\"\"\"\"\"\"\".jobs as" },
};

START_TEST(quotes_the_schema)
{
	static const struct statement_relations relations = { .revision = true };

	for (int i = 0; i < STATEMENTS; i++) {
		char *text = statement_text(
		    (enum statement)i, schemas[_i].schema, &relations, COMPAT_NONE, false);

		ck_assert_ptr_nonnull(text);
		ck_assert_ptr_nonnull(strstr(text, schemas[_i].quoted));
		ck_assert_ptr_null(strchr(text, '@'));
		free(text);
	}
}
END_TEST

/* How often TEXT has PART. */
static int
count(const char *text, const char *part)
{
	int found = 0;

	for (; (text = strstr(text, part)) != NULL; text++)
		found++;
	return found;
}

/* The levels that offer data, by the bits of the number. */
START_TEST(takes_values_of_columns_or_of_data)
{
	struct statement_relations relations = { .data = { _i & 1, _i & 2, _i & 4 } };
	int data = (_i & 1) + (_i >> 1 & 1) + (_i >> 2);
	char *text = statement_text(STATEMENT_STATUS, "s", &relations, COMPAT_NEMO_PLATFORM, false);

	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(count(text, ".data::json as data"), data);
	ck_assert_int_eq(count(text, " null::json as data"), 3 - data);
	ck_assert_int_eq(count(text, ".status::text as status"), 3 - data);
	ck_assert_int_eq(count(text, ".error_stack::text as error_stack"), (_i & 1) == 0);
	ck_assert_int_eq(count(text, "created_at desc"), 1);
	free(text);
}
END_TEST

/* Jobs without a revision have NULL for it, in both statements. */
START_TEST(asks_for_the_revision)
{
	struct statement_relations relations = { .revision = _i == 1 };

	for (int i = 0; i < STATEMENTS; i++) {
		char *text = statement_text((enum statement)i, "s", &relations, COMPAT_NONE, false);
		int levels = i == STATEMENT_STATUS ? STATEMENT_LEVELS : 1;

		ck_assert_ptr_nonnull(text);
		ck_assert_int_eq(count(text, "job.revision::text as revision"), _i);
		ck_assert_int_eq(count(text, "null::text as revision"), levels - _i);
		free(text);
	}
}
END_TEST

START_TEST(computes_no_view_for_the_revision)
{
	struct statement_relations relations = { .views = _i == 1 };
	char *text = statement_text(STATEMENT_REVISION, "s", &relations, COMPAT_NONE, false);

	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(count(text, " as step on false and "), _i);
	ck_assert_int_eq(count(text, " as task on false and "), _i);
	free(text);
}
END_TEST

/* Of several jobs each is looked up as one is. */
START_TEST(looks_up_several)
{
	struct statement_relations relations = { .revision = true };
	char *one = statement_text(STATEMENT_REVISION, "s", &relations, COMPAT_NONE, false);
	char *several = statement_text(STATEMENT_REVISIONS, "s", &relations, COMPAT_NONE, false);

	ck_assert_ptr_nonnull(one);
	ck_assert_ptr_nonnull(several);
	ck_assert_int_eq(count(one, "$1"), 3);
	ck_assert_int_eq(count(one, "job.name = $2"), 1);
	ck_assert_int_eq(count(several, "= asked.workspace"), 3);
	ck_assert_int_eq(count(several, "job.name = asked.name"), 1);
	ck_assert_int_eq(count(several, "$1::text[]") + count(several, "$2::text[]"), 2);
	ck_assert_int_eq(count(several, "$") + count(several, "%"), 2);
	free(one);
	free(several);
}
END_TEST

/* Each statement asks whether the principal may read, by parameters that it has. */
START_TEST(asks_who_may_read)
{
	struct statement_relations relations = { .revision = true, .views = _i == 1 };

	for (int i = 0; i < STATEMENTS; i++) {
		char *anyone =
		    statement_text((enum statement)i, "s", &relations, COMPAT_NONE, false);
		char *text = statement_text((enum statement)i, "s", &relations, COMPAT_NONE, true);
		bool several = i == STATEMENT_REVISIONS;

		ck_assert_ptr_nonnull(anyone);
		ck_assert_ptr_nonnull(text);
		ck_assert_int_eq(count(anyone, "reader") + count(anyone, "$3"), 0);
		ck_assert_int_eq(count(text, "from \"s\".readers as reader"), 1);
		ck_assert_int_eq(
		    count(text,
			several ? "reader.principal = asked.principal" : "reader.principal = $3"),
		    1);
		ck_assert_int_eq(
		    count(text,
			several ? "reader.workspace = asked.workspace" : "reader.workspace = $1"),
		    1);
		ck_assert_int_eq(count(text, "$3"), 1);
		ck_assert_int_eq(count(text, "%"), 0);
		free(anyone);
		free(text);
	}
}
END_TEST

START_TEST(looks_up_several_in_tables_alone)
{
	struct statement_relations relations = { .revision = _i & 1, .views = _i & 2 };

	ck_assert(statement_fits(STATEMENT_STATUS, &relations));
	ck_assert(statement_fits(STATEMENT_REVISION, &relations));
	ck_assert_int_eq(statement_fits(STATEMENT_REVISIONS, &relations), _i == 1);
}
END_TEST

START_TEST(learns_what_there_is)
{
	struct statement_relations relations;

	statement_learn("", &relations);
	ck_assert(!relations.revision && !relations.data[0] && !relations.data[2]);
	ck_assert(!relations.views);
	statement_learn("revision jobs views", &relations);
	ck_assert(relations.views && relations.revision && !relations.data[0] && relations.data[2]);
}
END_TEST

static char *columns[] = { "updated_at", "created_at", "error_stack", "error_details",
	"status_details", "status", "name", "id", "position", "step_position", "data", "revision",
	"level" };

#define COLUMNS_MADE (int)(sizeof(columns) / sizeof(columns[0]))
#define DATA 10
#define REVISION 11
#define LEVEL 12

/* A result of one row in which every column but a few is NULL. */
static PGresult *
make(int made)
{
	static const unsigned char level[4] = { 0, 0, 0, 3 }, time[8] = { 0, 0, 0, 0, 0, 0, 1, 2 };
	PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PGresAttDesc attributes[COLUMNS_MADE];

	memset(attributes, 0, sizeof(attributes));
	for (int i = 0; i < made; i++)
		attributes[i].name = columns[i];
	PQsetResultAttrs(result, made, attributes);
	for (int i = 0; i < made; i++)
		PQsetvalue(result, 0, i, NULL, -1);
	PQsetvalue(result, 0, 1, (char *)(uintptr_t)time, sizeof(time));
	PQsetvalue(result, 0, 6, (char *)(uintptr_t) "name", 4);
	if (made == COLUMNS_MADE)
		PQsetvalue(result, 0, LEVEL, (char *)(uintptr_t)level, sizeof(level));
	return result;
}

START_TEST(finds_columns_by_name)
{
	PGresult *result = make(COLUMNS_MADE);
	struct statement_columns found;
	struct row row;

	ck_assert(statement_find_columns(STATEMENT_STATUS, result, &found));
	ck_assert(statement_row(result, &found, &row));
	ck_assert_int_eq(row.level, ROW_TASK);
	ck_assert_int_eq(row.created_at, 258);
	ck_assert_int_eq(row.updated_at, INT64_MIN);
	ck_assert_uint_eq(row.name.length, 4);
	ck_assert_mem_eq(row.name.bytes, "name", 4);
	ck_assert_ptr_null(row.error_stack.bytes);
	ck_assert_ptr_null(row.id.bytes);
	ck_assert(!row.encoded);
	ck_assert_ptr_null(row.revision.bytes);
	PQclear(result);
}
END_TEST

START_TEST(takes_members_of_data)
{
	static const char data[] = "{\"status\":\"active\",\"status_details\":{\"a\":1},"
				   "\"error_details\":null,\"error_stack\":\"\\n\"}";
	PGresult *result = make(COLUMNS_MADE);
	struct statement_columns found;
	struct row row;

	PQsetvalue(result, 0, DATA, (char *)(uintptr_t)data, sizeof(data) - 1);
	ck_assert(statement_find_columns(STATEMENT_STATUS, result, &found));
	ck_assert(statement_row(result, &found, &row));
	ck_assert(row.encoded);
	ck_assert_uint_eq(row.status.length, 8);
	ck_assert_mem_eq(row.status.bytes, "\"active\"", 8);
	ck_assert_mem_eq(row.status_details.bytes, "{\"a\":1}", row.status_details.length);
	ck_assert_mem_eq(row.error_details.bytes, "null", row.error_details.length);
	ck_assert_uint_eq(row.error_stack.length, 4);
	PQclear(result);
}
END_TEST

START_TEST(takes_a_revision_alone)
{
	PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PGresAttDesc attributes[2];
	struct statement_columns found;
	struct row row;

	memset(attributes, 0, sizeof(attributes));
	attributes[0].name = columns[7];
	attributes[1].name = columns[REVISION];
	PQsetResultAttrs(result, 2, attributes);
	PQsetvalue(result, 0, 0, (char *)(uintptr_t) "id", 2);
	PQsetvalue(result, 0, 1, (char *)(uintptr_t) "17", 2);
	ck_assert(!statement_find_columns(STATEMENT_STATUS, result, &found));
	ck_assert(statement_find_columns(STATEMENT_REVISION, result, &found));
	ck_assert(statement_row(result, &found, &row));
	ck_assert_int_eq(row.level, ROW_JOB);
	ck_assert_mem_eq(row.id.bytes, "id", 2);
	ck_assert_mem_eq(row.revision.bytes, "17", row.revision.length);
	ck_assert_ptr_null(row.name.bytes);
	PQclear(result);
}
END_TEST

START_TEST(misses_a_column)
{
	PGresult *result = make(COLUMNS_MADE - 1);
	struct statement_columns found;

	ck_assert(!statement_find_columns(STATEMENT_STATUS, result, &found));
	PQclear(result);
}
END_TEST

static const struct {
	unsigned char bytes[4];
	int length;
} levels[] = {
	{ { 0, 0, 0, 0 }, 4 },
	{ { 0, 0, 0, 4 }, 4 },
	{ { 255, 255, 255, 255 }, 4 },
	{ { 0, 0, 0, 1 }, 3 },
};

START_TEST(refuses_a_level)
{
	PGresult *result = make(COLUMNS_MADE);
	struct statement_columns found;
	struct row row;

	PQsetvalue(result, 0, LEVEL, (char *)(uintptr_t)levels[_i].bytes, levels[_i].length);
	ck_assert(statement_find_columns(STATEMENT_STATUS, result, &found));
	ck_assert(!statement_row(result, &found, &row));
	PQclear(result);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("statement");
	TCase *tcase = tcase_create("statement");

	tcase_add_loop_test(tcase, quotes_the_schema, 0, sizeof(schemas) / sizeof(schemas[0]));
	tcase_add_loop_test(tcase, takes_values_of_columns_or_of_data, 0, 8);
	tcase_add_loop_test(tcase, asks_for_the_revision, 0, 2);
	tcase_add_loop_test(tcase, computes_no_view_for_the_revision, 0, 2);
	tcase_add_test(tcase, looks_up_several);
	tcase_add_loop_test(tcase, asks_who_may_read, 0, 2);
	tcase_add_loop_test(tcase, looks_up_several_in_tables_alone, 0, 4);
	tcase_add_test(tcase, learns_what_there_is);
	tcase_add_test(tcase, takes_a_revision_alone);
	tcase_add_test(tcase, finds_columns_by_name);
	tcase_add_test(tcase, takes_members_of_data);
	tcase_add_test(tcase, misses_a_column);
	tcase_add_loop_test(tcase, refuses_a_level, 0, sizeof(levels) / sizeof(levels[0]));
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
