/* Profiles for who looks at them. */
#include "policy/profile.h"

static int load(const char *what, struct policy_profile *out, struct list *faults, struct err *err)
{
	struct policy_host host;
	struct profile_request rq = {.what = what, .host = &host, .faults = faults, .alone = true};

	policy_host_read(&host);
	*out = (struct policy_profile){0};
	out->own = profile_load(&rq, err);
	rq.alone = false;
	if (out->own)
		out->merged = profile_load(&rq, err);
	if (out->merged)
		return 0;
	policy_profile_free(out);
	return -1;
}

int policy_profile_load(const char *what, struct policy_profile *out, struct err *err)
{
	return load(what, out, NULL, err);
}

int policy_profile_check(const char *what, struct policy_profile *out, struct list *faults,
			 struct err *err)
{
	return load(what, out, faults, err);
}

void policy_profile_free(struct policy_profile *p)
{
	profile_freep(&p->own);
	profile_freep(&p->merged);
}
