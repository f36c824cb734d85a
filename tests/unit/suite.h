/*
 * What every unit test's main() does.
 */
#ifndef JOBSTATUS_TESTS_SUITE_H
#define JOBSTATUS_TESTS_SUITE_H

#include <stdlib.h>

#include <check.h>

static inline int
suite_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
