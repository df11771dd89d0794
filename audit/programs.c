#include "audit/programs.h"

#define PROCESSES_MAX (1u << 20)

struct programs_process {
	pid_t pid, ppid; /* pid 0 = free */
	uint32_t node;	 /* what it executed last, 0 = nothing yet */
};

static struct programs_process *find(const struct programs *p, pid_t pid)
{
	uint32_t i = (uint32_t)pid * 2654435761u & (p->slots - 1);

	while (p->table[i].pid && p->table[i].pid != pid)
		i = (i + 1) & (p->slots - 1);
	return &p->table[i];
}

static void grow_table(struct programs *p)
{
	struct programs_process *old = p->table;
	uint32_t n = p->slots;

	p->slots = n ? 2 * n : 1024;
	p->table = xcalloc(p->slots, sizeof(*p->table));
	for (uint32_t i = 0; i < n; i++)
		if (old[i].pid)
			*find(p, old[i].pid) = old[i];
	free(old);
}

/* A number that is used again is another process: it has another parent and is no longer what it
 * had executed. One that only lost its parent still is. NULL: too many. */
static struct programs_process *process(struct programs *p, const struct audit_record *rec)
{
	struct programs_process *x;

	if (2 * p->used >= p->slots) {
		if (p->slots >= PROCESSES_MAX)
			return NULL;
		grow_table(p);
	}
	x = find(p, rec->pid);
	p->used += !x->pid;
	if (!x->pid ||
	    (x->ppid != rec->ppid && !(x->node && str_eq(p->nodes[x->node].program, rec->program))))
		*x = (struct programs_process){rec->pid, rec->ppid, 0};
	else if (rec->ppid)
		x->ppid = rec->ppid;
	return x;
}

static uint32_t parent_of(const struct programs *p, const struct programs_process *x)
{
	for (unsigned i = 0; i < PROGRAMS_DEPTH && x->pid; i++) {
		if (x->node)
			return x->node;
		x = find(p, x->ppid);
	}
	/* A process that forked and did nothing else: somewhere below the session's program. */
	return p->n > 1;
}

static uint32_t same_child(const struct programs *p, uint32_t parent, const char *program)
{
	for (uint32_t c = p->nodes[parent].first; c; c = p->nodes[c].next)
		if (str_eq(p->nodes[c].program, program))
			return c;
	return 0;
}

static uint32_t new_node(struct programs *p, uint32_t parent, const struct audit_record *rec)
{
	struct programs_node *node, *up;

	if (p->n >= PROGRAMS_MAX) {
		p->other++;
		return parent;
	}
	if (p->n == p->cap) {
		p->cap *= 2;
		p->nodes = xrealloc_array(p->nodes, p->cap, sizeof(*p->nodes));
	}
	node = &p->nodes[p->n];
	up = &p->nodes[parent];
	*node = (struct programs_node){.program = xstrdup(rec->target),
				       .command = xstrdup(rec->target2),
				       .pid = rec->pid,
				       .count = 1,
				       .depth = up->depth + 1,
				       .parent = parent};
	str_copy(node->time, sizeof(node->time), rec->time);
	if (up->last)
		p->nodes[up->last].next = p->n;
	else
		up->first = p->n;
	up->last = p->n;
	return p->n++;
}

void programs_add(struct programs *p, const struct audit_record *rec)
{
	bool exec = str_eq(rec->type, "exec") &&
		    (str_eq(rec->decision, "allowed") || str_eq(rec->decision, "granted"));
	struct programs_process *x;
	uint32_t parent, same;

	if (!p->n) {
		p->cap = 64;
		p->nodes = xcalloc(p->cap, sizeof(*p->nodes));
		p->n = 1;
	}
	if (rec->pid <= 0 || rec->ppid <= 0)
		return;
	x = process(p, rec);
	if (!x || !exec) {
		p->other += exec;
		return;
	}
	parent = parent_of(p, x);
	if (p->nodes[parent].depth + 1 >= PROGRAMS_DEPTH)
		parent = 0;
	same = p->merge ? same_child(p, parent, rec->target) : 0;
	if (same)
		p->nodes[same].count++;
	x->node = same ? same : new_node(p, parent, rec);
}

void programs_touch(struct programs *p, const struct audit_record *rec)
{
	uint32_t i = p->slots && rec->pid > 0 ? parent_of(p, find(p, rec->pid)) : 0;

	for (; i && !p->nodes[i].touched; i = p->nodes[i].parent)
		p->nodes[i].touched = true;
}

void programs_keep_touched(struct programs *p)
{
	for (uint32_t i = 0; i < p->n; i++) {
		uint32_t *at = &p->nodes[i].first;

		p->nodes[i].last = 0;
		while (*at) {
			struct programs_node *child = &p->nodes[*at];

			if (child->touched) {
				p->nodes[i].last = *at;
				at = &child->next;
			} else {
				*at = child->next;
			}
		}
	}
}

void programs_free(struct programs *p)
{
	for (uint32_t i = 1; i < p->n; i++) {
		free(p->nodes[i].program);
		free(p->nodes[i].command);
	}
	free(p->nodes);
	free(p->table);
	*p = (struct programs){.merge = p->merge};
}
