/*
 * The wrapped command, and the signals that are passed on to it.
 */
#ifndef JOBSTATUS_REPORT_CHILD_H
#define JOBSTATUS_REPORT_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct report_child {
	pid_t pid;
	int output, error; /* the ends of its pipes, not blocking */
	int failure;       /* errno, if it could not be run */
};

struct report_signals {
	int fd; /* a signalfd(2) */
	sigset_t before;
	bool pipe_ignored; /* SIGPIPE, when we were started */
};

/*
 * Takes the signals that are passed on, and SIGCHLD, as a descriptor; before any thread is started.
 * A signal that was ignored stays so, for the command too.  Returns 0 or -1 with errno.
 */
int report_signals_open(struct report_signals *signals);

/* Starts COMMAND with its output in pipes.  Returns 0, or -1: CHILD's failure says why. */
int report_child_start(
    struct report_child *child, char *const command[], const struct report_signals *signals);

/*
 * Reads one signal and passes it on to PID, if that is not 0.  Returns its number; SIGCHLD is
 * passed on to nobody, and SIGTSTP stops us too.
 */
int report_signals_take(const struct report_signals *signals, pid_t pid);

#endif
