/*
 * What is counted, by one process and by several that share a file, and how it is told.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exposition.h"
#include "metrics.h"
#include "sink.h"
#include "suite.h"

static char directory[64], path[100], error[400];

static void
set_up(void)
{
	strcpy(directory, "/tmp/jobstatus-metrics-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/file", directory);
}

static void
tear_down(void)
{
	metrics_close();
	unlink(path);
	rmdir(directory);
}

START_TEST(counts_statuses)
{
	struct metrics metrics;

	for (int i = 0; i < METRICS_STATUSES; i++)
		for (int n = 0; n <= i; n++)
			metrics_request(metrics_statuses[i]);
	metrics_request(418);
	metrics_read(&metrics);
	for (unsigned int i = 0; i < METRICS_STATUSES; i++)
		ck_assert_uint_eq(metrics.requests[i], i + 1 + (i == METRICS_STATUSES - 1 ? 1 : 0));
}
END_TEST

static void
check_bounds(enum metrics_histogram histogram, const uint64_t *bounds, size_t count)
{
	struct metrics metrics;
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		metrics_observe(histogram, bounds[i]);
		metrics_observe(histogram, bounds[i] + 1);
		sum += 2 * bounds[i] + 1;
	}
	metrics_read(&metrics);
	ck_assert_uint_eq(metrics.histograms[histogram].sum, sum);
	for (size_t i = 0; i <= count; i++)
		ck_assert_uint_eq(
		    metrics.histograms[histogram].within[i], i == 0 || i == count ? 1 : 2);
}

START_TEST(a_bound_is_within)
{
	check_bounds(METRICS_REQUEST_TIME, metrics_time_bounds, METRICS_TIMES);
	check_bounds(METRICS_DATABASE_TIME, metrics_time_bounds, METRICS_TIMES);
	check_bounds(METRICS_DOCUMENT_SIZE, metrics_size_bounds, METRICS_SIZES);
}
END_TEST

/* Runs WORK in another process, which says when it is done, and lives until it is killed. */
static pid_t
start_other(void (*work)(void))
{
	int ready[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		metrics_close();
		if (metrics_open(path, error, sizeof(error)) != 0)
			_exit(1);
		work();
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(0);
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void
kill_other(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void
work(void)
{
	metrics_request(200);
	metrics_happened(METRICS_SESSION_OPENED);
	metrics_observe(METRICS_DOCUMENT_SIZE, 5000);
	metrics_set(METRICS_THREADS, 7);
	metrics_add(METRICS_THREADS_BUSY, 3);
	metrics_add(METRICS_THREADS_BUSY, -1);
}

/* Counts stay; what is so now goes with the process, however it ends. */
START_TEST(shares_a_file)
{
	struct metrics metrics;
	pid_t others[3];

	ck_assert_msg(metrics_open(path, error, sizeof(error)) == 0, "%s", error);
	work();
	for (int i = 0; i < 3; i++)
		others[i] = start_other(work);
	for (unsigned int left = 3;; left--) {
		metrics_read(&metrics);
		ck_assert_uint_eq(metrics.requests[0], 4);
		ck_assert_uint_eq(metrics.events[METRICS_SESSION_OPENED], 4);
		ck_assert_uint_eq(metrics.histograms[METRICS_DOCUMENT_SIZE].within[2], 4);
		ck_assert_uint_eq(metrics.histograms[METRICS_DOCUMENT_SIZE].sum, 20000);
		ck_assert_uint_eq(metrics.processes, 1 + left);
		ck_assert_uint_eq(metrics.gauges[METRICS_THREADS], 7 * (1 + left));
		ck_assert_uint_eq(metrics.gauges[METRICS_THREADS_BUSY], 2 * (1 + left));
		if (left == 0)
			break;
		kill_other(others[left - 1]);
	}
	metrics_close();
	ck_assert_int_eq(metrics_open(path, error, sizeof(error)), 0);
	metrics_read(&metrics);
	ck_assert_uint_eq(metrics.requests[0], 4);
	ck_assert_uint_eq(metrics.gauges[METRICS_THREADS], 0);
}
END_TEST

static void
write_file(const char *bytes, size_t length)
{
	FILE *file = fopen(path, "w");

	fwrite(bytes, 1, length, file);
	fclose(file);
}

/* What another version has made is replaced, and is left to those who have it open. */
START_TEST(replaces_another_version)
{
	struct metrics metrics;
	char header[40] = "jobstatus metrics";
	struct stat before, after;

	int old;

	header[32] = 99;
	write_file(header, sizeof(header));
	old = open(path, O_RDONLY);
	ck_assert_msg(metrics_open(path, error, sizeof(error)) == 0, "%s", error);
	fstat(old, &before);
	stat(path, &after);
	ck_assert(before.st_ino != after.st_ino);
	ck_assert_int_eq(before.st_size, sizeof(header));
	ck_assert_uint_eq(after.st_mode & 0777, 0600);
	close(old);
	metrics_read(&metrics);
	ck_assert_uint_eq(metrics.processes, 1);
}
END_TEST

/* Any other file stays as it is. */
START_TEST(refuses_what_is_not_ours)
{
	static const char *const texts[] = { "x", "jobstatus metric",
		"a text that is longer than forty bytes." };
	struct metrics metrics;
	char kept[100] = "";
	FILE *file;

	write_file(texts[_i], strlen(texts[_i]));
	ck_assert_int_eq(metrics_open(path, error, sizeof(error)), -1);
	ck_assert_ptr_nonnull(strstr(error, path));
	ck_assert_ptr_nonnull(strstr(error, "no file of ours"));
	file = fopen(path, "r");
	ck_assert_uint_eq(fread(kept, 1, sizeof(kept), file), strlen(texts[_i]));
	fclose(file);
	ck_assert_str_eq(kept, texts[_i]);
	metrics_request(200);
	metrics_read(&metrics);
	ck_assert_uint_eq(metrics.requests[0], 1);
}
END_TEST

START_TEST(refuses_links_and_devices)
{
	ck_assert_int_eq(symlink("/dev/null", path), 0);
	ck_assert_int_eq(metrics_open(path, error, sizeof(error)), -1);
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(metrics_open(path, error, sizeof(error)), -1);
	ck_assert_int_eq(metrics_open(directory, error, sizeof(error)), -1);
	ck_assert_int_eq(metrics_open("/nowhere/at/all", error, sizeof(error)), -1);
	ck_assert_str_eq(error, "/nowhere/at/all: No such file or directory");
}
END_TEST

START_TEST(is_told)
{
	struct metrics metrics;
	struct sink sink = { 0 };
	struct body body;

	metrics_request(404);
	metrics_observe(METRICS_REQUEST_TIME, 1500000);
	metrics_observe(METRICS_REQUEST_TIME, 250000);
	metrics_observe(METRICS_REQUEST_TIME, 99000000000);
	metrics_set(METRICS_SESSIONS, 3);
	metrics_read(&metrics);
	body_open(&body);
	ck_assert_int_eq(exposition_write(&body, &metrics), 0);
	body_send(&body, sink_take, &sink);
	ck_assert_ptr_nonnull(strstr(sink.bytes, "\njobstatus_requests_total{status=\"404\"} 1\n"));
	ck_assert_ptr_nonnull(strstr(sink.bytes,
	    "\njobstatus_request_duration_seconds_bucket{le=\"0.0001\"} 0\n"
	    "jobstatus_request_duration_seconds_bucket{le=\"0.00025\"} 1\n"));
	ck_assert_ptr_nonnull(strstr(sink.bytes,
	    "\njobstatus_request_duration_seconds_bucket{le=\"0.001\"} 1\n"
	    "jobstatus_request_duration_seconds_bucket{le=\"0.0025\"} 2\n"));
	ck_assert_ptr_nonnull(strstr(sink.bytes,
	    "\njobstatus_request_duration_seconds_bucket{le=\"10\"} 2\n"
	    "jobstatus_request_duration_seconds_bucket{le=\"+Inf\"} 3\n"
	    "jobstatus_request_duration_seconds_sum 99.00175"));
	ck_assert_ptr_nonnull(strstr(sink.bytes, "\njobstatus_request_duration_seconds_count 3\n"));
	ck_assert_ptr_nonnull(
	    strstr(sink.bytes, "\njobstatus_document_size_bytes_bucket{le=\"1024\"} 0\n"));
	ck_assert_ptr_nonnull(strstr(sink.bytes, "\njobstatus_database_sessions 3\n"));
	body_close(&body);
	free(sink.bytes);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("metrics");
	TCase *tcase = tcase_create("metrics");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, counts_statuses);
	tcase_add_test(tcase, a_bound_is_within);
	tcase_add_test(tcase, shares_a_file);
	tcase_add_test(tcase, replaces_another_version);
	tcase_add_loop_test(tcase, refuses_what_is_not_ours, 0, 3);
	tcase_add_test(tcase, refuses_links_and_devices);
	tcase_add_test(tcase, is_told);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
