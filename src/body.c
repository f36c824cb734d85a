/*
 * The body of an answer while it grows.  json-c's printbuf is the buffer.
 */
#include "body.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <json-c/printbuf.h>

#include "log.h"

#define PIECE (32 * 1024)

int
body_open(struct body *body)
{
	body->file = -1;
	body->spooled = 0;
	body->buffer = printbuf_new();
	return body->buffer != NULL ? 0 : -1;
}

void
body_close(struct body *body)
{
	if (body->file >= 0)
		close(body->file);
	if (body->buffer != NULL)
		printbuf_free(body->buffer);
	body->file = -1;
	body->buffer = NULL;
}

void
body_clear(struct body *body)
{
	if (body->file >= 0)
		close(body->file);
	body->file = -1;
	body->spooled = 0;
	printbuf_reset(body->buffer);
}

/* An unlinked file in $TMPDIR or /tmp; no other process can open it. */
static int
open_file(void)
{
	const char *directory = getenv("TMPDIR");
	char path[PATH_MAX];
	int file, n;

	if (directory == NULL || *directory == '\0')
		directory = "/tmp";
	file = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return file;
	n = snprintf(path, sizeof(path), "%s/jobstatus.XXXXXX", directory);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	file = mkostemp(path, O_CLOEXEC);
	if (file >= 0)
		unlink(path);
	return file;
}

static int
spool(struct body *body, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = pwrite(body->file, bytes, length, (off_t)body->spooled);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			log_error("temporary file: %s", strerror(n < 0 ? errno : ENOSPC));
			return -1;
		}
		body->spooled += (uint64_t)n;
		bytes += n;
		length -= (size_t)n;
	}
	return 0;
}

static int
spool_buffer(struct body *body)
{
	if (body->file < 0 && (body->file = open_file()) < 0) {
		log_error("temporary file: %s", strerror(errno));
		return -1;
	}
	if (spool(body, body->buffer->buf, (size_t)printbuf_length(body->buffer)) != 0)
		return -1;
	printbuf_reset(body->buffer);
	return 0;
}

/* Most appends fit, and are small: for those the call would cost more than the copy. */
static int
append_in_memory(struct printbuf *buffer, const char *bytes, int length)
{
	if (length < buffer->size - buffer->bpos) {
		memcpy(buffer->buf + buffer->bpos, bytes, (size_t)length);
		buffer->bpos += length;
		buffer->buf[buffer->bpos] = '\0';
		return 0;
	}
	if (printbuf_memappend(buffer, bytes, length) < 0) {
		log_error("no memory for an answer");
		return -1;
	}
	return 0;
}

int
body_append(struct body *body, const char *bytes, size_t length)
{
	if (length > BODY_MEMORY_MAX - (size_t)printbuf_length(body->buffer)) {
		if (spool_buffer(body) != 0)
			return -1;
		if (length > BODY_MEMORY_MAX)
			return spool(body, bytes, length);
	}
	return append_in_memory(body->buffer, bytes, (int)length);
}

uint64_t
body_length(const struct body *body)
{
	return body->spooled + (uint64_t)printbuf_length(body->buffer);
}

const char *
body_memory(const struct body *body, size_t *length)
{
	*length = (size_t)printbuf_length(body->buffer);
	return body->file < 0 ? body->buffer->buf : NULL;
}

int
body_send(const struct body *body, body_sink *sink, void *context)
{
	char piece[PIECE];
	uint64_t sent = 0;

	while (sent < body->spooled) {
		ssize_t n = pread(body->file, piece, sizeof(piece), (off_t)sent);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			log_error("temporary file: %s", strerror(n < 0 ? errno : EIO));
			return -1;
		}
		if (sink(context, piece, (size_t)n) != 0)
			return -1;
		sent += (uint64_t)n;
	}
	for (size_t at = 0, all = (size_t)printbuf_length(body->buffer); at < all; at += PIECE) {
		size_t n = all - at < PIECE ? all - at : PIECE;

		if (sink(context, body->buffer->buf + at, n) != 0)
			return -1;
	}
	return 0;
}
