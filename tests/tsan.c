/*
 * What ThreadSanitizer need not tell.  It does not know that epoll_ctl(EPOLL_CTL_MOD) comes before
 * the epoll_wait() of another thread that takes what was handed over by it, and then closes and
 * frees that: await(), of worker.c, reads the peer for the last time for that call.
 */
const char *__tsan_default_suppressions(void);

const char *
__tsan_default_suppressions(void)
{
	return "race:^await$\n";
}
