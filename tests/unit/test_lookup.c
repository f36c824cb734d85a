/*
 * Which lookups go together, and how long they wait.
 */
#include <time.h>

#include "lookup.h"
#include "suite.h"

static struct lookup_queue queue;
static struct lookup lookups[LOOKUP_MAX + 1];
static struct lookup *taken[LOOKUP_MAX];

static void
open_queue(void)
{
	lookup_queue_open(&queue);
}

static void
close_queue(void)
{
	lookup_queue_close(&queue);
}

static void
pass(long milliseconds)
{
	nanosleep(&(struct timespec){ .tv_nsec = milliseconds * 1000000 }, NULL);
}

START_TEST(one_alone_goes_at_once)
{
	ck_assert_int_eq(lookup_patience(&queue), -1);
	ck_assert_uint_eq(lookup_take(&queue, taken), 0);
	for (int i = 0; i < 3; i++) {
		lookup_wait(&queue, &lookups[i]);
		ck_assert_uint_eq(lookup_take(&queue, taken), 1);
		ck_assert_ptr_eq(taken[0], &lookups[i]);
		ck_assert_int_eq(lookup_patience(&queue), -1);
		lookup_done(&queue);
		ck_assert_uint_eq(lookup_take(&queue, taken), 0);
	}
}
END_TEST

START_TEST(the_others_wait_for_its_end)
{
	lookup_wait(&queue, &lookups[0]);
	ck_assert_uint_eq(lookup_take(&queue, taken), 1);
	for (int i = 1; i < 4; i++)
		lookup_wait(&queue, &lookups[i]);
	ck_assert_uint_eq(lookup_take(&queue, taken), 0);
	ck_assert_int_ge(lookup_patience(&queue), 0);
	ck_assert_int_le(lookup_patience(&queue), 2);
	lookup_done(&queue);
	ck_assert_uint_eq(lookup_take(&queue, taken), 3);
	for (int i = 1; i < 4; i++)
		ck_assert_ptr_eq(taken[i - 1], &lookups[i]);
	lookup_done(&queue);
}
END_TEST

START_TEST(they_do_not_wait_for_long)
{
	lookup_wait(&queue, &lookups[0]);
	ck_assert_uint_eq(lookup_take(&queue, taken), 1);
	lookup_wait(&queue, &lookups[1]);
	pass(3);
	ck_assert_int_eq(lookup_patience(&queue), 0);
	ck_assert_uint_eq(lookup_take(&queue, taken), 1);
	ck_assert_ptr_eq(taken[0], &lookups[1]);
	/* Two groups are under way, and the next waits again, whichever of them ends. */
	lookup_wait(&queue, &lookups[2]);
	lookup_done(&queue);
	ck_assert_int_ge(lookup_patience(&queue), 0);
	lookup_done(&queue);
	ck_assert_uint_eq(lookup_take(&queue, taken), 1);
	lookup_done(&queue);
}
END_TEST

START_TEST(no_more_than_the_limit_go_together)
{
	for (int i = 0; i < LOOKUP_MAX + 1; i++)
		lookup_wait(&queue, &lookups[i]);
	ck_assert_uint_eq(lookup_take(&queue, taken), LOOKUP_MAX);
	ck_assert_ptr_eq(taken[LOOKUP_MAX - 1], &lookups[LOOKUP_MAX - 1]);
	lookup_done(&queue);
	ck_assert_uint_eq(lookup_take(&queue, taken), 1);
	ck_assert_ptr_eq(taken[0], &lookups[LOOKUP_MAX]);
	lookup_done(&queue);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lookup");
	TCase *tcase = tcase_create("lookup");

	tcase_add_checked_fixture(tcase, open_queue, close_queue);
	tcase_add_test(tcase, one_alone_goes_at_once);
	tcase_add_test(tcase, the_others_wait_for_its_end);
	tcase_add_test(tcase, they_do_not_wait_for_long);
	tcase_add_test(tcase, no_more_than_the_limit_go_together);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
