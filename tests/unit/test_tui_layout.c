/* The tree of panes: geometry that always covers the area, whatever is done to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tui/layout.h"

static int pane[LAYOUT_LEAVES + 1];
static const struct rect area = {0, 0, 200, 60};

static uint64_t rng_state = 88172645463325252ull;
static uint32_t rng(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return (uint32_t)(rng_state >> 16);
}

/* Every cell belongs to one leaf or to the border between columns. */
static void assert_covers(const struct layout *l, const struct rect *all)
{
	_cleanup_free_ int *owner = xcalloc((size_t)(all->w * all->h), sizeof(*owner));
	void *v[LAYOUT_LEAVES];
	size_t n = layout_panes(l, v, LAYOUT_LEAVES);

	assert_int_equal(n, l->leaves);
	for (size_t i = 0; i < n; i++) {
		const struct rect *r = &layout_find(l, v[i])->area;

		for (int y = r->y; y < r->y + r->h; y++)
			for (int x = r->x; x < r->x + r->w; x++) {
				assert_true(rect_has(all, x, y));
				assert_int_equal(owner[y * all->w + x], 0);
				owner[y * all->w + x] = 1;
			}
	}
	for (int y = 0; n && y < all->h; y++)
		for (int x = 0; x < all->w; x++)
			if (!owner[y * all->w + x])
				assert_non_null(layout_border_at(l, x, y));
}

static struct rect where(const struct layout *l, const void *p)
{
	return layout_find(l, p)->area;
}

static void fill(struct layout *l, int n)
{
	*l = (struct layout){.area = area};
	for (int i = 0; i < n; i++) {
		assert_true(layout_add(l, i ? &pane[i - 1] : NULL,
				       i % 2 ? SPLIT_COLUMNS : SPLIT_ROWS, &pane[i]));
		layout_preset(l, PRESET_TILED);
	}
}

static void splits(void **state)
{
	struct layout l = {.area = area};

	(void)state;
	assert_true(layout_add(&l, NULL, SPLIT_COLUMNS, &pane[0]));
	assert_int_equal(where(&l, &pane[0]).w, 200);
	assert_true(layout_add(&l, &pane[0], SPLIT_COLUMNS, &pane[1]));
	assert_int_equal(where(&l, &pane[0]).w + where(&l, &pane[1]).w, 199);
	assert_true(layout_add(&l, &pane[1], SPLIT_ROWS, &pane[2]));
	assert_int_equal(where(&l, &pane[1]).h + where(&l, &pane[2]).h, 60);
	assert_covers(&l, &area);
	assert_ptr_equal(layout_neighbour(&l, &pane[0], DIR_RIGHT), &pane[1]);
	assert_ptr_equal(layout_neighbour(&l, &pane[1], DIR_DOWN), &pane[2]);
	assert_ptr_equal(layout_neighbour(&l, &pane[2], DIR_LEFT), &pane[0]);
	assert_null(layout_neighbour(&l, &pane[0], DIR_UP));
	layout_swap(&l, &pane[0], 1);
	assert_int_equal(where(&l, &pane[1]).x, 0);
	layout_remove(&l, &pane[1]);
	assert_int_equal(l.leaves, 2);
	assert_covers(&l, &area);
	layout_free(&l);
}

static void no_room_is_refused(void **state)
{
	struct layout l = {.area = {0, 0, 20, 5}};

	(void)state;
	assert_true(layout_add(&l, NULL, SPLIT_COLUMNS, &pane[0]));
	assert_false(layout_add(&l, &pane[0], SPLIT_COLUMNS, &pane[1]));
	assert_false(layout_add(&l, &pane[0], SPLIT_ROWS, &pane[1]));
	assert_int_equal(l.leaves, 1);
	layout_free(&l);
}

static void borders_move(void **state)
{
	struct layout l = {.area = area};
	struct layout_node *border;
	int before;

	(void)state;
	layout_add(&l, NULL, SPLIT_COLUMNS, &pane[0]);
	layout_add(&l, &pane[0], SPLIT_COLUMNS, &pane[1]);
	before = where(&l, &pane[0]).w;
	layout_resize(&l, &pane[0], DIR_RIGHT, 5);
	assert_int_equal(where(&l, &pane[0]).w, before + 5);
	layout_resize(&l, &pane[1], DIR_LEFT, 5);
	assert_int_equal(where(&l, &pane[0]).w, before);
	layout_resize(&l, &pane[0], DIR_RIGHT, 10000);
	assert_int_equal(where(&l, &pane[1]).w, LAYOUT_MIN_W);
	border = layout_border_at(&l, where(&l, &pane[1]).x - 1, 10);
	assert_non_null(border);
	layout_drag(&l, border, 50, 10);
	assert_int_equal(where(&l, &pane[0]).w, 50);
	assert_covers(&l, &area);
	layout_free(&l);
}

static void presets(void **state)
{
	(void)state;
	for (int n = 1; n <= 9; n++)
		for (int p = 0; p < PRESET_COUNT; p++) {
			struct layout l;

			fill(&l, n);
			layout_preset(&l, (enum preset)p);
			assert_int_equal(l.leaves, n);
			assert_covers(&l, &area);
			layout_free(&l);
		}
}

/* Any sequence of what a person may do, at any size of the terminal. */
static void anything(void **state)
{
	struct layout l = {.area = area};
	bool there[LAYOUT_LEAVES + 1] = {false};
	void *v[LAYOUT_LEAVES];

	(void)state;
	for (int i = 0; i < 5000; i++) {
		size_t n = layout_panes(&l, v, LAYOUT_LEAVES), k = rng() % LAYOUT_LEAVES;
		void *some = n ? v[rng() % n] : NULL;
		struct rect size = {0, 0, 1 + (int)(rng() % 300), 1 + (int)(rng() % 90)};

		switch (rng() % 7) {
		case 0:
		case 1:
			if (!there[k])
				there[k] = layout_add(
				    &l, some, rng() % 2 ? SPLIT_COLUMNS : SPLIT_ROWS, &pane[k]);
			break;
		case 2:
			if (some && rng() % 2) {
				layout_remove(&l, some);
				there[(int *)some - pane] = false;
			}
			break;
		case 3:
			if (some)
				layout_swap(&l, some, rng() % 2 ? 1 : -1);
			break;
		case 4:
			if (some)
				layout_resize(&l, some, rng() % 4, (int)(rng() % 40));
			break;
		case 5:
			layout_preset(&l, rng() % PRESET_COUNT);
			break;
		default:
			layout_arrange(&l, &size);
			break;
		}
		if (l.area.w >= 200 && l.area.h >= 60)
			assert_int_equal(layout_panes(&l, v, LAYOUT_LEAVES), l.leaves);
	}
	layout_arrange(&l, &(struct rect){0, 0, 900, 400});
	assert_covers(&l, &(struct rect){0, 0, 900, 400});
	layout_free(&l);
}

/* ---- remembered ----------------------------------------------------------- */

static cJSON *save(void *data, const void *p)
{
	cJSON *o = cJSON_CreateObject();

	(void)data;
	cJSON_AddNumberToObject(o, "pane", (double)((const int *)p - pane));
	return o;
}

static void *load(void *data, const cJSON *o)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(o, "pane");
	const int *closed = data;

	if (!cJSON_IsNumber(n) || n->valueint < 0 || n->valueint > LAYOUT_LEAVES ||
	    (closed && n->valueint == *closed))
		return NULL;
	return &pane[n->valueint];
}

static void remembered(void **state)
{
	struct layout_codec codec = {.save = save, .load = load};
	struct layout a, b = {.area = area}, c = {.area = area};
	int closed = 2;
	cJSON *o;

	(void)state;
	fill(&a, 5);
	layout_resize(&a, &pane[0], DIR_RIGHT, 7);
	o = layout_save(&a, &codec);
	layout_load(&b, o, &codec);
	layout_arrange(&b, &area);
	assert_int_equal(b.leaves, 5);
	for (int i = 0; i < 5; i++)
		assert_memory_equal(&layout_find(&a, &pane[i])->area,
				    &layout_find(&b, &pane[i])->area, sizeof(struct rect));
	codec.data = &closed; /* a session that is not there any more */
	layout_load(&c, o, &codec);
	layout_arrange(&c, &area);
	assert_int_equal(c.leaves, 4);
	assert_covers(&c, &area);
	cJSON_Delete(o);
	layout_free(&a);
	layout_free(&b);
	layout_free(&c);
}

static void nonsense_is_left_out(void **state)
{
	static const char *const texts[] = {
	    "null",
	    "[]",
	    "{\"split\":\"columns\"}",
	    "{\"split\":\"columns\",\"share\":1e99,\"a\":{\"pane\":1},\"b\":{\"pane\":2}}",
	    "{\"split\":\"rows\",\"share\":-5,\"a\":{\"pane\":1},\"b\":7}",
	    "{\"pane\":99999}",
	};
	struct layout_codec codec = {.save = save, .load = load};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct layout l = {.area = area};
		cJSON *o = cJSON_Parse(texts[i]);

		assert_non_null(o);
		layout_load(&l, o, &codec);
		layout_arrange(&l, &area);
		assert_covers(&l, &area);
		cJSON_Delete(o);
		layout_free(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(splits),
	    cmocka_unit_test(no_room_is_refused),
	    cmocka_unit_test(borders_move),
	    cmocka_unit_test(presets),
	    cmocka_unit_test(anything),
	    cmocka_unit_test(remembered),
	    cmocka_unit_test(nonsense_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
