/*
 * A stream on its way through: order, a reader that is slow or goes away, and the end.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "report_relay.h"
#include "suite.h"

#define PIPE 65536

static struct report_relay relay;
static struct report_tail tail;
static int in[2], out[2];
static char bytes[2 * PIPE], got[2 * PIPE];

static void
set_up(void)
{
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(pipe2(in, O_NONBLOCK), 0);
	ck_assert_int_eq(pipe2(out, O_NONBLOCK), 0);
	memset(&relay, 0, sizeof(relay));
	memset(&tail, 0, sizeof(tail));
	relay.from = in[0];
	relay.to = out[1];
	relay.name = "output";
	relay.tails[0] = &tail;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7 + i / 251);
}

/* As the program does it, until nothing more can be done at once. */
static void
run(void)
{
	struct pollfd fd = report_relay_wants(&relay);

	while (fd.fd >= 0 && poll(&fd, 1, 0) > 0) {
		report_relay_step(&relay);
		fd = report_relay_wants(&relay);
	}
}

START_TEST(passes_on)
{
	ck_assert_int_eq(write(in[1], bytes, PIPE), PIPE);
	run();
	ck_assert_int_eq(read(out[0], got, sizeof(got)), PIPE);
	ck_assert_mem_eq(got, bytes, PIPE);
	ck_assert_uint_eq(tail.total, PIPE);
	ck_assert(report_relay_flushed(&relay));
	ck_assert_int_eq(report_relay_wants(&relay).fd, in[0]);
}
END_TEST

START_TEST(ends)
{
	ck_assert_int_eq(write(in[1], "x", 1), 1);
	close(in[1]);
	run();
	ck_assert_int_eq(relay.from, -1);
	ck_assert_int_eq(report_relay_wants(&relay).fd, -1);
	ck_assert_int_eq(read(out[0], got, sizeof(got)), 1);
}
END_TEST

/* Nothing is read while something waits to be written: the writer is held up. */
START_TEST(waits_for_a_slow_reader)
{
	ck_assert_int_eq(write(in[1], bytes, PIPE), PIPE);
	run();
	ck_assert_int_eq(write(in[1], bytes + PIPE, PIPE), PIPE);
	run();
	ck_assert(!report_relay_flushed(&relay));
	ck_assert_int_eq(report_relay_wants(&relay).fd, out[1]);
	ck_assert_int_eq(read(out[0], got, PIPE), PIPE);
	run();
	ck_assert_int_eq(read(out[0], got + PIPE, PIPE), PIPE);
	ck_assert_mem_eq(got, bytes, sizeof(got));
}
END_TEST

/* At the end what is in the pipe is read, whatever waits before it, and nothing after that. */
START_TEST(drains)
{
	ck_assert_int_eq(write(out[1], bytes, PIPE), PIPE);
	ck_assert_int_eq(write(in[1], bytes, PIPE), PIPE);
	run();
	ck_assert_int_eq(write(in[1], bytes + PIPE, PIPE), PIPE);
	report_relay_drain(&relay);
	ck_assert_int_eq(relay.from, -1);
	ck_assert_int_eq(write(in[1], "x", 1), -1);
	ck_assert_uint_eq(tail.total, 2 * PIPE);
	ck_assert_int_eq(read(out[0], got, PIPE), PIPE);
	run();
	ck_assert_int_eq(read(out[0], got, PIPE), PIPE);
	run();
	ck_assert_int_eq(read(out[0], got + PIPE, PIPE), PIPE);
	ck_assert_mem_eq(got, bytes, sizeof(got));
	ck_assert(report_relay_flushed(&relay));
}
END_TEST

/* Who writes learns that nobody reads. */
START_TEST(closes_when_nobody_reads)
{
	close(out[0]);
	ck_assert_int_eq(write(in[1], "x", 1), 1);
	run();
	ck_assert_int_eq(relay.from, -1);
	ck_assert_int_eq(write(in[1], "x", 1), -1);
	ck_assert(report_relay_flushed(&relay));
	report_relay_drain(&relay);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("report_relay");
	TCase *tcase = tcase_create("report_relay");

	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_test(tcase, passes_on);
	tcase_add_test(tcase, ends);
	tcase_add_test(tcase, waits_for_a_slow_reader);
	tcase_add_test(tcase, drains);
	tcase_add_test(tcase, closes_when_nobody_reads);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
