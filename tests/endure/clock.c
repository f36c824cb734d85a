/*
 * The time of day, moved by as many seconds as stand in the file that CLOCK_OFFSET names.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

typedef int clock_function(clockid_t id, struct timespec *ts);

static int64_t
offset(void)
{
	static volatile const int64_t *mapped;

	if (mapped == NULL) {
		const char *path = getenv("CLOCK_OFFSET");
		int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
		void *map = fd >= 0 ? mmap(NULL, sizeof(*mapped), PROT_READ, MAP_SHARED, fd, 0) :
				      MAP_FAILED;

		if (map == MAP_FAILED)
			abort();
		mapped = map;
	}
	return *mapped;
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	static clock_function *real;
	int result;

	if (real == NULL)
		real = (clock_function *)dlsym(RTLD_NEXT, "clock_gettime");
	result = real(id, ts);
	if (id == CLOCK_REALTIME)
		ts->tv_sec += offset();
	return result;
}

time_t
time(time_t *to)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (to != NULL)
		*to = ts.tv_sec;
	return ts.tv_sec;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}
