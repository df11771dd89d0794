/* Section [redaction] of <config>/config.toml. Other sections are for others. */
#include "audit/redaction.h"

#include "common/document.h"

#include <ctype.h>

#define FILE_MAX (1u << 20)
#define LIST_MAX 1000u

static const struct {
	const char *name;
	enum redaction_list list;
} members[] = {
    {"extra_flags", REDACTION_NAMES},
    {"extra_headers", REDACTION_NAMES},
    {"extra_env_vars", REDACTION_NAMES},
    {"extra_query_keys", REDACTION_QUERY},
    {"allow_unredacted_defaults", REDACTION_ALLOW},
};

bool redaction_has(const struct audit_redaction *r, enum redaction_list list, const char *name)
{
	for (size_t i = 0; r && i < r->n[list]; i++)
		if (str_eq(r->v[list][i], name))
			return true;
	return false;
}

void redaction_plain(char out[REDACTION_NAME_MAX], const char *s, size_t n)
{
	size_t len = 0;

	for (size_t i = 0; i < n && len + 1 < REDACTION_NAME_MAX; i++)
		if (isalnum((unsigned char)s[i]))
			out[len++] = (char)tolower((unsigned char)s[i]);
	out[len] = '\0';
}

static int take_names(struct audit_redaction *r, enum redaction_list list, const char *label,
		      const struct doc *d, struct err *err)
{
	char name[REDACTION_NAME_MAX];

	if (d->kind != DOC_LIST)
		return doc_error(label, d, err, "\"%s\" must be a list of names", d->name);
	doc_each(e, d)
	{
		if (e->kind == DOC_STRING)
			redaction_plain(name, e->string, strlen(e->string));
		if (e->kind != DOC_STRING || !name[0] || r->n[list] == LIST_MAX)
			return doc_error(label, e, err, "\"%s\" must be a list of names", d->name);
		r->v[list] = xrealloc_array(r->v[list], r->n[list] + 2, sizeof(*r->v[list]));
		r->v[list][r->n[list]++] = xstrdup(name);
		r->v[list][r->n[list]] = NULL;
	}
	return 0;
}

static int take_member(struct audit_redaction *r, const char *label, const struct doc *d,
		       struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		if (str_eq(d->name, members[i].name))
			return take_names(r, members[i].list, label, d, err);
	if (str_eq(d->name, "unsafe_redaction_overrides"))
		return d->kind == DOC_BOOL
			   ? 0
			   : doc_error(label, d, err, "\"%s\" must be true or false", d->name);
	return doc_error(label, d, err, "\"%.60s\" is not known in [redaction]", d->name);
}

int redaction_parse(struct audit_redaction *r, const char *text, size_t n, const char *label,
		    struct err *err)
{
	_cleanup_(document_freep) struct document *f = doc_read(text, n, DOC_TOML, label, err);
	const struct doc *section;

	if (!f)
		return -1;
	section = doc_get(f->root, "redaction");
	if (section && section->kind != DOC_MAP)
		return doc_error(label, section, err, "\"redaction\" must be a table");
	doc_each(d, section)
	{
		if (take_member(r, label, d, err) < 0)
			return -1;
	}
	if (r->n[REDACTION_ALLOW] && !doc_flag(section, "unsafe_redaction_overrides", false))
		return doc_error(
		    label, section, err,
		    "allow_unredacted_defaults needs unsafe_redaction_overrides = true");
	return 0;
}

int audit_redaction_load(struct audit_redaction **out, struct err *err)
{
	_cleanup_free_ char *dir = dir_config(), *path = xasprintf("%s/config.toml", dir),
			    *text = NULL;
	size_t n;
	int r;

	*out = NULL;
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	text = file_read(path, FILE_MAX, &n, err);
	if (!text)
		return -1;
	*out = xcalloc(1, sizeof(**out));
	r = redaction_parse(*out, text, n, path, err);
	if (r < 0) {
		audit_redaction_free(*out);
		*out = NULL;
		if (err)
			err->cls = ERR_USAGE;
	}
	return r;
}

void audit_redaction_free(struct audit_redaction *r)
{
	for (size_t i = 0; r && i < REDACTION_LISTS; i++) {
		for (size_t k = 0; k < r->n[i]; k++)
			free(r->v[i][k]);
		free(r->v[i]);
	}
	free(r);
}

void redaction_add_json(const struct audit_redaction *r, struct buf *b)
{
	static const char *const names[] = {"extra_names", "extra_query_keys",
					    "allow_unredacted_defaults"};
	const char *sep = "";

	if (!r || !(r->n[0] + r->n[1] + r->n[2]))
		return;
	buf_adds(b, ",\"redaction_policy\":{");
	for (size_t i = 0; i < REDACTION_LISTS; i++) {
		if (!r->n[i])
			continue;
		buf_addf(b, "%s\"%s\":", sep, names[i]);
		buf_add_json_list(b, r->v[i]);
		sep = ",";
	}
	buf_addc(b, '}');
}
