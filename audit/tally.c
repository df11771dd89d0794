#include "audit/tally.h"

#define SLOTS (2 * TALLY_MAX)

static uint64_t hash_text(const char *s)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a */

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211u;
	return h ^ h >> 32;
}

void tally_add(struct tally *t, const char *text, const char *time)
{
	size_t i = hash_text(text) % SLOTS;

	if (!t->slots)
		t->slots = xcalloc(SLOTS, sizeof(*t->slots));
	while (t->slots[i].text && !str_eq(t->slots[i].text, text))
		i = (i + 1) % SLOTS;
	if (!t->slots[i].text) {
		if (t->used == TALLY_MAX) {
			t->other++;
			return;
		}
		t->used++;
		t->slots[i].text = xstrdup(text);
		str_copy(t->slots[i].first, TIME_STR_MAX, time);
	}
	t->slots[i].count++;
	str_copy(t->slots[i].last, TIME_STR_MAX, time);
}

static int most_first(const void *a, const void *b)
{
	const struct tally_entry *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return x->text && y->text ? strcmp(x->text, y->text) : 0;
}

void tally_sort(struct tally *t)
{
	if (t->slots)
		qsort(t->slots, SLOTS, sizeof(*t->slots), most_first);
}

void tally_free(struct tally *t)
{
	for (size_t i = 0; t->slots && i < SLOTS; i++)
		free(t->slots[i].text);
	free(t->slots);
	t->slots = NULL;
}
