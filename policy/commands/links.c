/* Links that the agent could have made, now or in an earlier session: where they lead it says, not
 * who wrote the profile. */
#include <limits.h>

#include "policy/resolve.h"

#define LINKS_MAX 40

static bool may_write(const struct policy *p, const char *path)
{
	struct policy_verdict v;

	policy_check(p, path, NONO_WRITE, false, &v);
	return v.allowed;
}

struct walk {
	char done[POLICY_PATH_MAX]; /* without links, "" is the root */
	char left[POLICY_PATH_MAX];
};

/* The next component of what is left; false: there is none. */
static bool take(struct walk *w, char name[NAME_MAX + 1])
{
	char *from = w->left + strspn(w->left, "/"), *to = strchrnul(from, '/');
	size_t n = (size_t)(to - from);

	if (!n || n > NAME_MAX)
		return false;
	memcpy(name, from, n);
	name[n] = '\0';
	memmove(w->left, to, strlen(to) + 1);
	return true;
}

/* What a link says comes before what is left. */
static bool follow(struct walk *w, const char *target)
{
	_cleanup_free_ char *more = xasprintf("%s/%s", target, w->left);

	if (target[0] == '/')
		w->done[0] = '\0';
	return str_copy(w->left, sizeof(w->left), more);
}

static bool enter(struct walk *w, const char *name)
{
	size_t n = strlen(w->done);
	int more = snprintf(w->done + n, sizeof(w->done) - n, "/%s", name);

	return more > 0 && (size_t)more < sizeof(w->done) - n;
}

bool links_of_agent(const struct policy *agent, const char *path)
{
	char name[NAME_MAX + 1], target[POLICY_PATH_MAX];
	struct walk w = {.done = ""};

	if (!agent || !str_copy(w.left, sizeof(w.left), path))
		return true;
	for (int links = 0; take(&w, name);) {
		char *slash = strrchr(w.done, '/');
		ssize_t n;

		if (str_eq(name, "."))
			continue;
		if (str_eq(name, "..")) {
			if (slash)
				*slash = '\0';
			continue;
		}
		if (!enter(&w, name))
			return true;
		n = readlink(w.done, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = '\0';
		slash = strrchr(w.done, '/');
		if (may_write(agent, w.done))
			return true;
		*slash = '\0';
		if (may_write(agent, w.done[0] ? w.done : "/") || ++links > LINKS_MAX ||
		    !follow(&w, target))
			return true;
	}
	/* A name too long for any file is at the end of nothing. */
	return w.left[strspn(w.left, "/")] != '\0';
}
