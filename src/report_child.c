/*
 * The wrapped command.  It stays in our process group, so that it may read the terminal; what the
 * terminal sends to the whole group therefore reached it already, and is not passed on.
 */
#include "report_child.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

static const int passed_on[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT,
	SIGTSTP };

static bool
is_ignored(int number)
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

int
report_signals_open(struct report_signals *signals)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		if (!is_ignored(passed_on[i]))
			sigaddset(&set, passed_on[i]);
	signals->pipe_ignored = is_ignored(SIGPIPE);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL); /* ignored, it would take the command's status away */
	if (sigprocmask(SIG_BLOCK, &set, &signals->before) != 0)
		return -1;
	signals->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return signals->fd >= 0 ? 0 : -1;
}

/*
 * By SIGTSTP's own action: it spares a process group that no shell would ever continue, as it
 * spares the command there.
 */
static void
stop(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

int
report_signals_take(const struct report_signals *signals, pid_t pid)
{
	struct signalfd_siginfo info;
	int number;

	if (read(signals->fd, &info, sizeof(info)) != sizeof(info))
		return 0;
	number = (int)info.ssi_signo;
	if (number != SIGCHLD && info.ssi_code != SI_KERNEL && pid != 0)
		kill(pid, number);
	if (number == SIGTSTP)
		stop();
	return number;
}

/* In the child: becomes COMMAND, or writes errno to TELL. */
static _Noreturn void
become(char *const command[], const int output[2], const int error[2], int tell,
    const struct report_signals *signals)
{
	ssize_t written;
	int failure;

	if (dup2(output[1], STDOUT_FILENO) >= 0 && dup2(error[1], STDERR_FILENO) >= 0) {
		if (!signals->pipe_ignored)
			signal(SIGPIPE, SIG_DFL);
		sigprocmask(SIG_SETMASK, &signals->before, NULL);
		execvp(command[0], command);
	}
	failure = errno;
	written = write(tell, &failure, sizeof(failure));
	_exit(written == sizeof(failure) ? 127 : 126);
}

static void
close_pair(int pair[2])
{
	for (int i = 0; i < 2; i++)
		if (pair[i] >= 0)
			close(pair[i]);
}

int
report_child_start(
    struct report_child *child, char *const command[], const struct report_signals *signals)
{
	int output[2] = { -1, -1 }, error[2] = { -1, -1 }, tell[2] = { -1, -1 };
	ssize_t n;

	memset(child, 0, sizeof(*child));
	if (pipe2(output, O_CLOEXEC) != 0 || pipe2(error, O_CLOEXEC) != 0 ||
	    pipe2(tell, O_CLOEXEC) != 0 || (child->pid = fork()) < 0) {
		child->failure = errno;
		goto failed;
	}
	if (child->pid == 0)
		become(command, output, error, tell[1], signals);
	close(tell[1]);
	tell[1] = -1;
	do
		n = read(tell[0], &child->failure, sizeof(child->failure));
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
			continue;
		goto failed;
	}
	close(tell[0]);
	close(output[1]);
	close(error[1]);
	child->output = output[0];
	child->error = error[0];
	/* Our ends alone: the command's are its own. */
	fcntl(child->output, F_SETFL, O_NONBLOCK);
	fcntl(child->error, F_SETFL, O_NONBLOCK);
	return 0;
failed:
	child->pid = 0;
	close_pair(output);
	close_pair(error);
	close_pair(tell);
	return -1;
}
