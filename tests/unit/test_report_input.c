/*
 * Values from files and standard input.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "report_input.h"
#include "suite.h"

#define MOST 10000

static char path[] = "/tmp/jobstatus-input.XXXXXX", value[64], error[400];
static char *content;

/* A file of LENGTH bytes. */
static void
make(const char *bytes, size_t length)
{
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, length), (ssize_t)length);
	close(fd);
	snprintf(value, sizeof(value), "@%s", path);
}

static void
tear_down(void)
{
	unlink(path);
	free(content);
}

static const char *const texts[] = { "", "{}", "\n", "a\nb\n\n", "\xff\xfe" };

START_TEST(reads_files)
{
	make(texts[_i], strlen(texts[_i]));
	ck_assert_int_eq(report_input_read(value, MOST, &content, error, sizeof(error)), 0);
	ck_assert_str_eq(content, texts[_i]);
}
END_TEST

START_TEST(reads_standard_input)
{
	make("from @-", 7);
	ck_assert_int_eq(dup2(open(path, O_RDONLY), STDIN_FILENO), STDIN_FILENO);
	ck_assert_int_eq(report_input_read("@-", MOST, &content, error, sizeof(error)), 0);
	ck_assert_str_eq(content, "from @-");
}
END_TEST

/* On both sides of the limit, and of every size of its buffer. */
static const size_t lengths[] = { 4094, 4095, 4096, 4097, 8191, 8192, 9999, MOST, MOST + 1 };

START_TEST(has_a_limit)
{
	static char bytes[MOST + 1];
	int code;

	memset(bytes, 'x', sizeof(bytes));
	make(bytes, lengths[_i]);
	code = report_input_read(value, MOST, &content, error, sizeof(error));
	if (lengths[_i] <= MOST) {
		ck_assert_int_eq(code, 0);
		ck_assert_uint_eq(strlen(content), lengths[_i]);
	} else {
		ck_assert_int_eq(code, EX_DATAERR);
		ck_assert_ptr_null(content);
		ck_assert_ptr_nonnull(strstr(error, ": it is longer than 10000 bytes"));
	}
}
END_TEST

START_TEST(refuses_nul)
{
	make("{}\0", 3);
	ck_assert_int_eq(
	    report_input_read(value, MOST, &content, error, sizeof(error)), EX_DATAERR);
	ck_assert_ptr_null(content);
	ck_assert_ptr_nonnull(strstr(error, ": it holds a NUL byte"));
}
END_TEST

static const struct {
	const char *value, *error;
} bad[] = {
	{ "@/nowhere/x", "@/nowhere/x: No such file or directory" },
	{ "@/tmp", "@/tmp: Is a directory" },
	{ "@", "@: No such file or directory" },
};

START_TEST(says_what_cannot_be_read)
{
	ck_assert_int_eq(
	    report_input_read(bad[_i].value, MOST, &content, error, sizeof(error)), EX_NOINPUT);
	ck_assert_ptr_null(content);
	ck_assert_str_eq(error, bad[_i].error);
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

int
main(void)
{
	Suite *suite = suite_create("report_input");
	TCase *tcase = tcase_create("report_input");

	tcase_add_checked_fixture(tcase, NULL, tear_down);
	tcase_add_loop_test(tcase, reads_files, 0, COUNT(texts));
	tcase_add_test(tcase, reads_standard_input);
	tcase_add_loop_test(tcase, has_a_limit, 0, COUNT(lengths));
	tcase_add_test(tcase, refuses_nul);
	tcase_add_loop_test(tcase, says_what_cannot_be_read, 0, COUNT(bad));
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
