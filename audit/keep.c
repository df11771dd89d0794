/* Old records make room: table [audit] of <config>/config.toml. Other tables are for others. */
#include "audit/audit.h"
#include "audit/removal.h"
#include "common/document.h"
#include "common/remark.h"

#include <fcntl.h>

#define FILE_MAX (256u << 10)

/* ---- settings -------------------------------------------------------------------------------- */

static const struct member {
	const char *name;
	double max;
} members[] = {{"max_sessions", 1e9}, {"max_age_days", 1e6}, {"max_storage_gb", 1e6}};

static int take_member(struct audit_limits *l, const char *label, const struct doc *d,
		       struct err *err)
{
	static const char *const names[] = {"max_sessions", "max_age_days", "max_storage_gb", NULL};
	double v = d->kind == DOC_INT ? (double)d->integer : d->kind == DOC_FLOAT ? d->real : -1;
	const char *near;
	size_t i = 0;

	while (i < ARRAY_LEN(members) && !str_eq(members[i].name, d->name))
		i++;
	if (i == ARRAY_LEN(members)) {
		near = word_nearest(d->name, names);
		return doc_error(label, d, err, "\"%.60s\" is not known in [audit]%s%s%s", d->name,
				 near ? "; did you mean \"" : "", near ? near : "",
				 near ? "\"?" : "");
	}
	if (!(v >= 0 && v <= members[i].max))
		return doc_error(label, d, err, "\"%s\" must be a number from 0 to %.0f", d->name,
				 members[i].max);
	if (i == 0)
		l->sessions = (uint64_t)v;
	else if (i == 1)
		l->age_s = (uint64_t)(v * 86400);
	else
		l->bytes = (uint64_t)(v * (1 << 30));
	l->has[i] = true;
	return 0;
}

int audit_limits_load(struct audit_limits *out, struct err *err)
{
	_cleanup_free_ char *dir = dir_config(), *path = xasprintf("%s/config.toml", dir),
			    *text = NULL;
	_cleanup_(document_freep) struct document *f = NULL;
	const struct doc *table;
	size_t n;

	*out = (struct audit_limits){0};
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	text = file_read(path, FILE_MAX, &n, err);
	f = text ? doc_read(text, n, DOC_TOML, path, err) : NULL;
	if (!f)
		return -1;
	table = doc_get(f->root, "audit");
	if (table && table->kind != DOC_MAP)
		return doc_error(path, table, err, "\"audit\" must be a table");
	doc_each(d, table)
	{
		if (take_member(out, path, d, err) < 0)
			return -1;
	}
	return 0;
}

bool audit_limited(const struct audit_limits *l)
{
	return l->has[AUDIT_MAX_SESSIONS] || l->has[AUDIT_MAX_AGE] || l->has[AUDIT_MAX_BYTES];
}

/* ---- what stays ------------------------------------------------------------------------------ */

/* What one of the limits does not keep goes. Only what has ended counts as a session; everything
 * counts as storage. The newest that ended stays however large it is. */
static void choose(struct removal_plan *p, const struct audit_limits *l)
{
	const time_t now = time(NULL);
	uint64_t total = 0, ended = 0;
	size_t newest = p->n;

	for (size_t i = 0; i < p->n; i++) {
		struct removal_candidate *c = &p->v[i];
		total += c->bytes;
		if (!c->why && c->damaged)
			c->why = "damaged";
		else if (!c->why && c->undelivered)
			c->why = "not delivered to its sink";
		if (c->why)
			continue;
		if (newest == p->n)
			newest = i;
		c->go = (l->has[AUDIT_MAX_SESSIONS] && ended++ >= l->sessions) ||
			(l->has[AUDIT_MAX_AGE] && now > c->started &&
			 (uint64_t)(now - c->started) > l->age_s);
		total -= c->go ? c->bytes : 0;
	}
	for (size_t i = p->n; l->has[AUDIT_MAX_BYTES] && i-- > 0 && total > l->bytes;) {
		struct removal_candidate *c = &p->v[i];
		if (c->why || c->go || i == newest)
			continue;
		c->go = true;
		total -= c->bytes;
	}
}

int audit_keep(const struct audit_limits *l, struct err *err)
{
	_cleanup_(removal_plan_free) struct removal_plan p = {0};
	_cleanup_free_ char *path = store_root();
	_cleanup_close_ int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int removed = 0;

	if (!audit_limited(l))
		return 0;
	if (root < 0)
		return errno == ENOENT ? 0 : err_errno(err, errno, "can't open %s", path);
	removal_sweep(root);
	if (removal_plan(&p, err) < 0)
		return -1;
	choose(&p, l);
	for (size_t i = p.n; i-- > 0;) {
		int r = p.v[i].go ? removal_do(root, &p.v[i], err) : 1;
		if (r < 0)
			return -1;
		if (r == 0 && remark_to_file())
			remark("nono: the audit record of session %s made room", p.v[i].id);
		removed += r == 0;
	}
	return removed;
}
