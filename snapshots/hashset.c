#include "snapshots/hashset.h"

void hashset_free(struct hashset *s)
{
	free(s->slots);
	memset(s, 0, sizeof(*s));
}

static struct hashset_slot *slot_of(const struct hashset *s, const struct snap_hash *h)
{
	size_t i;

	memcpy(&i, h->b, sizeof(i));
	for (i &= s->size - 1; s->slots[i].used; i = (i + 1) & (s->size - 1))
		if (snap_hash_equal(&s->slots[i].hash, h))
			break;
	return &s->slots[i];
}

uint64_t *hashset_find(const struct hashset *s, const struct snap_hash *h)
{
	struct hashset_slot *at = s->size ? slot_of(s, h) : NULL;

	return at && at->used ? &at->value : NULL;
}

uint64_t *hashset_add(struct hashset *s, const struct snap_hash *h, bool *fresh)
{
	struct hashset_slot *at;

	if (2 * s->count >= s->size) {
		struct hashset old = *s;

		s->size = s->size ? 2 * s->size : 1024;
		s->slots = xcalloc(s->size, sizeof(*s->slots));
		for (size_t i = 0; i < old.size; i++)
			if (old.slots[i].used)
				*slot_of(s, &old.slots[i].hash) = old.slots[i];
		free(old.slots);
	}
	at = slot_of(s, h);
	if (fresh)
		*fresh = !at->used;
	if (!at->used) {
		*at = (struct hashset_slot){.hash = *h, .used = true};
		s->count++;
	}
	return &at->value;
}
