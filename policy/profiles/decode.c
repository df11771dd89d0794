/* From a document to a profile: every member by the schema, anything else is an error with its
 * place and the nearest valid name. */
#include "policy/profiles/decode.h"

int member_bad(struct member_reader *d, const struct doc *at, const char *what)
{
	char name[128];

	if (!*d->where)
		return doc_error(d->label, at, d->err, "%s", what);
	text_printable(name, sizeof(name), d->where, strlen(d->where));
	return doc_error(d->label, at, d->err, "%s: %s", name, what);
}

static void note(struct member_reader *d, enum profile_note_kind kind, const struct doc *at,
		 const char *what)
{
	struct profile *p = d->p;

	p->notes = xrealloc_array(p->notes, p->n_notes + 1, sizeof(*p->notes));
	p->notes[p->n_notes++] =
	    (struct profile_note){kind, {at, d->label}, xasprintf("%s: %s", d->where, what)};
}

/* Puts a name behind where; gives back what cuts it off again. */
size_t member_enter(struct member_reader *d, const char *name)
{
	size_t was = strlen(d->where);

	if (was && was + 1 < sizeof(d->where)) {
		d->where[was] = '.';
		d->where[was + 1] = '\0';
	}
	str_copy(d->where + strlen(d->where), sizeof(d->where) - strlen(d->where), name);
	return was;
}

static int unknown(struct member_reader *d, const struct doc *at, const struct member *table)
{
	const char *near = profile_nearest(table, at->name);
	const char *section = profile_section_of(at->name);
	char what[256];

	if (near)
		snprintf(what, sizeof(what), "unknown member; did you mean \"%s\"?", near);
	else if (section)
		snprintf(what, sizeof(what), "unknown member here; it belongs into \"%s\"",
			 section);
	else
		str_copy(what, sizeof(what),
			 "unknown member (\"nono profile guide\" lists what there is)");
	return member_bad(d, at, what);
}

static const struct member *find(const struct member *table, const char *name)
{
	for (; table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

static int check_required(struct member_reader *d, const struct doc *map,
			  const struct member *table)
{
	char what[128];

	for (; table->name; table++) {
		if (!(table->flags & MEMBER_REQUIRED) || doc_get(map, table->name))
			continue;
		snprintf(what, sizeof(what), "needs a \"%s\"", table->name);
		return member_bad(d, map, what);
	}
	return 0;
}

static int decode_member(struct member_reader *d, const struct doc *at, const struct member *m)
{
	size_t was = member_enter(d, at->name);
	char what[256];
	int rc;

	if (m->flags & MEMBER_DEPRECATED) {
		snprintf(what, sizeof(what), "deprecated: use \"%s\"", m->instead);
		note(d, NOTE_DEPRECATED, at, what);
	} else if (m->flags & MEMBER_NO_EFFECT) {
		snprintf(what, sizeof(what), "has no effect here: %s", m->help);
		note(d, NOTE_NO_EFFECT, at, what);
	}
	rc = member_value(d, at, m);
	d->where[was] = '\0';
	return rc;
}

#define FAULTS_MAX 64

/* Where all faults are asked for it is kept, and reading goes on behind it. One from further in is
 * kept already. */
static bool keep_fault(struct member_reader *d)
{
	if (!d->faults)
		return false;
	if (d->err->msg[0])
		list_add(d->faults, d->err->msg);
	d->err->msg[0] = '\0';
	return d->faults->n < FAULTS_MAX;
}

static int one_of_map(struct member_reader *d, const struct doc *at, const struct member *table)
{
	const struct member *m = find(table, at->name);
	size_t was;

	if (m)
		return decode_member(d, at, m);
	was = member_enter(d, at->name);
	unknown(d, at, table);
	d->where[was] = '\0';
	return -1;
}

int member_map(struct member_reader *d, const struct doc *map, const struct member *table)
{
	int rc = 0;

	if (map->kind != DOC_MAP)
		return member_bad(d, map, "must be an object (a table)");
	doc_each(at, map)
	{
		if (one_of_map(d, at, table) == 0)
			continue;
		rc = -1;
		if (!keep_fault(d))
			return -1;
	}
	return check_required(d, map, table) < 0 ? -1 : rc;
}

static int one_system(struct member_reader *d, const struct doc *system)
{
	static const char *const systems[] = {"linux", "macos", "windows"};
	static const char *const never[] = {"extends", "meta", "platform_overrides"};
	_cleanup_(profile_freep) struct profile *p = xcalloc(1, sizeof(*p));
	struct member_reader inner = *d;
	size_t known = 0;

	while (known < ARRAY_LEN(systems) && strcmp(system->name, systems[known]) != 0)
		known++;
	if (known == ARRAY_LEN(systems))
		return member_bad(d, system, "no system: linux, macos or windows");
	for (size_t i = 0; i < ARRAY_LEN(never); i++)
		if (doc_get(system, never[i]))
			return member_bad(d, doc_get(system, never[i]),
					  "extends, meta and platform_overrides can't be in here");
	inner.p = p;
	if (member_map(&inner, system, profile_members) < 0)
		return -1;
	if (known == 0 && d->store) {
		d->overrides = xcalloc(1, sizeof(*d->overrides));
		*d->overrides = *p;
		*p = (struct profile){0};
	}
	return 0;
}

/* A profile for one system. The others' are read too: they should be right. */
int member_overrides(struct member_reader *d, const struct doc *at)
{
	int rc = 0;

	if (at->kind != DOC_MAP)
		return member_bad(d, at, "must be an object (a table)");
	doc_each(system, at)
	{
		size_t was = member_enter(d, system->name);
		int one = one_system(d, system);

		d->where[was] = '\0';
		if (one == 0)
			continue;
		rc = -1;
		if (!keep_fault(d))
			return -1;
	}
	return rc;
}

struct profile *profile_decode(const struct doc *root, struct profile_file *file,
			       const struct policy_host *host, struct list *faults, struct err *err)
{
	_cleanup_(profile_freep) struct profile *p = xcalloc(1, sizeof(*p));
	_cleanup_(profile_freep) struct profile *overrides = NULL;
	struct member_reader d = {.label = file->label,
				  .p = p,
				  .host = host,
				  .store = true,
				  .err = err,
				  .faults = faults};

	p->files = xcalloc(1, sizeof(*p->files));
	p->files[p->n_files++] = file;
	p->file = file;
	if (root->kind != DOC_MAP) {
		member_bad(&d, root, "a profile must be an object (a table)");
		return NULL;
	}
	int rc = member_map(&d, root, profile_members);
	overrides = d.overrides;
	if (rc < 0) {
		keep_fault(&d);
		if (faults && faults->n)
			err_set(err, "%s", faults->v[0]);
		return NULL;
	}
	if (overrides)
		profile_merge(p, overrides);
	return STEAL_PTR(p);
}

struct profile *profile_read(const char *text, size_t n, enum doc_format format, const char *label,
			     const struct policy_host *host, struct err *err)
{
	struct profile_file *f = xcalloc(1, sizeof(*f));

	f->origin = PROFILE_PATH;
	f->label = xstrdup(label);
	f->document = doc_read(text, n, format, f->label, err);
	if (!f->document) {
		free(f->label);
		free(f);
		return NULL;
	}
	return profile_decode(f->document->root, f, host, NULL, err);
}

struct profile *profile_parse(const char *text, size_t n, const char *label, struct err *err)
{
	enum doc_format format = DOC_JSON;
	struct policy_host host;

	doc_format_of(label, &format);
	policy_host_read(&host);
	return profile_read(text, n, format, label, &host, err);
}
