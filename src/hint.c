#include "hint.h"

#include <time.h>

#define EPOCH 946684800 /* 2000-01-01 00:00:00 UTC in seconds since 1970 */

unsigned int
hint_seconds(int64_t changed)
{
	int64_t tenth = ((int64_t)time(NULL) - EPOCH - changed / 1000000) / 10;

	if (tenth < 1)
		return 1;
	return tenth < HINT_MAX ? (unsigned int)tenth : HINT_MAX;
}
