/* A profile that comes with what is worked on is used only after a person agreed to its content. */
#include "cli/run_options.h"

static bool answer_is_yes(void)
{
	char c, first = 0;
	ssize_t n;

	/* Byte by byte: what follows the answer is for the program. */
	while ((n = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n')
		if (!first && c != ' ')
			first = c;
	return n == 1 && (first == 'y' || first == 'Y');
}

static bool ask(const struct policy_consent *c)
{
	char text[POLICY_PATH_MAX * 2];

	fprintf(stderr, "The profile comes with what is worked on, it is not one of yours:\n");
	for (char **f = c->files; *f; f++)
		fprintf(stderr, "  %s\n", text_printable(text, sizeof(text), *f, strlen(*f)));
	fprintf(stderr,
		"What it says decides what the program may do (nono profile show lists it).\n"
		"Use it, now and whenever it says exactly this? [y/N] ");
	return answer_is_yes();
}

int run_consent(const struct policy_input *in, struct err *err)
{
	_cleanup_(policy_consent_free) struct policy_consent c = {0};

	if (!in->profile && !in->extends)
		return 0;
	if (policy_consent(in, &c, err) < 0)
		return -1;
	/* Without a person the error of the policy says which flag it takes. */
	if (!c.hash[0] || c.given || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return 0;
	if (!ask(&c))
		return err_set(err, "the profile is not used: nothing was started");
	return policy_consent_store(c.hash, c.files[0], err);
}
