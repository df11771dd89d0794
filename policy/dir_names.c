/* What is in a directory. Sources: statfs(2), ioctl_iflags(2), the kernel's casefold flag. */
#include <dirent.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include "policy/dir_names.h"
#include "policy/lookup.h"

#define NAMES_MAX 4096

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif
#define ZFS_MAGIC 0x2fc12fc1

struct dir_names {
	struct buf text;   /* one after the other, with their NULs */
	uint32_t *offsets; /* in it */
	unsigned char *types;
	uint32_t n, cap;
	struct lookup by_name;
};

/* Names are what readdir() says, byte by byte. */
static bool lists_all(int fd)
{
	static const unsigned long plain[] = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC,
					      ZFS_MAGIC,	BTRFS_SUPER_MAGIC,
					      TMPFS_MAGIC,	OVERLAYFS_SUPER_MAGIC};
	struct statfs fs;
	int flags = 0;

	if (fstatfs(fd, &fs) < 0)
		return false;
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_CASEFOLD_FL))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		if ((unsigned long)fs.f_type == plain[i])
			return true;
	return false;
}

static bool add(struct dir_names *d, const char *name, unsigned char type)
{
	size_t len = strlen(name);

	if (d->n == NAMES_MAX)
		return false;
	if (d->n == d->cap) {
		d->cap = d->cap ? d->cap * 2 : 64;
		d->offsets = xrealloc_array(d->offsets, d->cap, sizeof(*d->offsets));
		d->types = xrealloc_array(d->types, d->cap, sizeof(*d->types));
	}
	d->offsets[d->n] = (uint32_t)d->text.len;
	d->types[d->n] = type;
	buf_add(&d->text, name, len + 1);
	lookup_add(&d->by_name, lookup_hash(name, len), d->n++);
	return true;
}

struct dir_names *dir_names_read(const char *dir)
{
	DIR *stream = opendir(dir);
	struct dir_names *d = NULL;
	struct dirent *e;
	bool whole = stream && lists_all(dirfd(stream));

	if (whole)
		d = xcalloc(1, sizeof(*d));
	while (whole) {
		errno = 0;
		e = readdir(stream);
		if (!e) {
			whole = errno == 0;
			break;
		}
		whole = add(d, e->d_name, e->d_type);
	}
	if (stream)
		closedir(stream);
	if (whole)
		return d;
	dir_names_free(d);
	return NULL;
}

int dir_names_type(const struct dir_names *d, const char *name)
{
	lookup_each(i, &d->by_name, lookup_hash(name, strlen(name)))
	{
		if (strcmp(d->text.data + d->offsets[i], name) == 0)
			return d->types[i];
	}
	return -1;
}

void dir_names_free(struct dir_names *d)
{
	if (!d)
		return;
	buf_free(&d->text);
	free(d->offsets);
	free(d->types);
	lookup_free(&d->by_name);
	free(d);
}
