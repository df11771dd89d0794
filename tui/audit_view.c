/* Events of an audit pane, and the filter. */
#include "tui/audit_view.h"

const char *audit_show_name(enum audit_show s)
{
	static const char *const names[SHOW_COUNT] = {
	    "all kinds", "opens", "changes", "programs", "connections", "decisions", "other"};

	return s < SHOW_COUNT ? names[s] : "";
}

static enum audit_show kind_of(const char *type)
{
	static const struct {
		const char *type;
		enum audit_show show;
	} kinds[] = {{"open", SHOW_OPEN},
		     {"change", SHOW_CHANGE},
		     {"exec", SHOW_EXEC},
		     {"connect", SHOW_CONNECT},
		     {"capability_decision", SHOW_DECISION}};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_eq(type, kinds[i].type))
			return kinds[i].show;
	return SHOW_OTHER;
}

bool audit_filter_match(const struct audit_filter *f, const struct audit_record *r,
			const char *session)
{
	const char *const in[] = {r->target, r->target2, r->program, r->rule, r->op, session};

	if (f->show != SHOW_ALL && kind_of(r->type) != f->show)
		return false;
	if (f->denied_only && !str_eq(r->decision, "denied"))
		return false;
	if (!f->text[0])
		return true;
	for (size_t i = 0; i < ARRAY_LEN(in); i++)
		if (strcasestr(in[i], f->text))
			return true;
	return false;
}

struct audit_view *audit_view_new(void)
{
	struct audit_view *v = xcalloc(1, sizeof(*v));

	v->items = xcalloc(AUDIT_KEEP, sizeof(*v->items));
	v->follow = true;
	return v;
}

void audit_view_clear(struct audit_view *v)
{
	for (size_t i = 0; i < AUDIT_KEEP; i++) {
		free(v->items[i].json);
		v->items[i] = (struct audit_item){0};
	}
	for (size_t i = 0; i < v->n_sources; i++)
		audit_source_free(v->sources[i]);
	free(v->sources);
	v->sources = NULL;
	v->n_sources = 0;
	v->first = v->next = v->selected = 0;
	v->n_hits = v->hits_from = v->top = 0;
	v->follow = true;
	v->skipped = false;
}

void audit_view_restart(struct audit_view *v)
{
	bool any = v->filter.show != SHOW_ALL || v->filter.denied_only || v->filter.text[0];

	audit_view_clear(v);
	v->whole = any;
	v->paused = v->context = v->at_end = false;
	v->matched = v->percent = 0;
}

void audit_view_free(struct audit_view *v)
{
	if (!v)
		return;
	audit_view_clear(v);
	free(v->items);
	free(v->hits);
	free(v);
}

/* ---- events ----------------------------------------------------------------- */

static struct audit_item *item(const struct audit_view *v, uint64_t n)
{
	return &v->items[n % AUDIT_KEEP];
}

static void drop_first(struct audit_view *v)
{
	struct audit_item *it = item(v, v->first);

	free(it->json);
	*it = (struct audit_item){0};
	if (v->hits_from < v->n_hits && v->hits[v->hits_from] == v->first) {
		v->hits_from++;
		v->top -= v->top > 0; /* what is looked at stays where it is */
	}
	v->first++;
	if (v->hits_from > AUDIT_KEEP) {
		memmove(v->hits, v->hits + v->hits_from,
			(v->n_hits - v->hits_from) * sizeof(*v->hits));
		v->n_hits -= v->hits_from;
		v->hits_from = 0;
	}
}

static void add_hit(struct audit_view *v, uint64_t n)
{
	if (v->n_hits == v->cap_hits) {
		v->cap_hits = v->cap_hits ? 2 * v->cap_hits : 256;
		v->hits = xrealloc_array(v->hits, v->cap_hits, sizeof(*v->hits));
	}
	v->hits[v->n_hits++] = n;
	if (v->follow)
		v->selected = n;
}

void audit_view_add(struct audit_view *v, const char *id, const char *name, const char *json,
		    size_t len, uint64_t offset)
{
	struct audit_item *it;

	if (audit_parse(json, len, &v->record))
		return;
	if (v->whole && !audit_filter_match(&v->filter, &v->record, name))
		return;
	v->matched++;
	if (v->next - v->first == AUDIT_KEEP)
		drop_first(v);
	it = item(v, v->next);
	str_copy(it->id, sizeof(it->id), id);
	str_copy(it->name, sizeof(it->name), name);
	str_copy(it->time, sizeof(it->time), v->record.time);
	it->pid = v->record.pid;
	it->ppid = v->record.ppid;
	it->offset = offset;
	it->json = xstrndup(json, len);
	it->len = len;
	if (audit_filter_match(&v->filter, &v->record, name))
		add_hit(v, v->next);
	v->next++;
}

void audit_view_refilter(struct audit_view *v)
{
	bool follow = v->follow;

	v->n_hits = v->hits_from = v->top = 0;
	v->follow = false;
	for (uint64_t n = v->first; n < v->next; n++)
		if (!audit_parse(item(v, n)->json, item(v, n)->len, &v->record) &&
		    audit_filter_match(&v->filter, &v->record, item(v, n)->name))
			add_hit(v, n);
	v->follow = follow;
	if (follow && v->n_hits)
		v->selected = v->hits[v->n_hits - 1];
}

size_t audit_view_count(const struct audit_view *v)
{
	return v->n_hits - v->hits_from;
}

uint64_t audit_view_number(const struct audit_view *v, size_t i)
{
	return v->hits[v->hits_from + i];
}

const struct audit_item *audit_view_at(const struct audit_view *v, size_t i)
{
	return i < audit_view_count(v) ? item(v, audit_view_number(v, i)) : NULL;
}

size_t audit_view_selected(const struct audit_view *v)
{
	size_t lo = 0, hi = audit_view_count(v);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (audit_view_number(v, mid) < v->selected)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < audit_view_count(v) || !lo ? lo : lo - 1;
}

void audit_view_move(struct audit_view *v, long rows)
{
	size_t n = audit_view_count(v), at = audit_view_selected(v);

	if (!n)
		return;
	if (rows < 0)
		at = at > (size_t)-rows ? at - (size_t)-rows : 0;
	else
		at += (size_t)rows;
	v->follow = at >= n || (rows > 0 && at == n - 1);
	v->selected = audit_view_number(v, at < n ? at : n - 1);
}

const struct audit_item *audit_view_process(const struct audit_view *v, const char *id, pid_t pid,
					    uint64_t before)
{
	for (uint64_t n = before < v->next ? before : v->next; n-- > v->first;) {
		const struct audit_item *it = item(v, n);

		if (it->pid == pid && str_eq(it->id, id))
			return it;
	}
	return NULL;
}
