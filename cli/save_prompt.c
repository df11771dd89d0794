/* From a refusal to a profile: which, what for, into which profile; the change is shown first. */
#include "cli/diagnostics.h"

#include <sys/stat.h>

#define OFFERS_MAX 10

struct choice {
	struct policy_entry v[OFFERS_MAX];
	size_t n;
};

/* Byte by byte: what follows the answer is for the shell. False at the end of input. */
static bool read_line(char *out, size_t size)
{
	size_t n = 0;
	char c = 0;

	while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
		if (n + 1 < size && (unsigned char)c >= ' ')
			out[n++] = c;
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
	return c == '\n';
}

static unsigned access_of(const struct session_denial *d)
{
	static const struct {
		const char *name;
		unsigned access;
	} table[] = {{"read", NONO_READ},
		     {"write", NONO_WRITE},
		     {"readwrite", NONO_READ | NONO_WRITE},
		     {"exec", NONO_READ | NONO_EXEC}};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (str_eq(d->access, table[i].name))
			return table[i].access;
	return 0;
}

/* What is there now, by this name and no link: else another file would be granted than was read. */
static bool still_that(const char *path, bool *dir)
{
	_cleanup_free_ char *real = path_real(path, NULL);
	struct stat st;

	*dir = real && stat(real, &st) == 0 && S_ISDIR(st.st_mode);
	return real ? str_eq(real, path) : lstat(path, &st) < 0;
}

static const char host_flag[] = "--allow-domain ";

/* The host that a refused connection was for; NULL if it was none. */
static const char *host_of(const struct session_denial *d)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_:";
	const char *host = d->flag + strlen(host_flag);

	if (!str_eq(d->access, "connect") || !str_starts(d->flag, host_flag) || !*host ||
	    strspn(host, letters) != strlen(host))
		return NULL;
	return host;
}

/* Never what no rule of a profile should be about, whatever the record says. */
static bool may_offer(const struct policy *p, const struct session_denial *d)
{
	struct policy_verdict v;
	bool dir;

	if (d->offer && host_of(d))
		return p->network.mode == POLICY_NET_NAMES;
	if (!d->offer || d->path[0] != '/' || !access_of(d) || !policy_nameable(d->path) ||
	    !still_that(d->path, &dir))
		return false;
	policy_check(p, d->path, access_of(d), false, &v);
	return !v.allowed && v.grantable;
}

static void take(struct choice *c, const struct policy *p, const struct session_denial *d,
		 bool grant)
{
	bool dir;

	if (host_of(d)) {
		c->v[c->n++] = (struct policy_entry){.list = grant ? "allow_domain" : "deny_domain",
						     .value = xstrdup(host_of(d))};
		return;
	}
	still_that(d->path, &dir);
	c->v[c->n++] = (struct policy_entry){.list = grant ? policy_list_for(access_of(d), dir)
							   : "suppress_save_prompt",
					     .value = policy_word(p, d->path, false)};
}

/* -1: no more questions. */
static int ask_about(struct choice *c, const struct policy *p, const struct session_denial *d)
{
	char answer[16];

	fprintf(stderr, "%s %s%s: [g] grant / [s] %s / [Enter] skip / [q] quit ", d->access,
		d->path, d->targets > 1 ? "/…" : "", host_of(d) ? "deny for good" : "suppress");
	if (!read_line(answer, sizeof(answer)) || str_eq(answer, "q"))
		return -1;
	if (str_eq(answer, "g") || str_eq(answer, "s"))
		take(c, p, d, answer[0] == 'g');
	return 0;
}

static void ask_about_all(struct choice *c, const struct policy *p, const struct diagnostics *d)
{
	for (size_t i = d->n; i-- > 0 && c->n < OFFERS_MAX;)
		if (may_offer(p, &d->v[i]) && ask_about(c, p, &d->v[i]) < 0)
			return;
}

/* The profile in use, if it is a file of the user's own or can have one of its name. */
static void default_name(const struct policy *p, char *out, size_t size)
{
	_cleanup_free_ char *reference = policy_reference(p);

	str_copy(out, size, strchr(reference, '/') ? "" : reference);
}

static void print_diff(const char *diff)
{
	_cleanup_free_ char *copy = xstrdup(diff);
	char shown[4096];

	for (char *line = copy, *end; *line; line = end) {
		end = strchrnul(line, '\n');
		if (*end)
			*end++ = '\0';
		fprintf(stderr, "%s\n", text_printable(shown, sizeof(shown), line, strlen(line)));
	}
}

static int save(const struct choice *c, const struct policy *p, const char *name, struct err *err)
{
	_cleanup_free_ char *diff = NULL, *written = NULL;
	char answer[16];

	if (policy_save(p, name, NULL, c->v, c->n, false, false, &diff, err) < 0)
		return -1;
	if (!*diff) {
		fprintf(stderr, "The profile %s says that already.\n", name);
		return 0;
	}
	print_diff(diff);
	fprintf(stderr, "Write it? [y/N] ");
	if (!read_line(answer, sizeof(answer)) || (answer[0] != 'y' && answer[0] != 'Y')) {
		fprintf(stderr, "Nothing was written.\n");
		return 0;
	}
	if (policy_save(p, name, NULL, c->v, c->n, false, true, &written, err) < 0)
		return -1;
	fprintf(stderr, "Written. Next time: nono run --profile %s\n", name);
	return 0;
}

static void ask_for_profile(const struct choice *c, const struct policy *p)
{
	char name[129], other[129] = "";
	struct err err = {0};
	char shown[2 * sizeof(err.msg)];

	default_name(p, other, sizeof(other));
	for (;;) {
		fprintf(stderr,
			other[0] ? "Profile to write it to [%s]: " : "Profile to write it to: %s",
			other);
		if (!read_line(name, sizeof(name)))
			return;
		if (!name[0])
			str_copy(name, sizeof(name), other);
		if (!name[0] || save(c, p, name, &err) == 0)
			return;
		fprintf(stderr, "nono: %s\n",
			text_printable(shown, sizeof(shown), err.msg, strlen(err.msg)));
	}
}

void diagnostics_save_prompt(const struct diagnostics *d, const struct policy_input *in)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct choice c = {0};

	if (policy_resolve(in, &p, NULL) < 0)
		return;
	ask_about_all(&c, p, d);
	if (c.n)
		ask_for_profile(&c, p);
	for (size_t i = 0; i < c.n; i++)
		free(c.v[i].value);
}
