/*
 * Runs while nono is built: turns the JSON of the built-in groups and profiles into constant C
 * data, so that nothing is parsed when nono starts, and so that a mistake in them ends the build.
 *
 *   bake OUT groups.json PROFILE.json...
 */
#include "common/document.h"

#define NODES_MAX  65536
#define ASSETS_MAX 256

struct asset_file {
	const char *path;
	char *name;
	struct document *document;
	size_t root; /* its place among the nodes */
};

/* All trees in one array, each value followed by what is in it. */
struct image {
	const struct doc *nodes[NODES_MAX];
	size_t n;
	struct buf pool; /* all strings, each once */
	struct buf code;
};

static size_t pool_string(struct image *m, const char *s)
{
	size_t n = strlen(s) + 1;
	const char *there = m->pool.len ? memmem(m->pool.data, m->pool.len, s, n) : NULL;

	/* The end of a longer string does as well. */
	if (there)
		return (size_t)(there - m->pool.data);
	buf_add(&m->pool, s, n);
	return m->pool.len - n;
}

static int collect(struct image *m, const struct doc *d)
{
	if (m->n == NODES_MAX)
		return -1;
	m->nodes[m->n++] = d;
	doc_each(item, d)
	{
		if (collect(m, item) < 0)
			return -1;
	}
	return 0;
}

/* Where a node is: never far behind, as items follow what holds them. */
static size_t index_of(const struct image *m, const struct doc *d, size_t from)
{
	while (m->nodes[from] != d)
		from++;
	return from;
}

static void write_node(struct image *m, size_t i)
{
	static const char *const kinds[] = {
	    [DOC_NULL] = "DOC_NULL",   [DOC_BOOL] = "DOC_BOOL",	    [DOC_INT] = "DOC_INT",
	    [DOC_FLOAT] = "DOC_FLOAT", [DOC_STRING] = "DOC_STRING", [DOC_LIST] = "DOC_LIST",
	    [DOC_MAP] = "DOC_MAP",
	};
	const struct doc *d = m->nodes[i];
	struct buf *c = &m->code;

	buf_addf(c, "\t{.kind = %s, .line = %u, .column = %u", kinds[d->kind], d->line, d->column);
	if (d->name)
		buf_addf(c, ", .name = text + %zu", pool_string(m, d->name));
	if (d->next)
		buf_addf(c, ", .next = nodes + %zu", index_of(m, d->next, i));
	switch (d->kind) {
	case DOC_NULL:
		break;
	case DOC_BOOL:
		buf_addf(c, ", .boolean = %s", d->boolean ? "true" : "false");
		break;
	case DOC_INT: /* the smallest number can't be written as one constant */
		buf_addf(c, ", .integer = (int64_t)%lluull", (unsigned long long)d->integer);
		break;
	case DOC_FLOAT:
		buf_addf(c, ", .real = %a", d->real);
		break;
	case DOC_STRING:
		buf_addf(c, ", .string = text + %zu", pool_string(m, d->string));
		break;
	case DOC_LIST:
	case DOC_MAP:
		if (d->first)
			buf_addf(c, ", .first = nodes + %zu, .count = %zu", i + 1, d->count);
	}
	buf_adds(c, "},\n");
}

static void write_pool(const struct image *m, struct buf *out)
{
	buf_addf(out, "static const char text[] =\n");
	for (size_t i = 0; i < m->pool.len; i += 24) {
		buf_adds(out, "\t\"");
		for (size_t k = i; k < i + 24 && k < m->pool.len; k++)
			buf_addf(out, "\\%03o", (unsigned char)m->pool.data[k]);
		buf_adds(out, "\"\n");
	}
	buf_adds(out, "\t\"\";\n\n");
}

static int write_code(struct image *m, const struct asset_file *files, size_t n, const char *path,
		      struct err *err)
{
	_cleanup_(buf_free) struct buf out = {0};

	for (size_t i = 0; i < m->n; i++)
		write_node(m, i);
	buf_adds(&out,
		 "/* Made by policy/bake.c from assets/. */\n#include \"policy/assets.h\"\n\n");
	write_pool(m, &out);
	buf_addf(&out, "static const struct doc nodes[%zu];\n", m->n);
	buf_addf(&out, "static const struct doc nodes[%zu] = {\n", m->n);
	buf_add(&out, m->code.data, m->code.len);
	buf_adds(&out, "};\n\n");
	for (size_t i = 0; i < n; i++) {
		if (i == 1)
			buf_adds(&out, "const struct asset asset_profiles[] = {\n");
		buf_addf(&out, "%s{\"%s\", \"built-in %s\", nodes + %zu}%s\n",
			 i ? "\t" : "const struct asset asset_groups = ", files[i].name,
			 files[i].name, files[i].root, i ? "," : ";");
	}
	buf_addf(&out, "};\nconst size_t asset_n_profiles = %zu;\n", n - 1);
	return file_write_atomic(path, 0644, out.data, out.len, err);
}

static int read_file(struct image *m, struct asset_file *f, struct err *err)
{
	size_t n;
	_cleanup_free_ char *text = file_read(f->path, DOC_TEXT_MAX, &n, err);

	if (!text)
		return -1;
	f->document = doc_read(text, n, DOC_JSON, f->path, err);
	if (!f->document)
		return -1;
	f->root = m->n;
	f->name = xstrdup(path_base(f->path));
	*strrchr(f->name, '.') = 0;
	if (f->document->root->kind != DOC_MAP)
		return doc_error(f->path, f->document->root, err, "not an object");
	return collect(m, f->document->root) < 0 ? err_set(err, "%s: too large", f->path) : 0;
}

static int by_name(const void *a, const void *b)
{
	const struct asset_file *x = a, *y = b;

	return strcmp(path_base(x->path), path_base(y->path));
}

int main(int argc, char **argv)
{
	static struct image m;
	static struct asset_file files[ASSETS_MAX];
	size_t n = argc > 2 ? (size_t)argc - 2 : 0;
	struct err err = {0};
	int rc = 0;

	if (n < 2 || n > ASSETS_MAX) {
		fprintf(stderr, "usage: bake OUT groups.json PROFILE.json...\n");
		return 2;
	}
	for (size_t i = 0; i < n; i++)
		files[i].path = argv[i + 2];
	qsort(files + 1, n - 1, sizeof(files[0]), by_name);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = read_file(&m, &files[i], &err);
	if (rc == 0)
		rc = write_code(&m, files, n, argv[1], &err);
	if (rc < 0)
		fprintf(stderr, "%s\n", err.msg);
	for (size_t i = 0; i < n; i++) {
		document_free(files[i].document);
		free(files[i].name);
	}
	buf_free(&m.pool);
	buf_free(&m.code);
	return rc < 0;
}
