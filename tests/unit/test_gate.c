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

static void
add_request(void)
{
	static const unsigned char pairs[] = { 1, 1, 'a', 'b', 0, 0, LONG(2), 1, 'x', 'y', 'z', 1,
		LONG(0), 'e', LONG(1), LONG(1), 'f', 'g' };

	begin(1);
	add(FCGI_PARAMS, 1, pairs, sizeof(pairs), 7);
	for (size_t i = 0; i < sizeof(pairs); i++)
		add(FCGI_PARAMS, 1, pairs + i, 1, 255);
	add(FCGI_PARAMS, 1, "", 0, 0);
	add(FCGI_STDIN, 1, pairs, sizeof(pairs), 3);
	add(FCGI_STDIN, 1, "", 0, 3);
}

START_TEST(a_request_passes)
{
	add_request();
	check(true);
}
END_TEST

/* Behind the request nothing is judged: it is nobody's. */
START_TEST(more_than_a_request_passes)
{
	add_request();
	sink_take(&stream, "\1\x09\0\0\xff\xff\0\0", 8);
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

START_TEST(questions_have_a_limit)
{
	char names[4 * 15];

	for (int i = 0; i < 4; i++)
		memcpy(names + (size_t)15 * (size_t)i, "\x0d\0FCGI_MAX_REQS", 15);
	add(FCGI_GET_VALUES, 0, names, GATE_VALUES_MAX, 0);
	add(FCGI_GET_VALUES, 0, names, 15, 7);
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

/* Where in a request: before it, among its variables, in its body. */
enum { IDLE = 1, VARIABLES = 2, BODY = 4, NOWHERE = 0 };

static const struct {
	int type, id;
	size_t length;
	int padding;
	int where; /* it passes */
} records[] = {
	{ BEGIN, 1, 8, 0, IDLE },
	{ BEGIN, 0, 8, 0, NOWHERE },
	{ BEGIN, 2, 8, 0, IDLE },
	{ BEGIN, 1, 8, 1, NOWHERE },
	{ BEGIN, 1, 7, 0, NOWHERE },
	{ BEGIN, 1, 9, 0, NOWHERE },
	{ BEGIN, 1, 0, 0, NOWHERE },
	{ FCGI_PARAMS, 1, 8, 0, VARIABLES },
	{ FCGI_PARAMS, 1, 8, 1, VARIABLES },
	{ FCGI_PARAMS, 1, 0, 0, VARIABLES },
	{ FCGI_PARAMS, 1, 0, 1, NOWHERE },
	{ FCGI_PARAMS, 2, 0, 0, NOWHERE },
	{ FCGI_PARAMS, 2, 8, 0, NOWHERE },
	{ FCGI_PARAMS, 0, 8, 0, NOWHERE },
	{ FCGI_STDIN, 1, 8, 1, BODY },
	{ FCGI_STDIN, 1, 0, 1, BODY },
	{ FCGI_STDIN, 2, 8, 0, NOWHERE },
	{ FCGI_STDIN, 2, 0, 0, NOWHERE },
	{ FCGI_STDIN, 0, 8, 0, NOWHERE },
	{ FCGI_GET_VALUES, 0, 8, 1, IDLE },
	{ FCGI_GET_VALUES, 0, 0, 1, IDLE },
	{ FCGI_GET_VALUES, 1, 0, 0, NOWHERE },
	{ FCGI_ABORT_REQUEST, 1, 0, 0, NOWHERE },
	{ FCGI_DATA, 1, 0, 0, NOWHERE },
	{ FCGI_STDOUT, 1, 0, 0, NOWHERE },
	{ 0, 1, 0, 0, NOWHERE },
	{ 99, 0, 0, 0, NOWHERE },
	{ 99, 1, 0, 0, NOWHERE },
};

START_TEST(each_has_its_place)
{
	for (int where = IDLE; where <= BODY; where *= 2) {
		stream.length = 0;
		if (where != IDLE)
			begin(1);
		if (where == BODY)
			add(FCGI_PARAMS, 1, "", 0, 0);
		add(records[_i].type, records[_i].id, "\1\0x\1\0x\0\0\0", records[_i].length,
		    records[_i].padding);
		check(records[_i].where == where);
	}
}
END_TEST

START_TEST(has_one_version)
{
	add_request();
	stream.bytes[16] = 2;
	check(false);
}
END_TEST

START_TEST(a_refusal_lasts)
{
	struct gate gate = { .stage = GATE_IDLE };

	ck_assert(!gate_pass(&gate, (const unsigned char *)"\1\x63\0\0\0\0\0", 8));
	ck_assert(!gate_pass(&gate, (const unsigned char *)"\1\1\0\1\0\x08\0", 8));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("gate");
	TCase *tcase = tcase_create("gate");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_request_passes);
	tcase_add_test(tcase, more_than_a_request_passes);
	tcase_add_loop_test(tcase, a_pair_has_a_limit, 0, sizeof(longest) / sizeof(longest[0]));
	tcase_add_test(tcase, variables_have_a_limit);
	tcase_add_test(tcase, questions_have_a_limit);
	tcase_add_test(tcase, questions_are_short);
	tcase_add_loop_test(tcase, each_has_its_place, 0, sizeof(records) / sizeof(records[0]));
	tcase_add_test(tcase, has_one_version);
	tcase_add_test(tcase, a_refusal_lasts);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
