/* Several rules at once, written to a profile that the user names. */
#include <sys/stat.h>

#include "policy/change.h"
#include "policy/edit.h"
#include "policy/profile.h"
#include "policy/views/diff.h"

/* ---- words ------------------------------------------------------------------------------- */

bool policy_nameable(const char *path)
{
	char shown[2 * POLICY_PATH_MAX];

	/* '*' and '$' have a meaning in profiles; what a person can't read nobody should agree to.
	 */
	return path[0] == '/' && !strpbrk(path, "*$") && strlen(path) < POLICY_PATH_MAX &&
	       str_eq(text_printable(shown, sizeof(shown), path, strlen(path)), path);
}

struct root {
	const char *word;
	const char *env;	/* NULL: the path is where */
	const char *below_home; /* where env points to without being set */
	const char *where;
};

static bool root_path(const struct root *r, const char *home, char *out, size_t size)
{
	const char *v = r->env ? getenv(r->env) : r->where;

	if (r->env && (!v || v[0] != '/'))
		return r->below_home && path_join(out, size, home, r->below_home) == 0;
	return v && path_clean(out, size, v) == 0;
}

char *policy_word(const struct policy *p, const char *path, bool workdir)
{
	const struct root roots[] = {
	    {"~", NULL, NULL, p->home},
	    {"$XDG_CONFIG_HOME", "XDG_CONFIG_HOME", ".config", NULL},
	    {"$XDG_DATA_HOME", "XDG_DATA_HOME", ".local/share", NULL},
	    {"$XDG_STATE_HOME", "XDG_STATE_HOME", ".local/state", NULL},
	    {"$XDG_CACHE_HOME", "XDG_CACHE_HOME", ".cache", NULL},
	    {"$XDG_RUNTIME_DIR", "XDG_RUNTIME_DIR", NULL, NULL},
	    {"$WORKDIR", NULL, NULL, workdir ? p->workdir : NULL},
	};
	const char *word = "";
	size_t longest = 0;
	char root[POLICY_PATH_MAX];

	/* Of two names for one place the later, except that home is always "~". */
	for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
		size_t n;

		if (!root_path(&roots[i], p->home, root, sizeof(root)) || !root[1] ||
		    !path_under(root, path))
			continue;
		n = strlen(root);
		if (n < longest || (n == longest && i && path_under(root, p->home)))
			continue;
		longest = n;
		word = roots[i].word;
	}
	return xasprintf("%s%s", word, path + longest);
}

const char *policy_list_for(unsigned access, bool dir)
{
	if (!(access & NONO_WRITE))
		return profile_fs_names[dir ? FS_READ : FS_READ_FILE];
	if (access & (NONO_READ | NONO_EXEC))
		return profile_fs_names[dir ? FS_ALLOW : FS_ALLOW_FILE];
	return profile_fs_names[dir ? FS_WRITE : FS_WRITE_FILE];
}

/* ---- text -------------------------------------------------------------------------------- */

static void add_list(struct buf *out, const char *list, const struct policy_entry *v, size_t n,
		     bool *any)
{
	bool first = true;

	for (size_t i = 0; i < n; i++) {
		if (!str_eq(v[i].list, list))
			continue;
		if (first)
			buf_addf(out, "%s\n    \"%s\": [", *any ? "," : "", list);
		buf_adds(out, first ? "\n      " : ",\n      ");
		buf_add_json_str(out, v[i].value, strlen(v[i].value));
		first = false;
	}
	if (!first)
		buf_adds(out, "\n    ]");
	*any |= !first;
}

static bool has_section(const char *section, const struct policy_entry *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(edit_section(v[i].list), section))
			return true;
	return false;
}

void policy_profile_text(struct buf *out, const char *name, const char *extends,
			 const char *const *more, const struct policy_entry *v, size_t n,
			 bool block_net)
{
	bool any = false;

	buf_adds(out, "{\n  \"meta\": { \"name\": ");
	buf_add_json_str(out, name, strlen(name));
	buf_adds(out, more && *more ? " },\n  \"extends\": [" : " },\n  \"extends\": ");
	buf_add_json_str(out, extends, strlen(extends));
	for (const char *const *m = more; m && *m; m++) {
		buf_adds(out, ", ");
		buf_add_json_str(out, *m, strlen(*m));
	}
	if (more && *more)
		buf_addc(out, ']');
	if (has_section("filesystem", v, n) || (n && !has_section("network", v, n))) {
		buf_adds(out, ",\n  \"filesystem\": {");
		for (int list = 0; list < FS_LISTS; list++)
			add_list(out, profile_fs_names[list], v, n, &any);
		buf_adds(out, "\n  }");
	}
	any = false;
	if (has_section("network", v, n)) {
		buf_adds(out, ",\n  \"network\": {");
		add_list(out, "allow_domain", v, n, &any);
		add_list(out, "deny_domain", v, n, &any);
		buf_adds(out, "\n  }");
	} else if (block_net) {
		buf_adds(out, ",\n  \"network\": { \"block\": true }");
	}
	buf_adds(out, "\n}\n");
}

static int add_all(struct change *c, const struct policy_entry *v, size_t n, struct err *err)
{
	c->after = xstrdup(c->before);
	/* Each goes to the front of its list. */
	for (size_t i = n; i-- > 0;) {
		char *text = edit_add(c->after, c->file, v[i].list, v[i].value, err);

		if (!text)
			return -1;
		free(c->after);
		c->after = text;
	}
	return 0;
}

int policy_save(const struct policy *p, const char *name, const char *const *more,
		const struct policy_entry *v, size_t n, bool block_net, bool apply, char **diff,
		struct err *err)
{
	_cleanup_(change_free) struct change c = {.lock = -1};
	struct buf text = {0};

	*diff = NULL;
	if (change_begin(&c, p, name, apply, err) < 0)
		return -1;
	if (c.before) {
		if (add_all(&c, v, n, err) < 0)
			return -1;
	} else {
		policy_profile_text(&text, c.name, c.extends, more, v, n, block_net);
		c.after = text.data;
	}
	return change_end(&c, apply, diff, err);
}

char *policy_diff(const char *file, const char *before, const char *after)
{
	struct buf b = {0};

	diff_unified(&b, file, before, after);
	return b.data ? b.data : xstrdup("");
}
