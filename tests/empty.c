/*
 * The program without its work: the same server, threads and output, but every answer is the file
 * `body` beside the executable.  What a front costs by itself is measured with it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "body.h"
#include "config.h"
#include "handler.h"
#include "listener.h"
#include "log.h"
#include "plaincgi.h"
#include "response.h"
#include "server.h"

struct handler {
	struct body body;
};

static int
read_body(struct body *body)
{
	char path[4096], piece[8192], *slash;
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - sizeof("body"));
	size_t n;
	FILE *file;

	if (length < 0)
		return -1;
	path[length] = '\0';
	slash = strrchr(path, '/');
	memcpy(slash + 1, "body", sizeof("body"));
	if ((file = fopen(path, "rb")) == NULL)
		return -1;
	while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
		body_append(body, piece, n);
	fclose(file);
	return 0;
}

struct handler *
handler_open(struct store *store, struct cache *cache, const struct config *config)
{
	struct handler *handler = calloc(1, sizeof(*handler));

	(void)store;
	(void)cache;
	(void)config;
	if (handler == NULL || body_open(&handler->body) != 0 || read_body(&handler->body) != 0)
		abort();
	return handler;
}

void
handler_close(struct handler *handler)
{
	body_close(&handler->body);
	free(handler);
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

/* Nothing is looked up. */
bool
handler_may_look_up(struct handler *handler, const struct handler_request *request)
{
	(void)handler;
	(void)request;
	return false;
}

void
handler_look_up(struct handler *handler, struct lookup *const lookups[], size_t count)
{
	(void)handler;
	(void)lookups;
	(void)count;
}

bool
handler_is_quick(struct handler *handler, const struct handler_request *request)
{
	(void)handler;
	(void)request;
	return false;
}

int
handler_answer(
    struct handler *handler, struct handler_request *request, body_sink *sink, void *context)
{
	(void)request;
	return response_write(
	    &(struct response){ .status = 200, .body = &handler->body }, sink, context);
}

int
handler_refuse(body_sink *sink, void *context)
{
	return response_write(&(struct response){ .status = 204 }, sink, context);
}

int
main(int argc, char *argv[])
{
	struct listener listener;
	struct config config;
	char error[400];
	bool cgi = plaincgi_is();

	if (config_read(&config, cgi ? 0 : argc, argv, error, sizeof(error)) != 0)
		return EX_USAGE;
	log_open(config.log_target, config.log_level);
	if (cgi) {
		plaincgi_run(&config);
		return EX_OK;
	}
	server_block_signals();
	if (listener_open(&listener, config.socket, config.socket_group) != 0)
		return EX_CANTCREAT;
	if (server_run(&config, &listener, NULL, NULL) != 0)
		return EX_OSERR;
	listener_unlink(&listener);
	listener_close(&listener);
	return EX_OK;
}
