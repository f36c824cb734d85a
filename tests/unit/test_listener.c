/*
 * The listening socket: what is replaced, what is refused, and its mode.
 */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "listener.h"
#include "suite.h"

static char directory[] = "/tmp/jobstatus-test.XXXXXX";
static char path[64];

static void
set_up(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/socket", directory);
}

static void
tear_down(void)
{
	unlink(path);
	rmdir(directory);
}

START_TEST(makes)
{
	struct listener listener;
	struct stat st;

	ck_assert_int_eq(listener_open(&listener, path, NULL), 0);
	ck_assert(listener_is(listener.fd));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	listener_unlink(&listener);
	ck_assert_int_ne(stat(path, &st), 0);
	listener_close(&listener);
}
END_TEST

START_TEST(replaces_a_stale_one)
{
	struct listener first, second;

	ck_assert_int_eq(listener_open(&first, path, NULL), 0);
	listener_close(&first);
	ck_assert_int_eq(listener_open(&second, path, NULL), 0);
	listener_close(&second);
}
END_TEST

START_TEST(refuses_a_live_one)
{
	struct listener first, second;

	ck_assert_int_eq(listener_open(&first, path, NULL), 0);
	ck_assert_int_eq(listener_open(&second, path, NULL), -1);
	ck_assert_int_eq(access(path, F_OK), 0);
	listener_close(&first);
}
END_TEST

START_TEST(leaves_what_is_no_longer_its_own)
{
	struct listener first, second;

	ck_assert_int_eq(listener_open(&first, path, NULL), 0);
	unlink(path);
	ck_assert_int_eq(listener_open(&second, path, NULL), 0);
	listener_unlink(&first);
	ck_assert_int_eq(access(path, F_OK), 0);
	listener_close(&first);
	listener_close(&second);
}
END_TEST

START_TEST(refuses_a_file)
{
	struct listener listener;
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fclose(file);
	ck_assert_int_eq(listener_open(&listener, path, NULL), -1);
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(refuses_what_cannot_be)
{
	static const char longest[] =
	    "/tmp/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxxxxxxxxxxxxxxx";
	struct listener listener;

	ck_assert_int_eq(listener_open(&listener, longest, NULL), -1);
	ck_assert_int_eq(listener_open(&listener, "/nonexistent/socket", NULL), -1);
	ck_assert_int_eq(listener_open(&listener, path, "no-such-group"), -1);
	ck_assert_int_ne(access(path, F_OK), 0);
	ck_assert(!listener_valid_group("no-such-group"));
	ck_assert(listener_valid_group("root"));
	ck_assert(!listener_is(-1));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("listener");
	TCase *tcase = tcase_create("listener");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, makes);
	tcase_add_test(tcase, replaces_a_stale_one);
	tcase_add_test(tcase, refuses_a_live_one);
	tcase_add_test(tcase, leaves_what_is_no_longer_its_own);
	tcase_add_test(tcase, refuses_a_file);
	tcase_add_test(tcase, refuses_what_cannot_be);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
