/* The learned profile is shown and written. */
#include <sys/stat.h>

#include "cli/learn.h"

bool learn_on_terminal(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

static bool read_line(char *out, size_t size)
{
	size_t n = 0;
	char c = 0;

	while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
		if (n + 1 < size && (unsigned char)c > ' ')
			out[n++] = c;
	out[n] = '\0';
	return c == '\n';
}

/* true without asking with --yes, false where nobody can be asked. */
bool learn_agreed(const struct learn *l, const char *question)
{
	char answer[16];

	if (l->o->yes)
		return true;
	if (!learn_on_terminal())
		return false;
	fprintf(stderr, "%s [y/N] ", question);
	return read_line(answer, sizeof(answer)) && (answer[0] == 'y' || answer[0] == 'Y');
}

static void print_diff(const char *diff)
{
	char shown[4 * POLICY_PATH_MAX];

	for (const char *line = diff, *end; *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		fprintf(stderr, "%s\n",
			text_printable(shown, sizeof(shown), line, (size_t)(end - line)));
	}
}

static int write_file(struct learn *l, struct err *err)
{
	struct stat st;
	_cleanup_free_ char *before = NULL, *diff = NULL;

	if (lstat(l->o->out, &st) == 0) {
		if (!S_ISREG(st.st_mode))
			return err_set(err, "%s is not a regular file", l->o->out);
		before = file_read(l->o->out, 16u << 20, NULL, err);
		if (!before)
			return -1;
	}
	diff = policy_diff(l->o->out, before, l->text);
	if (!*diff) {
		fprintf(stderr, "%s says that already.\n", show(l->o->out).s);
		return 0;
	}
	print_diff(diff);
	if (learn_on_terminal() && !learn_agreed(l, "Write it?"))
		return 0;
	if (file_write_atomic(l->o->out, 0644, l->text, strlen(l->text), err) < 0)
		return -1;
	cli_say(l->cli, "Written. Next time: nono run --profile %s", l->o->out);
	return 0;
}

static int write_profile(struct learn *l, const char *name, struct err *err)
{
	_cleanup_free_ char *diff = NULL, *written = NULL;

	if (policy_save(l->base, name, l->in.extends, l->rules.v, l->rules.n, l->block_net, false,
			&diff, err) < 0)
		return -1;
	if (!*diff) {
		fprintf(stderr, "The profile %s says that already.\n", name);
		return 0;
	}
	print_diff(diff);
	if (learn_on_terminal() && !learn_agreed(l, "Write it?"))
		return 0;
	if (policy_save(l->base, name, l->in.extends, l->rules.v, l->rules.n, l->block_net, true,
			&written, err) < 0)
		return -1;
	cli_say(l->cli, "Written. Next time: nono run --profile %s", name);
	return 0;
}

void learn_show(struct learn *l)
{
	if (!l->shown)
		print_diff(l->text);
	l->shown = true;
}

/* Nobody said where to: a person is asked, a program gets the text. */
static int write_somewhere(struct learn *l, struct err *err)
{
	char name[129];

	if (l->o->json || !learn_on_terminal()) {
		fputs(l->text, stdout);
		return 0;
	}
	if (l->o->yes)
		return write_profile(l, l->name, err);
	learn_show(l);
	fprintf(stderr, "Name of a profile to write it to ([Enter]: none): ");
	if (!read_line(name, sizeof(name)) || !name[0])
		return 0;
	return write_profile(l, name, err);
}

int learn_write(struct learn *l, struct err *err)
{
	if (l->o->json)
		return write_somewhere(l, err);
	return l->o->out    ? write_file(l, err)
	       : l->o->name ? write_profile(l, l->o->name, err)
			    : write_somewhere(l, err);
}
