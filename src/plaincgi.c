/*
 * One answer as a plain CGI program.
 */
#include "plaincgi.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "config.h"
#include "handler.h"
#include "listener.h"
#include "log.h"
#include "store.h"

#define INPUT_MAX (1024 * 1024)

bool
plaincgi_is(void)
{
	return getenv("REQUEST_METHOD") != NULL && !listener_is(STDIN_FILENO);
}

static int
write_output(void *context, const char *bytes, size_t length)
{
	(void)context;
	while (length > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		bytes += n;
		length -= (size_t)n;
	}
	return 0;
}

/*
 * A body is read to its end and ignored.  One that came in chunks has no CONTENT_LENGTH, and Apache
 * gives no answer to a client whose body nobody takes.
 */
static void
drain_input(void)
{
	const char *text = getenv("CONTENT_LENGTH");
	long long left = text != NULL ? strtoll(text, NULL, 10) : 0;
	char piece[8192];

	if ((text == NULL || *text == '\0') && getenv("HTTP_TRANSFER_ENCODING") != NULL)
		left = INPUT_MAX;
	if (left > INPUT_MAX)
		left = INPUT_MAX;
	while (left > 0) {
		ssize_t n = read(STDIN_FILENO, piece,
		    left < (long long)sizeof(piece) ? (size_t)left : sizeof(piece));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		left -= n;
	}
}

void
plaincgi_run(const struct config *config)
{
	const struct handler_variables variables = { getenv("REQUEST_METHOD"),
		getenv("SCRIPT_NAME"), getenv("PATH_INFO"), getenv("HTTP_IF_NONE_MATCH"),
		getenv("HTTP_X_REQUEST_ID"),
		config->authorize != NULL ? getenv(config->authorize) : NULL };
	int64_t deadline = clock_now() + config->timeout;
	struct handler_request request;
	struct store *store = store_open(config, false);
	struct handler *handler = store != NULL ? handler_open(store, NULL, config) : NULL;

	drain_input();
	if (handler != NULL) {
		handler_begin(&request, &variables, config, deadline);
		handler_answer(handler, &request, write_output, NULL);
	} else {
		log_error("start: no memory or no thread");
		handler_refuse(write_output, NULL);
	}
	handler_close(handler);
	store_close(store);
}

void
plaincgi_refuse(void)
{
	drain_input();
	handler_refuse(write_output, NULL);
}
