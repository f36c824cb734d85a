/*
 * Members of objects as PostgreSQL stores them, and bytes that are none.
 */
#include <string.h>

#include "members.h"
#include "suite.h"

static struct row_text
text_of(const char *text)
{
	return (struct row_text){ text, strlen(text) };
}

static const struct {
	const char *object, *value; /* of "status"; NULL: it has none */
} cases[] = {
	{ "{}", NULL },
	{ " \n\t\r{ \n\t\r} ", NULL },
	{ "{\"status\":\"active\"}", "\"active\"" },
	{ "{\"a\":1,\"status\":\"active\",\"b\":2}", "\"active\"" },
	{ " { \"status\" : \"active\" , \"b\" : 2 } ", "\"active\"" },
	{ "{\n\"status\"\t:\r\n-1.5e+400\n}", "-1.5e+400" },
	{ "{\"status\":null}", "null" },
	{ "{\"status\":true,\"b\":false}", "true" },
	{ "{\"status\":[{\"a\":[]},\"]\"],\"b\":1}", "[{\"a\":[]},\"]\"]" },
	{ "{\"status\":{\"a\":\"}\\\"}\"},\"b\":1}", "{\"a\":\"}\\\"}\"}" },
	{ "{\"status\":\"\\\\\",\"b\":1}", "\"\\\\\"" },
	{ "{\"status\":\"\\\"\",\"b\":1}", "\"\\\"\"" },
	{ "{\"status\":\"a\\u0000\\ud800\\\\u0000\"}", "\"a\\u0000\\ud800\\\\u0000\"" },
	/* not the one that is meant */
	{ "{\"spec\":{\"status\":\"x\"},\"status\":\"active\",\"z\":{\"status\":\"y\"}}",
	    "\"active\"" },
	{ "{\"spec\":{\"status\":\"x\"}}", NULL },
	{ "{\"spec\":[\"status\",\"x\"]}", NULL },
	{ "{\"spec\":\"\\\"status\\\":\\\"x\\\"\"}", NULL },
	{ "{\"Status\":1,\"statu\":1,\"statuss\":1,\"\":1,\"status \":1}", NULL },
	{ "{\"status\\u0000\":1,\"\\u0000status\":1,\"stat\\ud800us\":1}", NULL },
	{ "{\"\\\\u0073tatus\":1,\"stat\\\\us\":1}", NULL },
	{ "{\"\\u0173tatus\":1,\"\\u1073tatus\":1,\"\xC5\xB3tatus\":1}", NULL },
	/* the same key in another way, and again */
	{ "{\"\\u0073tatus\":1}", "1" },
	{ "{\"\\u0073\\u0074\\u0061\\u0074\\u0075\\u0073\":1}", "1" },
	{ "{\"status\":1,\"status\":2}", "2" },
	{ "{\"status\":1,\"stat\\u0075s\":2}", "2" },
};

START_TEST(finds)
{
	static const char *const keys[] = { "status", "other" };
	struct row_text values[2];

	ck_assert(members_find(text_of(cases[_i].object), keys, 2, values));
	ck_assert_ptr_null(values[1].bytes);
	if (cases[_i].value == NULL) {
		ck_assert_ptr_null(values[0].bytes);
		return;
	}
	ck_assert_uint_eq(values[0].length, strlen(cases[_i].value));
	ck_assert_mem_eq(values[0].bytes, cases[_i].value, values[0].length);
}
END_TEST

static const char *const none[] = { "", " ", "null", "[]", "[{\"status\":1}]", "\"{}\"", "1", "{",
	"{\"status\"", "{\"status\":", "{\"status\":1", "{\"status\":\"1}", "{\"status\":[1}",
	"{\"status\":\"\\", "{\"status\" 1}", "{:1}", "{,}" };

START_TEST(refuses)
{
	static const char *const keys[] = { "status" };
	struct row_text values[1];
	char *exact = strdup(none[_i]); /* whose end a sanitizer knows */

	ck_assert(!members_find((struct row_text){ exact, strlen(none[_i]) }, keys, 1, values));
	free(exact);
}
END_TEST

START_TEST(refuses_nothing_at_all)
{
	static const char *const keys[] = { "status" };
	struct row_text values[1];

	ck_assert(!members_find((struct row_text){ NULL, 0 }, keys, 1, values));
	ck_assert_ptr_null(values[0].bytes);
}
END_TEST

START_TEST(passes_any_depth)
{
	enum { DEPTH = 1000000 };
	static char deep[2 * DEPTH + 40];
	static const char *const keys[] = { "status" };
	struct row_text values[1];

	strcpy(deep, "{\"a\":");
	memset(deep + 5, '[', DEPTH);
	memset(deep + 5 + DEPTH, ']', DEPTH);
	strcpy(deep + 5 + 2 * DEPTH, ",\"status\":1}");
	ck_assert(members_find(text_of(deep), keys, 1, values));
	ck_assert_uint_eq(values[0].length, 1);
}
END_TEST

static const struct {
	const char *value, *text;
	bool same;
} strings[] = {
	{ "\"active\"", "active", true },
	{ "\"\\u0061ctive\"", "active", true },
	{ "\"activ\\u0065\"", "active", true },
	{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", true },
	{ "\"\"", "", true },
	{ "\"activ\"", "active", false },
	{ "\"actives\"", "active", false },
	{ "\"active\\u0000\"", "active", false },
	{ "\"\\u0000\"", "", false },
	{ "\"\\u00e9\"", "\xE9", false },
	{ "\"\xC3\xA9\"", "\xC3\xA9", false },
	{ "\"\\q\"", "q", false },
	{ "\"\\u00g1\"", "a", false },
	{ "\"\\u006\"", "a", false },
	{ "\"\\\"", "\\", false },
	{ "\"", "", false },
	{ "active", "active", false },
	{ "null", "null", false },
	{ "", "", false },
};

START_TEST(compares_strings)
{
	ck_assert_int_eq(
	    members_is_string(text_of(strings[_i].value), strings[_i].text), strings[_i].same);
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

int
main(void)
{
	Suite *suite = suite_create("members");
	TCase *tcase = tcase_create("members");

	tcase_add_loop_test(tcase, finds, 0, COUNT(cases));
	tcase_add_loop_test(tcase, refuses, 0, COUNT(none));
	tcase_add_test(tcase, refuses_nothing_at_all);
	tcase_add_test(tcase, passes_any_depth);
	tcase_add_loop_test(tcase, compares_strings, 0, COUNT(strings));
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
