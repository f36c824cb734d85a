/*
 * Counters are added to where they stand, which all processes may do at once.  What is so now
 * belongs to one process, which has a place of its own and a lock on it as long as it lives: the
 * system takes the lock away whatever way it ends.
 */
#include "metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "jobstatus metrics"
#define LAYOUT 1      /* another one for each change of struct region */
#define PLACES 256    /* of processes */
#define LOCKS 1048576 /* offset of the locks in the file: for making it, then of the places */
#define ATTEMPTS 10

const int metrics_statuses[METRICS_STATUSES] = { 200, 204, 304, 401, 404, 405, 422, 503, 500 };
const uint64_t metrics_time_bounds[METRICS_TIMES] = { 100000, 250000, 500000, 1000000, 2500000,
	5000000, 10000000, 25000000, 50000000, 100000000, 250000000, 500000000, 1000000000,
	2500000000, 5000000000, 10000000000 };
const uint64_t metrics_size_bounds[METRICS_SIZES] = { 1024, 4096, 16384, 65536, 262144, 1048576,
	4194304, 16777216, 67108864 };

static const struct {
	const uint64_t *bounds;
	size_t count;
} histograms[METRICS_HISTOGRAMS] = {
	[METRICS_REQUEST_TIME] = { metrics_time_bounds, METRICS_TIMES },
	[METRICS_DATABASE_TIME] = { metrics_time_bounds, METRICS_TIMES },
	[METRICS_DOCUMENT_SIZE] = { metrics_size_bounds, METRICS_SIZES },
};

struct place {
	_Alignas(64) atomic_uint_least64_t gauges[METRICS_GAUGES];
};

/* How the file begins. */
struct header {
	char magic[32];
	uint64_t layout;
};

/* What it holds. */
struct region {
	struct header header;
	atomic_uint_least64_t requests[METRICS_STATUSES];
	atomic_uint_least64_t events[METRICS_EVENTS];
	struct {
		atomic_uint_least64_t within[METRICS_BOUNDS_MAX + 1], sum;
	} histograms[METRICS_HISTOGRAMS];
	struct place places[PLACES];
};

static struct region own_region;
static struct place own_place; /* of one that found no place in the file */
static struct region *region = &own_region;
static struct place *place = &own_region.places[0];
static int file = -1;

static void
count(atomic_uint_least64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t
value_of(atomic_uint_least64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Asks for a lock of the file's, or with F_OFD_GETLK, who has it: false is nobody. */
static bool
lock(int fd, int command, int type, int number)
{
	struct flock flock = {
		.l_type = (short)type, .l_whence = SEEK_SET, .l_start = LOCKS + number, .l_len = 1
	};
	int result;

	do
		result = fcntl(fd, command, &flock);
	while (result != 0 && errno == EINTR);
	return result == 0 && (command != F_OFD_GETLK || flock.l_type != F_UNLCK);
}

/* Whether PATH is still the file that is open as FD. */
static bool
is_at(const char *path, int fd)
{
	struct stat there, here;

	return stat(path, &there) == 0 && fstat(fd, &here) == 0 && there.st_dev == here.st_dev &&
	    there.st_ino == here.st_ino;
}

/*
 * Makes the file, which is locked, ours if it is not.  Returns 0; 1 if it was another version's,
 * and is no longer at PATH; or -1 with errno, 0 if it is something else.
 */
static int
make_ready(const char *path, int fd)
{
	static const struct header ours = { MAGIC, LAYOUT };
	struct header header;
	struct stat status;

	if (fstat(fd, &status) != 0)
		return -1;
	/* Who else could write to it could also make it shorter, which would end the process. */
	if (!S_ISREG(status.st_mode) || status.st_uid != geteuid()) {
		errno = 0;
		return -1;
	}
	if (status.st_size == 0) {
		/* All of it: a write to a page without space would end the process. */
		if ((errno = posix_fallocate(fd, 0, sizeof(struct region))) != 0)
			return -1;
		return pwrite(fd, &ours, sizeof(ours), 0) == sizeof(ours) ? 0 : -1;
	}
	if (pread(fd, &header, sizeof(header), 0) != sizeof(header) ||
	    memcmp(header.magic, ours.magic, sizeof(ours.magic)) != 0) {
		errno = 0;
		return -1;
	}
	if (header.layout == LAYOUT && status.st_size == sizeof(struct region))
		return 0;
	return unlink(path) == 0 ? 1 : -1;
}

/* Opens and locks what is at PATH, not what was.  Returns the descriptor, or -1 with errno. */
static int
open_file(const char *path)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600),
		    result;

		if (fd < 0)
			return -1;
		result = lock(fd, F_OFD_SETLKW, F_WRLCK, 0) ? 1 : -1;
		if (result > 0 && is_at(path, fd))
			result = make_ready(path, fd);
		if (result == 0)
			return fd;
		close(fd);
		if (result < 0)
			return -1;
	}
	errno = EAGAIN;
	return -1;
}

/* A place that no process has. */
static struct place *
take_place(int fd, struct region *shared)
{
	for (int i = 0; i < PLACES; i++)
		if (lock(fd, F_OFD_SETLK, F_WRLCK, 1 + i))
			return &shared->places[i];
	return NULL;
}

int
metrics_open(const char *path, char *error, size_t size)
{
	void *shared;
	int fd = open_file(path);

	if (fd < 0) {
		snprintf(error, size, "%s: %s", path,
		    errno != 0 ? strerror(errno) : "it is no file of ours");
		return -1;
	}
	shared = mmap(NULL, sizeof(struct region), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED) {
		snprintf(error, size, "%s: %s", path, strerror(errno));
		close(fd);
		return -1;
	}
	region = shared;
	file = fd;
	place = take_place(fd, region);
	if (place == NULL)
		place = &own_place;
	for (int i = 0; i < METRICS_GAUGES; i++)
		atomic_store(&place->gauges[i], 0);
	lock(fd, F_OFD_SETLK, F_UNLCK, 0);
	return 0;
}

void
metrics_close(void)
{
	if (file < 0)
		return;
	munmap(region, sizeof(*region));
	close(file);
	file = -1;
	region = &own_region;
	place = &region->places[0];
}

void
metrics_request(int status)
{
	size_t i = 0;

	while (i < METRICS_STATUSES - 1 && metrics_statuses[i] != status)
		i++;
	count(&region->requests[i], 1);
}

void
metrics_observe(enum metrics_histogram histogram, uint64_t value)
{
	const uint64_t *bounds = histograms[histogram].bounds;
	size_t i = 0;

	while (i < histograms[histogram].count && value > bounds[i])
		i++;
	count(&region->histograms[histogram].within[i], 1);
	count(&region->histograms[histogram].sum, value);
}

void
metrics_happened(enum metrics_event event)
{
	count(&region->events[event], 1);
}

void
metrics_set(enum metrics_gauge gauge, uint64_t value)
{
	atomic_store_explicit(&place->gauges[gauge], value, memory_order_relaxed);
}

void
metrics_add(enum metrics_gauge gauge, int change)
{
	count(&place->gauges[gauge], (uint64_t)change);
}

static void
read_place(struct metrics *metrics, struct place *from)
{
	metrics->processes++;
	for (size_t i = 0; i < METRICS_GAUGES; i++)
		metrics->gauges[i] += value_of(&from->gauges[i]);
}

void
metrics_read(struct metrics *metrics)
{
	memset(metrics, 0, sizeof(*metrics));
	for (size_t i = 0; i < METRICS_STATUSES; i++)
		metrics->requests[i] = value_of(&region->requests[i]);
	for (size_t i = 0; i < METRICS_EVENTS; i++)
		metrics->events[i] = value_of(&region->events[i]);
	for (size_t i = 0; i < METRICS_HISTOGRAMS; i++) {
		metrics->histograms[i].sum = value_of(&region->histograms[i].sum);
		for (size_t j = 0; j <= histograms[i].count; j++)
			metrics->histograms[i].within[j] =
			    value_of(&region->histograms[i].within[j]);
	}
	read_place(metrics, place);
	for (int i = 0; file >= 0 && i < PLACES; i++)
		if (&region->places[i] != place && lock(file, F_OFD_GETLK, F_WRLCK, 1 + i))
			read_place(metrics, &region->places[i]);
}
