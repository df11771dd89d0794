/*
 * The profile that is meant where none is named: <config>/default-profiles.json
 *
 *   { "user": "claude-code", "directories": { "/home/u/p": "codex" } }
 */
#include <sys/file.h>
#include <sys/stat.h>

#include <fcntl.h>

#include "common/document.h"
#include "policy/policy.h"

#define FILE_MAX (1u << 20)

static char *file_path(void)
{
	_cleanup_free_ char *config = dir_config();

	return xasprintf("%s/default-profiles.json", config);
}

static bool is_text(const struct doc *d)
{
	return d->kind == DOC_STRING && d->string[0];
}

static int check(const struct document *d, struct err *err)
{
	if (d->root->kind != DOC_MAP)
		return doc_error(d->label, d->root, err, "must be an object");
	doc_each(m, d->root)
	{
		bool dirs = str_eq(m->name, "directories");

		if (!dirs && !str_eq(m->name, "user"))
			return doc_error(d->label, m, err,
					 "\"%s\": unknown member; there are user and directories",
					 m->name);
		if (dirs ? m->kind != DOC_MAP : !is_text(m))
			return doc_error(d->label, m, err, "%s: must be %s", m->name,
					 dirs ? "an object" : "the name of a profile");
		doc_each(e, dirs ? m : NULL)
		{
			if (!is_text(e))
				return doc_error(d->label, e, err,
						 "%s: must be the name of a profile", e->name);
		}
	}
	return 0;
}

/* NULL without an error when there is no such file. */
static struct document *read_defaults(struct err *err)
{
	_cleanup_free_ char *path = file_path(), *text = NULL;
	_cleanup_(document_freep) struct document *d = NULL;
	size_t n;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return NULL;
	text = file_read(path, FILE_MAX, &n, err);
	d = text ? doc_read(text, n, DOC_JSON, path, err) : NULL;
	return d && check(d, err) == 0 ? STEAL_PTR(d) : NULL;
}

int policy_default_get(const char *dir, char **name, char **from, struct err *err)
{
	struct err own = {0};
	_cleanup_(document_freep) struct document *d = read_defaults(&own);
	const struct doc *best = NULL, *user;

	*name = *from = NULL;
	if (!d && own.msg[0])
		return err_set(err, "%s", own.msg);
	doc_each(e, d ? doc_get(d->root, "directories") : NULL)
	{
		if (path_under(e->name, dir) && (!best || strlen(e->name) > strlen(best->name)))
			best = e;
	}
	user = d ? doc_get(d->root, "user") : NULL;
	if (best)
		*from = xstrdup(best->name);
	if (best || user)
		*name = xstrdup((best ? best : user)->string);
	return 0;
}

/* The file as it is, but for one entry. */
static void write_entries(const struct doc *old, const char *dir, const char *name, struct buf *out)
{
	const char *user = NULL, *between = "";
	const struct doc *u = doc_get(old, "user");

	user = !dir ? name : u ? u->string : NULL;
	buf_adds(out, "{\n");
	if (user) {
		buf_adds(out, "  \"user\": ");
		buf_add_json_str(out, user, strlen(user));
		buf_adds(out, ",\n");
	}
	buf_adds(out, "  \"directories\": {");
	doc_each(e, doc_get(old, "directories"))
	{
		if (dir && str_eq(e->name, dir))
			continue;
		buf_addf(out, "%s\n    ", between);
		buf_add_json_str(out, e->name, strlen(e->name));
		buf_adds(out, ": ");
		buf_add_json_str(out, e->string, strlen(e->string));
		between = ",";
	}
	if (dir && name) {
		buf_addf(out, "%s\n    ", between);
		buf_add_json_str(out, dir, strlen(dir));
		buf_adds(out, ": ");
		buf_add_json_str(out, name, strlen(name));
		between = ",";
	}
	buf_addf(out, "%s}\n}\n", *between ? "\n  " : "");
}

int policy_default_set(const char *dir, const char *name, struct err *err)
{
	_cleanup_free_ char *path = file_path(), *config = dir_config();
	_cleanup_(document_freep) struct document *d = NULL;
	_cleanup_(buf_free) struct buf text = {0};
	_cleanup_close_ int lock = -1;
	struct err own = {0};

	if (dir_private(config, err) < 0)
		return -1;
	/* Two at once: the second one starts from what the first one wrote. */
	lock = open(config, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return err_errno(err, errno, "can't lock %s", config);
	d = read_defaults(&own);
	if (!d && own.msg[0])
		return err_set(err, "%s", own.msg);
	write_entries(d ? d->root : NULL, dir, name, &text);
	return file_write_atomic(path, 0600, text.data, text.len, err);
}
