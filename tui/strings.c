/* Interned strings of a canvas. */
#include "tui/canvas.h"

#define SLOTS (2 * STRINGS_MAX)

static uint32_t hash_of(const char *s, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)s[i]) * 16777619u;
	return h;
}

void strings_init(struct strings *t)
{
	memset(t, 0, sizeof(*t));
	t->v = xcalloc(STRINGS_MAX, sizeof(*t->v));
	t->hash = xcalloc(STRINGS_MAX, sizeof(*t->hash));
	t->slots = xcalloc(SLOTS, sizeof(*t->slots));
	t->n = 1;
}

void strings_clear(struct strings *t)
{
	for (size_t i = 1; i < t->n; i++)
		free(t->v[i]);
	memset(t->slots, 0, SLOTS * sizeof(*t->slots));
	t->n = 1;
	t->full = false;
}

void strings_free(struct strings *t)
{
	if (!t->v)
		return;
	strings_clear(t);
	free(t->v);
	free(t->hash);
	free(t->slots);
	memset(t, 0, sizeof(*t));
}

uint16_t strings_id(struct strings *t, const char *s, size_t n)
{
	uint32_t h = hash_of(s, n);
	size_t slot = h % SLOTS;

	for (; t->slots[slot]; slot = (slot + 1) % SLOTS) {
		uint16_t id = t->slots[slot];

		if (t->hash[id] == h && !strncmp(t->v[id], s, n) && !t->v[id][n])
			return id;
	}
	if (t->n == STRINGS_MAX) {
		t->full = true;
		return 0;
	}
	t->v[t->n] = xstrndup(s, n);
	t->hash[t->n] = h;
	t->slots[slot] = (uint16_t)t->n;
	return (uint16_t)t->n++;
}

const char *strings_get(const struct strings *t, uint16_t id)
{
	return id && id < t->n ? t->v[id] : "";
}
