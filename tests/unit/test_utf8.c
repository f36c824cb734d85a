/*
 * UTF-8 on both sides of every boundary, and every code point there and back.
 */
#include <string.h>

#include "suite.h"
#include "utf8.h"

static const struct {
	const char *bytes;
	size_t taken;
	uint32_t code;
} cases[] = {
	{ "\x7f", 1, 0x7F },
	{ "\x80", 0, 0 },
	{ "\xc0\xaf", 0, 0 },
	{ "\xc1\xbf", 0, 0 },
	{ "\xc2\x80", 2, 0x80 },
	{ "\xdf\xbf", 2, 0x7FF },
	{ "\xc2", 0, 0 },
	{ "\xc2\x7f", 0, 0 },
	{ "\xe0\x9f\xbf", 0, 0 },
	{ "\xe0\xa0\x80", 3, 0x800 },
	{ "\xed\x9f\xbf", 3, 0xD7FF },
	{ "\xed\xa0\x80", 0, 0 },
	{ "\xee\x80\x80", 3, 0xE000 },
	{ "\xef\xbf\xbf", 3, 0xFFFF },
	{ "\xef\xbf", 0, 0 },
	{ "\xf0\x8f\xbf\xbf", 0, 0 },
	{ "\xf0\x90\x80\x80", 4, 0x10000 },
	{ "\xf4\x8f\xbf\xbf", 4, 0x10FFFF },
	{ "\xf4\x90\x80\x80", 0, 0 },
	{ "\xf5\x80\x80\x80", 0, 0 },
	{ "\xff", 0, 0 },
};

START_TEST(decodes)
{
	uint32_t code = 0;

	ck_assert_uint_eq(
	    utf8_decode(cases[_i].bytes, strlen(cases[_i].bytes), &code), cases[_i].taken);
	if (cases[_i].taken > 0)
		ck_assert_uint_eq(code, cases[_i].code);
}
END_TEST

/* Every sequence of two bytes and a continuation is as valid as the number of code points says. */
START_TEST(counts_code_points)
{
	unsigned long valid = 0;
	char bytes[4];
	uint32_t code;

	for (unsigned int first = 0; first < 256; first++)
		for (unsigned int second = 0; second < 256; second++) {
			bytes[0] = (char)first;
			bytes[1] = (char)second;
			bytes[2] = bytes[3] = (char)0x80;
			valid += utf8_decode(bytes, 4, &code) > 1;
		}
	/* 1920 of two bytes, (65536 - 2048 - 2048) / 64 and 1048576 / 4096 of more. */
	ck_assert_uint_eq(valid, 1920 + 960 + 256);
}
END_TEST

/* Encodes by the bit patterns of RFC 3629, section 3.  Returns the length. */
static size_t
encode(char *bytes, uint32_t code)
{
	static const unsigned int leads[] = { 0, 0x00, 0xC0, 0xE0, 0xF0 };
	size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	for (size_t i = length - 1; i > 0; i--, code >>= 6)
		bytes[i] = (char)(0x80 | (code & 0x3F));
	bytes[0] = (char)(leads[length] | code);
	return length;
}

START_TEST(decodes_every_code_point)
{
	char bytes[4];
	uint32_t decoded;

	for (uint32_t code = 0; code <= 0x10FFFF; code++) {
		size_t length = encode(bytes, code), taken = utf8_decode(bytes, length, &decoded);

		if (code >= 0xD800 && code <= 0xDFFF ? taken != 0 :
						       taken != length || decoded != code)
			ck_abort_msg("U+%04X", code);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("utf8");
	TCase *tcase = tcase_create("utf8");

	tcase_add_loop_test(tcase, decodes, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tcase, counts_code_points);
	tcase_add_test(tcase, decodes_every_code_point);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
