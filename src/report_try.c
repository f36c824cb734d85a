/*
 * Trying again.  A connection that is lost in the middle of a call leaves open whether the call was
 * executed.  Reports say what is so, and saying it twice changes nothing.  Not so these:
 *
 *   create   chooses the job's id itself.  If its name is taken at the next attempt, the id tells
 *            whether by this very call.
 *   rerun, delete
 *            look at the job first.  The next attempt acts only if it is still the same job in the
 *            same attempt; if not, the lost one did it.
 */
#include "report_try.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <time.h>

#include "clock.h"

#define ATTEMPT_LEAST (10 * CLOCK_SECOND)
#define BACKOFF_FIRST (100 * CLOCK_MILLISECOND)
#define BACKOFF_LAST (3 * CLOCK_SECOND)

struct trial {
	const struct report_command *command;
	const char *values[REPORT_PARAMETERS];
	const char *guarded; /* what to call, with four values, when an attempt was lost; or NULL */
	const char *database;
	int64_t deadline;
	struct report_answer *answer;
	bool lost; /* an attempt may have been executed without an answer */
};

/* report_job_details() changes nothing with {}, and returns the job. */
static const char look[] =
    "select id, attempt from jobstatus.report_job_details($1::text, $2::text, '{}')";

int64_t
report_backoff_step(struct report_backoff *backoff)
{
	uint16_t random = 0;

	backoff->next = backoff->next == 0 ? BACKOFF_FIRST : 2 * backoff->next;
	if (backoff->next > BACKOFF_LAST)
		backoff->next = BACKOFF_LAST;
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = 0; /* then without jitter */
	return backoff->next - backoff->next / 4 * random / UINT16_MAX;
}

static void
sleep_until(int64_t until)
{
	struct timespec ts = { .tv_sec = until / CLOCK_SECOND, .tv_nsec = until % CLOCK_SECOND };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		continue;
}

/* An attempt gets half of the time that is left, so that a server that hangs leaves time for
 * others. */
static int64_t
attempt_deadline(const struct trial *trial, int64_t now)
{
	int64_t share = (trial->deadline - now) / 2;

	if (share < ATTEMPT_LEAST)
		share = ATTEMPT_LEAST;
	return share < trial->deadline - now ? now + share : trial->deadline;
}

/* Calls SQL until there is an answer.  Returns its code, or EX_TEMPFAIL when the time is over. */
static int
ask(struct trial *trial, const char *sql, size_t count)
{
	struct report_backoff backoff = { 0 };

	for (;;) {
		bool guarded = trial->lost && trial->guarded != NULL;
		int64_t now = clock_now();
		int code = report_session_call(trial->database, guarded ? trial->guarded : sql,
		    guarded ? 4 : count, trial->values, attempt_deadline(trial, now), NULL,
		    trial->answer);

		if (code != EX_TEMPFAIL)
			return code;
		trial->lost = trial->lost || trial->answer->sent;
		now = clock_now() + report_backoff_step(&backoff);
		if (now >= trial->deadline)
			return code;
		sleep_until(now);
	}
}

/* A random UUID, version 4.  Returns 0 or -1. */
static int
make_id(char id[static 41])
{
	unsigned char b[16];

	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		return -1;
	b[6] = (b[6] & 0x0F) | 0x40;
	b[8] = (b[8] & 0x3F) | 0x80;
	snprintf(id, 41, "job-%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
	    b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
	    b[14], b[15]);
	return 0;
}

static int
create(struct trial *trial)
{
	const char **id = &trial->values[trial->command->count - 1];
	char made[41];
	int code;

	if (*id == NULL) {
		if (make_id(made) != 0) {
			snprintf(trial->answer->text, sizeof(trial->answer->text),
			    "no random bytes for the job's id: %s", strerror(errno));
			return trial->answer->code = EX_OSERR;
		}
		*id = made;
	}
	code = ask(trial, trial->command->sql, trial->command->count);
	if (code == EX_CANTCREAT && trial->lost) {
		struct report_answer taken = *trial->answer;

		code = ask(trial, look, 2);
		if (code == 0 && strcmp(trial->answer->values[0], *id) == 0)
			return 0;
		if (code == EX_TEMPFAIL)
			return code;
		*trial->answer = taken;
		code = EX_CANTCREAT;
	}
	return code;
}

static int
guarded(struct trial *trial)
{
	char id[sizeof(trial->answer->values[0])], attempt[16];
	int code = ask(trial, look, 2);

	if (code != 0)
		return code;
	snprintf(id, sizeof(id), "%s", trial->answer->values[0]);
	snprintf(attempt, sizeof(attempt), "%.15s", trial->answer->values[1]);
	trial->values[2] = id;
	trial->values[3] = attempt;
	trial->guarded = trial->command->guarded;
	trial->lost = false;
	code = ask(trial, trial->command->sql, 2);
	if (code == EX_NOINPUT && trial->lost && strcmp(trial->command->name, "delete") == 0)
		return 0; /* it is gone */
	return code;
}

int
report_try(const struct report_command *command, const char *const values[REPORT_FIELDS],
    const char *database, int64_t timeout, struct report_answer *answer)
{
	struct trial trial = { .command = command,
		.database = database,
		.deadline = clock_now() + timeout,
		.answer = answer };

	for (size_t i = 0; i < command->count; i++)
		trial.values[i] = values[command->parameters[i]];
	switch (command->again) {
	case REPORT_AGAIN_CREATE:
		return create(&trial);
	case REPORT_AGAIN_GUARDED:
		return guarded(&trial);
	case REPORT_AGAIN_SAME:
		break;
	}
	return ask(&trial, command->sql, command->count);
}
