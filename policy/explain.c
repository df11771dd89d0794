/* Why a path may be used or not, in words. */
#include <sys/stat.h>

#include "policy/index.h"

/* ---- the path ------------------------------------------------------------ */

static int absolute(const char *path, char *out, size_t size, struct err *err)
{
	_cleanup_free_ char *base = NULL, *below = NULL;

	if (path[0] == '~' && (path[1] == '/' || !path[1])) {
		base = dir_home();
		below = xstrdup(path[1] ? path + 2 : ".");
	} else {
		base = path[0] == '/' ? xstrdup("/") : getcwd(NULL, 0);
		below = xstrdup(path);
	}
	if (!*path || !base || path_join(out, size, base, *below ? below : ".") < 0)
		return err_usage(err, "\"%.200s\" is not a usable path", path);
	return 0;
}

/* What is there with its links followed, what is missing as it was written. path is changed. */
static bool follow(char *path, char *out, size_t size)
{
	_cleanup_free_ char *real = realpath(path, NULL);
	char rest[POLICY_PATH_MAX], all[2 * POLICY_PATH_MAX];
	size_t cut = strlen(path);

	if (real)
		return str_copy(out, size, real);
	while (!real && cut) {
		while (cut && path[cut - 1] == '/')
			cut--;
		while (cut && path[cut - 1] != '/')
			cut--;
		str_copy(rest, sizeof(rest), path + cut);
		if (!cut)
			break;
		{
			char end = path[cut];

			path[cut] = '\0';
			real = realpath(path, NULL);
			path[cut] = end;
		}
	}
	snprintf(all, sizeof(all), "%s/%s", real ? real : "", real ? rest : path);
	return path_clean(out, size, all) == 0;
}

static int find(const char *path, struct policy_explanation *out, struct err *err)
{
	char full[POLICY_PATH_MAX], clean[POLICY_PATH_MAX];
	struct stat st;

	if (absolute(path, full, sizeof(full), err) < 0)
		return -1;
	if (!follow(full, out->path, sizeof(out->path)) ||
	    path_clean(clean, sizeof(clean), full) < 0)
		return err_usage(err, "\"%.200s\" is too long", path);
	out->exists = lstat(out->path, &st) == 0;
	if (strcmp(clean, out->path) != 0)
		snprintf(out->details, sizeof(out->details), "It is %.500s. ", out->path);
	return 0;
}

/* ---- the answer ---------------------------------------------------------- */

const char *policy_access_name(unsigned access)
{
	switch (access & (NONO_READ | NONO_WRITE)) {
	case NONO_READ | NONO_WRITE:
		return "read+write";
	case NONO_WRITE:
		return "write";
	default:
		return "read";
	}
}

static void add(struct policy_explanation *x, const char *fmt, ...) _printf_(2, 3);
static void add(struct policy_explanation *x, const char *fmt, ...)
{
	size_t n = strlen(x->details);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(x->details + n, sizeof(x->details) - n, fmt, ap);
	va_end(ap);
}

/* "group 'deny_ssh'", "the profile". */
static const char *who(const char *source, char out[128])
{
	if (str_starts(source, "group:"))
		snprintf(out, 128, "group '%.100s'", source + 6);
	else
		snprintf(out, 128, "the %.100s", source);
	return out;
}

static bool is_git_data(enum policy_special s)
{
	return s == POLICY_SPECIAL_GIT_DIR || s == POLICY_SPECIAL_GIT_CONFIG ||
	       s == POLICY_SPECIAL_GIT_POINTER;
}

static void explain_denied(const struct policy *p, unsigned access, struct policy_explanation *x)
{
	const struct policy_verdict *v = &x->verdict;
	const char *kind = policy_sensitive_group(p, x->path);
	char source[128];

	switch (v->reason) {
	case POLICY_SENSITIVE_PATH:
		add(x,
		    "Closed by a deny rule of %s for %.300s%s%s. A grant alone does not lift it: "
		    "that takes --bypass-protection as well.",
		    who(v->source, source), v->rule, kind ? ": " : "", kind ? kind : "");
		break;
	case POLICY_OWN_STATE:
		add(x, "It belongs to nono itself: nothing grants it.");
		break;
	case POLICY_PROTECTED_PATH:
		if (str_eq(v->source, "workspace"))
			add(x,
			    "It would be run or obeyed later, outside of the sandbox (%s). %s"
			    "--no-protect-workspace lifts that for all such files.",
			    policy_special_name(v->special),
			    is_git_data(v->special) ? "What a supervisor finds harmless (git's own "
						      "changes) is let through. "
						    : "");
		else
			add(x, "A rule of %s keeps %.300s from being changed%s%s.",
			    who(v->source, source), v->rule, kind ? ": " : "", kind ? kind : "");
		break;
	case POLICY_INSUFFICIENT:
		add(x, "%.300s is granted to %s, which does not include %s.", v->rule,
		    policy_access_name(v->rule_access),
		    policy_access_name(access & ~v->rule_access));
		break;
	default:
		add(x, "No grant covers it.");
		if (!x->exists)
			add(x, " It does not exist.");
		break;
	}
}

/* What was granted below a session's workdir if only it had been shared. */
static bool workdir_would_do(const struct policy *p, unsigned access, const char *path)
{
	return (p->workdir_access & access) == access && path_under(p->workdir, path);
}

int policy_explain(const struct policy *p, const char *path, unsigned access,
		   struct policy_explanation *out, struct err *err)
{
	struct policy_verdict *v = &out->verdict;
	size_t n;

	*out = (struct policy_explanation){0};
	if (find(path, out, err) < 0)
		return -1;
	policy_check(p, out->path, access, !out->exists, v);
	if (!v->allowed) {
		explain_denied(p, access, out);
		if ((v->reason == POLICY_NOT_GRANTED || v->reason == POLICY_INSUFFICIENT) &&
		    workdir_would_do(p, access, out->path)) {
			add(out, " The profile wants the working directory.");
			str_copy(out->flag, sizeof(out->flag), "--allow-cwd");
		} else {
			policy_suggest(p, out->path, access, out->flag, sizeof(out->flag));
		}
	}
	n = strlen(out->details);
	if (n && out->details[n - 1] == ' ')
		out->details[n - 1] = '\0';
	return 0;
}
