/*
 * From the tree of what was used to rules. From its leaves upwards a directory takes the place of
 * what is in it when that is more readable, or when only it will do, and never when it holds, or
 * is, more than a rule should name. Reading and writing fold each by itself.
 */
#include "policy/learning/learn.h"

#define FOLD_HERE  3	/* files of one directory */
#define FOLD_DIRS  4	/* folded directories in one */
#define FOLD_BELOW 8	/* rules that would be left below it */
#define RULES_MAX  1000 /* beyond that it is no profile for people */

/* May a rule name this directory with all that is in it? */
static bool may_name(const struct learner *l, const struct learn_node *d, unsigned access)
{
	char path[POLICY_PATH_MAX];
	enum policy_special kind;

	memcpy(path, d->path, d->len);
	path[d->len] = '\0';
	if (!strchr(path + 1, '/') || !policy_nameable(path) || !suggest_may_offer(l->p, path))
		return false;
	if (str_starts(path, "/home/") && !strchr(path + 6, '/'))
		return false;
	kind = access & NONO_WRITE ? learn_kind_of(path) : POLICY_SPECIAL_NONE;
	return kind == POLICY_SPECIAL_NONE || kind == POLICY_SPECIAL_GIT_DIR;
}

static void fold(struct learner *l, struct learn_node *d)
{
	unsigned want = d->force;

	if (d->dir)
		want |= d->own;
	for (size_t g = 0; g < LEARN_GROUPS; g++)
		if (d->here[g] >= FOLD_HERE || d->dirs[g] >= FOLD_DIRS || d->below[g] >= FOLD_BELOW)
			want |= learn_bits[g];
	for (size_t g = 0; g < LEARN_GROUPS; g++)
		if ((want & learn_bits[g]) && may_name(l, d, learn_bits[g]))
			d->tree |= learn_bits[g];
}

void learn_tree_fold(struct learner *l)
{
	for (uint32_t i = l->n; i-- > 0;) {
		struct learn_node *d = &l->nodes[i], *up = &l->nodes[d->parent];

		fold(l, d);
		for (size_t g = 0; i && g < LEARN_GROUPS; g++) {
			bool whole = d->tree & learn_bits[g];
			bool file = !whole && !d->dir && (d->own & learn_bits[g]);

			up->here[g] += file;
			up->dirs[g] += whole;
			up->below[g] += whole ? 1 : d->below[g] + file;
		}
	}
}

/* ---- rules -------------------------------------------------------------------------------- */

static void emit(struct learner *l, const struct learn_node *d, const char *list)
{
	struct policy_learned *out = l->out;
	_cleanup_free_ char *path = xstrndup(d->path, d->len);

	if (out->n >= RULES_MAX) {
		learn_left_out(l, d->path, d->len, d->own, "more rules than a person reads");
		return;
	}
	if (out->n == l->cap_entries) {
		l->cap_entries = l->cap_entries ? l->cap_entries * 2 : 64;
		out->v = xrealloc_array(out->v, l->cap_entries, sizeof(*out->v));
		out->paths = xrealloc_array(out->paths, l->cap_entries, sizeof(*out->paths));
	}
	out->v[out->n] = (struct policy_entry){list, policy_word(l->p, path, true)};
	out->paths[out->n++] = STEAL_PTR(path);
}

static void emit_node(struct learner *l, const struct learn_node *d)
{
	unsigned tree = d->tree & ~d->above, have = d->tree | d->above;
	unsigned own = d->own & ~have, force = d->force & ~have;

	if (tree)
		emit(l, d, policy_list_for(tree, true));
	if (d->dir && own)
		learn_left_out(l, d->path, d->len, own, "as a whole it holds too much");
	else if (own) {
		emit(l, d, policy_list_for(own, false));
		/* To read and write a file is not to execute it. */
		if ((own & NONO_WRITE) && (own & NONO_EXEC))
			emit(l, d, policy_list_for(NONO_READ, false));
	}
	if (force)
		learn_left_out(l, d->path, d->len, force,
			       "files that come and go in it; as a whole it holds too much");
	if (d->unnamed & ~have)
		learn_left_out(l, d->path, d->len, d->unnamed & ~have,
			       "names in it that no rule can say");
}

void learn_tree_rules(struct learner *l)
{
	for (uint32_t i = 0; i < l->n; i++) {
		struct learn_node *d = &l->nodes[i];

		if (i)
			d->above = l->nodes[d->parent].above | l->nodes[d->parent].tree;
		emit_node(l, d);
	}
}
