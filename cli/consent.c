/* A profile that comes with what is worked on is used only after a person agreed to its content. */
#include "cli/run_options.h"

static bool ask(const struct policy_consent *c)
{
	fprintf(stderr, "The profile comes with what is worked on, it is not one of yours:\n");
	for (char **f = c->files; *f; f++)
		print_lines(stderr, *f);
	fprintf(stderr, "What it says decides what the program may do (nono profile show lists "
			"it).\n");
	return ask_yes("Use it, now and whenever it says exactly this?");
}

static bool is_builtin(const char *profile)
{
	_cleanup_free_ char *own = policy_profile_file(profile);

	return !own && policy_profile_builtin(profile);
}

int run_consent(const struct policy_input *in, struct err *err)
{
	_cleanup_(policy_consent_free) struct policy_consent c = {0};

	if (!in->extends && (!in->profile || is_builtin(in->profile)))
		return 0;
	/* Without a person the error of the policy says which flag it takes. */
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return 0;
	if (policy_consent(in, &c, err) < 0)
		return -1;
	if (!c.hash[0] || c.given)
		return 0;
	if (!ask(&c))
		return err_set(err, "the profile is not used: nothing was started");
	return policy_consent_store(c.hash, c.files[0], err);
}
