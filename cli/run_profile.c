/* Which profile a run uses where none is named: the one that was chosen with nono profile use. */
#include "cli/run_options.h"

int run_choose_profile(struct run_options *o, bool silent, struct err *err)
{
	_cleanup_free_ char *dir = NULL, *from = NULL;

	if (o->profile)
		return 0;
	dir = path_real(o->workdir ? o->workdir : ".", NULL);
	if (!dir) /* resolving says what is wrong with it */
		return 0;
	if (policy_default_get(dir, &o->chosen_profile, &from, err) < 0)
		return -1;
	o->profile = o->chosen_profile;
	if (o->profile && !silent)
		fprintf(stderr, "Profile: %s (chosen for %s)\n", show(o->profile).s,
			from ? show(from).s : "all directories");
	return 0;
}
