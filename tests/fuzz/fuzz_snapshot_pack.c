/* A pack that somebody edited: opened, looked up, every object read; and a stat cache. */
#include <sys/mman.h>
#include <sys/stat.h>

#include "snapshots/cache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(struct snap_store *s)
{
	for (size_t i = 0; i < s->pack_count; i++)
		for (size_t j = 0; j < s->packs[i]->count && j < 1000; j++) {
			enum object_kind kind;
			const void *p;
			size_t n;

			(void)reader_object(s->reader, &s->packs[i]->entries[j].hash, &kind, &p, &n,
					    NULL);
			(void)reader_copy(s->reader, s->packs[i], &s->packs[i]->entries[j], &p,
					  NULL);
			(void)store_depth(s, &s->packs[i]->entries[j].hash);
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char dir[] = "/tmp/nono-fuzz-pack-XXXXXX";
	struct snap_verified seen;
	struct snap_store *s;
	struct cache c;
	char path[128];

	if (!mkdtemp(dir))
		return 0;
	if (snap_open(&s, dir, NULL) == 0) {
		snprintf(path, sizeof(path), "%s/snapshots/packs/0123456789abcdef.pack", dir);
		file_write_atomic(path, 0600, data, size, NULL);
		snprintf(path, sizeof(path), "%s/snapshots/cache/key", dir);
		file_write_atomic(path, 0600, data, size, NULL);
		if (store_refresh(s, NULL, NULL) == 0)
			read_all(s);
		(void)snap_verify(s, &(struct snap_check){.threads = 1}, &seen, NULL);
		cache_open(&c, s, "key");
		cache_close(&c);
		snap_close(s);
	}
	static const char *const files[] = {"snapshots/packs/0123456789abcdef.pack",
					    "snapshots/cache/key", "snapshots/lock"};
	static const char *const dirs[] = {"snapshots/packs", "snapshots/cache", "snapshots/named",
					   "snapshots", ""};
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, dirs[i]);
		rmdir(path);
	}
	return 0;
}
