/*
 * Runs a command as a task.  This thread waits for the command, its output and signals, and for
 * nothing else; what is told of it goes to the teller.
 */
#include "report_wrap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "report_child.h"
#include "report_details.h"
#include "report_relay.h"
#include "report_teller.h"

#define START_WAIT (2 * CLOCK_SECOND) /* for a database that hangs */
#define GRACE CLOCK_SECOND            /* for output, when the command has ended */
#define TELLER_SLACK (5 * CLOCK_SECOND)

struct wrap {
	const struct report_options *options;
	struct report_signals signals;
	struct report_teller *teller;
	struct report_child child;
	struct report_relay output, error;
	struct report_tail both, errors; /* of both streams, and of standard error alone */
	int64_t began, next_beat;
	int64_t ended;         /* 0 while the command runs */
	int status;            /* as waitpid(2) gives it */
	bool reading, telling; /* output may come; the end is handed over, and not told yet */
};

/* As a shell gives it. */
static int
exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static char *
details(const struct wrap *w)
{
	char *text = report_tail_text(&w->both), *json = NULL;
	int64_t until = w->ended != 0 ? w->ended : clock_now();

	if (text != NULL)
		json = report_details_status((until - w->began) / CLOCK_SECOND, text);
	free(text);
	return json;
}

/* Hands the end over to the teller.  FAILURE says why the command could not be run, or is NULL. */
static void
tell_end(struct wrap *w, const char *failure)
{
	struct report_ending ending = { .status = "completed", .details = details(w) };

	if (exit_code(w->status) != 0) {
		ending.status = "error";
		if (WIFSIGNALED(w->status))
			ending.error = report_details_signal(WTERMSIG(w->status));
		else
			ending.error = report_details_exit(exit_code(w->status), failure);
		ending.stack = report_tail_text(&w->errors);
	}
	w->telling = true;
	report_teller_end(w->teller, &ending, w->options->timeout);
}

static void
take_signals(struct wrap *w)
{
	int number = report_signals_take(&w->signals, w->ended == 0 ? w->child.pid : 0);

	if (number == SIGCHLD) {
		if (w->ended == 0 && waitpid(w->child.pid, &w->status, WNOHANG) == w->child.pid)
			w->ended = clock_now();
		return;
	}
	/* One that ended the command may come to us a little later, and means nothing more then. */
	if (w->ended != 0 && clock_now() > w->ended + GRACE &&
	    (number == SIGTERM || number == SIGINT || number == SIGHUP || number == SIGQUIT))
		report_teller_give_up(w->teller);
}

/* When the teller must have said that it is over, unless it hangs. */
static int64_t
teller_time(const struct wrap *w)
{
	return w->ended + GRACE + w->options->timeout + TELLER_SLACK;
}

/* When something is to be done though nothing happens. */
static int64_t
next_time(const struct wrap *w)
{
	if (w->ended == 0)
		return w->next_beat;
	if (w->reading)
		return w->ended + GRACE;
	return w->telling ? teller_time(w) : INT64_MAX;
}

static void
step_time(struct wrap *w)
{
	int64_t now = clock_now();

	if (w->ended == 0 && now >= w->next_beat) {
		report_teller_beat(w->teller, details(w));
		w->next_beat = now + w->options->heartbeat;
	}
	if (w->ended != 0 && w->reading &&
	    ((w->output.from < 0 && w->error.from < 0) || now >= w->ended + GRACE)) {
		report_relay_drain(&w->output);
		report_relay_drain(&w->error);
		w->reading = false;
		tell_end(w, NULL);
	}
	if (w->telling && now >= teller_time(w))
		w->telling = false;
}

/* Runs until the command has ended, its output is passed on, and its end is told or cannot be. */
static void
run(struct wrap *w)
{
	while (w->ended == 0 || w->reading || w->telling || !report_relay_flushed(&w->output) ||
	    !report_relay_flushed(&w->error)) {
		struct pollfd fds[] = {
			{ .fd = w->signals.fd, .events = POLLIN },
			{ .fd = w->telling ? report_teller_fd(w->teller) : -1, .events = POLLIN },
			report_relay_wants(&w->output),
			report_relay_wants(&w->error),
		};

		if (poll(fds, 4, clock_poll_timeout(next_time(w))) > 0) {
			if (fds[2].revents != 0)
				report_relay_step(&w->output);
			if (fds[3].revents != 0)
				report_relay_step(&w->error);
			if (fds[1].revents != 0)
				w->telling = false;
			if (fds[0].revents != 0)
				take_signals(w);
		}
		step_time(w);
	}
}

/* Tells what became of it.  Returns the exit code. */
static int
close_teller(struct wrap *w)
{
	struct report_answer answer;
	int code = report_teller_close(w->teller, &answer);

	if (code == 0)
		return exit_code(w->status);
	log_error("the end of the task was not told: %s", answer.text);
	return w->status != 0 ? exit_code(w->status) : code;
}

static void
start_relays(struct wrap *w)
{
	w->output.from = w->child.output;
	w->output.to = STDOUT_FILENO;
	w->output.name = "standard output";
	w->output.tails[0] = &w->both;
	w->error.from = w->child.error;
	w->error.to = STDERR_FILENO;
	w->error.name = "standard error";
	w->error.tails[0] = &w->both;
	w->error.tails[1] = &w->errors;
	w->reading = true;
}

static int
wrap(struct wrap *w)
{
	struct report_answer answer;
	int code;

	if (report_signals_open(&w->signals) != 0 ||
	    (w->teller = report_teller_open(w->options->database, w->options->values)) == NULL) {
		log_error("it cannot start: %s", strerror(errno));
		return EX_OSERR;
	}
	code = report_teller_start(w->teller, clock_now() + START_WAIT, &answer);
	if (code != 0) {
		log_error("%s", answer.text);
		return code;
	}
	w->began = clock_now();
	w->next_beat = w->began + w->options->heartbeat;
	if (report_child_start(&w->child, w->options->wrapped, &w->signals) == 0) {
		start_relays(w);
	} else {
		char reason[200];

		snprintf(reason, sizeof(reason), "the command cannot be run: %s",
		    strerror(w->child.failure));
		log_error("%s: %s", w->options->wrapped[0], strerror(w->child.failure));
		w->output.from = w->error.from = -1;
		w->ended = w->began;
		w->status = W_EXITCODE(w->child.failure == ENOENT ? 127 : 126, 0);
		tell_end(w, reason);
	}
	run(w);
	return close_teller(w);
}

int
report_wrap(const struct report_options *options)
{
	struct wrap *w = calloc(1, sizeof(*w));
	int code;

	if (w == NULL) {
		log_error("no memory");
		return EX_OSERR;
	}
	w->options = options;
	code = wrap(w);
	free(w);
	return code;
}
