/*
 * The teller.  Between two attempts its state is guarded by LOCK; an attempt itself is made
 * without.
 */
#include "report_teller.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "report_try.h"

#define ATTEMPT (10 * CLOCK_SECOND)
#define BEAT_ATTEMPT (3 * CLOCK_SECOND) /* what the end may have to wait for */

enum what { NOTHING, START, BEAT, END };

struct report_teller {
	const char *database;
	const char *const *values;
	const struct report_command *command;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int started_fd, ended_fd; /* readable when the first attempt, the last one is over */
	bool start_told;          /* or refused: it is not told again */
	bool began;               /* the command runs */
	bool warned;
	char *beat;
	bool has_ending, over;
	bool end_answered;
	struct report_ending ending;
	int64_t deadline; /* of the end */
	atomic_bool given_up;
	int64_t not_before;
	struct report_backoff backoff;
	struct report_answer first,
	    last; /* to the start's first attempt, and the last attempt of all */
};

static void
make_readable(int fd)
{
	eventfd_write(fd, 1);
}

static enum what
next(const struct report_teller *t)
{
	if (!t->start_told)
		return START;
	if (t->has_ending)
		return END;
	return t->beat != NULL ? BEAT : NOTHING;
}

static bool
out_of_time(const struct report_teller *t)
{
	return t->has_ending && (atomic_load(&t->given_up) || clock_now() >= t->deadline);
}

/* Waits, with the lock, until there is something to tell, and it is time. */
static enum what
wait_for_work(struct report_teller *t)
{
	for (;;) {
		enum what what = next(t);
		int64_t until = t->not_before;
		struct timespec ts;

		if (what != NOTHING && (clock_now() >= until || out_of_time(t)))
			return what;
		if (what == NOTHING) {
			pthread_cond_wait(&t->changed, &t->lock);
			continue;
		}
		if (t->has_ending && until > t->deadline)
			until = t->deadline;
		ts = (struct timespec){ until / CLOCK_SECOND, until % CLOCK_SECOND };
		pthread_cond_timedwait(&t->changed, &t->lock, &ts);
	}
}

/* One attempt, without the lock.  BEAT's text is its own; the ending stays as it is. */
static void
attempt(struct report_teller *t, enum what what, char *beat, struct report_answer *answer)
{
	const char *values[REPORT_FIELDS], *parameters[REPORT_PARAMETERS];
	int64_t deadline = clock_now() + (what == BEAT ? BEAT_ATTEMPT : ATTEMPT);

	memcpy(values, t->values, sizeof(values));
	if (what == START) {
		values[REPORT_STATUS] = "active";
	} else if (what == BEAT) {
		values[REPORT_DETAILS] = beat;
	} else {
		values[REPORT_STATUS] = t->ending.status;
		values[REPORT_DETAILS] = t->ending.details;
		values[REPORT_ERROR] = t->ending.error;
		values[REPORT_ERROR_STACK] = t->ending.stack;
		if (deadline > t->deadline)
			deadline = t->deadline;
	}
	for (size_t i = 0; i < t->command->count; i++)
		parameters[i] = values[t->command->parameters[i]];
	report_session_call(t->database, t->command->sql, t->command->count, parameters, deadline,
	    &t->given_up, answer);
}

/* What follows from an attempt's ANSWER. */
static void
settle(struct report_teller *t, enum what what, const struct report_answer *answer)
{
	if (what != BEAT)
		t->last = *answer;
	if (answer->code == EX_TEMPFAIL) {
		t->not_before = clock_now() + report_backoff_step(&t->backoff);
	} else {
		t->not_before = 0;
		t->backoff.next = 0;
	}
	if (what == START) {
		t->start_told = answer->code != EX_TEMPFAIL;
		if (t->began && answer->code != 0 && t->start_told)
			log_error("the task was not made active: %s", answer->text);
		t->first = *answer;
		make_readable(t->started_fd);
	}
	if (what == END && answer->code != EX_TEMPFAIL)
		t->over = t->end_answered = true;
}

static void *
tell(void *context)
{
	struct report_teller *t = context;

	pthread_mutex_lock(&t->lock);
	while (!t->over) {
		enum what what = wait_for_work(t);
		struct report_answer answer;
		char *beat = NULL;

		if (what == BEAT) {
			beat = t->beat;
			t->beat = NULL;
		}
		pthread_mutex_unlock(&t->lock);
		attempt(t, what, beat, &answer);
		free(beat);
		pthread_mutex_lock(&t->lock);
		settle(t, what, &answer);
		if (out_of_time(t))
			t->over = true;
		if (t->has_ending && !t->over && answer.code == EX_TEMPFAIL && !t->warned) {
			t->warned = true;
			log_warning("the end is not told yet, trying on: %s", answer.text);
		}
	}
	make_readable(t->ended_fd);
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

static void
destroy(struct report_teller *t)
{
	if (t->started_fd >= 0)
		close(t->started_fd);
	if (t->ended_fd >= 0)
		close(t->ended_fd);
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
	free(t->beat);
	free(t->ending.details);
	free(t->ending.error);
	free(t->ending.stack);
	free(t);
}

struct report_teller *
report_teller_open(const char *database, const char *const values[REPORT_FIELDS])
{
	struct report_teller *t = calloc(1, sizeof(*t));
	pthread_condattr_t attributes;

	if (t == NULL)
		return NULL;
	t->database = database;
	t->values = values;
	t->command = report_command_find("task");
	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&t->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	t->started_fd = eventfd(0, EFD_CLOEXEC);
	t->ended_fd = eventfd(0, EFD_CLOEXEC);
	if (t->started_fd < 0 || t->ended_fd < 0 ||
	    pthread_create(&t->thread, NULL, tell, t) != 0) {
		destroy(t);
		return NULL;
	}
	return t;
}

int
report_teller_start(struct report_teller *t, int64_t deadline, struct report_answer *answer)
{
	struct pollfd fd = { .fd = t->started_fd, .events = POLLIN };
	int code = 0;

	/* Our signals are blocked, so nothing interrupts it. */
	poll(&fd, 1, clock_poll_timeout(deadline));
	pthread_mutex_lock(&t->lock);
	if (t->start_told) {
		*answer = t->first;
		code = answer->code;
	}
	t->began = true;
	pthread_mutex_unlock(&t->lock);
	return code;
}

void
report_teller_beat(struct report_teller *t, char *details)
{
	pthread_mutex_lock(&t->lock);
	free(t->beat);
	t->beat = details;
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

void
report_teller_end(struct report_teller *t, const struct report_ending *ending, int64_t timeout)
{
	pthread_mutex_lock(&t->lock);
	t->ending = *ending;
	t->has_ending = true;
	t->deadline = clock_now() + timeout;
	t->backoff.next = 0;
	t->not_before = 0;
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

void
report_teller_give_up(struct report_teller *t)
{
	pthread_mutex_lock(&t->lock);
	atomic_store(&t->given_up, true);
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

int
report_teller_fd(const struct report_teller *t)
{
	return t->ended_fd;
}

int
report_teller_close(struct report_teller *t, struct report_answer *answer)
{
	bool over;

	pthread_mutex_lock(&t->lock);
	*answer = t->last;
	if (!t->end_answered)
		answer->code = EX_TEMPFAIL;
	if (answer->code != 0 && *answer->text == '\0')
		snprintf(answer->text, sizeof(answer->text), "it was given up");
	over = t->over;
	pthread_mutex_unlock(&t->lock);
	if (!over) /* its thread hangs where no deadline reaches */
		return answer->code;
	pthread_join(t->thread, NULL);
	destroy(t);
	return answer->code;
}
