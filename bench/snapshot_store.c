/*
 * Drives the snapshot store for bench/snapshot.py:
 *   bench_snapshot_store take STATE ROOT | bytes STATE | gc STATE | verify STATE | scan STATE ROOT
 * | restore STATE ROOT
 */
#include "snapshots/restore.h"
#include "snapshots/snapshots.h"

static int fail(const struct err *err)
{
	fprintf(stderr, "%s\n", err->msg);
	return 1;
}

static int count_change(void *arg, const struct snap_change *c, struct err *err)
{
	(void)err;
	(void)c;
	++*(unsigned *)arg;
	return 0;
}

static void print_damage(void *arg, const struct snap_damage *d)
{
	(void)arg;
	printf("%s/%u %s: %s\n", d->where ? d->where : "", d->number, d->path ? d->path : "",
	       d->what);
}

static int scan(struct snap_store *s, const char *const *roots, struct err *err)
{
	struct snap_record now = {0}, *v = NULL;
	struct snap_options o = {0};
	unsigned changes = 0;
	size_t n = 0;

	if (snap_scan(s, roots, &o, &now, err) < 0 ||
	    snap_record_list(s, "bench", &v, &n, NULL, err) < 0)
		return -1;
	if (n && snap_changes(s, &v[n - 1], &now, count_change, &changes, err) < 0)
		return -1;
	printf("%u changes\n", changes);
	snap_record_free(&now);
	snap_record_list_free(v, n);
	return 0;
}

static int restore(struct snap_store *s, const char *const *roots, struct err *err)
{
	struct snap_record now = {0}, *v = NULL;
	struct snap_restored out = {0};
	struct snap_options o = {0};
	size_t n = 0;
	int rc;

	if (snap_scan(s, roots, &o, &now, err) < 0 ||
	    snap_record_list(s, "bench", &v, &n, NULL, err) < 0)
		return -1;
	rc = !n ? err_set(err, "there is no snapshot")
		: snap_restore(s, &(struct snap_restore){.to = &v[n - 1], .now = &now}, &out, err);
	if (rc == 0 && out.failed)
		rc = err_set(err, "%llu steps failed", (unsigned long long)out.failed);
	printf("%llu steps\n", (unsigned long long)out.steps);
	snap_record_free(&now);
	snap_record_list_free(v, n);
	return rc;
}

int main(int argc, char **argv)
{
	struct snap_store *s;
	struct err err = {0};
	int rc = 0;

	if (argc < 3 || snap_open(&s, argv[2], &err) < 0)
		return fail(&err);
	const char *const roots[] = {argc > 3 ? argv[3] : NULL, NULL};
	if (str_eq(argv[1], "take")) {
		struct snap_take t = {.roots = roots, .session = "bench", .reason = "manual"};
		struct snap_record r = {0};
		rc = snap_take(s, &t, &r, &err);
		if (rc == 0)
			printf("%u: %llu files, %llu bytes\n", r.number,
			       (unsigned long long)r.files, (unsigned long long)r.bytes);
		snap_record_free(&r);
	} else if (str_eq(argv[1], "bytes")) {
		printf("%llu\n", (unsigned long long)snap_store_bytes(s));
	} else if (str_eq(argv[1], "scan")) {
		rc = scan(s, roots, &err);
	} else if (str_eq(argv[1], "restore")) {
		rc = restore(s, roots, &err);
	} else if (str_eq(argv[1], "gc")) {
		struct snap_gc gc;
		rc = snap_gc(s, &gc, &err);
	} else if (str_eq(argv[1], "verify")) {
		struct snap_verified v;
		rc = snap_verify(s, &(struct snap_check){.fn = print_damage}, &v, &err);
		printf("%llu objects, %llu bytes, %llu damaged\n", (unsigned long long)v.objects,
		       (unsigned long long)v.bytes, (unsigned long long)v.damaged);
	}
	snap_close(s);
	return rc < 0 ? fail(&err) : 0;
}
