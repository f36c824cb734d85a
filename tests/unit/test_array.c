/*
 * PostgreSQL's binary form of text[].
 */
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "suite.h"

#define HEAD(count) "\0\0\0\1\0\0\0\0\0\0\0\31\0\0\0" count "\0\0\0\1"

START_TEST(is_what_the_server_reads)
{
	static const char expected[] = HEAD("\3") "\0\0\0\1a\0\0\0\0\0\0\0\2\xc3\xa9";
	const struct row_text a = { "abc", 1 }, none = { "", 0 }, accent = { "\xc3\xa9", 2 };
	const struct row_text *const texts[] = { &a, &none, &accent };
	struct row_text array = array_of_texts(texts, 3);

	ck_assert_uint_eq(array.length, sizeof(expected) - 1);
	ck_assert_mem_eq(array.bytes, expected, sizeof(expected) - 1);
	free((char *)array.bytes);
}
END_TEST

START_TEST(takes_long_texts)
{
	static char bytes[70000];
	const struct row_text text = { bytes, sizeof(bytes) };
	const struct row_text *const texts[] = { &text };
	struct row_text array = array_of_texts(texts, 1);

	ck_assert_uint_eq(array.length, 20 + 4 + sizeof(bytes));
	ck_assert_mem_eq(array.bytes, HEAD("\1") "\0\1\x11\x70", 24);
	free((char *)array.bytes);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("array");
	TCase *tcase = tcase_create("array");

	tcase_add_test(tcase, is_what_the_server_reads);
	tcase_add_test(tcase, takes_long_texts);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
