/*
 * A standing rule, written to a file of the user's: the profile in use if it is one of his, else
 * <config>/profiles/NAME.json, which extends the built-in one of that name.
 */
#include <sys/stat.h>

#include "policy/change.h"
#include "policy/edit.h"
#include "policy/profile.h"

static const char *grant_list(const char *path, unsigned access)
{
	struct stat st;

	return policy_list_for(access, stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

static int add(struct change *c, const char *list, const char *path, struct err *err)
{
	char *text = edit_add(c->after, c->file, list, path, err);

	if (!text)
		return -1;
	free(c->after);
	c->after = text;
	return 0;
}

static bool lifted(const struct policy *p, const char *path)
{
	for (char **b = p->bypasses; b && *b; b++)
		if (path_under(path, *b))
			return true;
	return false;
}

static char *text_before(const struct change *c)
{
	return c->before
		   ? xstrdup(c->before)
		   : xasprintf("{\n  \"meta\": { \"name\": \"%s\" },\n  \"extends\": \"%s\"\n}\n",
			       c->name, c->extends);
}

static int make_text(struct change *c, const char *path, unsigned access, bool deny,
		     struct err *err)
{
	struct policy_verdict v;

	policy_check(c->p, path, access, false, &v);
	if (v.reason == POLICY_OWN_STATE && !v.allowed)
		return err_set(err, "%s belongs to nono itself: it is never granted", path);
	c->after = text_before(c);
	if (deny) {
		if (lifted(c->p, path))
			return err_set(err,
				       "%s is in bypass_protection of the profile: take it out "
				       "there",
				       path);
		return add(
		    c, profile_fs_names[access & (NONO_READ | NONO_EXEC) ? FS_DENY : FS_PROTECT],
		    path, err);
	}
	if (add(c, grant_list(path, access), path, err) < 0)
		return -1;
	/* A deny rule yields only to its being named. */
	if (!v.allowed && (v.reason == POLICY_SENSITIVE_PATH ||
			   (v.reason == POLICY_PROTECTED_PATH && !str_eq(v.source, "workspace"))))
		return add(c, profile_fs_names[FS_BYPASS], path, err);
	return 0;
}

int policy_always(const struct policy *p, const char *path, unsigned access, bool deny, bool apply,
		  char **diff, struct err *err)
{
	_cleanup_(change_free) struct change c = {.lock = -1};

	*diff = NULL;
	if (path[0] != '/' || !access || strlen(path) >= POLICY_PATH_MAX)
		return err_set(err, "a rule needs an absolute path");
	if (strpbrk(path, "*$\n\r"))
		return err_set(err,
			       "%s: a profile can't name it ('*' and '$' have a meaning there): "
			       "answer for this session",
			       path);
	if (change_begin(&c, p, NULL, apply, err) < 0 || make_text(&c, path, access, deny, err) < 0)
		return -1;
	return change_end(&c, apply, diff, err);
}

/* Also keeps wildcards and ports out: a person agreed to one name. */
static bool host_nameable(const char *host)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_:";

	return *host && strlen(host) < 254 && strspn(host, letters) == strlen(host);
}

int policy_always_host(const struct policy *p, const char *host, bool deny, bool apply, char **diff,
		       struct err *err)
{
	_cleanup_(change_free) struct change c = {.lock = -1};

	*diff = NULL;
	if (!host_nameable(host))
		return err_set(err, "this is not the name of a host");
	if (change_begin(&c, p, NULL, apply, err) < 0)
		return -1;
	c.after = text_before(&c);
	if (add(&c, deny ? "deny_domain" : "allow_domain", host, err) < 0)
		return -1;
	return change_end(&c, apply, diff, err);
}

/* A profile's open_urls takes the place of those that it extends, so what is there comes along. */
int policy_always_url(const struct policy *p, const char *origin, bool apply, char **diff,
		      struct err *err)
{
	_cleanup_(change_free) struct change c = {.lock = -1};

	*diff = NULL;
	if (strpbrk(origin, "\"\\*$ \n\r") || !strstr(origin, "://"))
		return err_set(err, "this is not the origin of a page");
	if (p->network.open_localhost)
		return err_set(err,
			       "pages of this machine are opened, too, which would be lost: add %s "
			       "to open_urls.allow_origins yourself",
			       origin);
	if (change_begin(&c, p, NULL, apply, err) < 0)
		return -1;
	c.after = text_before(&c);
	for (char **o = p->network.open_urls; o && *o; o++)
		if (add(&c, "allow_origins", *o, err) < 0)
			return -1;
	if (add(&c, "allow_origins", origin, err) < 0)
		return -1;
	return change_end(&c, apply, diff, err);
}

static bool endpoint_nameable(const char *route, const char *method, const char *path)
{
	static const char small[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
	static const char capital[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ-";
	size_t n = strlen(path);

	/* "..." at its end: it was cut. */
	return *route && strspn(route, small) == strlen(route) && *method &&
	       strspn(method, capital) == strlen(method) && path[0] == '/' && n < 1000 &&
	       !strpbrk(path, "*?#\"\\ \n\r") && !str_ends(path, "...");
}

int policy_always_endpoint(const struct policy *p, const char *route, const char *method,
			   const char *path, bool deny, bool apply, char **diff, struct err *err)
{
	_cleanup_(change_free) struct change c = {.lock = -1};
	_cleanup_free_ char *text = xasprintf("%s:%s:%s", route, method, path);

	*diff = NULL;
	if (!endpoint_nameable(route, method, path))
		return err_set(
		    err, "a profile has no words for this request: answer 'session', or say it "
			 "in the profile (endpoint_policy)");
	if (change_begin(&c, p, NULL, apply, err) < 0)
		return -1;
	c.after = text_before(&c);
	if (add(&c, deny ? "refused_endpoints" : "approved_endpoints", text, err) < 0)
		return -1;
	return change_end(&c, apply, diff, err);
}
