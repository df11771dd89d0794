#include "audit/command.h"
#include "audit/export/feed.h"

#include <curl/curl.h>
#include <getopt.h>
#include <signal.h>

/* ---- dump ------------------------------------------------------------------------------------ */

struct dump_options {
	const char *to, *path, *kinds[64];
	size_t n_kinds;
	int format;
	bool denied;
};

static int parse_dump(struct dump_options *o, int argc, char **argv, struct err *err)
{
	static const struct option options[] = {
	    {"format", required_argument, NULL, 'f'}, {"to", required_argument, NULL, 't'},
	    {"kind", required_argument, NULL, 'k'},   {"path", required_argument, NULL, 'p'},
	    {"denied", no_argument, NULL, 'd'},	      {0}};
	enum export_format format;
	int c;

	*o = (struct dump_options){.to = "-", .format = -1};
	opterr = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'f' && export_format_parse(optarg, &format) < 0)
			return err_usage(err,
					 "\"%.40s\" is no format: ndjson, otlp, syslog, cef, "
					 "journald",
					 optarg);
		if (c == 'f')
			o->format = (int)format;
		else if (c == 't')
			o->to = optarg;
		else if (c == 'p')
			o->path = optarg;
		else if (c == 'd')
			o->denied = true;
		else if (c == 'k' && o->n_kinds + 1 < ARRAY_LEN(o->kinds))
			o->kinds[o->n_kinds++] = optarg;
		else
			return err_usage(err, "audit export: what is \"%.40s\"?", argv[optind - 1]);
	}
	return 0;
}

static int dump(int argc, char **argv, struct err *err)
{
	struct feed f = {.dir = -1, .fd = -1};
	struct dump_options o;
	struct sink *s = NULL;
	char id[65];
	int r = -1;

	if (parse_dump(&o, argc - 1, argv + 1, err) == 0 && audit_find(argv[1], id, err) == 0 &&
	    feed_open(&f, id, 0, err) == 0 &&
	    select_parse(&f.sel, o.kinds, o.path, o.denied, err) == 0 &&
	    (s = sink_open(o.to, o.format, err)) && sink_prepare(s, err) == 0 &&
	    sink_confine(s, id, err) == 0)
		while ((r = feed_batch(&f, s, err)) == 1 && (r = sink_flush(s, err)) == 0)
			;
	sink_free(s);
	feed_close(&f);
	return r;
}

/* ---- what is not delivered yet
 * ------------------------------------------------------------ */

static int pending(struct err *err)
{
	size_t n;
	char **ids = command_ids(&n, err);
	int r = 0;

	if (!ids)
		return -1;
	for (size_t i = 0; i < n; i++) {
		_cleanup_close_ int dir = store_open_dir(ids[i], err);
		struct spool spool = {0};
		bool open = dir >= 0 && spool_read(&spool, dir, err) == 1 && !spool.done &&
			    !store_alive(dir);
		uint64_t before = spool.sequence;
		spool_free(&spool);
		int failed = open ? follow(ids[i], err) : 0;
		if (failed < 0)
			fprintf(stderr, "nono: %s: %s\n", ids[i], err->msg);
		if (failed) {
			r = 1;
		} else if (open) {
			printf("%s: delivered from event %llu on\n", ids[i],
			       (unsigned long long)before);
		}
	}
	for (size_t i = 0; i < n; i++)
		free(ids[i]);
	free(ids);
	return r;
}

int main(int argc, char **argv)
{
	struct err err = {.cls = ERR_FAILURE};
	int r = -1;

	signal(SIGPIPE, SIG_IGN);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (argc >= 3 && str_eq(argv[1], "dump"))
		r = dump(argc - 1, argv + 1, &err);
	else if (argc == 3 && str_eq(argv[1], "follow"))
		r = follow_new(argv[2], &err);
	else if (argc == 2 && str_eq(argv[1], "pending"))
		r = pending(&err);
	else
		err_usage(&err, "nono-export is started by nono audit export and --audit-sink");
	if (r < 0)
		fprintf(stderr, "nono: %s\n", err.msg);
	fflush(NULL);
	_exit(r < 0 ? (int)err.cls : r); /* at exit() others do what is confined now */
}
