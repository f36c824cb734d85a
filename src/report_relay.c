/*
 * A stream on its way.  It is read only when all before is written: so a slow reader slows the
 * command down, and one that goes away closes its pipe, just as without us between them.
 */
#include "report_relay.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

struct pollfd
report_relay_wants(const struct report_relay *relay)
{
	if (!report_relay_flushed(relay))
		return (struct pollfd){ .fd = relay->to, .events = POLLOUT };
	return (struct pollfd){ .fd = relay->from, .events = POLLIN };
}

bool
report_relay_flushed(const struct report_relay *relay)
{
	return relay->start == relay->end;
}

static void
stop_reading(struct report_relay *relay)
{
	if (relay->from >= 0)
		close(relay->from);
	relay->from = -1;
}

/* False: nothing more is there now. */
static bool
read_some(struct report_relay *relay, size_t most)
{
	size_t room = REPORT_RELAY_BYTES - relay->end;
	ssize_t n = read(relay->from, relay->bytes + relay->end, most < room ? most : room);

	if (n > 0) {
		for (size_t i = 0; i < 2; i++)
			if (relay->tails[i] != NULL)
				report_tail_add(
				    relay->tails[i], relay->bytes + relay->end, (size_t)n);
		relay->end += (size_t)n;
		return true;
	}
	if (n < 0 && errno == EINTR)
		return true;
	if (n == 0 || errno != EAGAIN)
		stop_reading(relay);
	return false;
}

/* At most PIPE_BUF bytes, which a pipe that poll(2) calls writable takes without blocking. */
static void
write_some(struct report_relay *relay)
{
	size_t length = relay->end - relay->start;
	ssize_t n =
	    write(relay->to, relay->bytes + relay->start, length < PIPE_BUF ? length : PIPE_BUF);

	if (n >= 0) {
		relay->start += (size_t)n;
	} else if (errno != EINTR && errno != EAGAIN) {
		if (errno != EPIPE)
			log_error("%s: %s", relay->name, strerror(errno));
		relay->to = -1;
		stop_reading(relay);
		relay->start = relay->end;
	}
	if (relay->start == relay->end)
		relay->start = relay->end = 0;
}

void
report_relay_step(struct report_relay *relay)
{
	if (!report_relay_flushed(relay))
		write_some(relay);
	else if (relay->from >= 0)
		read_some(relay, REPORT_RELAY_BYTES / 2);
}

void
report_relay_drain(struct report_relay *relay)
{
	if (relay->start > 0) {
		memmove(relay->bytes, relay->bytes + relay->start, relay->end - relay->start);
		relay->end -= relay->start;
		relay->start = 0;
	}
	while (relay->from >= 0 && relay->end < REPORT_RELAY_BYTES &&
	    read_some(relay, REPORT_RELAY_BYTES))
		continue;
	stop_reading(relay);
}
