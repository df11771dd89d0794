/* Option tables: parsing. */
#include <strings.h>

#include "cli/options.h"
#include "pty/pty.h"

#define GIVEN_MAX 160

struct match {
	const struct option_table *table;
	const struct option_row *row;
};

struct parser {
	const struct option_table *tables;
	size_t n_tables;
	struct match given[GIVEN_MAX]; /* what was on the command line */
	size_t n_given;
	struct err *err;
};

static bool exists(const struct option_table *t, const struct option_row *r)
{
	return !r->only || (r->only & t->mask);
}

bool option_takes_value(const struct option_row *r)
{
	return r->kind != OPTION_FLAG && r->kind != OPTION_COUNT && r->kind != OPTION_SET;
}

static void *place(const struct match *m)
{
	return (char *)m->table->into + m->row->offset;
}

/* The next row that exists; begins with row == NULL. */
static bool next(const struct parser *p, struct match *m)
{
	if (!m->table) {
		*m = (struct match){p->tables, NULL};
	}
	for (; m->table < p->tables + p->n_tables; m->table++, m->row = NULL) {
		m->row = m->row ? m->row + 1 : m->table->rows;
		while (m->row && m->row->name && !exists(m->table, m->row))
			m->row++;
		if (m->row && m->row->name)
			return true;
	}
	return false;
}

static bool by_name(const struct parser *p, const char *name, size_t n, struct match *m)
{
	*m = (struct match){0};
	while (next(p, m))
		if (strlen(m->row->name) == n && strncmp(m->row->name, name, n) == 0)
			return true;
	return false;
}

static bool by_letter(const struct parser *p, char letter, struct match *m)
{
	*m = (struct match){0};
	while (next(p, m))
		if (m->row->letter == letter)
			return true;
	return false;
}

void strings_append(struct strings *s, const char *v)
{
	s->v = xrealloc_array(s->v, s->n + 2, sizeof(*s->v));
	s->v[s->n++] = v;
	s->v[s->n] = NULL;
}

/* ---- values ---------------------------------------------------------------------------- */

static int bad_value(struct parser *p, const char *shown, const char *v, const char *want)
{
	return err_usage(p->err, "%s: '%.100s' is not %s", shown, v, want);
}

static int set_number(struct parser *p, const struct match *m, const char *shown, const char *v)
{
	const struct option_row *r = m->row;
	long n;

	if (str_to_long(v, r->min, r->max, &n) < 0)
		return err_usage(p->err, "%s: '%.100s' is not a number from %ld to %ld", shown, v,
				 r->min, r->max);
	*(long *)place(m) = n;
	return 0;
}

static int set_choice(struct parser *p, const struct match *m, const char *shown, const char *v)
{
	const char *const *choices = m->row->choices;
	_cleanup_(buf_free) struct buf b = {0};

	for (int i = 0; choices[i]; i++) {
		if (str_eq(choices[i], v)) {
			*(int *)place(m) = m->row->value + i;
			return 0;
		}
		buf_addf(&b, "%s%s", !i ? "one of " : choices[i + 1] ? ", " : " or ", choices[i]);
	}
	return bad_value(p, shown, v, b.data);
}

static int set_size(struct parser *p, const struct match *m, const char *shown, const char *v)
{
	const char *x = strchr(v, 'x');
	int *size = place(m);
	long cols, rows;
	char first[8];

	if (!x || (size_t)(x - v) >= sizeof(first))
		return bad_value(p, shown, v, "a size like 120x40");
	memcpy(first, v, (size_t)(x - v));
	first[x - v] = '\0';
	if (str_to_long(first, 1, PTY_COLS_MAX, &cols) < 0 ||
	    str_to_long(x + 1, 1, PTY_ROWS_MAX, &rows) < 0)
		return bad_value(p, shown, v, "a size like 120x40");
	size[0] = (int)cols;
	size[1] = (int)rows;
	return 0;
}

/* Rows that mean opposite things share a place. */
static int set_value(struct parser *p, const struct match *m, const char *shown)
{
	int *at = place(m);
	struct match o = {0};

	if (!*at || *at == m->row->value) {
		*at = m->row->value;
		return 0;
	}
	while (next(p, &o))
		if (o.row->kind == OPTION_SET && place(&o) == at && o.row->help &&
		    o.row->value == *at)
			return err_usage(p->err, "%s can't be used together with --%s", shown,
					 o.row->name);
	return err_usage(p->err, "%s contradicts another option", shown);
}

static int store(struct parser *p, const struct match *m, const char *shown, const char *v)
{
	switch (m->row->kind) {
	case OPTION_FLAG:
		*(bool *)place(m) = true;
		return 0;
	case OPTION_COUNT:
		++*(int *)place(m);
		return 0;
	case OPTION_SET:
		return set_value(p, m, shown);
	case OPTION_STRING:
		*(const char **)place(m) = v;
		return 0;
	case OPTION_LIST:
	case OPTION_PAIR:
		strings_append(place(m), v);
		return 0;
	case OPTION_NUMBER:
		return set_number(p, m, shown, v);
	case OPTION_CHOICE:
		return set_choice(p, m, shown, v);
	case OPTION_SIZE:
		return set_size(p, m, shown, v);
	}
	return 0;
}

static int take(struct parser *p, const struct match *m, const char *shown, const char *v)
{
	bool known = false;

	for (size_t i = 0; i < p->n_given && !known; i++)
		known = p->given[i].row == m->row;
	if (!known && p->n_given < GIVEN_MAX)
		p->given[p->n_given++] = *m;
	return store(p, m, shown, v);
}

/* ---- the command line -------------------------------------------------------------------- */

static int unknown(struct parser *p, const char *arg)
{
	const char *names[GIVEN_MAX + 1], *near;
	struct match m = {0};
	char word[64];
	size_t n = 0;

	while (next(p, &m))
		if (m.row->help && n < GIVEN_MAX)
			names[n++] = m.row->name;
	names[n] = NULL;
	str_copy(word, sizeof(word), arg + strspn(arg, "-"));
	word[strcspn(word, "=")] = '\0';
	near = arg[1] == '-' ? word_nearest(word, names) : NULL;
	if (near)
		return err_usage(p->err, "unknown option '%.100s'; did you mean '--%s'?", arg,
				 near);
	return err_usage(p->err, "unknown option '%.100s'", arg);
}

static int needs_value(struct parser *p, const struct match *m, const char *shown)
{
	return err_usage(p->err, "%s needs a value: %s", shown, m->row->arg);
}

/* "--name FIRST SECOND": no value is joined to the name. */
static int take_pair(struct parser *p, const struct match *m, const char *shown, bool joined,
		     int argc, char *const *argv, int *i)
{
	if (joined || *i + 2 >= argc)
		return err_usage(p->err, "%s needs two values: %s", shown, m->row->arg);
	for (int k = 0; k < 2; k++)
		if (take(p, m, shown, argv[++*i]) < 0)
			return -1;
	return 0;
}

static int long_option(struct parser *p, int argc, char *const *argv, int *i)
{
	const char *arg = argv[*i], *eq = strchr(arg, '=');
	size_t n = eq ? (size_t)(eq - arg) : strlen(arg);
	struct match m;
	char shown[64];

	if (!by_name(p, arg + 2, n - 2, &m))
		return unknown(p, arg);
	snprintf(shown, sizeof(shown), "--%s", m.row->name);
	if (m.row->kind == OPTION_PAIR)
		return take_pair(p, &m, shown, eq != NULL, argc, argv, i);
	if (!option_takes_value(m.row))
		return eq ? err_usage(p->err, "%s takes no value", shown)
			  : take(p, &m, shown, NULL);
	if (eq)
		return take(p, &m, shown, eq + 1);
	if (*i + 1 >= argc)
		return needs_value(p, &m, shown);
	return take(p, &m, shown, argv[++*i]);
}

static int short_options(struct parser *p, int argc, char *const *argv, int *i)
{
	for (const char *c = argv[*i] + 1; *c; c++) {
		char shown[3] = {'-', *c, '\0'};
		struct match m;

		if (!by_letter(p, *c, &m))
			return unknown(p, shown);
		if (!option_takes_value(m.row)) {
			if (take(p, &m, shown, NULL) < 0)
				return -1;
			continue;
		}
		if (c[1])
			return take(p, &m, shown, c[1] == '=' ? c + 2 : c + 1);
		if (*i + 1 >= argc)
			return needs_value(p, &m, shown);
		return take(p, &m, shown, argv[++*i]);
	}
	return 0;
}

/* ---- the environment ----------------------------------------------------------------------- */

static int parse_bool(struct parser *p, const char *name, const char *v, bool *out)
{
	static const char *const words[] = {"false", "no", "0", "true", "yes", "1"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcasecmp(v, words[i]) != 0)
			continue;
		*out = i >= 3;
		return 0;
	}
	return bad_value(p, name, v, "true, false, yes, no, 1 or 0");
}

static void split_commas(struct strings *list, const char *v)
{
	char *save = NULL;

	free(list->owned);
	list->owned = xstrdup(v);
	for (char *w = strtok_r(list->owned, ",", &save); w; w = strtok_r(NULL, ",", &save))
		strings_append(list, w);
}

static int from_env(struct parser *p, const struct match *m, const char *name, const char *v)
{
	bool on = false;

	switch (m->row->kind) {
	case OPTION_FLAG:
	case OPTION_SET:
		if (parse_bool(p, name, v, &on) < 0)
			return -1;
		return on ? store(p, m, name, NULL) : 0;
	case OPTION_LIST:
		split_commas(place(m), v);
		return 0;
	default:
		return store(p, m, name, v);
	}
}

/* Under this or another of its names. */
static bool was_given(const struct parser *p, const struct match *m)
{
	for (size_t i = 0; i < p->n_given; i++)
		if (place(&p->given[i]) == place(m) && p->given[i].row->value == m->row->value)
			return true;
	return false;
}

/* A flag beats its own variable; contradictions count wherever they come from. */
static int environment(struct parser *p)
{
	struct match m = {0};

	while (next(p, &m)) {
		const char *v = NULL, *name = NULL;

		for (size_t i = 0; i < ARRAY_LEN(m.row->env) && m.row->env[i] && !v; i++) {
			name = m.row->env[i];
			v = getenv(name);
			if (v && !*v)
				v = NULL;
		}
		if (v && !was_given(p, &m) && from_env(p, &m, name, v) < 0)
			return -1;
	}
	return 0;
}

/* ---- all of it --------------------------------------------------------------------------------
 */

static void defaults(struct parser *p)
{
	struct match m = {0};

	while (next(p, &m))
		if (m.row->kind == OPTION_NUMBER)
			*(long *)place(&m) = m.row->value;
}

int options_parse(const struct option_table *tables, size_t n, enum option_order order, int argc,
		  char *const *argv, struct strings *args, struct err *err)
{
	struct parser p = {.tables = tables, .n_tables = n, .err = err};
	bool ended = false;

	defaults(&p);
	for (int i = 0; i < argc; i++) {
		const char *a = argv[i];
		int r = 0;

		if (ended || a[0] != '-' || !a[1]) {
			strings_append(args, a);
			ended |= order == OPTION_FIRST;
		} else if (str_eq(a, "--")) {
			ended = true;
		} else {
			r = a[1] == '-' ? long_option(&p, argc, argv, &i)
					: short_options(&p, argc, argv, &i);
		}
		if (r < 0)
			return -1;
	}
	return environment(&p);
}

void options_free(const struct option_table *t)
{
	for (const struct option_row *r = t->rows; r && r->name; r++) {
		struct strings *s = (struct strings *)(void *)((char *)t->into + r->offset);

		if (r->kind != OPTION_LIST && r->kind != OPTION_PAIR)
			continue;
		free(s->v);
		free(s->owned);
		*s = (struct strings){0};
	}
}
