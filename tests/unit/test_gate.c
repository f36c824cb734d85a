/*
 * What libfcgi gets to read, and what it does not.
 */
#include <string.h>

#include <fastcgi.h>

#include "gate.h"
#include "sink.h"
#include "suite.h"

#define BEGIN 1
#define LONG(n) \
	(unsigned char)(0x80 | (n) >> 24), (unsigned char)((n) >> 16), (unsigned char)((n) >> 8), \
	    (unsigned char)(n)

static struct sink stream;

static void
set_up(void)
{
	stream = (struct sink){ 0 };
}

static void
tear_down(void)
{
	free(stream.bytes);
}

static void
add(int type, int id, const void *content, size_t length, int padding)
{
	const unsigned char header[8] = { 1, (unsigned char)type, (unsigned char)(id >> 8),
		(unsigned char)id, (unsigned char)(length >> 8), (unsigned char)length,
		(unsigned char)padding };
	static const char zeros[255];

	sink_take(&stream, (const char *)header, sizeof(header));
	if (length > 0)
		sink_take(&stream, content, length);
	sink_take(&stream, zeros, (size_t)padding);
}

static void
begin(int id)
{
	add(BEGIN, id, "\0\1\0\0\0\0\0", 8, 0);
}

/* The same whatever pieces the stream comes in. */
static void
check(bool passes)
{
	static const size_t pieces[] = { 1, 2, 7, 8, 9, 100, 1 << 20 };

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct gate gate = { .have = 0 };
		bool passed = true;

		for (size_t at = 0; passed && at < stream.length; at += pieces[i]) {
			size_t left = stream.length - at;

			passed = gate_pass(&gate, (unsigned char *)stream.bytes + at,
			    left < pieces[i] ? left : pieces[i]);
		}
		ck_assert_msg(passed == passes, "in pieces of %zu", pieces[i]);
	}
}

START_TEST(a_request_passes)
{
	static const unsigned char pairs[] = { 1, 1, 'a', 'b', 0, 0, LONG(2), 1, 'x', 'y', 'z', 1,
		LONG(0), 'e', LONG(1), LONG(1), 'f', 'g' };

	for (int request = 0; request < 2; request++) {
		begin(1);
		add(FCGI_PARAMS, 1, pairs, sizeof(pairs), 7);
		for (size_t i = 0; i < sizeof(pairs); i++)
			add(FCGI_PARAMS, 1, pairs + i, 1, 255);
		add(FCGI_PARAMS, 1, "", 0, 3);
		add(FCGI_STDIN, 1, pairs, sizeof(pairs), 0);
		add(FCGI_STDIN, 1, "", 0, 0);
	}
	check(true);
}
END_TEST

static const struct {
	unsigned char lengths[8];
	size_t size;
	bool passes;
} longest[] = {
	{ { LONG(GATE_VARIABLES_MAX), 0 }, 5, true },
	{ { LONG(GATE_VARIABLES_MAX), 1 }, 5, false },
	{ { 1, LONG(GATE_VARIABLES_MAX - 1) }, 5, true },
	{ { 1, LONG(GATE_VARIABLES_MAX) }, 5, false },
	{ { LONG(GATE_VARIABLES_MAX / 2), LONG(GATE_VARIABLES_MAX / 2) }, 8, true },
	{ { LONG(0x7FFFFFFF), LONG(0x7FFFFFFF) }, 8, false },
	{ { LONG(0x7FFFFFFF) }, 4, true }, /* not read yet */
	{ { 0, LONG(0x7FFFFFFF) }, 5, false },
};

/* A pair is refused when its length is known: libfcgi would ask for the memory then. */
START_TEST(a_pair_has_a_limit)
{
	begin(1);
	add(FCGI_PARAMS, 1, longest[_i].lengths, longest[_i].size, 0);
	check(longest[_i].passes);
}
END_TEST

START_TEST(variables_have_a_limit)
{
	static const char pairs[GATE_VARIABLES_MAX / 8 + 1]; /* names and values of no bytes */

	begin(1);
	for (int i = 0; i < 8; i++)
		add(FCGI_PARAMS, 1, pairs, sizeof(pairs) - 1, 0);
	check(true);
	add(FCGI_PARAMS, 1, pairs, 1, 0);
	check(false);
}
END_TEST

/* What another request's records say of lengths is not this one's. */
START_TEST(others_are_left_out)
{
	static const unsigned char huge[] = { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF };

	begin(1);
	begin(2);
	add(FCGI_PARAMS, 2, huge, sizeof(huge), 0);
	add(FCGI_STDIN, 1, huge, sizeof(huge), 0);
	check(true);
	add(FCGI_PARAMS, 2, "\x7f", 1, 0);
	add(FCGI_PARAMS, 1, huge, sizeof(huge), 0);
	check(false);
}
END_TEST

START_TEST(questions_have_a_limit)
{
	char names[4 * 15];

	for (int i = 0; i < 4; i++)
		memcpy(names + (size_t)15 * (size_t)i, "\x0d\0FCGI_MAX_REQS", 15);
	add(FCGI_GET_VALUES, 0, names, GATE_VALUES_MAX, 0);
	add(FCGI_GET_VALUES, 0, names, 15, 0);
	begin(1);
	add(FCGI_GET_VALUES, 0, names, 45, 0);
	check(true);
	add(FCGI_GET_VALUES, 0, names, GATE_VALUES_MAX + 1, 0);
	check(false);
}
END_TEST

START_TEST(questions_are_short)
{
	static const unsigned char names[] = { LONG(0x7FFFFFFF), 0 };

	add(FCGI_GET_VALUES, 0, names, sizeof(names), 0);
	check(false);
}
END_TEST

START_TEST(nobodys_records_are_questions)
{
	add(99, 1, "x", 1, 0);
	check(true);
	add(99, 0, "", 0, 0);
	check(false);
}
END_TEST

/* It ends with a record of another version, which libfcgi refuses by itself. */
START_TEST(another_version_is_not_judged)
{
	begin(1);
	add(FCGI_GET_VALUES, 0, "", 0, 0);
	stream.bytes[16] = 2;
	for (int i = 0; i < 100; i++)
		sink_take(&stream, "\1\x09\0\0\xff\xff\0\0", 8);
	check(true);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("gate");
	TCase *tcase = tcase_create("gate");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_request_passes);
	tcase_add_loop_test(tcase, a_pair_has_a_limit, 0, sizeof(longest) / sizeof(longest[0]));
	tcase_add_test(tcase, variables_have_a_limit);
	tcase_add_test(tcase, others_are_left_out);
	tcase_add_test(tcase, questions_have_a_limit);
	tcase_add_test(tcase, questions_are_short);
	tcase_add_test(tcase, nobodys_records_are_questions);
	tcase_add_test(tcase, another_version_is_not_judged);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
