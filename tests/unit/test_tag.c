/*
 * Entity tags: what they depend on, and how they are compared.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"
#include "tag.h"

static const struct tag_form form = { COMPAT_NONE, false };

static struct row_text
text_of(const char *bytes)
{
	return (struct row_text){ bytes, strlen(bytes) };
}

static struct tag
tag_of(const struct tag_form *of, const char *id, const char *revision)
{
	struct row_text id_text = text_of(id), revision_text = text_of(revision);
	struct tag tag;

	tag_of_revision(&tag, of, &id_text, &revision_text);
	return tag;
}

/* Written down, since processes of any machine and release have to agree while the format stands.
 */
START_TEST(is_the_same_everywhere)
{
	ck_assert_str_eq(tag_of(&form, "job-1", "42").text, "\"8474733b64b27bfcccb446f0f26ed904\"");
}
END_TEST

START_TEST(depends_on_all_that_changes_bytes)
{
	static const struct tag_form forms[] = { { COMPAT_NONE, false }, { COMPAT_NONE, true },
		{ COMPAT_NEMO_PLATFORM, false }, { COMPAT_NEMO_PLATFORM, true } };
	static const char *const jobs[][2] = { { "a", "1" }, { "a", "2" }, { "b", "1" },
		{ "a1", "" }, { "", "a1" }, { "1", "a" } };
	struct tag tags[24];
	size_t made = 0;

	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j < 6; j++)
			tags[made++] = tag_of(&forms[i], jobs[j][0], jobs[j][1]);
	for (size_t i = 0; i < made; i++)
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(tags[i].text, tags[j].text);
}
END_TEST

/* A body of LENGTH bytes of which the one AT is another. */
static struct tag
tag_of_bytes(size_t length, size_t at)
{
	char *bytes = malloc(length);
	struct body body;
	struct tag tag;

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, 'a', length);
	if (at < length)
		bytes[at] = 'b';
	ck_assert_int_eq(body_open(&body), 0);
	ck_assert_int_eq(body_append(&body, bytes, length), 0);
	free(bytes);
	ck_assert_int_eq(tag_of_body(&tag, &form, &body), 0);
	body_close(&body);
	return tag;
}

static const size_t lengths[] = { 1, 100, BODY_MEMORY_MAX, BODY_MEMORY_MAX + 1,
	3 * BODY_MEMORY_MAX };

START_TEST(is_that_of_the_whole_body)
{
	size_t length = lengths[_i];
	struct tag tag = tag_of_bytes(length, length);

	ck_assert_str_eq(tag.text, tag_of_bytes(length, length).text);
	ck_assert_str_ne(tag.text, tag_of_bytes(length, 0).text);
	ck_assert_str_ne(tag.text, tag_of_bytes(length, length / 2).text);
	ck_assert_str_ne(tag.text, tag_of_bytes(length, length - 1).text);
	ck_assert_str_ne(tag.text, tag_of_bytes(length + 1, length + 1).text);
}
END_TEST

START_TEST(is_refused_for_what_cannot_be_read)
{
	struct body body;
	struct tag tag;

	ck_assert_int_eq(body_open(&body), 0);
	body.file = open("/dev/null", O_RDWR);
	body.spooled = 1;
	ck_assert_int_eq(tag_of_body(&tag, &form, &body), -1);
	body_close(&body);
}
END_TEST

#define T "0123456789abcdef0123456789abcdef"

static const struct {
	const char *value;
	bool matches;
} values[] = {
	{ "\"" T "\"", true },
	{ "W/\"" T "\"", true },
	{ " \t\"" T "\" ", true },
	{ "*", true },
	{ " * ", true },
	{ "\"" T "-gzip\"", true },
	{ "\"" T "-br\"", true },
	{ "\"" T "-deflate\"", true },
	{ "W/\"" T "-zstd\"", true },
	{ "\"" T "-bzip2\"", true },
	{ "\"a\", \"" T "\"", true },
	{ "\"a\",\"" T "\",\"b\"", true },
	{ "\"a\" , W/\"b\"\t, W/\"" T "-gzip\"", true },
	{ ",, ,\"" T "\"", true },
	{ "\"a,\", \"" T "\"", true },
	{ "\"\", \"" T "\"", true },
	{ "\"" T "\", *", true },
	{ "", false },
	{ " ", false },
	{ ",", false },
	{ "\"\"", false },
	{ "\"a\"", false },
	{ "**", false },
	{ "*, \"a\"", false },
	{ "\"*\"", false },
	{ T, false },
	{ "\"" T, false },
	{ T "\"", false },
	{ "\"" T "x\"", false },
	{ "\"" T "-\"", false },
	{ "\"" T "-gzi\"", false },
	{ "\"" T "-gzipp\"", false },
	{ "\"" T "-GZIP\"", false },
	{ "\"" T "gzip\"", false },
	{ "\"" T "-gzip-gzip\"", false },
	{ "\"0" T "\"", false },
	{ "\"0123456789ABCDEF0123456789ABCDEF\"", false },
	{ "\"0123456789abcdef0123456789abcde\"", false },
	{ "w/\"" T "\"", false },
	{ "W/ \"" T "\"", false },
	{ "W\"" T "\"", false },
	{ "W/", false },
	{ "\"a, \"" T "\"", false },
	{ "\"a\" \"" T "\"", false },
	{ "\"a\"; \"" T "\"", false },
	{ "x, \"" T "\"", false },
};

START_TEST(is_compared)
{
	static const struct tag tag = { "\"" T "\"" };

	ck_assert_msg(
	    tag_matches(&tag, values[_i].value) == values[_i].matches, "%s", values[_i].value);
}
END_TEST

START_TEST(any_is_a_star_alone)
{
	ck_assert(tag_is_any("*"));
	ck_assert(tag_is_any("\t* "));
	ck_assert(!tag_is_any(""));
	ck_assert(!tag_is_any("*a"));
	ck_assert(!tag_is_any("*, *"));
	ck_assert(!tag_is_any("\"*\""));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tag");
	TCase *tcase = tcase_create("tag");

	tcase_add_test(tcase, is_the_same_everywhere);
	tcase_add_test(tcase, depends_on_all_that_changes_bytes);
	tcase_add_loop_test(
	    tcase, is_that_of_the_whole_body, 0, (int)(sizeof(lengths) / sizeof(lengths[0])));
	tcase_add_test(tcase, is_refused_for_what_cannot_be_read);
	tcase_add_loop_test(tcase, is_compared, 0, (int)(sizeof(values) / sizeof(values[0])));
	tcase_add_test(tcase, any_is_a_star_alone);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
