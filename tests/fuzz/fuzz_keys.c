/*
 * Bytes of the user's terminal (a program may have printed into it before, a paste may hold
 * anything): every event is one that the front end can take, memory stays bounded, and the same
 * bytes in other pieces are the same events.
 */
#include "tui/keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	uint64_t hash, events;
};

static void mix(struct seen *s, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		s->hash = (s->hash ^ ((const uint8_t *)p)[i]) * 1099511628211ull;
}

static void on_event(void *data, const struct input_event *ev)
{
	struct seen *s = data;
	char label[32];

	switch (ev->type) {
	case INPUT_KEY:
		if (ev->key > PTY_KEY_F12 || (ev->key >= 0xd800 && ev->key < 0xe000) ||
		    ev->key < 0x20 || (ev->key >= 0x7f && ev->key < 0xa0) || ev->mods > 15)
			abort();
		key_label(ev->key, ev->mods, label, sizeof(label));
		break;
	case INPUT_PASTE:
		if (!ev->n || ev->n > KEYS_PASTE_MAX)
			abort();
		mix(s, ev->text, ev->n);
		break;
	case INPUT_MOUSE:
		if (ev->x < 0 || ev->y < 0 || ev->button > PTY_WHEEL_DOWN || ev->action > PTY_MOVE)
			abort();
		break;
	default:
		break;
	}
	s->events++;
	mix(s, &ev->type, sizeof(ev->type));
	mix(s, &ev->key, sizeof(ev->key));
	mix(s, &ev->x, sizeof(ev->x));
	mix(s, &ev->y, sizeof(ev->y));
}

static struct seen feed(const uint8_t *data, size_t size, size_t piece)
{
	struct seen s = {0};
	struct keys k;

	keys_init(&k, on_event, &s);
	for (size_t i = 0; i < size; i += piece) {
		keys_feed(&k, (const char *)data + i, size - i < piece ? size - i : piece);
		if (k.n > sizeof(k.pending) || k.paste.len > KEYS_PASTE_MAX + 65536 + 16)
			abort();
	}
	keys_flush(&k);
	if (keys_timeout(&k) != -1)
		abort();
	keys_free(&k);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole = feed(data, size, size ? size : 1), cut = feed(data, size, 1),
		    some = feed(data, size, 7);

	if (whole.hash != cut.hash || whole.events != cut.events || some.hash != cut.hash)
		abort();
	return 0;
}
