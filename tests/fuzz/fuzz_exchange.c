/*
 * Any bytes of a front's, in two pieces, as libfcgi itself reads them behind the gate: it asks for
 * no more memory than the gate lets variables have, loses none, ends nothing, and has a request
 * only where the gate has seen one.  The gate takes the same bytes for the same, whatever pieces
 * they come in.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config.h"
#include "exchange.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
const char *__asan_default_options(void);

/* The fuzzer itself needs some of it. */
const char *
__asan_default_options(void)
{
	return "max_allocation_size_mb=64";
}

static void
check(bool holds)
{
	if (!holds)
		abort();
}

void
handler_begin(struct handler_request *request, const struct handler_variables *variables,
    const struct config *config, int64_t deadline)
{
	(void)request;
	(void)variables;
	(void)config;
	(void)deadline;
}

int
handler_answer(
    struct handler *handler, struct handler_request *request, body_sink *sink, void *context)
{
	(void)handler;
	(void)request;
	return sink(context, "Status: 204 No Content\r\n\r\n", 26);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	signal(SIGPIPE, SIG_IGN);
	return setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "0", 1) != 0 || FCGX_Init() != 0;
}

/* What the gate makes of all bytes, in pieces of SIZE. */
static void
judge(struct gate *gate, const unsigned char *bytes, size_t length, size_t size)
{
	memset(gate, 0, sizeof(*gate));
	for (size_t at = 0; at < length; at += size)
		gate_pass(gate, bytes + at, length - at < size ? length - at : size);
}

/* Has libfcgi read the bytes, and answer what is whole. */
static bool
serve(const unsigned char *data, size_t size, size_t first)
{
	static const struct config config = { .timeout = 1000000000 };
	struct exchange exchange = { .drained = false };
	bool whole = false;
	int ends[2];

	check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	check(send(ends[1], data, first, 0) == (ssize_t)first);
	check(send(ends[1], data + first, size - first, 0) == (ssize_t)(size - first));
	shutdown(ends[1], SHUT_WR);
	FCGX_InitRequest(&exchange.fcgx, -1, 0);
	exchange.fcgx.keepConnection = 1;
	exchange.fcgx.ipcFd = ends[0];
	if (exchange_begin(&exchange, &config)) {
		whole = exchange.whole;
		exchange_end(&exchange, NULL, config.timeout);
	}
	FCGX_Free(&exchange.fcgx, 1);
	close(ends[1]);
	return whole;
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct gate single, pieces;
	size_t first;

	if (size < 2)
		return 0;
	first = *data++;
	size--;
	first = first < size ? first : size;
	judge(&single, data, size, 1);
	judge(&pieces, data, size, first + 1);
	check(single.refused == pieces.refused && single.stage == pieces.stage);
	check(single.pair_left <= GATE_VARIABLES_MAX || single.refused);
	if (serve(data, size, first))
		check(single.stage == GATE_OVER && !single.refused);
	return 0;
}
