/*
 * One request and its answer.  Standard input is read before the answer: a record left in the
 * socket would be taken for the next request's on a kept connection, and a front that writes first
 * and reads later would wait for us while we wait for it.
 */
#include "exchange.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "clock.h"
#include "config.h"
#include "handler.h"

#define DRAIN_TIME CLOCK_SECOND                 /* for the rest of a body, after the answer */
#define DRAIN_SILENCE (100 * CLOCK_MILLISECOND) /* in which nothing of it comes */

struct output {
	FCGX_Stream *stream;
	atomic_int_least64_t *cut;
	int64_t timeout;
};

/* Returns whether input ended within its limit. */
static bool
drain_input(FCGX_Stream *in)
{
	char piece[8192];
	size_t total = 0;

	while (total <= EXCHANGE_INPUT_MAX) {
		size_t room = EXCHANGE_INPUT_MAX + 1 - total;
		int want = room < sizeof(piece) ? (int)room : (int)sizeof(piece);
		int n = FCGX_GetStr(piece, want, in);

		if (n > 0)
			total += (size_t)n;
		if (n < want)
			return total <= EXCHANGE_INPUT_MAX;
	}
	return false;
}

/*
 * Takes what is left of a body when the answer is out, but for its end: a front that has the end
 * too may use the connection for the next request, which would be taken along.  Returns whether
 * that was all; who sends on for long, or stops, is given the end all the same.
 */
static bool
drain_rest(FCGX_Request *fcgx)
{
	const struct timeval silence = { .tv_usec = DRAIN_SILENCE / 1000 }, none = { 0 };
	int64_t until = clock_now() + DRAIN_TIME;
	char piece[8192];
	int n;

	if (FCGX_FFlush(fcgx->out) != 0 ||
	    setsockopt(fcgx->ipcFd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence)) != 0)
		return false;
	do
		n = FCGX_GetStr(piece, sizeof(piece), fcgx->in);
	while (n == sizeof(piece) && clock_now() < until);
	return n < (int)sizeof(piece) && FCGX_GetError(fcgx->in) == 0 &&
	    setsockopt(fcgx->ipcFd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none)) == 0;
}

static int
write_output(void *context, const char *bytes, size_t length)
{
	const struct output *output = context;

	/* A peer that takes something is given its time anew. */
	atomic_store(output->cut, clock_now() + output->timeout);
	return FCGX_PutStr(bytes, (int)length, output->stream) == (int)length ? 0 : -1;
}

/*
 * What FCGX_Finish_r() does, but that the connection is left to its owner, who may have to cut it
 * off while this waits.  An answer that broke off gets no end record: nothing but the closed
 * connection tells every front that it is not whole.
 */
static bool
finish(FCGX_Request *fcgx, bool answered)
{
	bool ok = answered && FCGX_FClose(fcgx->err) == 0 && FCGX_FClose(fcgx->out) == 0 &&
	    FCGX_GetError(fcgx->in) == 0;

	FCGX_Free(fcgx, 0);
	return ok;
}

/*
 * Reads a request and its body, or 1 MiB of that.  After an error among the variables libfcgi has a
 * request all the same, and would go on in the middle of a record.
 */
static bool
read_request(struct exchange *exchange)
{
	bool whole;

	memset(&exchange->gate, 0, sizeof(exchange->gate));
	gate_enter(&exchange->gate);
	whole = FCGX_Accept_r(&exchange->fcgx) == 0;
	exchange->drained =
	    whole && (FCGX_GetError(exchange->fcgx.in) != 0 || drain_input(exchange->fcgx.in));
	gate_enter(NULL);
	return whole;
}

bool
exchange_begin(struct exchange *exchange, const struct config *config)
{
	FCGX_Request *fcgx = &exchange->fcgx;
	int64_t deadline = clock_now() + config->timeout;

	atomic_store(&exchange->cut, deadline);
	if (!read_request(exchange))
		return false;
	atomic_store(&exchange->cut, 0);
	exchange->whole = FCGX_GetError(fcgx->in) == 0;
	if (exchange->whole)
		handler_begin(&exchange->request,
		    &(const struct handler_variables){ FCGX_GetParam("REQUEST_METHOD", fcgx->envp),
			FCGX_GetParam("SCRIPT_NAME", fcgx->envp),
			FCGX_GetParam("PATH_INFO", fcgx->envp),
			FCGX_GetParam("HTTP_IF_NONE_MATCH", fcgx->envp),
			FCGX_GetParam("HTTP_X_REQUEST_ID", fcgx->envp),
			config->authorize != NULL ? FCGX_GetParam(config->authorize, fcgx->envp) :
						    NULL },
		    config, deadline);
	return true;
}

enum exchange_end
exchange_end(struct exchange *exchange, struct handler *handler, int64_t timeout)
{
	struct output output = { exchange->fcgx.out, &exchange->cut, timeout };
	bool ok = exchange->whole &&
	    handler_answer(handler, &exchange->request, write_output, &output) == 0;
	bool keep = exchange->fcgx.keepConnection != 0;

	if (ok && !exchange->drained) {
		gate_enter(&exchange->gate);
		exchange->drained = drain_rest(&exchange->fcgx);
		gate_enter(NULL);
	}
	atomic_store(&exchange->cut, clock_now() + timeout);
	ok = finish(&exchange->fcgx, ok);
	if (!exchange->drained)
		return EXCHANGE_DRAIN;
	return ok && keep ? EXCHANGE_KEEP : EXCHANGE_CLOSE;
}
