/* The kitty keyboard protocol: a stack of flags for each screen. */
#include "pty/terminal.h"

#define FLAGS 31

void vt_kitty_reset(struct terminal *t)
{
	for (int i = 0; i < 2; i++)
		t->kitty[i] = (struct kitty_stack){.n = 1};
}

static void push(struct kitty_stack *k, uint8_t flags)
{
	if (k->n == KITTY_STACK) {
		memmove(k->flags, k->flags + 1, KITTY_STACK - 1);
		k->n--;
	}
	k->flags[k->n++] = flags;
}

static void pop(struct kitty_stack *k, int n)
{
	k->n -= n < k->n ? n : k->n;
	if (!k->n) {
		k->n = 1;
		k->flags[0] = 0;
	}
}

static void set(struct kitty_stack *k, uint8_t flags, int how)
{
	uint8_t *f = &k->flags[k->n - 1];

	if (how == 1)
		*f = flags;
	else if (how == 2)
		*f |= flags;
	else if (how == 3)
		*f &= (uint8_t)~flags;
}

void vt_kitty(struct terminal *t, const struct parser_csi *c)
{
	struct kitty_stack *k = &t->kitty[terminal_alt(t)];
	uint8_t flags = (uint8_t)(csi_arg(c, 0, 0) & FLAGS);

	switch (c->leader) {
	case '?':
		vt_reply(t, "\033[?%uu", terminal_kitty(t));
		return;
	case '>':
		push(k, flags);
		break;
	case '<':
		pop(k, csi_count(c, 0));
		break;
	case '=':
		set(k, flags, csi_arg(c, 1, 1));
		break;
	}
	vt_state_changed(t);
}
