/*
 * Memory that runs out for libfcgi alone: of the allocations that it asks for, one fails, somewhere
 * in the next STARVE_AFTER, and what comes after it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

static uintptr_t first, last; /* libfcgi's code */
static atomic_long left;

static int
find(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	(void)context;
	if (strstr(info->dlpi_name, "/libfcgi.so") == NULL)
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

		if (segment->p_type != PT_LOAD || (segment->p_flags & PF_X) == 0)
			continue;
		first = info->dlpi_addr + segment->p_vaddr;
		last = first + segment->p_memsz;
	}
	return 1;
}

__attribute__((constructor)) static void
begin(void)
{
	const char *after = getenv("STARVE_AFTER");

	if (after == NULL)
		abort();
	left = 1 + getpid() * 7919L % atol(after);
	dl_iterate_phdr(find, NULL);
}

static int
fails(const void *caller)
{
	if ((uintptr_t)caller < first || (uintptr_t)caller >= last)
		return 0;
	if (atomic_fetch_sub(&left, 1) > 0)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *
malloc(size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *block, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(block, size);
}
