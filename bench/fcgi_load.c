/*
 * Asks a FastCGI program for jobs over kept connections, without a front: as many requests at a
 * time as there are connections, each the next one when its answer is whole.
 *
 *   fcgi_load SOCKET CLIENTS SECONDS JOBS SEED [TAGS]
 *
 * TAGS is a file of the jobs' entity tags, one a line; then every request is a conditional one and
 * has to be answered 304, else 200.  Prints what load.lua does.
 */
#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define REQUESTS 20000 /* made beforehand, so that making them is no part of the load */
#define HEADER 8
#define MICROSECONDS_MAX 10000000

enum { BEGIN_REQUEST = 1, END_REQUEST = 3, PARAMS, STDIN, STDOUT };

struct request {
	unsigned char bytes[2048];
	size_t length;
};

struct client {
	int fd;
	int64_t began;
	bool answered;                /* its status has been seen */
	unsigned char header[HEADER]; /* of the record that is being read */
	size_t have, left;            /* bytes of the header; of the content and padding */
};

static struct request *requests;
static uint32_t *took; /* how many answers took so many microseconds */
static uint64_t answers, refused, received;
static const char *expected;

static int64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

static void
put(struct request *request, const void *bytes, size_t length)
{
	if (request->length + length > sizeof(request->bytes))
		errx(1, "a request is too long");
	memcpy(request->bytes + request->length, bytes, length);
	request->length += length;
}

static void
put_record(struct request *request, unsigned char type, const void *content, size_t length)
{
	const unsigned char header[HEADER] = { 1, type, 0, 1, (unsigned char)(length >> 8),
		(unsigned char)length };

	put(request, header, HEADER);
	put(request, content, length);
}

static void
put_pair(struct request *params, const char *name, const char *value)
{
	const unsigned char lengths[2] = { (unsigned char)strlen(name),
		(unsigned char)strlen(value) };

	put(params, lengths, sizeof(lengths));
	put(params, name, lengths[0]);
	put(params, value, lengths[1]);
}

/* The variables that nginx sends for such a request. */
static void
make_request(struct request *request, long job, const char *tag)
{
	static const unsigned char begin[8] = { 0, 1, 1 }; /* a responder, kept */
	struct request params = { .length = 0 };
	char path[120];

	snprintf(
	    path, sizeof(path), "/apis/jobs/v2/workspaces/%ld/jobs/%ld/status", job % 100, job);
	put_pair(&params, "QUERY_STRING", "");
	put_pair(&params, "REQUEST_METHOD", "GET");
	put_pair(&params, "CONTENT_TYPE", "");
	put_pair(&params, "CONTENT_LENGTH", "");
	put_pair(&params, "SCRIPT_NAME", "");
	put_pair(&params, "PATH_INFO", path);
	put_pair(&params, "REQUEST_URI", path);
	put_pair(&params, "DOCUMENT_URI", path);
	put_pair(&params, "SERVER_PROTOCOL", "HTTP/1.1");
	put_pair(&params, "REQUEST_SCHEME", "http");
	put_pair(&params, "GATEWAY_INTERFACE", "CGI/1.1");
	put_pair(&params, "SERVER_SOFTWARE", "nginx/1.22.1");
	put_pair(&params, "REMOTE_ADDR", "127.0.0.1");
	put_pair(&params, "REMOTE_PORT", "50000");
	put_pair(&params, "SERVER_ADDR", "127.0.0.1");
	put_pair(&params, "SERVER_PORT", "8080");
	put_pair(&params, "SERVER_NAME", "localhost");
	put_pair(&params, "HTTP_HOST", "127.0.0.1:8080");
	if (tag != NULL)
		put_pair(&params, "HTTP_IF_NONE_MATCH", tag);
	request->length = 0;
	put_record(request, BEGIN_REQUEST, begin, sizeof(begin));
	put_record(request, PARAMS, params.bytes, params.length);
	put_record(request, PARAMS, "", 0);
	put_record(request, STDIN, "", 0);
}

/* The tags in the file of that NAME, for the jobs from 1 on. */
static char **
read_tags(const char *name, long jobs)
{
	char **tags = calloc((size_t)jobs + 1, sizeof(*tags)), line[200];
	FILE *file = fopen(name, "r");

	if (tags == NULL || file == NULL)
		err(1, "%s", name);
	for (long job = 1; job <= jobs; job++) {
		if (fgets(line, sizeof(line), file) == NULL)
			errx(1, "%s: fewer tags than jobs", name);
		line[strcspn(line, "\n")] = '\0';
		tags[job] = strdup(line);
	}
	fclose(file);
	return tags;
}

static void
make_requests(long jobs, unsigned int seed, const char *tag_file)
{
	char **tags = tag_file != NULL ? read_tags(tag_file, jobs) : NULL;

	srandom(seed);
	requests = calloc(REQUESTS, sizeof(*requests));
	took = calloc(MICROSECONDS_MAX, sizeof(*took));
	if (requests == NULL || took == NULL)
		err(1, "requests");
	for (size_t i = 0; i < REQUESTS; i++) {
		long job = random() % jobs + 1;

		make_request(&requests[i], job, tags != NULL ? tags[job] : NULL);
	}
}

static void
open_client(struct client *client, const char *path, int epoll)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0 ||
	    connect(client->fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, client->fd, &event) != 0)
		err(1, "%s", path);
}

static void
send_next(struct client *client)
{
	static size_t at;
	const struct request *request = &requests[at++ % REQUESTS];

	client->began = now();
	client->answered = false;
	if (send(client->fd, request->bytes, request->length, MSG_NOSIGNAL) !=
	    (ssize_t)request->length)
		err(1, "send");
}

/* Takes LENGTH bytes of the connection.  Returns whether an answer is whole. */
static bool
take(struct client *client, const unsigned char *bytes, size_t length)
{
	while (length > 0) {
		size_t n;

		if (client->have < HEADER) {
			client->header[client->have++] = *bytes++;
			length--;
			if (client->have == HEADER)
				client->left =
				    (size_t)(client->header[4] << 8 | client->header[5]) +
				    client->header[6];
			if (client->have < HEADER || client->left > 0)
				continue;
		}
		n = length < client->left ? length : client->left;
		if (client->header[1] == STDOUT && !client->answered && n > 0) {
			client->answered = true;
			refused +=
			    n < strlen(expected) || memcmp(bytes, expected, strlen(expected)) != 0;
		}
		bytes += n;
		length -= n;
		client->left -= n;
		if (client->left == 0) {
			client->have = 0;
			if (client->header[1] == END_REQUEST)
				return true;
		}
	}
	return false;
}

/* Reads what there is; with an answer whole, the next request goes out. */
static void
serve(struct client *client)
{
	static unsigned char bytes[64 * 1024];
	ssize_t n = recv(client->fd, bytes, sizeof(bytes), 0);
	int64_t microseconds;

	if (n <= 0)
		errx(1, "a connection ended");
	received += (uint64_t)n;
	if (!take(client, bytes, (size_t)n))
		return;
	microseconds = now() - client->began;
	took[microseconds < MICROSECONDS_MAX ? microseconds : MICROSECONDS_MAX - 1]++;
	answers++;
	send_next(client);
}

/* The microseconds within which PER CENT of the answers came. */
static size_t
percentile(unsigned int percent)
{
	uint64_t count = 0;
	size_t i = 0;

	while (i < MICROSECONDS_MAX && (count += took[i]) * 100 < answers * percent)
		i++;
	return i;
}

int
main(int argc, char *argv[])
{
	struct epoll_event events[64];
	struct client *clients;
	int64_t began, end;
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	size_t count;

	if (argc < 6)
		errx(64, "usage: fcgi_load SOCKET CLIENTS SECONDS JOBS SEED [TAGS]");
	expected = argc > 6 ? "Status: 304 " : "Status: 200 ";
	make_requests(atol(argv[4]), (unsigned int)atol(argv[5]), argc > 6 ? argv[6] : NULL);
	count = (size_t)atol(argv[2]);
	if ((clients = calloc(count, sizeof(*clients))) == NULL)
		err(1, "clients");
	began = now();
	end = began + atol(argv[3]) * 1000000;
	for (size_t i = 0; i < count; i++) {
		open_client(&clients[i], argv[1], epoll);
		send_next(&clients[i]);
	}
	while (now() < end) {
		int n = epoll_wait(epoll, events, 64, 100);

		for (int i = 0; i < n; i++)
			serve(events[i].data.ptr);
	}
	printf("result %llu %lld %zu %zu %llu 0 %llu\n", (unsigned long long)answers,
	    (long long)(now() - began), percentile(50), percentile(99), (unsigned long long)refused,
	    (unsigned long long)received);
	return 0;
}
