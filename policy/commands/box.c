/* The confinement of a command, as a profile says it ("sandbox"). */
#include "common/host.h"
#include "policy/commands/decode.h"

/* Asked for, and not there: every call of the edge is denied, with this as the reason. */
static void miss(struct command_box *b, const char *what)
{
	if (!b->missing)
		b->missing = xstrdup(what);
}

#define BOX(member) offsetof(struct command_box, member)

static int take_origins(const struct decoder *d, const struct doc *v, void *to)
{
	struct net_url u;

	if (decode_words(d, v, to) < 0)
		return -1;
	doc_each(one, v)
	{
		if (net_url_parse(one->string, &u, NULL) < 0)
			return doc_error(d->label, one, d->err,
					 "\"%.64s\" is no origin (https://HOST)", one->string);
	}
	return 0;
}

/* true: what the session's own open_urls names. */
static int take_open_urls(const struct decoder *d, const struct doc *v, void *to)
{
	static const struct decode_row members[] = {
	    {"allow_origins", take_origins, BOX(open_origins)},
	    {"allow_localhost", decode_bool, BOX(open_localhost)},
	    {0},
	};
	struct command_box *b = to;

	words_free(&b->open_origins);
	b->open_session = v->kind == DOC_BOOL && v->boolean;
	b->open_localhost = false;
	if (v->kind == DOC_BOOL || v->kind == DOC_NULL)
		return 0;
	return decode_map(d, v, members, b, "open_urls");
}

bool box_opens_urls(const struct command_box *b)
{
	return b->open_session || b->open_localhost || b->open_origins.n;
}

/* What decides what is loaded and where from is not for a policy to set by the way. */
static int take_set_vars(const struct decoder *d, const struct doc *v, void *to)
{
	struct words *w = to;

	words_free(w);
	if (decode_kind(d, v, DOC_MAP) < 0)
		return -1;
	doc_each(item, v)
	{
		_cleanup_free_ char *text = NULL;

		if (decode_kind(d, item, DOC_STRING) < 0)
			return -1;
		if (!variable_name_ok(item->name) || str_eq(item->name, "PATH") ||
		    str_starts(item->name, "NONO_") || str_starts(item->name, "LD_"))
			return doc_error(d->label, item, d->err, "the variable %.64s can't be set",
					 item->name);
		text = xasprintf("%s=%s", item->name, item->string);
		words_add(w, text);
	}
	return 0;
}

static int take_allow_vars(const struct decoder *d, const struct doc *v, void *to)
{
	struct command_box *b = to;

	b->has_env_allow = true;
	return decode_words(d, v, &b->env_allow);
}

static int take_set_vars_of(const struct decoder *d, const struct doc *v, void *to)
{
	return take_set_vars(d, v, &((struct command_box *)to)->env_set);
}

static int take_environment(const struct decoder *d, const struct doc *v, void *to)
{
	static const struct decode_row rows[] = {
	    {"allow_vars", take_allow_vars, 0},
	    {"set_vars", take_set_vars_of, 0},
	    {0},
	};

	return decode_map(d, v, rows, to, "environment");
}

static int take_backend(const struct decoder *d, const struct doc *v, void *to)
{
	static const char *const names[] = {"auto", "cgroup", "portable"};
	unsigned n;

	if (decode_choice(d, v, names, ARRAY_LEN(names), &n) < 0)
		return -1;
	*(enum command_backend *)to = (enum command_backend)n;
	return 0;
}

/* What nothing holds is refused in any case. */
static int take_fallback(const struct decoder *d, const struct doc *v, void *to)
{
	static const char *const names[] = {"warn_if_weaker", "fail_if_weaker"};
	unsigned n;

	if (decode_choice(d, v, names, ARRAY_LEN(names), &n) < 0)
		return -1;
	*(bool *)to = n == 1;
	return 0;
}

#define RES(member) offsetof(struct command_resources, member)
static int take_resources(const struct decoder *d, const struct doc *v, void *to)
{
	static const struct decode_row rows[] = {
	    {"backend", take_backend, RES(backend)},
	    {"fallback", take_fallback, RES(fail_if_weaker)},
	    {"memory_bytes", decode_u64, RES(memory_bytes)},
	    {"cpu_seconds", decode_u64, RES(cpu_seconds)},
	    {"wall_time_seconds", decode_u64, RES(wall_time_seconds)},
	    {"max_processes", decode_u64, RES(max_processes)},
	    {"max_file_size_bytes", decode_u64, RES(max_file_size_bytes)},
	    {"max_output_bytes", decode_u64, RES(max_output_bytes)},
	    {0},
	};

	return decode_map(d, v, rows, to, "resources");
}

static const char *const on_limits[] = {"truncate", "terminate", "deny"};

const char *command_on_limit_name(enum command_on_limit l)
{
	return (size_t)l < ARRAY_LEN(on_limits) ? on_limits[l] : "";
}

static int take_on_limit(const struct decoder *d, const struct doc *v, void *to)
{
	unsigned n;

	if (decode_choice(d, v, on_limits, ARRAY_LEN(on_limits), &n) < 0)
		return -1;
	*(enum command_on_limit *)to = (enum command_on_limit)n;
	return 0;
}

static int take_stream(const struct decoder *d, const struct doc *v, void *to)
{
	static const struct decode_row rows[] = {
	    {"max_bytes", decode_u64, offsetof(struct command_stream, max_bytes)},
	    {"on_limit", take_on_limit, offsetof(struct command_stream, on_limit)},
	    {0},
	};
	struct command_stream *s = to;

	if (decode_map(d, v, rows, to, v->name) < 0)
		return -1;
	if (!s->max_bytes)
		return doc_error(d->label, v, d->err, "%s needs max_bytes", v->name);
	if (s->max_bytes > (s->on_limit == LIMIT_DENY ? COMMAND_WITHHELD_MAX : COMMAND_STREAM_MAX))
		return doc_error(d->label, v, d->err, "%s: max_bytes is too much for \"%s\"",
				 v->name, command_on_limit_name(s->on_limit));
	return 0;
}

static int take_stdio(const struct decoder *d, const struct doc *v, void *to)
{
	static const struct decode_row rows[] = {
	    {"stdout", take_stream, 0},
	    {"stderr", take_stream, sizeof(struct command_stream)},
	    {0},
	};

	return decode_map(d, v, rows, to, "stdio");
}

static const struct decode_row box_rows[] = {
    {"fs_read", decode_words, BOX(fs[BOX_READ])},
    {"fs_read_file", decode_words, BOX(fs[BOX_READ_FILE])},
    {"fs_write", decode_words, BOX(fs[BOX_WRITE])},
    {"fs_write_file", decode_words, BOX(fs[BOX_WRITE_FILE])},
    {"use_credentials", decode_uses, 0},
    {"credentials", decode_uses, 0},
    {"argv_prepend", decode_words, BOX(argv_prepend)},
    {"network", decode_box_network, BOX(net)},
    {"environment", take_environment, 0},
    {"allow_raw_file_credentials_in_chained_policy", decode_bool, BOX(raw_files_chained)},
    {"resources", take_resources, BOX(resources)},
    {"stdio", take_stdio, BOX(stream)},
    {"open_urls", take_open_urls, 0},
    {"allow_launch_services", decode_ignore, 0}, /* of another system */
    {0},
};

int decode_box(const struct decoder *d, const struct doc *v, struct command_box *to)
{
	if (decode_map(d, v, box_rows, to, "a command's sandbox") < 0)
		return -1;
	if (to->net.all && box_opens_urls(to))
		miss(to, "open_urls beside network.allow_all (there is no proxy then that opens "
			 "pages)");
	return 0;
}

void box_free(struct command_box *b)
{
	for (size_t i = 0; i < BOX_LISTS; i++)
		words_free(&b->fs[i]);
	box_network_free(&b->net);
	uses_free(b);
	words_free(&b->argv_prepend);
	words_free(&b->env_allow);
	words_free(&b->env_set);
	words_free(&b->open_origins);
	free(b->missing);
}
