/*
 * The body: what goes in comes out, on both sides of its limit.
 */
#include "body.h"
#include "sink.h"
#include "suite.h"

static const struct {
	size_t first, second;
	int in_file;
} cases[] = {
	{ 0, 0, 0 },
	{ 1, 1, 0 },
	{ BODY_MEMORY_MAX - 1, 1, 0 },
	{ BODY_MEMORY_MAX, 0, 0 },
	{ BODY_MEMORY_MAX, 1, 1 },
	{ 1, BODY_MEMORY_MAX, 1 },
	{ 1, BODY_MEMORY_MAX + 1, 1 },
	{ 0, 5 * 1024 * 1024, 1 },
	{ 3 * BODY_MEMORY_MAX, 7, 1 },
};

static char *
pattern(size_t length)
{
	char *bytes = malloc(length + 1);

	for (size_t i = 0; i < length; i++)
		bytes[i] = (char)(i * 7 + i / 251);
	return bytes;
}

START_TEST(keeps)
{
	size_t length = cases[_i].first + cases[_i].second;
	char *bytes = pattern(length);
	struct sink sink = { 0 };
	struct body body;

	ck_assert_int_eq(body_open(&body), 0);
	for (int round = 0; round < 2; round++) {
		ck_assert_int_eq(body_append(&body, bytes, cases[_i].first), 0);
		ck_assert_int_eq(body_append(&body, bytes + cases[_i].first, cases[_i].second), 0);
		ck_assert_uint_eq(body_length(&body), length);
		ck_assert_int_eq(body.file >= 0, cases[_i].in_file);
		sink.length = 0;
		ck_assert_int_eq(body_send(&body, sink_take, &sink), 0);
		ck_assert_uint_eq(sink.length, length);
		if (length > 0)
			ck_assert_mem_eq(sink.bytes, bytes, length);
		body_clear(&body);
		ck_assert_uint_eq(body_length(&body), 0);
		ck_assert_int_lt(body.file, 0);
	}
	body_close(&body);
	free(sink.bytes);
	free(bytes);
}
END_TEST

START_TEST(passes_refusal_on)
{
	char *bytes = pattern(BODY_MEMORY_MAX * 2);
	struct sink sink = { .limit = 100000 };
	struct body body;

	body_open(&body);
	ck_assert_int_eq(
	    body_append(&body, bytes, _i == 0 ? BODY_MEMORY_MAX : BODY_MEMORY_MAX * 2), 0);
	ck_assert_int_eq(body_send(&body, sink_take, &sink), -1);
	body_close(&body);
	free(sink.bytes);
	free(bytes);
}
END_TEST

START_TEST(tells_when_there_is_no_space)
{
	char *bytes = pattern(BODY_MEMORY_MAX + 1);
	struct body body;

	setenv("TMPDIR", "/nonexistent", 1);
	body_open(&body);
	ck_assert_int_eq(body_append(&body, bytes, BODY_MEMORY_MAX), 0);
	ck_assert_int_eq(body_append(&body, bytes, 1), -1);
	body_clear(&body);
	ck_assert_int_eq(body_append(&body, bytes, 1), 0);
	body_close(&body);
	free(bytes);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("body");
	TCase *tcase = tcase_create("body");

	tcase_add_loop_test(tcase, keeps, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_loop_test(tcase, passes_refusal_on, 0, 2);
	tcase_add_test(tcase, tells_when_there_is_no_space);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
