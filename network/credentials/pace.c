/* How many requests a route takes: the generic cell rate algorithm. */
#include "network/credentials/proxy.h"

#define MINUTE_NS 60000000000u
#define SECOND_NS 1000000000u

uint64_t credentials_pace(struct credentials *c, const struct policy_route *route,
			  unsigned *retry_s)
{
	struct credential_route *r = credential_route(c, route);
	uint64_t now = clock_mono_ns(), interval, ahead, wait;

	*retry_s = 0;
	if (!route->per_minute)
		return 0;
	interval = MINUTE_NS / route->per_minute;
	ahead = interval * (route->burst ? route->burst - 1 : 0);
	if (r->tat_ns < now)
		r->tat_ns = now;
	wait = r->tat_ns - now > ahead ? r->tat_ns - now - ahead : 0;
	if (wait > (uint64_t)route->max_delay_s * SECOND_NS) {
		*retry_s = (unsigned)((wait + SECOND_NS - 1) / SECOND_NS);
		return UINT64_MAX;
	}
	r->tat_ns += interval;
	return wait / 1000;
}
