/* nono audit cleanup: which records go, and what is said of it. */
#include "audit/command.h"
#include "audit/removal.h"

#include <fcntl.h>
#include <time.h>

/* What is kept by one limit is kept. max_bytes removes the oldest of the rest until the whole fits.
 */
static void choose(struct removal_plan *p, const struct audit_cleanup_options *o)
{
	time_t before = time(NULL) - (time_t)o->older_than * 86400;
	uint64_t total = 0, max = (uint64_t)o->max_bytes;

	for (size_t i = 0; i < p->n; i++)
		total += p->v[i].bytes;
	for (size_t i = p->n; i-- > 0;) {
		struct removal_candidate *c = &p->v[i];
		if (c->why)
			continue;
		if (c->damaged && !o->all)
			c->why = "damaged";
		else if (c->undelivered && !o->all)
			c->why = "not delivered to its sink";
		else if (o->keep >= 0 && i < (size_t)o->keep)
			c->why = "one of the newest";
		else if (o->older_than >= 0 && c->started >= before)
			c->why = "young";
		else if (o->max_bytes >= 0 && total <= max)
			c->why = "there is room";
		c->go = !c->why;
		if (c->go)
			total -= c->bytes;
	}
}

static void report(const struct removal_plan *p, const struct audit_cleanup_options *o, uint64_t n,
		   uint64_t bytes)
{
	cJSON *v, *list;

	if (!o->json) {
		for (size_t i = 0; i < p->n; i++)
			if (p->v[i].go && o->dry_run)
				printf("%s  %llu KiB\n", p->v[i].id,
				       (unsigned long long)p->v[i].bytes / 1024);
			else if (str_eq(p->v[i].why, "damaged"))
				printf("%s stays: it is damaged (--all removes it too)\n",
				       p->v[i].id);
			else if (p->v[i].undelivered && !p->v[i].go)
				printf("%s stays: its sink does not have it all (nono audit export "
				       "--pending)\n",
				       p->v[i].id);
		printf("%s %llu record(s), %llu KiB\n", o->dry_run ? "would remove" : "removed",
		       (unsigned long long)n, (unsigned long long)bytes / 1024);
		return;
	}
	v = cJSON_CreateObject();
	list = cJSON_AddArrayToObject(v, o->dry_run ? "would_remove" : "removed");
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].go)
			cJSON_AddItemToArray(list, cJSON_CreateString(p->v[i].id));
	cJSON_AddNumberToObject(v, "bytes", (double)bytes);
	list = cJSON_AddArrayToObject(v, "kept");
	for (size_t i = 0; i < p->n; i++) {
		cJSON *k;
		if (p->v[i].go)
			continue;
		k = cJSON_CreateObject();
		cJSON_AddStringToObject(k, "session_id", p->v[i].id);
		cJSON_AddStringToObject(k, "reason", p->v[i].why);
		cJSON_AddItemToArray(list, k);
	}
	command_print(v);
}

int audit_cleanup(const struct audit_cleanup_options *o, struct err *err)
{
	_cleanup_(removal_plan_free) struct removal_plan p = {0};
	_cleanup_free_ char *path = store_root();
	_cleanup_close_ int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t n = 0, bytes = 0;
	int r = 0;

	if (root < 0 && errno != ENOENT)
		return err_errno(err, errno, "can't open %s", path);
	if (root >= 0 && !o->dry_run)
		removal_sweep(root);
	if (removal_plan(&p, err) < 0)
		return -1;
	choose(&p, o);
	for (size_t i = p.n; i-- > 0;) {
		struct removal_candidate *c = &p.v[i];
		int kept = 0;
		if (!c->go)
			continue;
		if (!o->dry_run)
			kept = removal_do(root, c, err);
		if (kept < 0) {
			fprintf(stderr, "nono: %s\n", err->msg);
			c->why = "not removed";
			r = 1;
		}
		c->go = kept == 0;
		n += c->go;
		bytes += c->go ? c->bytes : 0;
	}
	report(&p, o, n, bytes);
	return r;
}
