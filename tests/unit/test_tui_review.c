/* What a review pane holds: the tree of changes, the rows of a file, what was accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tui/review.h"

static void add(struct review *r, const char *path, enum snap_change_type type, bool dir)
{
	enum snap_kind kind = dir ? SNAP_DIR : SNAP_FILE;
	struct changes *c = &r->data.c;

	c->v = xrealloc_array(c->v, c->n + 1, sizeof(*c->v));
	c->v[c->n] = (struct change){.type = type, .path = xstrdup(path)};
	c->v[c->n].before.kind = type == SNAP_CREATED ? SNAP_NONE : kind;
	c->v[c->n].after.kind = type == SNAP_DELETED ? SNAP_NONE : kind;
	c->n++;
}

static struct review *sample(void)
{
	struct review *r = review_new(NULL, "0123456789abcdef");

	r->data.roots = xcalloc(3, sizeof(char *));
	r->data.roots[0] = xstrdup("/h/w");
	r->data.roots[1] = xstrdup("/h/x.conf");
	r->data.root_common = 3;
	add(r, "/h/w/a", SNAP_MODIFIED, false);
	add(r, "/h/w/d/e/f", SNAP_MODIFIED, false);
	add(r, "/h/w/d/g", SNAP_DELETED, false);
	add(r, "/h/w/n", SNAP_CREATED, true);
	for (int i = 0; i < 30; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/h/w/n/%02d", i);
		add(r, path, SNAP_CREATED, false);
	}
	add(r, "/h/w/n.c", SNAP_CREATED, false);
	add(r, "/h/x.conf", SNAP_MODIFIED, false);
	r->counts = xcalloc(r->data.c.n, sizeof(*r->counts));
	r->accepted = xcalloc(r->data.c.n, sizeof(*r->accepted));
	r->counts[1] = (struct review_count){3, 1, true};
	r->counts[2] = (struct review_count){0, 7, true};
	review_tree_build(r);
	return r;
}

static char *shown(const struct review *r)
{
	struct buf b = {0};

	for (size_t i = 0; i < r->tree.n_shown; i++) {
		const struct review_node *n = &r->tree.v[r->tree.shown[i]];

		buf_addf(&b, "%d%s%.*s ", n->depth, n->dir ? n->folded ? ">" : "/" : ":",
			 (int)(n->path_len - n->name_at), n->path + n->name_at);
	}
	buf_addc(&b, '\0');
	return b.data;
}

static void expect_shown(const struct review *r, const char *what)
{
	char *is = shown(r);

	assert_string_equal(is, what);
	free(is);
}

static void tree(void **state)
{
	struct review *r = sample();
	const struct review_node *d;

	(void)state;
	expect_shown(r, "0//h/w 1:a 1/d 2/e 3:f 2:g 1>n 1:n.c 0:/h/x.conf ");
	d = &r->tree.v[r->tree.shown[2]];
	assert_int_equal(r->tree.sums[d->end].went - r->tree.sums[d->first].went, 8);
	/* Chosen and folded things stay so when the tree is built anew. */
	review_choose(r, "/h/w/n.c", 8);
	review_fold(r, r->tree.shown[2], true);
	review_tree_build(r);
	expect_shown(r, "0//h/w 1:a 1>d 1>n 1:n.c 0:/h/x.conf ");
	assert_string_equal(review_change(r, review_chosen(r))->path, "/h/w/n.c");
	/* A filter looks into folded ones. */
	str_copy(r->filter, sizeof(r->filter), "n/07");
	review_tree_refresh(r);
	expect_shown(r, "0//h/w 1>n 2:07 ");
	str_copy(r->filter, sizeof(r->filter), "/h/"); /* what all have in common is not searched */
	review_tree_refresh(r);
	expect_shown(r, "");
	assert_null(review_chosen(r));
	r->filter[0] = '\0';
	r->hide_accepted = true;
	for (size_t i = 0; i < r->data.c.n; i++)
		r->accepted[i] = i != 2;
	review_tree_refresh(r);
	expect_shown(r, "0//h/w 1>d ");
	review_free(r);
}

static void counts_stay(void **state)
{
	struct review *a = sample(), *b = sample();

	(void)state;
	memset(b->counts, 0, b->data.c.n * sizeof(*b->counts));
	b->data.c.v[2].before.size = 5;
	review_keep_counts(b, &a->data, a->counts);
	assert_int_equal(b->counts[1].came, 3);
	assert_false(b->counts[2].known); /* it is not what it was */
	free(a->data.c.v[0].path);
	memmove(a->data.c.v, a->data.c.v + 1, --a->data.c.n * sizeof(*a->data.c.v));
	memset(b->counts, 0, b->data.c.n * sizeof(*b->counts));
	review_keep_counts(b, &a->data, a->counts + 1);
	assert_int_equal(b->counts[1].came, 3);
	review_free(a);
	review_free(b);
}

static void marks(void **state)
{
	struct review_marks m = {0};
	struct change c = {.type = SNAP_MODIFIED, .path = (char *)"/w/a"}, other = c;
	struct review_mark one, v[100];

	(void)state;
	one = review_mark_of(&c);
	other.after.mode = 0755;
	v[0] = review_mark_of(&other);
	assert_memory_not_equal(&one, &v[0], sizeof(one));
	for (int i = 0; i < 100; i++) {
		other.after.size = 0;
		other.after.mode = (uint32_t)i;
		v[i] = review_mark_of(&other);
		assert_true(review_mark_set(&m, &v[i], true));
		assert_false(review_mark_set(&m, &v[i], true));
	}
	for (int i = 0; i < 100; i += 2)
		assert_true(review_mark_set(&m, &v[i], false));
	for (int i = 0; i < 100; i++)
		assert_int_equal(review_marked(&m, &v[i]), i % 2);
	assert_int_equal(m.n, 50);
	review_marks_free(&m);
}

static void rows(void **state)
{
	static const char *const a = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n";
	static const char *const b = "1\n2\n3\nfour\nfive\n6\n7\n8\n9\n10\n11\n12\nend\n";
	struct review *r = sample();
	struct review_file *f = &r->file;
	struct review_mark m[2];
	struct diff moved;

	(void)state;
	*f = (struct review_file){.path = xstrdup("/h/w/a"), .text.has_diff = true};
	diff_make(&f->text.diff, a, strlen(a), b, strlen(b));
	review_rows_make(r);
	assert_int_equal(f->rows[0].kind, ROW_HEAD);
	assert_int_equal(f->rows[4].kind, ROW_WENT); /* both that went, then both that came */
	assert_int_equal(f->rows[5].kind, ROW_WENT);
	assert_int_equal(f->rows[6].kind, ROW_CAME);
	assert_int_equal(f->rows[7].kind, ROW_CAME);
	assert_int_equal(f->rows[7].hunk, 0);
	assert_int_equal(f->rows[f->n_rows - 1].kind, ROW_CAME);
	f->at = f->n_rows - 1;
	r->side = r->full = true;
	review_rows_make(r);
	assert_int_equal(f->n_rows, 2 + 13);
	assert_int_equal(f->rows[4].kind, ROW_PAIR);
	assert_int_equal(f->rows[4].a, 3);
	assert_int_equal(f->rows[4].b, 3);
	assert_int_equal(f->at, review_hunk_row(f, 1)); /* in the same hunk as before */
	/* A hunk is known by its lines, not by where they are. */
	m[0] = review_mark_hunk(f->path, &f->text.diff, 0);
	m[1] = review_mark_hunk(f->path, &f->text.diff, 1);
	assert_memory_not_equal(&m[0], &m[1], sizeof(m[0]));
	review_mark_set(&r->marks, &m[1], true);
	review_file_marks(r);
	assert_false(f->accepted[0]);
	assert_true(f->accepted[1]);
	diff_make(&moved, a, strlen(a), b + 2, strlen(b + 2));
	assert_memory_equal(
	    &m[1],
	    (&(struct review_mark[1]){review_mark_hunk(f->path, &moved, moved.hunk_count - 1)}),
	    sizeof(m[1]));
	diff_free(&moved);
	review_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(tree), cmocka_unit_test(counts_stay),
					   cmocka_unit_test(marks), cmocka_unit_test(rows)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
